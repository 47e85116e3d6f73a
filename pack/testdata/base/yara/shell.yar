rule dropped_shell
{
    meta:
        description = "A script that runs commands"
        class = "state"
        severity = "high"
        confidence = "likely"
        attack = "T1505.003"
        reference = "https://example.org/advisory"
        places = "tmp"
        next = "Keep a copy and its times."
    strings:
        $run = "run me" nocase
    condition:
        $run
}
