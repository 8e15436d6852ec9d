// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package webpage is pages that need nothing from elsewhere.
package webpage

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"regexp"
	"strings"
)

// Page is a page with its own style and script. Its policy lets a browser run and load these, by their digests, and nothing
// else; no other page may frame it.
type Page struct {
	html, policy string
}

var (
	styles  = regexp.MustCompile(`(?s)<style>(.*?)</style>`)
	scripts = regexp.MustCompile(`(?s)<script>(.*?)</script>`)
)

// New returns the page of a document.
func New(html string) Page {
	return Page{html: html, policy: strings.Join([]string{
		"default-src 'none'", "style-src" + sourcesOf(styles, html), "script-src" + sourcesOf(scripts, html), "img-src 'self' blob: data:",
		"connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'",
	}, "; ")}
}

// Join is New of a document whose style and script lie in files of their own: they take the places of /*style*/ and
// /*script*/.
func Join(html, style, script string) Page {
	return New(strings.NewReplacer("/*style*/", "\n"+style, "/*script*/", "\n"+script).Replace(html))
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

// ServeHTTP answers with the page.
func (p Page) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", p.policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	_, _ = w.Write([]byte(p.html))
}
