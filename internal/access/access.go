// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package access reads what a contract.Access names: the files of a mounted Secret, and a bundle of certificates.
// Errors hold nothing secret; what they are for a caller, it says itself.
package access

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
)

// Key returns what the file of a key holds in a folder of credentials, up to maxBytes; empty without a folder or such a file.
func Key(folder, name string, maxBytes int64) (string, error) {
	if folder == "" {
		return "", nil
	}
	f, err := os.Open(filepath.Join(folder, name))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxBytes))
	return string(data), err
}

// Bundle returns the certificates in a file, in PEM; nil without a file.
func Bundle(file string) ([]byte, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the CA bundle: %w", err)
	}
	if !x509.NewCertPool().AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("the CA bundle %s holds no certificate in PEM", file)
	}
	return pem, nil
}

// Trust has a transport trust the certificates of a Bundle besides the public ones. Nil changes nothing.
func Trust(transport *http.Transport, bundle []byte) {
	if bundle == nil {
		return
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	pool.AppendCertsFromPEM(bundle)
	transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
}
