/*
    What the attacks on SmarterMail leave beside a page: the jobs and scripts of
    the upload flaw on Linux, and the remote control that one intruder installs.
*/

rule cron_fetches_program
{
    meta:
        description = "A cron job that runs what it fetches, or calls back"
        class = "state"
        severity = "high"
        confidence = "likely"
        attack = "T1053.003, T1105"
        vulnerabilities = "CVE-2025-52691"
        reference = "https://github.com/rapid7/metasploit-framework/pull/20866"
        places = "cron"
        next = "Keep a copy with its times; it runs as root. Look for what it fetched and for the connection it made."
    strings:
        $piped = /(^|\n)[ \t]*(@(reboot|hourly|daily)|[0-9*][0-9*\/,-]*([ \t]+[0-9A-Za-z*\/,-]+){4})[ \t][^\n]{0,200}\b(curl|wget)\b[^\n]{0,300}\|[ \t]*(sudo[ \t]+)?(\/bin\/|\/usr\/bin\/)?(ba|da|z)?sh\b/
        $decoded = /(^|\n)[ \t]*(@(reboot|hourly|daily)|[0-9*][0-9*\/,-]*([ \t]+[0-9A-Za-z*\/,-]+){4})[ \t][^\n]{0,4000}\bbase64[ \t]+(-d|-D|--decode)\b[^\n]{0,300}\|[ \t]*(\/bin\/|\/usr\/bin\/)?((ba|da|z)?sh|python3?|perl)\b/
        $device = /(^|\n)[ \t]*(@(reboot|hourly|daily)|[0-9*][0-9*\/,-]*([ \t]+[0-9A-Za-z*\/,-]+){4})[ \t][^\n]{0,300}\/dev\/(tcp|udp)\/[^\n]{1,100}/
        $netcat = /(^|\n)[ \t]*(@(reboot|hourly|daily)|[0-9*][0-9*\/,-]*([ \t]+[0-9A-Za-z*\/,-]+){4})[ \t][^\n]{0,300}\b(nc|ncat|netcat)\b[^\n]{0,80}[ \t]-(e|c)[ \t]/
        $scratch = /(^|\n)[ \t]*(@(reboot|hourly|daily)|[0-9*][0-9*\/,-]*([ \t]+[0-9A-Za-z*\/,-]+){4})[ \t]+root[ \t]+[^\n]{0,40}\/(tmp|var\/tmp|dev\/shm)\/[A-Za-z0-9]+_0\b/
    condition:
        any of them
}

rule temporary_script_calls_back
{
    meta:
        description = "A script in /tmp that opens a shell to somebody"
        class = "state"
        severity = "high"
        confidence = "likely"
        attack = "T1059.004, T1105"
        vulnerabilities = "CVE-2025-52691"
        reference = "https://github.com/rapid7/metasploit-framework/pull/20866"
        places = "tmp"
        next = "Keep a copy with its times, and look for the process that ran it and the connection it made."
    strings:
        $device = /\/dev\/(tcp|udp)\/[A-Za-z0-9$\{]/
        $netcat = /\b(nc|ncat|netcat)\b[^\n]{0,80}[ \t]-(e|c)[ \t]/
        $python = /\bsocket\b[^\n]{0,400}\b(dup2|pty\.spawn|subprocess)\b/
        $fetched = /\b(curl|wget)\b[^\n]{0,300}(\||;|&&)[ \t]*(\/bin\/)?((ba|da|z)?sh\b|chmod[ \t]+(\+x|[0-7]{3,4}))/
    condition:
        uint16(0) == 0x2123 and any of them
}

rule remote_control_of_known_owner
{
    meta:
        description = "A Velociraptor configuration that answers to the Warlock cluster"
        class = "state"
        severity = "critical"
        confidence = "likely"
        attack = "T1219"
        reference = "https://thehackernews.com/2026/02/warlock-ransomware-breaches.html"
        reference2 = "https://github.com/stamparm/maltrail/blob/master/trails/static/malware/fakeapp.txt"
        reference3 = "https://github.com/psocik/ict"
        places = "remote-config, installers"
        next = "Cut the network now and do not power off; the intruder controls this server."
    strings:
        $config = "server_urls" ascii wide
        $owner = /\b(qgtxtebl\.workers\.dev|qaubctgg\.workers\.dev|v-console\.mooo\.com|v2-api\.mooo\.com|vdfccjpnedujhrzscjtq\.supabase\.co|stoaccinfoniqaveeambkp\.blob\.core\.windows\.net)\b/ ascii wide nocase
    condition:
        all of them
}

rule remote_control_configured
{
    meta:
        description = "A Velociraptor client is configured here"
        class = "lead"
        severity = "medium"
        confidence = "confirmed"
        attack = "T1219"
        reference = "https://thehackernews.com/2026/02/warlock-ransomware-breaches.html"
        reference2 = "https://reliaquest.com/blog/threat-spotlight-storm-2603-exploits-CVE-2026-23760-to-stage-warlock-ransomware/"
        places = "remote-config"
        next = "Ask whether your team installed it and whether server_urls is yours; if not, the server was entered."
    strings:
        $urls = /(^|\n)[ \t]*server_urls[ \t]*:/
        $authority = /(^|\n)[ \t]*ca_certificate[ \t]*:/
    condition:
        all of them
}

rule installer_brings_remote_control
{
    meta:
        description = "The installer v4.msi carries Velociraptor"
        class = "state"
        severity = "high"
        confidence = "likely"
        attack = "T1105, T1219"
        reference = "https://thehackernews.com/2026/02/warlock-ransomware-breaches.html"
        reference2 = "https://reliaquest.com/blog/threat-spotlight-storm-2603-exploits-CVE-2026-23760-to-stage-warlock-ransomware/"
        places = "installers"
        next = "Find who fetched it and when, and stop the service it installs after a copy was taken."
    strings:
        $name = "velociraptor" ascii wide nocase
    condition:
        uint32be(0) == 0xd0cf11e0 and $name
}
