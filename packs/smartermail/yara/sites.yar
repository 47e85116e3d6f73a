/*
    What a web server runs that is no page by its name: images with code in them,
    settings that make pages of other files, and PHP that runs what it is sent.
*/

private rule image
{
    condition:
        uint16be(0) == 0xffd8 or uint32be(0) == 0x89504e47 or uint32be(0) == 0x47494638 or uint16be(0) == 0x424d or
        uint32be(0) == 0x00000100 or (uint32be(0) == 0x52494646 and uint32be(8) == 0x57454250)
}

rule image_holds_page
{
    meta:
        description = "An image that is a page as well"
        class = "state"
        severity = "high"
        confidence = "likely"
        attack = "T1505.003, T1027.009"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        places = "images, attachments"
        next = "Keep a copy with its times, look for settings that have it run, and find who asked for it in the web logs."
    strings:
        $directive = /<%@\s{0,8}(Page|WebHandler|WebService|Control|Language|import)\b[^%>]{1,200}%>/ nocase
        $server = /<script\b[^>]{0,120}\brunat\s{0,4}=\s{0,4}["']?server\b/ nocase
        $asp = /<%[^%]{0,300}\b(eval|execute|executeglobal|response\.write|server\.createobject)\b[^%]{0,300}%>/ nocase
        $php = /<\?(php\b|=)[^?]{0,400}(\$_(GET|POST|REQUEST|COOKIE|SERVER|FILES)\b|\b(eval|assert|system|passthru|shell_exec|base64_decode|file_put_contents|move_uploaded_file)\s{0,4}\()/ nocase
    condition:
        image and any of them
}

rule settings_make_pages
{
    meta:
        description = "Settings that have the web server run images or other files as pages"
        class = "state"
        severity = "medium"
        confidence = "likely"
        attack = "T1505.003, T1564"
        reference = "https://httpd.apache.org/docs/2.4/mod/mod_mime.html"
        places = "php-pages"
        next = "Ask whether the site needs it; look at every file that it makes a page of."
    strings:
        $type = /(^|\n)[ \t]*(AddType|AddHandler)[ \t]+["']?(application\/x-httpd-php|php[0-9]?-script|cgi-script)[^\s]{0,20}[ \t][^\n]{0,80}\.(jpe?g|png|gif|bmp|ico|txt|css|html?|pdf)\b/ nocase
        $set = /<Files(Match)?\b[^>]{0,120}(jpe?g|png|gif|bmp|ico|txt|css)[^>]{0,40}>\s{0,40}(SetHandler|ForceType)[ \t]+["']?(application\/x-httpd-php|php|proxy:[^\n]{0,40}fcgi)/ nocase
    condition:
        filesize < 64KB and any of them
}

rule php_settings_run_first
{
    meta:
        description = "Settings of PHP that run a file before every page, from a folder anybody writes to or out of an image"
        class = "state"
        severity = "medium"
        confidence = "likely"
        attack = "T1505.003, T1574"
        reference = "https://www.php.net/manual/en/ini.core.php"
        places = "php-pages"
        next = "Read the file that it names, and ask whether the site needs it."
    strings:
        $file = /(^|\n)[ \t]*(php_value[ \t]+)?auto_(prepend|append)_file[ \t]*=?[ \t]*["']?[^\s"']{0,200}(\/tmp\/|\/dev\/shm\/|\.(jpe?g|png|gif|bmp|ico|txt|css)\b|data:|php:\/\/input)/ nocase
    condition:
        filesize < 64KB and any of them
}

private rule php
{
    strings:
        $open = /<\?(php\b|=|[ \t\r\n])/ nocase
    condition:
        $open
}

rule php_runs_request
{
    meta:
        description = "A PHP page that runs what it is sent"
        class = "state"
        severity = "high"
        confidence = "confirmed"
        attack = "T1505.003, T1059"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        places = "php-pages, attachments"
        next = "Keep a copy with its times, then find who called it in the web logs."
    strings:
        $direct = /[^\w>:$](eval|assert|system|passthru|shell_exec|popen|proc_open|pcntl_exec|create_function)\s{0,8}\(\s{0,8}(["']{2}\s{0,4},\s{0,4})?(@?\s{0,4}(base64_decode|gzinflate|gzuncompress|gzdecode|str_rot13|strrev|urldecode|rawurldecode|stripslashes|trim|hex2bin|openssl_decrypt|implode)\s{0,4}\(\s{0,8}){0,5}@?\$_(GET|POST|REQUEST|COOKIE|SERVER\s{0,4}\[\s{0,4}["']HTTP_\w{1,40})\b/ nocase
        $named = /\$_(GET|POST|REQUEST|COOKIE)\s{0,4}(\[[^\]\n]{1,60}\]|\{[^\}\n]{1,60}\})\s{0,4}\(\s{0,4}@?\$_(GET|POST|REQUEST|COOKIE|FILES)\b/ nocase
        $replace = /\b(preg_replace|mb_ereg_replace|preg_filter)\s{0,4}\(\s{0,4}(["'])\S{1,80}\/[imsxADSUXJu]{0,4}e[imsxADSUXJu]{0,4}(["'])\s{0,4},\s{0,4}[^,\n]{0,80}\$_(GET|POST|REQUEST|COOKIE)\b/
        $callback = /\b(array_map|call_user_func(_array)?|register_shutdown_function|ob_start)\s{0,4}\(\s{0,4}@?\$_(GET|POST|REQUEST|COOKIE)\s{0,4}\[/ nocase
        $quoted = /(=|\becho|\bprint|\breturn)\s{0,4}`[^`\n]{0,80}\$_(GET|POST|REQUEST|COOKIE)\b[^`\n]{0,120}`/ nocase
        $stream = /\b(eval|assert|include|require)(_once)?[\s(@]{1,6}["']?php:\/\/input/ nocase
        $read = /\b(eval|assert|system)\s{0,8}\(\s{0,8}(@?\s{0,4}(base64_decode|gzinflate|gzuncompress|str_rot13|openssl_decrypt|trim)\s{0,4}\(\s{0,8}){0,4}file_get_contents\s{0,4}\(\s{0,4}["'](php:\/\/input|https?:\/\/)/ nocase
    condition:
        php and any of them
}

rule php_unpacks_itself
{
    meta:
        description = "A PHP page that unpacks itself and runs the result"
        class = "state"
        severity = "medium"
        confidence = "likely"
        attack = "T1505.003, T1027"
        reference = "https://attack.mitre.org/techniques/T1027/"
        places = "php-pages, attachments"
        next = "Ask whether the vendor ships encoded pages; else keep a copy, and find who called it in the web logs."
    strings:
        $chain = /[^\w>:$](eval|assert|create_function)\s{0,8}\(\s{0,8}(["']{2}\s{0,4},\s{0,4})?(["']\?>["']\s{0,4}\.\s{0,4})?@?(gzinflate|gzuncompress|gzdecode|str_rot13|base64_decode|strrev|convert_uudecode|hex2bin)\s{0,8}\(/ nocase
        $later = /\$(\w{1,40})\s{0,4}=\s{0,4}@?(gzinflate|gzuncompress|base64_decode|str_rot13|hex2bin)\s{0,4}\([^;]{1,200};\s{0,40}@?(eval|assert)\s{0,4}\(\s{0,4}\$/ nocase
    condition:
        php and any of them
}
