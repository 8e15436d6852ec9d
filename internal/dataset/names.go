// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Shown returns a file's name for people and for JSON. A file system's names are
// bytes: those that are no UTF-8, as in archives of old, are shown as \xNN.
func Shown(name string) string {
	if utf8.ValidString(name) {
		return name
	}
	var b strings.Builder
	for len(name) > 0 {
		r, size := utf8.DecodeRuneInString(name)
		if r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&b, `\x%02x`, name[0])
		} else {
			b.WriteString(name[:size])
		}
		name = name[size:]
	}
	return b.String()
}

// ClassName returns the name of a class in the form in which names are compared:
// Unicode's NFC. macOS writes a folder's é as e and an accent, others as one
// character; people see the same.
func ClassName(name string) string { return norm.NFC.String(name) }

// maxClassNameBytes bounds a class's name.
const maxClassNameBytes = 63

// CheckClassName keeps names to what fits into metadata, metrics and logs. Its errors go on from the name.
func CheckClassName(name string) error {
	switch {
	case !utf8.ValidString(name):
		return errors.New("is not UTF-8")
	case len(name) > maxClassNameBytes:
		return fmt.Errorf("has more than %d bytes", maxClassNameBytes)
	case strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return errors.New("has characters that can't be printed")
	default:
		return nil
	}
}
