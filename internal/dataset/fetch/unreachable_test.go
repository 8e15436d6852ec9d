// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/dataset"
)

// ask sends a request and returns the error, through a proxy if one is named.
func ask(t *testing.T, address, proxy string) error {
	t.Helper()
	transport := &http.Transport{}
	if proxy != "" {
		u, err := url.Parse(proxy)
		if err != nil {
			t.Fatal(err)
		}
		transport.Proxy = http.ProxyURL(u)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err == nil {
		response.Body.Close()
	}
	return err
}

// Each way not to reach a host is said with what may be done about it. An untrusted certificate isn't asked for again.
func TestHostsThatAreNotReached(t *testing.T) {
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for name, tc := range map[string]struct {
		cause  error
		opened int
		says   []string
	}{
		"a closed port":        {ask(t, closed.URL, ""), attempts, []string{"tried 7 times in ", strings.TrimPrefix(closed.URL, "http://"), remedyNetwork}},
		"an unknown authority": {ask(t, untrusted.URL, ""), 1, []string{"tried once", strings.TrimPrefix(untrusted.URL, "https://"), remedyAuthority}},
		"a closed proxy":       {ask(t, "https://pets.example", closed.URL), attempts, []string{"pets.example", remedyProxy}},
		"an unknown name":      {&net.DNSError{Err: "no such host", Name: "pets.example", IsNotFound: true}, attempts, []string{"pets.example", remedyName}},
	} {
		t.Run(name, func(t *testing.T) {
			p := numbered(1, 100)
			p.fail = func(string, int) error { return tc.cause }
			_, err := fetchAll(t, open(t, t.TempDir(), Options{}), p)
			if !errors.Is(err, dataset.ErrUnreachable) || p.count() != tc.opened {
				t.Fatalf("opened %d times, want %d; error %v", p.count(), tc.opened, err)
			}
			for _, says := range tc.says {
				if !strings.Contains(err.Error(), says) {
					t.Errorf("error %v doesn't say %q", err, says)
				}
			}
		})
	}
}

// What comes wrong, or can't be stored, comes from a host that was reached.
func TestOtherErrorsAreNotTheNetworks(t *testing.T) {
	p := numbered(1, 100)
	p.listed = func(f *File) { f.Size++ }
	if _, err := fetchAll(t, open(t, t.TempDir(), Options{}), p); err == nil || errors.Is(err, dataset.ErrUnreachable) {
		t.Errorf("got %v", err)
	}
}
