// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// TLS serves the certificate chain and key of two files in PEM, from the next connection on after they have changed.
func TLS(certificate, key string, log *slog.Logger) (*tls.Config, error) {
	files, err := newReloaded(log, func(contents [][]byte) (*tls.Certificate, error) {
		pair, err := tls.X509KeyPair(contents[0], contents[1])
		if err != nil {
			return nil, fmt.Errorf("read the certificate %s and the key %s: %w", certificate, key, err)
		}
		return &pair, nil
	}, certificate, key)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return files.get(time.Now()), nil },
	}, nil
}

// Tokens are those that a file lists.
type Tokens struct {
	file *reloaded[[][sha256.Size]byte]
}

// ReadTokens reads the tokens of a file: one a line, without empty lines and those that begin with #.
func ReadTokens(path string, log *slog.Logger) (*Tokens, error) {
	file, err := newReloaded(log, func(contents [][]byte) ([][sha256.Size]byte, error) { return parseTokens(path, string(contents[0])) }, path)
	if err != nil {
		return nil, err
	}
	return &Tokens{file}, nil
}

// shortestToken is how many characters nobody guesses.
const shortestToken = 16

func parseTokens(path, content string) ([][sha256.Size]byte, error) {
	var tokens [][sha256.Size]byte
	number := 0
	for line := range strings.Lines(content) {
		number++
		token := strings.TrimSpace(line)
		switch {
		case token == "" || strings.HasPrefix(token, "#"):
		case len(token) < shortestToken || strings.ContainsAny(token, " \t"):
			return nil, fmt.Errorf("%s: line %d is no token: write at least %d characters without spaces", path, number, shortestToken)
		default:
			tokens = append(tokens, sha256.Sum256([]byte(token)))
		}
	}
	if len(tokens) == 0 {
		return nil, fmt.Errorf("%s has no token: write one a line", path)
	}
	return tokens, nil
}

// Allow tells whether an Authorization header bears one of the tokens. How long it takes says nothing about them.
func (t *Tokens) Allow(authorization string) bool {
	const scheme = "bearer "
	if len(authorization) < len(scheme) || !strings.EqualFold(authorization[:len(scheme)], scheme) {
		return false
	}
	sent := sha256.Sum256([]byte(strings.TrimSpace(authorization[len(scheme):])))
	found := 0
	for _, token := range t.file.get(time.Now()) {
		found |= subtle.ConstantTimeCompare(sent[:], token[:])
	}
	return found == 1
}
