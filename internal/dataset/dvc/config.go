// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dvc

import (
	"bufio"
	"path"
	"strings"
)

// config is the configuration of a DVC repository.
type config struct {
	root string // the folder of the DVC repository within Git's
	core string // the default remote
	// remotes are sections by name, each with its keys in lower case.
	remotes map[string]map[string]string
}

// Names of DVC's own files.
const (
	dvcDir       = ".dvc"
	configFile   = "config"
	localFile    = "config.local"
	pointerExt   = ".dvc"
	lockFile     = "dvc.lock"
	pipelineFile = "dvc.yaml"
)

// readConfig finds the DVC repository that a path belongs to, which may lie in a folder of Git's, and its configuration.
func (t *tree) readConfig(p string) (*config, error) {
	for root := clean(p); ; root = path.Dir(root) {
		found, err := t.isDir(path.Join(root, dvcDir))
		if err != nil {
			return nil, err
		}
		if found {
			return t.parseConfig(root)
		}
		if root == "." {
			return nil, invalid("revision %s holds no .dvc folder: %v is no DVC repository; run `dvc init` there, or name another revision", t.revision, t.name)
		}
	}
}

func (t *tree) parseConfig(root string) (*config, error) {
	c := &config{root: root, remotes: map[string]map[string]string{}}
	for _, name := range []string{configFile, localFile} {
		text, err := t.readLocal(path.Join(root, dvcDir, name), maxConfigBytes)
		if err != nil {
			return nil, err
		}
		if err := c.parse(path.Join(root, dvcDir, name), text); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// parse reads ConfigObj's format: sections such as ['remote "name"'], and key = value.
func (c *config) parse(file, text string) error {
	var section map[string]string
	scanner := bufio.NewScanner(strings.NewReader(text))
	for number := 1; scanner.Scan(); number++ {
		line := strings.TrimSpace(scanner.Text())
		switch {
		case line == "", line[0] == '#':
		case line[0] == '[':
			if !strings.HasSuffix(line, "]") {
				return invalid("%s, line %d: a section must end with ]", file, number)
			}
			section = c.section(unquote(strings.TrimSpace(line[1 : len(line)-1])))
		default:
			key, value, ok := strings.Cut(line, "=")
			if !ok {
				return invalid("%s, line %d: there is neither a section nor key = value", file, number)
			}
			if section != nil {
				section[strings.ToLower(unquote(strings.TrimSpace(key)))] = unquote(withoutComment(strings.TrimSpace(value)))
			}
		}
	}
	if scanner.Err() != nil {
		return invalid("%s has a line that is too long", file)
	}
	if core := c.remotes["\x00core"]; core != nil {
		c.core = strings.ToLower(core["remote"])
	}
	return nil
}

// section returns the keys of a section; those of core lie under a name that no remote can have.
func (c *config) section(title string) map[string]string {
	name := "\x00" + strings.ToLower(title)
	if rest, ok := strings.CutPrefix(title, "remote "); ok {
		name = strings.ToLower(unquote(strings.TrimSpace(rest)))
	}
	if c.remotes[name] == nil {
		c.remotes[name] = map[string]string{}
	}
	return c.remotes[name]
}

func unquote(s string) string {
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}

// withoutComment cuts what follows a # outside quotes.
func withoutComment(s string) string {
	if s != "" && (s[0] == '"' || s[0] == '\'') {
		if end := strings.IndexByte(s[1:], s[0]); end >= 0 {
			return s[:end+2]
		}
	}
	if at := strings.Index(s, " #"); at >= 0 {
		return strings.TrimSpace(s[:at])
	}
	return s
}

// maxChain bounds remotes that refer to others.
const maxChain = 10

// remote returns the keys of a remote, whose URL may be that of another with a path behind it.
func (c *config) remote(name string) (map[string]string, error) {
	keys, ok := c.remotes[name]
	if !ok {
		return nil, invalid("%s names no remote %q: add it by `dvc remote add`, or set dataset.dvc.remote", path.Join(c.root, dvcDir, configFile), name)
	}
	suffix := ""
	for range maxChain {
		rest, ok := strings.CutPrefix(keys["url"], "remote://")
		if !ok {
			merged := map[string]string{}
			for key, value := range keys {
				merged[key] = value
			}
			merged["url"] = strings.TrimRight(keys["url"], "/")
			if suffix != "" {
				merged["url"] += "/" + strings.Trim(suffix, "/")
			}
			return merged, nil
		}
		base, below, _ := strings.Cut(rest, "/")
		next, ok := c.remotes[strings.ToLower(base)]
		if !ok {
			return nil, invalid("remote %q refers to remote %q, which %s doesn't name", name, base, path.Join(c.root, dvcDir, configFile))
		}
		suffix = strings.Trim(below+"/"+suffix, "/")
		over := map[string]string{}
		for key, value := range next {
			over[key] = value
		}
		for key, value := range keys { // what refers wins over what it refers to
			if key != "url" {
				over[key] = value
			}
		}
		keys = over
	}
	return nil, invalid("remote %q refers to others in a circle", name)
}
