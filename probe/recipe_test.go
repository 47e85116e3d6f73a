package probe

import (
	"os"
	"regexp"
	"testing"

	"postern/evidence"
	"postern/pack"
)

// recipes are the literal one and that of the shipped pack, where it lies.
func recipes(t *testing.T) map[string]evidence.Product {
	t.Helper()
	const folder = "../packs/smartermail"
	all := map[string]evidence.Product{"literal": smartermail()}
	if _, err := os.Stat(folder); err != nil {
		return all
	}
	p, err := pack.Load(os.DirFS(folder))
	if err != nil {
		t.Fatal(err)
	}
	all["shipped"] = p.Product
	return all
}

// smartermail is the recipe of the product's public pages (SmarterMail facts,
// section 3: variables, asset names, cssVersion ticks, the licensing and login
// APIs, and the footers of version 16 and before).
func smartermail() evidence.Product {
	re := regexp.MustCompile
	product := []*regexp.Regexp{
		re(`ng-app="smartermail"`), re(`stProductVersion\s*=\s*"`), re(`SmarterMail Copyright \(c\) 2003-\d{4} SmarterTools`),
	}
	return evidence.Product{ID: "smartermail", Name: "SmarterMail", Web: &evidence.PageRecipe{
		Ports: []evidence.Port{{Number: 443, TLS: true}, {Number: 80}, {Number: 9998}, {Number: 9998, TLS: true}, {Number: 17017}, {Number: 17017, TLS: true}},
		Requests: []evidence.PageRequest{
			{Path: "/interface/root", Product: product, Builds: []evidence.BuildPattern{
				{Regexp: re(`stProductVersion\s*=\s*"(\d+\.\d+\.\d+(?:\.\d+)?)"`), Confidence: evidence.Confirmed},
				{Regexp: re(`stProductBuild\s*=\s*"(\d{4,5}\s*\([A-Z][a-z]{2} \d{1,2}, \d{4}\))"`), Confidence: evidence.Confirmed},
				{Regexp: re(`(?:login|angular|vendor|site)-v-(100\.0\.\d+\.\d+)`), Confidence: evidence.Likely},
				{Regexp: re(`cssVersion\s*=\s*"(100\.0\.\d+\.\d+)`), Confidence: evidence.Likely},
				{Regexp: re(`cssVersion\s*=\s*"(\d{18})"`), Ticks: true, Confidence: evidence.Likely},
			}, Cluster: re(`stHA\s*=\s*true`), Host: re(`stSystemHostname\s*=\s*"([^"]+)"`), OS: re(`stOS\s*=\s*"([WL])"`)},
			{Path: "/api/v1/licensing/about", Product: []*regexp.Regexp{re(`"enterpriseFunctionality"\s*:`)}, Builds: []evidence.BuildPattern{
				{Regexp: re(`"version"\s*:\s*"(\d+\.\d+\.\d+(?:\.\d+)?)"`), Confidence: evidence.Confirmed},
			}},
			{Path: "/api/v1/auth/login-settings", Product: []*regexp.Regexp{re(`"backgroundStillImage"\s*:\s*"/dynamic/background-of-the-day"`)}},
			{Path: "/Login.aspx", Product: []*regexp.Regexp{re(`<title>\s*Login - SmarterMail\s*</title>`)}, Builds: []evidence.BuildPattern{
				{Regexp: re(`SmarterMail (?:Enterprise|Professional|Free)\s+([\d.]+)`), Confidence: evidence.Likely},
			}},
		},
	}}
}

// The pages of the product, shortened. The copyright years are ours.
const (
	page9504 = `<html ng-app="smartermail" ng-cloak>
<!-- SmarterMail Copyright (c) 2003-2026 SmarterTools Inc. -->
<title page-title></title>
<script> var stProductVersion = "100.0.9504"; var stProductBuild = "9504 (Jan 8, 2026)"; var stSiteRoot = "/"; var stOS = "W"; var stHA = false;
var cssVersion = "639035080380000000"; </script>`
	page6919 = `<html ng-app="smartermail"><link href="/interface/output/login-v-100.0.6919.30414.8d8.min.css">
<script>var stProductVersion = "100.0.6919"; var stProductBuild = "6919 (Dec 11, 2018)";</script>`
	page9610    = `<html ng-app="smartermail"><script>var stProductVersion = "100.0.9610"; var stProductBuild = "9610 (Apr 24, 2026)";</script>`
	pageNoBuild = `<html ng-app="smartermail"><!-- SmarterMail Copyright (c) 2003-2026 SmarterTools Inc. --><title page-title></title>`
	pageCluster = `<html ng-app="smartermail"><script>var stProductVersion = "100.0.9610"; var stHA = true; var stSystemHostname = "node1";</script>`
	page15      = `<html><title>Login - SmarterMail</title><div>SmarterMail Enterprise 15.7.6856</div>`
	pageForeign = `<html><title>Welcome</title>Some other mail server 7.2, Copyright (c) 2003-2026`
	about6919   = `{"version":"100.0.6919","edition":2,"enterpriseFunctionality":true}`
	settings    = `{"customTitle":null,"backgroundStillImage":"/dynamic/background-of-the-day","success":true,"resultCode":200}`
)
