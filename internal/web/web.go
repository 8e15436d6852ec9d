// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package web fetches files from web servers, with the credentials and certificates of a contract.Access. Errors say what a
// person has to do, and hold nothing secret.
package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/trainyard-dev/trainyard/internal/access"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// What can be wrong with an address; test with errors.Is. All else may work again.
var (
	// ErrConfig says that what was asked for can't be: an odd address, certificates that can't be read.
	ErrConfig = errors.New("can't be transferred")
	// ErrNotFound says that there is nothing of that name.
	ErrNotFound = errors.New("not found")
	// ErrCredentials says that the credentials are refused, or missing.
	ErrCredentials = errors.New("access denied")
)

// Names of the files in a folder of credentials for web servers and registries.
const (
	UsernameKey = "username"
	PasswordKey = "password"
	TokenKey    = "token"
)

const (
	dialTimeout   = 10 * time.Second
	headerTimeout = 30 * time.Second
	maxRedirects  = 10
	// maxCredentialBytes bounds one credential.
	maxCredentialBytes = 64 << 10
)

// NewClient returns a client that trusts the certificates of a besides the public ones.
func NewClient(a contract.Access) (*http.Client, error) {
	bundle, err := access.Bundle(a.CABundle)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = (&net.Dialer{Timeout: dialTimeout}).DialContext
	transport.TLSHandshakeTimeout, transport.ResponseHeaderTimeout = dialTimeout, headerTimeout
	transport.DisableCompression = true // what is fetched is hashed as it is
	access.Trust(transport, bundle)
	return &http.Client{Transport: transport, CheckRedirect: checkRedirect}, nil
}

// checkRedirect refuses to be led from an encrypted connection to a plain one.
func checkRedirect(request *http.Request, via []*http.Request) error {
	if len(via) >= maxRedirects {
		return fmt.Errorf("redirected %d times", maxRedirects)
	}
	if via[0].URL.Scheme == "https" && request.URL.Scheme != "https" {
		return fmt.Errorf("%w: the server redirects to an unencrypted address", ErrConfig)
	}
	return nil
}

// Credential reads one file of a folder of credentials; empty if there is none, or no folder is named.
func Credential(folder, name string) (string, error) {
	if folder == "" {
		return "", nil
	}
	if _, err := os.Stat(folder); err != nil {
		return "", fmt.Errorf("%w: the folder of the credentials can't be read: %w", ErrConfig, err)
	}
	key, err := access.Key(folder, name, maxCredentialBytes)
	if err != nil {
		return "", fmt.Errorf("%w: read the credentials: %w", ErrConfig, err)
	}
	return strings.TrimSpace(key), nil
}

// Get opens what is at an https address. Nothing is unpacked on the way.
func Get(ctx context.Context, u *url.URL, a contract.Access) (io.ReadCloser, error) {
	content, _, err := GetFrom(ctx, u, a, 0)
	return content, err
}

// GetFrom is Get of what follows the first bytes, and returns how many the server has left out: as many, or none.
func GetFrom(ctx context.Context, u *url.URL, a contract.Access, first int64) (content io.ReadCloser, leftOut int64, err error) {
	response, err := ask(ctx, http.MethodGet, u, a, first)
	if err != nil {
		return nil, 0, err
	}
	switch response.StatusCode {
	case http.StatusOK:
		return response.Body, 0, nil
	case http.StatusRequestedRangeNotSatisfiable: // what is there isn't as long
		response.Body.Close()
		return GetFrom(ctx, u, a, 0)
	}
	if !strings.HasPrefix(response.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", first)) {
		response.Body.Close()
		return nil, 0, fmt.Errorf("GET %s: the server was asked for what follows byte %d and sends %q", u, first, response.Header.Get("Content-Range"))
	}
	return response.Body, first, nil
}

// Stat returns how many bytes an https address has, -1 if the server doesn't say it, and a word that is another for another
// content, empty without one.
func Stat(ctx context.Context, u *url.URL, a contract.Access) (size int64, version string, err error) {
	response, err := ask(ctx, http.MethodHead, u, a, 0)
	if errors.Is(err, errMethod) {
		return -1, "", nil
	}
	if err != nil {
		return 0, "", err
	}
	response.Body.Close()
	size = response.ContentLength
	if size == 0 {
		size = -1 // of servers that say it of the answer, which has no body
	}
	version = response.Header.Get("ETag")
	if version == "" || strings.HasPrefix(version, "W/") { // of what is the same in meaning, not in bytes
		version = response.Header.Get("Last-Modified")
	}
	return size, version, nil
}

// errMethod says that a server has no HEAD.
var errMethod = errors.New("method not allowed")

// ask sends a request for what follows the first bytes. The caller closes the body of the response, whose status is 200, or
// 206 or 416 where there are such bytes.
func ask(ctx context.Context, method string, u *url.URL, a contract.Access, first int64) (*http.Response, error) {
	client, err := NewClient(a)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, method, u.String(), http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if err := authorize(request, a.Credentials); err != nil {
		return nil, err
	}
	if first > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", first))
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, u, HostOnly(err))
	}
	inPart := response.StatusCode == http.StatusPartialContent || response.StatusCode == http.StatusRequestedRangeNotSatisfiable
	if response.StatusCode == http.StatusOK || first > 0 && inPart {
		return response, nil
	}
	response.Body.Close()
	return nil, fmt.Errorf("%s %s: %w", method, u, statusError(response.StatusCode))
}

// HostOnly leaves of the address in an error of a request its host: the rest, or that of a redirect, may hold a token.
func HostOnly(err error) error {
	var failed *url.Error
	if !errors.As(err, &failed) {
		return err
	}
	host := "a host"
	if u, err := url.Parse(failed.URL); err == nil {
		host = u.Host
	}
	return &url.Error{Op: failed.Op, URL: host, Err: failed.Err}
}

func authorize(request *http.Request, folder string) error {
	token, err := Credential(folder, TokenKey)
	if err != nil {
		return err
	}
	username, err := Credential(folder, UsernameKey)
	if err != nil {
		return err
	}
	password, err := Credential(folder, PasswordKey)
	switch {
	case err != nil:
		return err
	case token != "":
		request.Header.Set("Authorization", "Bearer "+token)
	case username != "":
		request.SetBasicAuth(username, password)
	case folder != "":
		return fmt.Errorf("%w: the credentials hold neither %s nor %s and %s", ErrCredentials, TokenKey, UsernameKey, PasswordKey)
	}
	return nil
}

// statusError says what a status means and what to do about it.
func statusError(status int) error {
	text := fmt.Sprintf("%d %s", status, http.StatusText(status))
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired:
		return fmt.Errorf("%w: %s: check the Secret with the credentials", ErrCredentials, text)
	case http.StatusNotFound, http.StatusGone:
		return fmt.Errorf("%w: %s: check the URI", ErrNotFound, text)
	case http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return fmt.Errorf("%w: %s", errMethod, text)
	default:
		return errors.New(text)
	}
}
