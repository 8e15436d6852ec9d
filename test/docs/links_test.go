// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
)

// page is a document: where it leads, and where one can be led in it.
type page struct {
	links   []string
	anchors map[string]bool
}

var (
	htmlAnchor = regexp.MustCompile(`<a\s+(?:id|name)="([^"]+)"`)
	notInSlug  = regexp.MustCompile(`[^\p{L}\p{N}\p{M}_\- ]`)
)

// slug is the anchor that forges give a heading.
func slug(heading string) string {
	return strings.ReplaceAll(notInSlug.ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
}

// plain is what is read of a node: its text, without marks.
func plain(node ast.Node, source []byte) string {
	var words strings.Builder
	_ = ast.Walk(node, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if leaf, ok := n.(*ast.Text); ok && entering {
			words.Write(leaf.Segment.Value(source))
		}
		return ast.WalkContinue, nil
	})
	return words.String()
}

// parse reads a document.
func parse(source []byte) page {
	p := page{anchors: map[string]bool{}}
	for _, match := range htmlAnchor.FindAllSubmatch(source, -1) {
		p.anchors[string(match[1])] = true
	}
	document := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(text.NewReader(source))
	_ = ast.Walk(document, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Link:
			p.links = append(p.links, string(n.Destination))
		case *ast.Image:
			p.links = append(p.links, string(n.Destination))
		case *ast.AutoLink:
			p.links = append(p.links, string(n.URL(source)))
		case *ast.Heading:
			name := slug(plain(n, source))
			for i := 1; p.anchors[name]; i++ {
				name = fmt.Sprintf("%s-%d", slug(plain(n, source)), i)
			}
			p.anchors[name] = true
		}
		return ast.WalkContinue, nil
	})
	return p
}

// documents are the Markdown files of the repository, by their paths.
func documents(t *testing.T) map[string]page {
	t.Helper()
	pages := map[string]page{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		name := entry.Name()
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && (strings.HasPrefix(name, ".") && name != ".github" || name == "out" || name == "testdata" || name == "node_modules"):
			return filepath.SkipDir
		case filepath.Ext(name) != ".md":
			return nil
		}
		source, err := os.ReadFile(path)
		pages[filepath.Clean(path)] = parse(source)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

// dead says what is wrong with a link of the page at path, if anything is.
func dead(pages map[string]page, path, link string) string {
	target, err := url.Parse(link)
	if err != nil {
		return err.Error()
	}
	if target.Scheme != "" {
		if target.Scheme != "https" && !isLocal(target) || target.Host == "" {
			return "an address outside must be https://…"
		}
		return ""
	}
	file := path
	if target.Path != "" {
		file = filepath.Join(filepath.Dir(path), target.Path)
	}
	if _, err := os.Stat(file); err != nil {
		return "there is no such file"
	}
	if to, ok := pages[file]; ok && target.Fragment != "" && !to.anchors[target.Fragment] {
		return "the page has no such heading"
	}
	return ""
}

// isLocal reports whether an address is one of the reader's own machine.
func isLocal(address *url.URL) bool {
	return address.Scheme == "http" && (address.Hostname() == "localhost" || address.Hostname() == "127.0.0.1")
}

// No document leads nowhere: files and headings are there. Whether a site outside answers isn't asked.
func TestLinks(t *testing.T) {
	pages := documents(t)
	links, outside := 0, 0
	for path, p := range pages {
		for _, link := range p.links {
			links++
			if strings.Contains(link, "://") {
				outside++
			}
			if wrong := dead(pages, path, link); wrong != "" {
				t.Errorf("%s: link %q: %s", strings.TrimPrefix(path, root+"/"), link, wrong)
			}
		}
	}
	t.Logf("%d pages, %d links, %d of them outside", len(pages), links, outside)
	if links < 100 {
		t.Errorf("only %d links were found", links)
	}
}

// The site has a place for each page of docs/; its decisions are listed by themselves.
func TestPagesOfTheSite(t *testing.T) {
	pages := slices.Sorted(maps.Keys(documents(t)))
	inSite := read(t, "hack/site/mkdocs.yml")
	for _, path := range pages {
		page, isDoc := strings.CutPrefix(path, filepath.Join(root, "docs")+"/")
		if isDoc && !strings.HasPrefix(page, "decisions/") && !strings.Contains(inSite, "- "+page+"\n") {
			t.Errorf("docs/%s is in no section of hack/site/mkdocs.yml", page)
		}
	}
}

func TestDeadLinks(t *testing.T) {
	here := filepath.Join(root, "docs", "data.md") // a file that is there, with other content
	pages := map[string]page{here: parse([]byte("# A `name` & more\n\n## Twice\n\n## Twice\n\n<a id=\"named\"></a>\n"))}
	for link, want := range map[string]string{
		"#a-name--more": "", "#twice": "", "#twice-1": "", "#named": "", "../README.md": "", "https://example.com/a": "", "http://localhost:8080/docs": "",
		"#twice-2": "no such heading", "missing.md": "no such file", "http://example.com": "must be https", "ftp://example.com": "must be https", "%zz": "invalid URL escape",
	} {
		if got := dead(pages, here, link); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", link, got, want)
		}
	}
}
