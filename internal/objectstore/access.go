// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package objectstore

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/trainyard-dev/trainyard/internal/access"
)

const (
	dialTimeout   = 10 * time.Second
	headerTimeout = 60 * time.Second
	// maxKeyBytes bounds one credential.
	maxKeyBytes = 64 << 10
)

// httpClient returns a client that trusts the certificates in a file, if one is named, besides the public ones.
func httpClient(caBundle string) (*http.Client, error) {
	configure, err := transportOption(caBundle)
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	configure(transport)
	return &http.Client{Transport: transport}, nil
}

// transportOption returns what is set of every transport: its times, and the certificates in a file that it trusts.
func transportOption(caBundle string) (func(*http.Transport), error) {
	bundle, err := access.Bundle(caBundle)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return func(transport *http.Transport) {
		transport.DialContext = (&net.Dialer{Timeout: dialTimeout}).DialContext
		transport.TLSHandshakeTimeout, transport.ResponseHeaderTimeout = dialTimeout, headerTimeout
		transport.MaxIdleConnsPerHost = 64
		access.Trust(transport, bundle)
	}, nil
}

// HasCredentials tells whether a folder holds credentials for the store of a URI.
func HasCredentials(uri, folder string) (bool, error) {
	scheme, _, _ := strings.Cut(uri, "://")
	if folder == "" {
		return false, nil
	}
	keys, err := readKeys(folder, openers[scheme].keys...)
	return slices.ContainsFunc(keys, func(key string) bool { return key != "" }), err
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
		key, err := access.Key(folder, name, maxKeyBytes)
		if err != nil {
			return nil, fmt.Errorf("%w: read the credentials: %w", ErrConfig, err)
		}
		keys[i] = strings.TrimSpace(key)
	}
	return keys, nil
}
