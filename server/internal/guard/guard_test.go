// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

var quiet = slog.New(slog.DiscardHandler)

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "tokens")
		write(t, path, "# who\n0123456789abcdef\n\nfedcba9876543210\n")
		tokens, err := ReadTokens(path, quiet)
		if err != nil {
			t.Fatal(err)
		}
		expect := func(when string, want map[string]bool) {
			t.Helper()
			for header, allowed := range want {
				if tokens.Allow(header) != allowed {
					t.Errorf("%s: Allow(%q) = %v", when, header, !allowed)
				}
			}
		}
		expect("as written", map[string]bool{
			"Bearer 0123456789abcdef": true, "bearer fedcba9876543210": true,
			"": false, "Bearer": false, "Bearer ": false, "Bearer # who": false, "Bearer 0123456789abcde": false, "Basic 0123456789abcdef": false,
		})
		write(t, path, "another-token-of-today")
		time.Sleep(checkEvery)
		expect("after a change", map[string]bool{"Bearer another-token-of-today": true, "Bearer 0123456789abcdef": false})
		write(t, path, "short")
		time.Sleep(checkEvery)
		expect("after a mistake", map[string]bool{"Bearer another-token-of-today": true, "Bearer short": false})
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(checkEvery)
		expect("without the file", map[string]bool{"Bearer another-token-of-today": true})
	})
}

func TestTokensAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens")
	for name, content := range map[string]string{"none": "# none\n", "a short one": "0123456789abcde", "words": "0123456789 abcdef"} {
		write(t, path, content)
		if _, err := ReadTokens(path, quiet); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := ReadTokens(path+"-nowhere", quiet); err == nil {
		t.Error("no file: no error")
	}
}

// certify writes a certificate of a serial number, and its key.
func certify(t *testing.T, certificate, key string, serial int64) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	write(t, certificate, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(t, key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
}

func TestCertificateIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		certificate, key := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
		certify(t, certificate, key, 1)
		config, err := TLS(certificate, key, quiet)
		if err != nil {
			t.Fatal(err)
		}
		serial := func() int64 {
			t.Helper()
			pair, err := config.GetCertificate(&tls.ClientHelloInfo{})
			if err != nil {
				t.Fatal(err)
			}
			return pair.Leaf.SerialNumber.Int64()
		}
		certify(t, certificate, key, 2)
		if got := serial(); got != 1 {
			t.Errorf("before files are looked at again: certificate %d", got)
		}
		time.Sleep(checkEvery)
		if got := serial(); got != 2 {
			t.Errorf("afterwards: certificate %d, want 2", got)
		}
		write(t, key, "half a file")
		time.Sleep(checkEvery)
		if got := serial(); got != 2 {
			t.Errorf("with half a key: certificate %d, want 2", got)
		}
		if _, err := TLS(certificate, key, quiet); err == nil {
			t.Error("a start with half a key: no error")
		}
	})
}

func TestRate(t *testing.T) {
	r, now := NewRate(2), time.Unix(1000, 0)
	for i := range 4 {
		if _, ok := r.Allow("192.0.2.1:1000", now); !ok {
			t.Errorf("request %d at once is refused", i)
		}
	}
	if wait, ok := r.Allow("192.0.2.1:2000", now); ok || wait != time.Second/2 {
		t.Errorf("the fifth: %v, %v, want to wait half a second", wait, ok)
	}
	if _, ok := r.Allow("192.0.2.2:1000", now); !ok {
		t.Error("another client is refused")
	}
	if _, ok := r.Allow("192.0.2.1:1000", now.Add(time.Second/2)); !ok {
		t.Error("refused after half a second")
	}
}

func TestRateOfNetworks(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		same bool
	}{
		{"[2001:db8::1]:1", "[2001:db8::2]:2", true},
		{"[2001:db8::1]:1", "[2001:db8:0:1::1]:1", false},
		{"192.0.2.1:1", "[::ffff:192.0.2.1]:1", true},
		{"@", "nobody", true},
	} {
		if same := clientOf(tc.a) == clientOf(tc.b); same != tc.same {
			t.Errorf("%s and %s are one client: %v", tc.a, tc.b, same)
		}
	}
}

func TestRateIsBounded(t *testing.T) {
	r, now := NewRate(1), time.Unix(1000, 0)
	for i := range maxClients + 100 {
		r.Allow(fmt.Sprintf("10.%d.%d.%d:1", i>>16, i>>8&255, i&255), now)
	}
	if len(r.clients) != maxClients {
		t.Errorf("%d clients are told apart, want %d", len(r.clients), maxClients)
	}
	if _, ok := r.Allow("192.0.2.1:1", now); ok {
		t.Error("what the others have together is used up, and one more is admitted")
	}
	if _, ok := r.Allow("192.0.2.1:1", now.Add(time.Minute)); !ok || len(r.clients) != 1 {
		t.Errorf("after a minute: admitted %v, %d clients", ok, len(r.clients))
	}
}
