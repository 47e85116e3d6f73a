package report

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestMaskHidesSecrets(t *testing.T) {
	for _, secret := range []struct{ hidden, text string }{
		{"AGFkbWluAGh1bnRlcjI=", "05:01:30.507 [198.51.100.23][30216663] cmd: AUTH PLAIN AGFkbWluAGh1bnRlcjI="},
		{"YWRtaW4=", "05:01:30.507 [198.51.100.23][30216663] cmd: AUTH LOGIN YWRtaW4="},
		{"aHVudGVyMg==", "05:01:30.507 [198.51.100.23][30216663] cmd: aHVudGVyMg=="},
		{"hunter2", "05:01:30.507 [198.51.100.23][3] cmd: PASS hunter2"},
		{"hunter2", `05:01:30.507 [198.51.100.23][3] cmd: a1 LOGIN admin "hunter2"`},
		{"hunter2", "GET /login?user=a&password=hunter2&x=1"},
		{"hunter2", "GET /login?user=a&PWD=hunter2"},
		{"hunter2", "GET /login?user=a&newPassword%3Dhunter2"},
		{"hunter2", "/api/v1/x?token=hunter2 200"},
		{"hunter2", "/api/v1/x?api_key=hunter2 200"},
		{"hunter2", "/api/v1/x?access_token=hunter2&b=c"},
		{"hunter2", `{"username":"admin","password":"hunter2"}`},
		{"hunter2", `{\"username\":\"admin\",\"NewPassword\":\"hunter2\"}`},
		{`hun\"ter2`, `{"clientSecret": "hun\"ter2"}`},
		{"Zm9vYmFyZm9v", `"smtp_pass_encrypted": "Zm9vYmFyZm9v"`},
		{"hunter2", `  ADMIN_PASSWORD: hunter2`},
		{"hunter2", `- ADMIN_PASSWORD=hunter2`},
		{"abc.def", "Authorization: Bearer abc.def"},
		{"dXNlcjpwYXNz", `"Authorization": "Basic dXNlcjpwYXNz"`},
		{"deadbeef", "Cookie: ASP.NET_SessionId=deadbeef; theme=dark"},
		{"deadbeef", "Set-Cookie: sid=deadbeef; path=/"},
		{"deadbeef", `{"headers":{"Cookie":["deadbeef"]}}`},
		{"deadbeef", `{"headers":{"Authorization":["Bearer deadbeef"]}}`},
		{"deadbeef", "2021-04-01 GET /x - ASP.NET_SessionId=deadbeef http://a/ 200"},
		{"secretvalue", "2021-04-01 GET /x - theme=dark;+sid=secretvalue http://a/ 200"},
		{"{AAAA-BBBB}", `2021-04-01 GET /x - OutlookSession="{AAAA-BBBB}" http://a/ 200`},
		{"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln", "saw eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln in body"},
		{"c2FsdHNhbHRzYWx0c2Fs", `hash 1000:c2FsdHNhbHRzYWx0c2Fs:aGFzaGhhc2hoYXNoaGFz ok`},
		{"N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy", "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"},
		{"MIIEvQIBADAN", "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADAN\n-----END PRIVATE KEY-----"},
		{"MIIEvQIBADAN", "-----BEGIN RSA PRIVATE KEY-----\nMIIEvQIBADAN"},
		{"hunter2", "https://admin:hunter2@mail.example.org/"},
	} {
		got := Clean(secret.text)
		if strings.Contains(got, secret.hidden) || !strings.Contains(got, masked) {
			t.Errorf("Clean(%q) = %q, still shows the secret", secret.text, got)
		}
		if again := Clean(got); again != got {
			t.Errorf("cleaning twice: %q, then %q", got, again)
		}
	}
}

