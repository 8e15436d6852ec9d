// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds on a path.
const (
	maxPathBytes = 1024
	maxNameBytes = 255
	maxDepth     = 32
)

// CleanPath returns the path of something that came from outside, relative and below the folder that it is to be put
// into, "." for that folder itself. It refuses every other path, and names it.
func CleanPath(name string) (string, error) {
	switch {
	case name == "":
		return "", errors.New("a file in it has no name")
	case len(name) > maxPathBytes:
		return "", fmt.Errorf("%q… is longer than %d bytes", name[:64], maxPathBytes)
	case !utf8.ValidString(name):
		return "", fmt.Errorf("%+q is not UTF-8: rename it", name)
	case strings.ContainsFunc(name, unicode.IsControl):
		return "", fmt.Errorf("%q has control characters in its name", name)
	case strings.ContainsRune(name, '\\'):
		return "", fmt.Errorf("%q has a backslash in its name: separate folders by slashes", name)
	case name[0] == '/', len(name) >= 2 && name[1] == ':' && unicode.IsLetter(rune(name[0])):
		return "", fmt.Errorf("%q is an absolute path", name)
	}
	parts := strings.Split(name, "/")
	for _, part := range parts {
		if part == ".." {
			return "", fmt.Errorf("%q leads out of the folder", name)
		}
		if len(part) > maxNameBytes {
			return "", fmt.Errorf("%q… has a name longer than %d bytes", name[:64], maxNameBytes)
		}
	}
	clean := path.Clean(name)
	if strings.Count(clean, "/") >= maxDepth {
		return "", fmt.Errorf("%q lies deeper than %d folders", name, maxDepth)
	}
	return clean, nil
}
