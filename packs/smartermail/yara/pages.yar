/*
    Web shells of IIS, told by what a page does and not by who wrote it: it takes
    something from the request (or from a form) and gives it to something that
    runs, loads, writes or forwards it.

    The first two rules say what a server page and its input are; the others need
    both, so that the word alone, in a script of a browser or in a handbook, is
    nothing. Text in comments counts.
*/

private rule server_page
{
    strings:
        $block = "<%" ascii wide
        $control = /runat\s{0,8}=\s{0,8}["']?server/ ascii wide nocase
        $razor = "@{" ascii wide
        $razor_word = /(^|[\r\n])\s{0,8}@(using\s|functions\b|inherits\s|System\s{0,4}\.)/ ascii wide
    condition:
        any of them and
        // a library that reads pages is none; what only begins like one is not let off
        not (uint16be(0) == 0x4d5a and defined uint32(uint32(0x3c)) and uint32be(uint32(0x3c)) == 0x50450000)
}

private rule takes_input
{
    strings:
        $request = /\brequest(\s|\/\*[^*]{0,40}\*\/){0,4}(\(|\[|\.(\s|\/\*[^*]{0,40}\*\/){0,4}(item|form|querystring|params|headers|cookies|files|servervariables|binaryread|inputstream|getbufferlessinputstream|totalbytes|contentlength|rawurl|url|pathinfo|useragent|httpmethod)\b)/ ascii wide nocase
        $context = /\b(http)?context\s{0,4}\.\s{0,4}(current\s{0,4}\.\s{0,4})?request\b/ ascii wide nocase
        $alias = /=\s{0,4}((this|page|me)\s{0,4}\.\s{0,4})?request\s{0,4}[;\r\n]/ ascii wide nocase
        $field = /\b(asp:TextBox|HtmlInputText|HtmlTextArea|asp:FileUpload|HtmlInputFile|HttpPostedFile)\b/ ascii wide nocase
        $element = /<(input|textarea)\b[^>]{0,200}\brunat\s{0,8}=/ ascii wide nocase
        $query = /\bClientQueryString\b/ ascii wide nocase
        $method = /\[\s{0,4}(\w{1,20}\s{0,4}\.\s{0,4}){0,4}(WebMethod|OperationContract|WebInvoke|WebGet)\b/ ascii wide nocase
    condition:
        any of them
}

rule page_evaluates_request
{
    meta:
        description = "A page that runs the code it is sent (JScript eval)"
        class = "state"
        severity = "high"
        confidence = "confirmed"
        attack = "T1505.003, T1059.007"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        reference2 = "https://media.defense.gov/2020/Jun/09/2002313081/-1/-1/0/CSI-DETECT-AND-PREVENT-WEB-SHELL-MALWARE-20200422.PDF"
        places = "web-roots, attachments"
        next = "Keep a copy with its times, then find who called it in the web logs."
    strings:
        $page = /<%@\s{0,8}(Page|WebHandler|WebService)\b[^%>]{0,200}language\s{0,8}=\s{0,8}["']?\s{0,8}(js|jscript|javascript)\b/ ascii wide nocase
        $script = /<script[^>]{0,120}language\s{0,8}=\s{0,8}["']?\s{0,8}(js|jscript|javascript)\b[^>]{0,120}runat/ ascii wide nocase
        $script_turned = /<script[^>]{0,120}runat[^>]{0,120}language\s{0,8}=\s{0,8}["']?\s{0,8}(js|jscript|javascript)\b/ ascii wide nocase
        $unsafe = /["']unsafe["']/ ascii wide nocase
        $eval = /\beval\b/ ascii wide nocase
        $event = /\bPage_(Load|Init|PreInit|PreRender|Unload)\b/ ascii wide nocase
        $function = /\bnew\s{1,4}Function\s{0,4}\([^;)]{0,60}\brequest\b/ ascii wide nocase
    condition:
        (server_page and $function) or $eval and ($page or ($event and ($script or $script_turned)) or ($unsafe and server_page and takes_input))
}

rule page_executes_request
{
    meta:
        description = "A page that runs the code it is sent (classic ASP)"
        class = "state"
        severity = "high"
        confidence = "confirmed"
        attack = "T1505.003, T1059.005"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        places = "web-roots, attachments"
        next = "Keep a copy with its times, then find who called it in the web logs."
    strings:
        // eval request("k"), Execute(UnHex(Request.Form("k")))
        $direct = /[^.\w"'](eval|execute|executeglobal)[\s(]{1,6}(\w{1,30}\s{0,4}\(\s{0,4}){0,4}(\w{1,30}\s{0,4}\.\s{0,4}){0,3}request(\s|\/\*[^*]{0,40}\*\/){0,4}(\(|\[|\.(\s|\/\*[^*]{0,40}\*\/){0,4}(item|form|querystring|params|headers|cookies|servervariables|binaryread)\b)/ ascii wide nocase
        $global = /\bexecuteglobal\b/ ascii wide nocase
        $variable = /(\bthen|:|<%|\n)\s{0,20}execute[\s(]{1,4}[a-z_]\w{0,20}\s{0,4}\)?\s{0,4}(\r|\n|:|%>)/ ascii wide nocase
        $net = /<%@\s{0,8}(Page|WebHandler|WebService|Control|Master)\b/ ascii wide nocase
        $statement = /\b(executestatement|addcode)\b/ ascii wide nocase
        $control = "ScriptControl" ascii wide nocase
    condition:
        server_page and takes_input and ($direct or $global or ($variable and not $net) or ($control and $statement))
}

rule page_runs_commands
{
    meta:
        description = "A page that starts programs with what it is sent"
        class = "state"
        severity = "high"
        confidence = "confirmed"
        attack = "T1505.003, T1059.003"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        places = "web-roots, attachments"
        next = "Keep a copy with its times, then find who called it in the web logs and what the web server started then."
    strings:
        $start = /\bProcess(\s|\/\*[^*]{0,40}\*\/){0,4}\.(\s|\/\*[^*]{0,40}\*\/){0,4}@?Start\b/ ascii wide nocase
        $info = /\bProcessStartInfo\b/ ascii wide nocase
        $new = /\bnew\s{1,8}(\w{1,30}\s{0,4}\.\s{0,4}){0,4}Process\b/ ascii wide nocase
        $type = /["']System\.Diagnostics\.Process\b/ ascii wide nocase
        $cmd = /["'\\\/]cmd(\.exe)?["'\s]/ ascii wide nocase
        $powershell = "powershell" ascii wide nocase
        $sh = /["']\/bin\/(ba)?sh["']/ ascii wide
        $output = /\b(RedirectStandardOutput|StandardOutput)\b/ ascii wide nocase
        $hidden = /\b(UseShellExecute|CreateNoWindow)\b/ ascii wide nocase
        $directive = /<%@\s{0,8}(Page|WebHandler|WebService|Control|Master|ServiceHost|Application)\b/ ascii wide nocase
        // which program, is not written here
        $filename = /\bFileName\s{0,4}=\s{0,4}[^"'\s@=]/ ascii wide nocase
        $of_info = /\bProcessStartInfo\s{0,4}\(\s{0,4}[^"'\s)@]/ ascii wide nocase
        $of_start = /\bProcess(\s|\/\*[^*]{0,40}\*\/){0,4}\.(\s|\/\*[^*]{0,40}\*\/){0,4}@?Start\s{0,8}\(\s{0,8}[^"'\s)@][^,;"']{0,60},/ ascii wide nocase
        $short = /(=\s{0,4}|namespace\s{0,4}=\s{0,4}["']\s{0,4}\w{1,20}\s{0,4}=\s{0,4})System\s{0,4}\.\s{0,4}Diagnostics(\s{0,4}\.\s{0,4}Process)?\s{0,4}[;"']/ ascii wide nocase
        $typeof = /\b(typeof|GetType)\s{0,4}\(\s{0,4}(System\s{0,4}\.\s{0,4}Diagnostics\s{0,4}\.\s{0,4})?Process\s{0,4}\)/ ascii wide nocase
        $socket = /\bnew\s{1,8}(\w{1,30}\s{0,4}\.\s{0,4}){0,4}(Socket|TcpClient)\b/ ascii wide nocase
        $argument = /Process(\s|\/\*[^*]{0,40}\*\/){0,4}\.(\s|\/\*[^*]{0,40}\*\/){0,4}@?Start\s{0,8}\([^;]{0,120}\brequest\b/ ascii wide nocase
    condition:
        (server_page and takes_input and
        ($argument or $type or $typeof or $short or
        (any of ($start, $info, $new) and any of ($cmd, $powershell, $sh, $output, $hidden, $filename, $of_info, $of_start)))) or
        ($directive and any of ($start, $info, $new) and (($cmd and $output) or $socket))
}

rule page_uses_windows_shell
{
    meta:
        description = "A page that gives what it is sent to the Windows shell"
        class = "state"
        severity = "high"
        confidence = "confirmed"
        attack = "T1505.003, T1059.005"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        places = "web-roots, attachments"
        next = "Keep a copy with its times, then find who called it in the web logs and what the web server started then."
    strings:
        $wscript = "WScript.Shell" ascii wide nocase
        $shell = "Shell.Application" ascii wide nocase
        $class = /(72C24DD5-D70A-438B-8A42-98424B88AFB8|F935DC22-1CF0-11D0-ADB9-00C04FD58A0B|13709620-C279-11CE-A49E-444553540000)/ ascii wide nocase
        $users = "Shell.Users" ascii wide nocase
        $schedule = "Schedule.Service" ascii wide nocase
        $asked = /\b(GetTypeFrom(ProgID|CLSID)|CreateObject)\s{0,4}\(\s{0,4}(\w{1,20}\s{0,4}\.\s{0,4}){0,3}request\b/ ascii wide nocase
        $vb = /\bInteraction\s{0,4}\.\s{0,4}Shell\s{0,4}\(/ ascii wide nocase
        $function = /[^.\w]Shell\s{0,4}\([^)\r\n]{0,120}(\brequest\b|\bcmd\b)/ ascii wide nocase
        $run = /\.\s{0,4}(run|exec|shellexecute)[\s("']/ ascii wide nocase
        $late = /\bInvokeMember\b|\bCallByName\b/ ascii wide nocase
    condition:
        server_page and takes_input and ($vb or $function or $users or $schedule or $asked or (any of ($wscript, $shell, $class) and any of ($run, $late)))
}

rule page_loads_program
{
    meta:
        description = "A page that loads a program out of memory"
        class = "state"
        severity = "high"
        confidence = "confirmed"
        attack = "T1505.003, T1620"
        reference = "https://attack.mitre.org/techniques/T1620/"
        places = "web-roots, attachments"
        next = "Keep a copy with its times; what it was sent is not on disk, so take the memory of the web server's process before it restarts."
    strings:
        $load = /\bAssembly\s{0,8}\.\s{0,8}(Unsafe)?Load(File|From)?\s{0,8}([;,]|\(\s{0,8}[^"'\s)])/ ascii wide nocase
        $domain = /\bCurrentDomain\s{0,8}\.\s{0,8}Load\s{0,8}\(\s{0,8}[^"'\s)]/ ascii wide nocase
        $reflected = /["']Load["']/ ascii wide
        $base64 = "FromBase64String" ascii wide nocase
        $binary = /\b(BinaryRead|InputStream)\b/ ascii wide nocase
        $net = /\bDownloadData\b/ ascii wide nocase
        $array = /\bbyte\s{0,4}\[\s{0,4}\]\s{0,4}\w{1,30}\s{0,4}=\s{0,4}(new\s{1,4}byte\s{0,4}\[\d{0,8}\]\s{0,4})?\{\s{0,8}(0x4d|77)\s{0,4},/ ascii wide nocase
        $create = /\bCreateInstance\b/ ascii wide nocase
        $invoke = /\.\s{0,4}Invoke\b/ ascii wide nocase
        $equals = /\.\s{0,4}Equals\s{0,4}\(\s{0,4}(this|context|httpcontext)\b/ ascii wide nocase
    condition:
        server_page and any of ($create, $invoke, $equals) and
        ((takes_input and any of ($load, $domain)) or (any of ($load, $domain, $reflected) and any of ($base64, $binary, $net, $array)))
}

rule page_decrypts_and_runs
{
    meta:
        description = "A page that decrypts what it is sent and runs it"
        class = "state"
        severity = "high"
        confidence = "likely"
        attack = "T1505.003, T1140"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        places = "web-roots, attachments"
        next = "Keep a copy with its times; take the memory of the web server's process before it restarts."
    strings:
        $decrypt = /\b(TransformFinalBlock|CreateDecryptor)\b/ ascii wide nocase
        $binary = /\b(BinaryRead|InputStream)\b/ ascii wide nocase
        $base64 = "FromBase64String" ascii wide nocase
        $create = /\bCreateInstance\b/ ascii wide nocase
        $equals = /\.\s{0,4}Equals\s{0,4}\(\s{0,4}(this|context|httpcontext)\b/ ascii wide nocase
        $member = /\b(InvokeMember|DynamicInvoke|MethodInfo|GetMethods?)\b/ ascii wide nocase
    condition:
        server_page and takes_input and $decrypt and any of ($binary, $base64) and any of ($create, $equals, $member)
}

rule page_compiles_request
{
    meta:
        description = "A page that compiles or interprets code at run time"
        class = "state"
        severity = "high"
        confidence = "likely"
        attack = "T1505.003, T1027.004"
        reference = "https://attack.mitre.org/techniques/T1027/004/"
        places = "web-roots, attachments"
        next = "Keep a copy with its times, then find who called it in the web logs."
    strings:
        $compile = /\bCompileAssembly("\s{0,4}[+&]\s{0,4}")?From(Source|Dom|File)\b/ ascii wide nocase
        $script = /\b(CSharpScript|Microsoft\.JScript|JScriptEvaluate|VsaEngine)\b/ ascii wide nocase
        $runspace = /\b(RunspaceFactory|PowerShell\s{0,4}\.\s{0,4}Create|CreateRunspace)\b/ ascii wide nocase
        $parse = /\b(ParseControl|CreateInstanceFromVirtualPath)\s{0,4}\(\s{0,4}[^"'\s)~]/ ascii wide nocase
        $xaml = /\bXaml(Reader|Services)\s{0,4}\.\s{0,4}(Parse|Load)\b/ ascii wide nocase
        $provider = /\bObjectDataProvider\b/ ascii wide nocase
    condition:
        server_page and takes_input and any of them
}

rule page_writes_request
{
    meta:
        description = "A page that writes a file where it is told to"
        class = "state"
        severity = "high"
        confidence = "likely"
        attack = "T1505.003, T1105"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        places = "web-roots, attachments"
        next = "Keep a copy with its times; look for files that came after it."
    strings:
        $saveas = /\.\s{0,4}SaveAs\s{0,4}\([^;]{0,160}\brequest(\s|\/\*[^*]{0,40}\*\/){0,4}(\(|\[|\.(\s|\/\*[^*]{0,40}\*\/){0,4}(item|form|querystring|params|headers|cookies)\b)/ ascii wide nocase
        $write = /\b(WriteAllText|WriteAllBytes|WriteAllLines|AppendAllText|StreamWriter|FileStream|CreateTextFile|OpenTextFile|SaveToFile|DownloadFile|File\s{0,4}\.\s{0,4}(Create|CreateText|OpenWrite|Copy|Move))[\s(]{1,6}(\w{1,30}(\.\w{1,30}){0,4}\s{0,4}\(\s{0,4}){0,3}(\w{1,30}\s{0,4}\.\s{0,4}){0,3}request(\s|\/\*[^*]{0,40}\*\/){0,4}(\(|\[|\.(\s|\/\*[^*]{0,40}\*\/){0,4}(item|form|querystring|params|headers|cookies)\b)/ ascii wide nocase
        $content = /\bWriteAll(Text|Bytes|Lines)\s{0,4}\([^;]{1,160}\brequest(\s|\/\*[^*]{0,40}\*\/){0,4}(\(|\[|\.(\s|\/\*[^*]{0,40}\*\/){0,4}(item|form|querystring|params|headers|cookies)\b)/ ascii wide nocase
        $stream = /\b(StreamWriter|FileStream|CreateText)\b/ ascii wide nocase
        $written = /[^e\s]\s{0,2}\.\s{0,2}Write(Line)?\s{0,4}\(\s{0,4}request(\s|\/\*[^*]{0,40}\*\/){0,4}(\(|\[|\.(\s|\/\*[^*]{0,40}\*\/){0,4}(item|form|querystring|params|headers|cookies)\b)/ ascii wide nocase
        $page = /\b(WriteAllText|WriteAllBytes|WriteAllLines|AppendAllText|StreamWriter|CreateText|CreateTextFile|FileStream|SaveAs|SaveToFile|File\s{0,4}\.\s{0,4}Create)[\s(]{1,6}[^;]{0,80}\.(aspx|ashx|asmx|asp|cshtml|asax)["']/ ascii wide nocase
        $where = /\.\s{0,4}SaveAs\s{0,4}\(\s{0,4}\w{1,30}\s{0,4}\.\s{0,4}(Text|Value)\b/ ascii wide nocase
        $decoded = /\bWriteAllBytes\s{0,4}\([^;]{0,160}FromBase64String\s{0,4}\([^;]{0,80}\brequest\b/ ascii wide nocase
    condition:
        server_page and ($saveas or $where or (takes_input and $page) or $write or $content or $decoded or ($stream and $written))
}

rule page_manages_files
{
    meta:
        description = "A page that lists the server's drives and changes files"
        class = "state"
        severity = "high"
        confidence = "likely"
        attack = "T1505.003, T1083"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        places = "web-roots, attachments"
        next = "Keep a copy with its times, then find who called it in the web logs."
    strings:
        $logical = /\bGetLogicalDrives\b/ ascii wide nocase
        $drives = /\bDriveInfo\s{0,4}\.\s{0,4}GetDrives\b/ ascii wide nocase
        $letter = /\.\s{0,4}DriveLetter\b/ ascii wide nocase
        // whatever folder it is asked for
        $asked = /\b(DirectoryInfo|GetFiles|GetDirectories|GetFileSystemEntries)\s{0,4}\(\s{0,4}(\w{1,20}\s{0,4}\.\s{0,4}){0,3}request\b/ ascii wide nocase
        // no lawful page gives files other times
        $times = /\bSet(LastWrite|Creation|LastAccess)Time(Utc)?\s{0,4}\(/ ascii wide nocase
        $delete = /\b(File|Directory|Folder)\s{0,4}\.?\s{0,4}Delete\b|\b(DeleteFile|DeleteFolder)\b/ ascii wide nocase
        $send = /\.\s{0,4}(TransmitFile|WriteFile|BinaryWrite)\b/ ascii wide nocase
        $save = /\b(SaveAs|WriteAllText|WriteAllBytes|StreamWriter|SaveToFile)\b/ ascii wide nocase
        $read = /\b(StreamReader|OpenText|ReadAllText|ReadAllBytes|OpenRead|LoadFromFile)\b/ ascii wide nocase
    condition:
        server_page and takes_input and ($times or (any of ($logical, $drives, $letter, $asked) and any of ($delete, $send, $save, $read)))
}

rule page_transforms_with_script
{
    meta:
        description = "A page that runs code through a stylesheet"
        class = "state"
        severity = "high"
        confidence = "confirmed"
        attack = "T1505.003, T1220"
        reference = "https://attack.mitre.org/techniques/T1220/"
        places = "web-roots, attachments"
        next = "Keep a copy with its times, then find who called it in the web logs."
    strings:
        $transform = /\bXsl(Compiled)?Transform\b/ ascii wide nocase
        $script = "msxsl:script" ascii wide nocase
        $trusted = "TrustedXslt" ascii wide nocase
        $allowed = /\bXsltSettings\s{0,4}\([^)]{0,40}true\s{0,4}\)/ ascii wide nocase
    condition:
        server_page and takes_input and $transform and any of ($script, $trusted, $allowed)
}

rule page_deserialises_request
{
    meta:
        description = "A page that makes objects of what it is sent"
        class = "state"
        severity = "high"
        confidence = "likely"
        attack = "T1505.003"
        reference = "https://learn.microsoft.com/en-us/dotnet/standard/serialization/binaryformatter-security-guide"
        places = "web-roots, attachments"
        next = "Keep a copy with its times, then find who called it in the web logs."
    strings:
        $formatter = /\b(LosFormatter|ObjectStateFormatter|BinaryFormatter|SoapFormatter|NetDataContractSerializer)\b/ ascii wide nocase
        $any = /\.\s{0,4}Deserialize\s{0,4}\(/ ascii wide nocase
        $base64 = "FromBase64String" ascii wide nocase
        $json = /\bTypeNameHandling\s{0,4}\.\s{0,4}(All|Auto|Objects|Arrays)\b/ ascii wide nocase
        $resolver = /\bnew\s{1,4}SimpleTypeResolver\b/ ascii wide nocase
        $resources = /\bResourceReader\s{0,4}\([^;]{0,120}(\brequest\b|FromBase64String)/ ascii wide nocase
        $deserialise = /\bDeserialize\s{0,4}\([^;]{0,160}(\brequest(\s|\/\*[^*]{0,40}\*\/){0,4}(\(|\[|\.(\s|\/\*[^*]{0,40}\*\/){0,4}(item|form|querystring|params|headers|cookies|inputstream|binaryread)\b)|FromBase64String)/ ascii wide nocase
    condition:
        server_page and takes_input and (($formatter and ($deserialise or ($any and $base64))) or any of ($json, $resolver, $resources))
}

rule page_shows_machine_keys
{
    meta:
        description = "A page that shows the keys which sign this server's view state"
        class = "state"
        severity = "high"
        confidence = "confirmed"
        attack = "T1505.003, T1552.001"
        reference = "https://www.microsoft.com/en-us/security/blog/2025/07/22/disrupting-active-exploitation-of-on-premises-sharepoint-vulnerabilities/"
        places = "web-roots, attachments"
        next = "Keep a copy; replace the machine keys, or whoever has them comes back without a file."
    strings:
        $section = /\bMachineKeySection\b/ ascii wide
        $validation = /\.\s{0,4}ValidationKey\b/ ascii wide nocase
        $decryption = /\.\s{0,4}DecryptionKey\b/ ascii wide nocase
        $write = /\bResponse\s{0,4}\.\s{0,4}(Write|Output)\b/ ascii wide nocase
        $password = /\bAnonymousUserPass\b|\bProcessModel\s{0,4}\.\s{0,4}Password\b/ ascii wide nocase
    condition:
        server_page and $write and ($password or ($section and $validation and $decryption))
}

rule page_commands_database
{
    meta:
        description = "A page that runs commands through the database"
        class = "state"
        severity = "high"
        confidence = "likely"
        attack = "T1505.003, T1059"
        reference = "https://attack.mitre.org/techniques/T1505/001/"
        places = "web-roots, attachments"
        next = "Keep a copy with its times, and look at the database server as well."
    strings:
        $xp = "xp_cmdshell" ascii wide nocase
        $ole = "sp_oacreate" ascii wide nocase
        $client = /\b(SqlConnection|SqlCommand|OleDbConnection|OdbcConnection|ADODB\.Connection)\b/ ascii wide nocase
        // whoever writes both the connection and the statement owns the database
        $connection = /\b((Sql|OleDb|Odbc)Connection\s{0,4}\(|ConnectionString\s{0,4}=)\s{0,4}(\w{1,30}\s{0,4}\.\s{0,4}){0,3}(request|text|value)\b/ ascii wide nocase
        $statement = /\b((Sql|OleDb|Odbc)(Command|DataAdapter)\s{0,4}\(|CommandText\s{0,4}=)\s{0,4}(\w{1,30}\s{0,4}\.\s{0,4}){0,3}(request|text|value)\b/ ascii wide nocase
    condition:
        server_page and takes_input and (($client and any of ($xp, $ole)) or ($connection and $statement))
}

rule page_forwards_connections
{
    meta:
        description = "A page that forwards network connections"
        class = "state"
        severity = "high"
        confidence = "confirmed"
        attack = "T1505.003, T1090"
        reference = "https://github.com/sensepost/reGeorg"
        reference2 = "https://attack.mitre.org/techniques/T1090/"
        places = "web-roots, attachments"
        next = "Keep a copy with its times; look on other servers for connections of this one."
    strings:
        $socket = /\bnew\s{1,8}(\w{1,30}\s{0,4}\.\s{0,4}){0,4}(Socket|TcpClient)\b/ ascii wide nocase
        $raw = /\bnew\s{1,8}(\w{1,30}\s{0,4}\.\s{0,4}){0,4}Socket\s{0,4}\(/ ascii wide nocase
        $connect = /\.\s{0,4}(Connect|BeginConnect)\s{0,4}\([^;]{0,60}\brequest\b/ ascii wide nocase
        $header = /["']X-(CMD|TARGET|STATUS|ERROR)["']/ ascii wide nocase
        $body = /\brequest(\s|\/\*[^*]{0,40}\*\/){0,4}\.(\s|\/\*[^*]{0,40}\*\/){0,4}(inputstream|getbufferlessinputstream|binaryread)\b/ ascii wide nocase
    condition:
        server_page and takes_input and ($raw or ($socket and any of ($header, $body, $connect)))
}

rule page_calls_windows
{
    meta:
        description = "A page that calls Windows itself to run code or a program"
        class = "state"
        severity = "high"
        confidence = "confirmed"
        attack = "T1505.003, T1106"
        reference = "https://attack.mitre.org/techniques/T1106/"
        places = "web-roots, attachments"
        next = "Keep a copy with its times; take the memory of the web server's process before it restarts."
    strings:
        $import = /\bDllImport\b/ ascii wide nocase
        $declare = /\bDeclare\b[^\r\n]{0,40}\bFunction\b[^\r\n]{0,60}\bLib\b/ ascii wide nocase
        $memory = /\b(VirtualAlloc(Ex)?|VirtualProtect|HeapCreate|WriteProcessMemory)\b/ ascii wide nocase
        $thread = /\b(CreateThread|CreateRemoteThread|QueueUserAPC)\b/ ascii wide nocase
        $program = /\b(CreateProcess(AsUser|WithLogonW|WithTokenW)?|WinExec|ShellExecute(Ex)?[AW]?)\s{0,4}["(L]|\bDuplicateTokenEx\b/ ascii wide nocase
        $delegate = /\bGetDelegateForFunctionPointer\b/ ascii wide nocase
        $system = /\bint\s{1,4}_?w?system\s{0,4}\(/ ascii wide nocase
    condition:
        server_page and ((any of ($import, $declare) and any of ($memory, $thread, $program, $system)) or (takes_input and $delegate))
}

rule page_commands_wmi
{
    meta:
        description = "A page that starts programs through WMI"
        class = "state"
        severity = "high"
        confidence = "confirmed"
        attack = "T1505.003, T1047"
        reference = "https://attack.mitre.org/techniques/T1047/"
        places = "web-roots, attachments"
        next = "Keep a copy with its times, then find who called it in the web logs."
    strings:
        $class = /\bWin32_(["']\s{0,4}[+&]\s{0,4}["'])?Process\b/ ascii wide nocase
        $create = /["'.]Create["'\s(]/ ascii wide nocase
    condition:
        server_page and takes_input and all of them
}

rule page_hides_in_memory
{
    meta:
        description = "A page that plants code in the running web application"
        class = "state"
        severity = "high"
        confidence = "likely"
        attack = "T1505.003"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        places = "web-roots, attachments"
        next = "Keep a copy; what it planted lives until the web server's process restarts, so take its memory first."
    strings:
        $page = /<%@\s{0,8}(Page|WebHandler|WebService|Control|Master)\b/ ascii wide nocase
        $provider = /\bRegisterVirtualPathProvider(Internal)?\b/ ascii wide nocase
        $module = /\b(HttpApplication|DynamicModuleUtility)\s{0,4}\.\s{0,4}RegisterModule\b/ ascii wide nocase
        $listener = /\bnew\s{1,8}(\w{1,30}\s{0,4}\.\s{0,4}){0,4}HttpListener\b/ ascii wide nocase
        $filter = /\bGlobalFilters\s{0,4}\.\s{0,4}Filters\b/ ascii wide nocase
        $route = /\bRouteTable\s{0,4}\.\s{0,4}Routes\s{0,4}\.\s{0,4}(Insert|Add)\b/ ascii wide nocase
    condition:
        $page and ($provider or $module or (takes_input and any of ($listener, $filter, $route)))
}

rule page_escapes_its_words
{
    meta:
        description = "A page that spells its own code in escapes"
        class = "state"
        severity = "high"
        confidence = "likely"
        attack = "T1505.003, T1027"
        reference = "https://attack.mitre.org/techniques/T1027/"
        places = "web-roots, attachments"
        next = "Keep a copy with its times; have somebody spell it out."
    strings:
        $page = /<%@[^%>]{0,200}language|<script[^>]{0,200}runat/ ascii wide nocase
        $block = "<%" ascii wide
        // plain letters, which never need an escape
        $letters = /\\u00(4[1-9a-f]|5[0-9a]|6[1-9a-f]|7[0-9a])/ ascii wide nocase
        $long = /\\U000000(4[1-9a-f]|5[0-9a]|6[1-9a-f]|7[0-9a])/ ascii wide nocase
        // a name of which a letter or more is escaped, and that is called
        $word = /\\u00(4[1-9a-f]|5[0-9a]|6[1-9a-f]|7[0-9a])([A-Za-z0-9_]|\\u00[4-7][0-9a-f]){0,24}\s{0,4}[(\[]/ ascii wide nocase
        // a comment between a name and its bracket
        $bracket = /[A-Za-z0-9_]\/\*[A-Za-z0-9 ]{0,12}\*\/\s{0,4}\(/ ascii wide
        // a page in UTF-7, which no browser and no filter reads
        $utf7 = /<%@[^%>]{0,200}codepage\s{0,8}=\s{0,8}["']?65000\b/ ascii wide nocase
        // letters that nobody sees, inside a name
        $unseen = /[A-Za-z]\xe2\x80[\x8b-\x8f][A-Za-z]/
        $unseen_wide = /[A-Za-z]\x00[\x0b-\x0f]\x20[A-Za-z]\x00/
        $unseen_escaped = /[A-Za-z]\\u(200[b-f]|feff)[A-Za-z]/ ascii wide nocase
        $verbatim = /@(System|Diagnostics|Process|Start|Reflection|Assembly|Load|Request|Convert|Invoke|Activator)\b/ ascii wide
        $comments = /[A-Za-z]\s{0,4}\/\*[^*]{0,60}\*\/\s{0,4}\.|\.\s{0,4}\/\*[^*]{0,60}\*\/\s{0,4}[A-Za-z]/ ascii wide
    condition:
        ($page or ($block and filesize < 16KB)) and (#letters > 9 or #long > 0 or ($page and ($word or (takes_input and $bracket))) or $utf7 or #unseen > 2 or #unseen_wide > 2 or #unseen_escaped > 2 or #verbatim > 2 or #comments > 2)
}

rule page_splits_its_words
{
    meta:
        description = "A page that puts together the names it must not say"
        class = "state"
        severity = "high"
        confidence = "likely"
        attack = "T1505.003, T1027"
        reference = "https://attack.mitre.org/techniques/T1027/"
        places = "web-roots, attachments"
        next = "Keep a copy with its times; have somebody spell it out."
    strings:
        $unsafe = /["'](u|un|uns|unsa|unsaf)["']\s{0,4}[+&]\s{0,4}["'](n|ns|nsafe|s|sa|safe|a|af|afe|f|fe|e)["']/ ascii wide nocase
        $create = /\b(CreateObject|GetTypeFromProgID|ManagementClass|GetType|execute|executeglobal)[\s(]{1,6}["'][^"'\r\n]{1,14}["']\s{0,4}[+&]\s{0,4}["']/ ascii wide nocase
        $reversed = /(llehs\.tpircsw|noitacilppa\.llehs|exe\.dmc|llehsrewop|ssecorp\.scitsongaid|tseuqer lave|labolgetucexe)/ ascii wide nocase
        $chr = /\b(eval|execute|executeglobal|CreateObject)[\s(]{1,6}(chrw?\s{0,4}\(\s{0,4}(&h)?[0-9a-f]{1,3}\s{0,4}\)\s{0,4}[+&]\s{0,4}){4}/ ascii wide nocase
    condition:
        server_page and ($create or $chr or (takes_input and ($unsafe or $reversed)))
}

rule page_carries_program
{
    meta:
        description = "A page that carries a long encoded text and runs it"
        class = "state"
        severity = "high"
        confidence = "likely"
        attack = "T1505.003, T1027.009"
        reference = "https://attack.mitre.org/techniques/T1027/009/"
        places = "web-roots, attachments"
        next = "Keep a copy with its times, then decode the text."
    strings:
        $page = /<%@\s{0,8}(Page|WebHandler|WebService|Control|Master|ServiceHost)\b/ ascii wide nocase
        $text = /["'][A-Za-z0-9+\/]{1000}/ ascii wide
        $base64 = "FromBase64String" ascii wide nocase
        $run = /\b(CreateInstance|Invoke|InvokeMember|CompileAssemblyFromSource|Assembly\s{0,4}\.\s{0,4}Load|eval|EntryPoint)\b/ ascii wide nocase
    condition:
        $page and $text and $base64 and $run
}

rule page_in_jscript
{
    meta:
        description = "A page in JScript that reads the request: hardly any product has one"
        class = "state"
        severity = "high"
        confidence = "likely"
        attack = "T1505.003"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        places = "web-roots, attachments"
        next = "Read it, and ask whether the site ships it."
    strings:
        $page = /<%@\s{0,8}(Page|WebHandler|WebService)[^%>]{0,200}language\s{0,8}=\s{0,8}["']?\s{0,8}(js|jscript|javascript)\b/ ascii wide nocase
        $net = /<%@\s{0,8}(Page|WebHandler|WebService|Control|Master)\b/ ascii wide nocase
        $script = /<script[^>]{0,120}language\s{0,8}=\s{0,8}["']?\s{0,8}jscript\b[^>]{0,120}runat/ ascii wide nocase
    condition:
        takes_input and ($page or ($net and $script))
}

rule page_encoded
{
    meta:
        description = "A page of encoded script"
        class = "state"
        severity = "medium"
        confidence = "likely"
        attack = "T1505.003, T1027"
        reference = "https://attack.mitre.org/techniques/T1027/"
        places = "web-roots, attachments"
        next = "Decode it (the format is public), and ask whether the site ships it."
    strings:
        $begin = "#@~^" ascii wide
        $end = "^#~@" ascii wide
    condition:
        server_page and all of them
}

rule page_can_run_programs
{
    meta:
        description = "A page that can start programs"
        class = "state"
        severity = "medium"
        confidence = "likely"
        attack = "T1505.003"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        places = "web-roots, attachments"
        next = "Read it, and ask whether the site ships it."
    strings:
        $page = /<%@\s{0,8}(Page|WebHandler|WebService|Control|Master|ServiceHost|Language|Application)\b/ ascii wide nocase
        $asp = /<%[^@=][^%]{0,2000}\b(Server\s{0,4}\.\s{0,4})?CreateObject\s{0,4}\(/ ascii wide nocase
        $start = /\bProcess(\s|\/\*[^*]{0,40}\*\/){0,4}\.(\s|\/\*[^*]{0,40}\*\/){0,4}@?Start\b/ ascii wide nocase
        $info = /\bProcessStartInfo\b/ ascii wide nocase
        $wscript = "WScript.Shell" ascii wide nocase
        $shell = "Shell.Application" ascii wide nocase
        $xp = "xp_cmdshell" ascii wide nocase
        $load = /\bAssembly\s{0,8}\.\s{0,8}Load\s{0,8}\(\s{0,8}[^"'\s)]/ ascii wide nocase
    condition:
        any of ($page, $asp) and any of ($start, $info, $wscript, $shell, $xp, $load)
}

rule page_takes_any_file
{
    meta:
        description = "A small page that does nothing but store the files it is sent"
        class = "state"
        severity = "medium"
        confidence = "likely"
        attack = "T1505.003, T1105"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        places = "web-roots, attachments"
        next = "Read it, ask whether the site ships it, and look for files that came after it."
    strings:
        $save = /\.\s{0,4}(SaveAs|SaveToFile)[\s(]/ ascii wide nocase
        $checked = /\b(IsAuthenticated|IsInRole|Authorize|GetExtension|AllowedExt)/ ascii wide nocase
    condition:
        filesize < 10KB and server_page and takes_input and $save and not $checked
}

rule config_runs_strange_names
{
    meta:
        description = "A web.config that has files run which are no pages"
        class = "state"
        severity = "high"
        confidence = "likely"
        attack = "T1505.004"
        reference = "https://attack.mitre.org/techniques/T1505/004/"
        places = "web-roots, attachments"
        next = "Keep a copy with its times, then look at every file it makes a page of, itself first."
    strings:
        $processor = /<add\b[^>]{0,300}\bpath\s{0,4}=\s{0,4}["']\*\.(config|jpe?g|png|gif|bmp|ico|txt|css|log|dat|tmp)["'][^>]{0,300}\bscriptProcessor\s{0,4}=\s{0,4}["'][^"'>]{0,200}\b(asp|aspnet_isapi|php-cgi)\.(dll|exe)/ ascii wide nocase
        $factory = /<add\b[^>]{0,300}\bpath\s{0,4}=\s{0,4}["']\*\.(config|jpe?g|png|gif|bmp|ico|txt|css|log|dat|tmp)["'][^>]{0,300}\btype\s{0,4}=\s{0,4}["']System\.Web\.UI\.(PageHandlerFactory|SimpleHandlerFactory)/ ascii wide nocase
        $provider = /<add\b[^>]{0,200}\bextension\s{0,4}=\s{0,4}["']\.(config|jpe?g|png|gif|bmp|ico|txt|css|log|dat|tmp)["'][^>]{0,200}\btype\s{0,4}=\s{0,4}["']System\.Web\.Compilation\.(Page|WebHandler|WebService|UserControl)BuildProvider/ ascii wide nocase
        $program = /\bscriptProcessor\s{0,4}=\s{0,4}["'][^"'>]{0,200}\b(cmd|powershell|cscript|wscript)\.exe/ ascii wide nocase
    condition:
        any of them
}

rule config_holds_script
{
    meta:
        description = "A web.config that is a page as well"
        class = "state"
        severity = "high"
        confidence = "likely"
        attack = "T1505.004, T1505.003"
        reference = "https://attack.mitre.org/techniques/T1505/004/"
        places = "web-roots, attachments"
        next = "Keep a copy with its times, then find who asked for it in the web logs."
    strings:
        $config = /<configuration[\s>]/ ascii wide
        $object = /\bCreateObject\s{0,4}\(/ ascii wide nocase
    condition:
        $config in (0..4096) and server_page and ($object or takes_input)
}

rule page_reads_any_file
{
    meta:
        description = "A page that reads whatever file it is asked for"
        class = "state"
        severity = "medium"
        confidence = "likely"
        attack = "T1505.003, T1005"
        reference = "https://attack.mitre.org/techniques/T1005/"
        places = "web-roots, attachments"
        next = "Read it, and ask whether the site ships it."
    strings:
        $read = /\b(ReadAllText|ReadAllBytes|ReadAllLines|StreamReader|OpenText|OpenRead|TransmitFile|WriteFile|LoadFromFile)[\s(]{1,6}(\w{1,30}(\.\w{1,30}){0,4}\s{0,4}\(\s{0,4}){0,3}(\w{1,30}\s{0,4}\.\s{0,4}){0,3}request(\s|\/\*[^*]{0,40}\*\/){0,4}(\(|\[|\.(\s|\/\*[^*]{0,40}\*\/){0,4}(item|form|querystring|params|headers|cookies)\b)/ ascii wide nocase
    condition:
        server_page and $read
}

rule page_browses_folders
{
    meta:
        description = "A page that lists, sends and deletes files"
        class = "state"
        severity = "medium"
        confidence = "likely"
        attack = "T1505.003, T1083"
        reference = "https://attack.mitre.org/techniques/T1083/"
        places = "web-roots, attachments"
        next = "Read it, and ask whether the site ships it."
    strings:
        $list = /\b(DirectoryInfo|GetFiles|GetDirectories|GetFileSystemInfos|GetFolder)\b/ ascii wide nocase
        $delete = /\b(File|Directory|Folder)\s{0,4}\.?\s{0,4}Delete\b|\b(DeleteFile|DeleteFolder)\b/ ascii wide nocase
        $send = /\b(TransmitFile|WriteFile|BinaryWrite|StreamReader|ReadAllText|OpenTextFile|LoadFromFile)\b/ ascii wide nocase
    condition:
        server_page and takes_input and all of them
}

rule page_connects
{
    meta:
        description = "A page that opens network connections"
        class = "state"
        severity = "medium"
        confidence = "likely"
        attack = "T1505.003, T1046"
        reference = "https://attack.mitre.org/techniques/T1046/"
        places = "web-roots, attachments"
        next = "Read it, and ask whether the site ships it."
    strings:
        $page = /<%@\s{0,8}(Page|WebHandler|WebService|Control|Master|ServiceHost)\b/ ascii wide nocase
        $socket = /\bnew\s{1,8}(\w{1,30}\s{0,4}\.\s{0,4}){0,4}(Socket|TcpClient|UdpClient)\b/ ascii wide nocase
        $fetch = /\bDownload(File|Data)(Async)?\s{0,4}\(/ ascii wide nocase
        $web = /\bWebRequest\s{0,4}\.\s{0,4}Create\s{0,4}\([^;]{0,80}\brequest\b/ ascii wide nocase
    condition:
        $page and takes_input and any of ($socket, $web, $fetch)
}

rule page_decodes_names
{
    meta:
        description = "A page that calls code by a name which it decodes or is sent"
        class = "state"
        severity = "high"
        confidence = "likely"
        attack = "T1505.003, T1027"
        reference = "https://attack.mitre.org/techniques/T1027/"
        places = "web-roots, attachments"
        next = "Keep a copy with its times; have somebody spell it out."
    strings:
        $name = /\b(GetType|GetMethod|CreateInstance)\s{0,4}\([^;"']{0,80}FromBase64String/ ascii wide nocase
        $asked = /\b(Type\s{0,4}\.\s{0,4}GetType|CreateInstance)\s{0,4}\(([^;"']{0,40}\b(GetType|GetTypeFromProgID)\s{0,4}\()?\s{0,4}(\w{1,20}\s{0,4}\.\s{0,4}){0,3}request\b/ ascii wide nocase
        $base64 = "FromBase64String" ascii wide nocase
        $method = /\.\s{0,4}GetMethods?\s{0,4}\(/ ascii wide nocase
        $invoke = /\.\s{0,4}Invoke\s{0,4}\(/ ascii wide nocase
    condition:
        server_page and takes_input and ($name or $asked or ($base64 and $method and $invoke))
}

rule page_calls_by_name
{
    meta:
        description = "A page that calls code by a name which it makes up"
        class = "state"
        severity = "medium"
        confidence = "likely"
        attack = "T1505.003, T1027"
        reference = "https://attack.mitre.org/techniques/T1027/"
        places = "web-roots, attachments"
        next = "Read it, and ask whether the site ships it."
    strings:
        $page = /<%@\s{0,8}(Page|WebHandler|WebService|Control|Master|ServiceHost)\b/ ascii wide nocase
        $method = /\bGetMethods?\s{0,4}\(/ ascii wide nocase
        $invoke = /\.\s{0,4}Invoke\s{0,4}\(/ ascii wide nocase
    condition:
        takes_input and all of them
}