func TestMaskShowsEqualSecretsAsEqual(t *testing.T) {
	a, b, c := mask("password=one"), mask(`"password":"one"`), mask("password=two")
	sum := func(s string) string { return s[strings.Index(s, masked) : strings.Index(s, "]")+1] }
	if sum(a) != sum(b) || sum(a) == sum(c) {
		t.Errorf("%q %q %q: want the first two equal and the third not", a, b, c)
	}
}

func TestMaskLeavesTheRest(t *testing.T) {
	for _, text := range []string{
		"05:01:30.507 [198.51.100.23][30216663] cmd: AUTH LOGIN",
		"05:01:30.507 [198.51.100.23][30216663] rsp: 334 VXNlcm5hbWU6",
		"05:01:30.507 [198.51.100.23][30216663] cmd: STARTTLS",
		"14:08:54.154 [313455-1] CMD: DATA",
		"03:35:47.054 [192.168.118.6] Webmail Login successful: With user admin",
		"10:51:58.000 [203.0.113.9] User @ calling force-reset-password",
		"2026-01-17 10:51:58 203.0.113.9 POST /api/v1/auth/force-reset-password - 443 - 200",
		"Added to IDS block list for violating rule Type: Password Brute Force by IP, Description: Brute Force by IP",
		"SHA256=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
		`C:\Program Files (x86)\SmarterTools\SmarterMail\Service\MailService.exe`,
		"CVE-2026-40514: predictable share tokens",
	} {
		if got := Clean(text); got != text {
			t.Errorf("Clean(%q) = %q, want it unchanged", text, got)
		}
	}
}

func TestEscapeMakesVisible(t *testing.T) {
	for in, want := range map[string]string{
		"a\x1b[2Jb":       `a\x1b[2Jb`,
		"a\nb\tc\r":       `a\x0ab\x09c\x0d`,
		"x\u202egpj.exe":  `x\u202egpj.exe`,
		"\xff\xfe":        `\xff\xfe`,
		"\u009b31m":       `\u009b31m`,
		"\u2028":          `\u2028`,
		"\U000e0041":      `\U000e0041`,
		"zero\u200bwidth": `zero\u200bwidth`,
		"Grüße 日本":        "Grüße 日本",
	} {
		if got := Escape(in); got != want {
			t.Errorf("Escape(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("cmd: AUTH PLAIN AGFkbWluAGh1bnRlcjI=")
	f.Add("a=b;+c=d password=\x1b\xff\u202e")
	f.Fuzz(func(t *testing.T, text string) {
		got := Clean(text)
		if !utf8.ValidString(got) || strings.IndexFunc(got, unseen) >= 0 {
			t.Fatalf("Clean(%q) = %q: not printable", text, got)
		}
		if again := Escape(got); again != got {
			t.Fatalf("escape is not idempotent: %q, %q", got, again)
		}
	})
}

func BenchmarkClean(b *testing.B) {
	text := `C/inetpub/logs/LogFiles/W3SVC1/u_ex260117.log 2026-01-17 15:53:10 192.0.2.25 POST /api/v1/settings/sysadmin/AddOrUpdateMount - 443 - 203.0.113.66 python-requests/2.32.3 - 200 0 0 1180`
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		Clean(text)
	}
}

// FuzzCell: what is not looked at closely holds nothing that a spreadsheet runs.
func FuzzCell(f *testing.F) {
	f.Add("a; '\"=1|b")
	f.Add("\t\uff0b")
	f.Fuzz(func(t *testing.T, text string) {
		if begins(text) != formula.MatchString(text) {
			t.Errorf("%q: begins says %v", text, begins(text))
		}
	})
}

func TestCell(t *testing.T) {
	for in, want := range map[string]string{
		"=1": `"'=1"`, "x": `"x"`, "a=b": `"a=b"`, "x; -1": `"x;' -1"`, "2026-01-17": `"2026-01-17"`, `"+1`: `"'""+1"`, "": `""`, "a;b|@c": `"a;b|'@c"`,
	} {
		if got := Cell(in); got != want {
			t.Errorf("%q becomes %s, want %s", in, got, want)
		}
	}
}
