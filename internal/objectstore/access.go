// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package objectstore

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	dialTimeout   = 10 * time.Second
	headerTimeout = 60 * time.Second
	// maxKeyBytes bounds one credential.
	maxKeyBytes = 64 << 10
)

// httpClient returns a client that trusts the certificates in a file, if one is named, besides the public ones.
func httpClient(caBundle string) (*http.Client, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if err := configure(transport, caBundle); err != nil {
		return nil, err
	}
	return &http.Client{Transport: transport}, nil
}

func configure(transport *http.Transport, caBundle string) error {
	transport.DialContext = (&net.Dialer{Timeout: dialTimeout}).DialContext
	transport.TLSHandshakeTimeout, transport.ResponseHeaderTimeout = dialTimeout, headerTimeout
	transport.MaxIdleConnsPerHost = 64
	if caBundle != "" {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		pem, err := os.ReadFile(caBundle)
		if err != nil {
			return fmt.Errorf("%w: read the CA bundle: %w", ErrConfig, err)
		}
		if !pool.AppendCertsFromPEM(pem) {
			return fmt.Errorf("%w: the CA bundle holds no certificate in PEM", ErrConfig)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return nil
}

// readKeys reads files of a folder of credentials: empty where there is none, and all of them without a folder.
func readKeys(folder string, names ...string) ([]string, error) {
	keys := make([]string, len(names))
	if folder == "" {
		return keys, nil
	}
	if _, err := os.Stat(folder); err != nil {
		return nil, fmt.Errorf("%w: the folder of the credentials can't be read: %w", ErrConfig, err)
	}
	for i, name := range names {
		data, err := readBounded(filepath.Join(folder, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w: read the credentials: %w", ErrConfig, err)
		}
		keys[i] = strings.TrimSpace(string(data))
	}
	return keys, nil
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxKeyBytes))
}
