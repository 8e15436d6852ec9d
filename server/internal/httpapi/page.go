// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"net/http"
	"regexp"
	"strings"
)

// The parts of the page on which a person tries the model.
var (
	//go:embed page/index.html
	pageHTML string
	//go:embed page/style.css
	pageStyle string
	//go:embed page/script.js
	pageScript string

	page = newWebPage(strings.NewReplacer("/*style*/", "\n"+pageStyle, "/*script*/", "\n"+pageScript).Replace(pageHTML))
)

// webPage is a page that needs nothing from elsewhere. Its policy lets a browser run and load its own style and script, by
// their digests, and nothing else; no other page may frame it.
type webPage struct {
	html, policy string
}

var (
	styles  = regexp.MustCompile(`(?s)<style>(.*?)</style>`)
	scripts = regexp.MustCompile(`(?s)<script>(.*?)</script>`)
)

func newWebPage(html string) webPage {
	return webPage{html: html, policy: strings.Join([]string{
		"default-src 'none'", "style-src" + sourcesOf(styles, html), "script-src" + sourcesOf(scripts, html), "img-src 'self' blob: data:",
		"connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'",
	}, "; ")}
}

// sourcesOf are the sources that allow what is found in a page, as a policy writes them.
func sourcesOf(found *regexp.Regexp, html string) string {
	var sources strings.Builder
	for _, match := range found.FindAllStringSubmatch(html, -1) {
		sum := sha256.Sum256([]byte(match[1]))
		sources.WriteString(" 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'")
	}
	return sources.String()
}

func (p webPage) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", htmlType+"; charset=utf-8")
	h.Set("Content-Security-Policy", p.policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	_, _ = w.Write([]byte(p.html))
}
