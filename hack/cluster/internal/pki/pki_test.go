// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package pki

import (
	"crypto/x509"
	"net"
	"os"
	"strings"
	"testing"
)

func TestEnsure(t *testing.T) {
	dir := t.TempDir()
	ca, err := EnsureAuthority(dir, "ca")
	if err != nil {
		t.Fatal(err)
	}
	server := Leaf{Name: "server", User: "api", DNSNames: []string{"localhost"}, IPs: []net.IP{net.IPv4(10, 0, 0, 1)}}
	client := Leaf{Name: "client", User: "admin", Group: "system:masters"}
	for _, leaf := range []Leaf{server, client} {
		if err := ca.Ensure(leaf); err != nil {
			t.Fatal(err)
		}
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca.cert)
	verify := func(name, host string, usage x509.ExtKeyUsage) error {
		cert, _, err := read(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		_, err = cert.Verify(x509.VerifyOptions{Roots: roots, DNSName: host, KeyUsages: []x509.ExtKeyUsage{usage}})
		return err
	}
	for _, host := range []string{"localhost", "10.0.0.1"} {
		if err := verify("server", host, x509.ExtKeyUsageServerAuth); err != nil {
			t.Errorf("the server's certificate for %s: %v", host, err)
		}
	}
	if err := verify("client", "", x509.ExtKeyUsageClientAuth); err != nil {
		t.Errorf("the client's certificate: %v", err)
	}
	if err := verify("client", "", x509.ExtKeyUsageServerAuth); err == nil {
		t.Error("a client's certificate is a server's too")
	}
	cert, _, err := read(dir, "client")
	if err != nil {
		t.Fatal(err)
	}
	if cert.Subject.CommonName != "admin" || strings.Join(cert.Subject.Organization, ",") != "system:masters" {
		t.Errorf("the client's subject is %v", cert.Subject)
	}
}

// What is there is kept: the components of a running cluster have it.
func TestEnsureKeeps(t *testing.T) {
	dir := t.TempDir()
	contents := func() string {
		t.Helper()
		ca, err := EnsureAuthority(dir, "ca")
		if err != nil {
			t.Fatal(err)
		}
		if err := ca.Ensure(Leaf{Name: "leaf", User: "u"}); err != nil {
			t.Fatal(err)
		}
		if err := EnsureKeyPair(dir, "tokens"); err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		for _, path := range []string{
			CertFile(dir, "ca"), KeyFile(dir, "ca"), CertFile(dir, "leaf"), KeyFile(dir, "leaf"), KeyFile(dir, "tokens"), dir + "/tokens.pub",
		} {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			out.Write(data)
		}
		return out.String()
	}
	if first := contents(); contents() != first {
		t.Error("the second call made other files")
	}
}

func TestEnsureBroken(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{CertFile(dir, "ca"), KeyFile(dir, "ca")} {
		if err := os.WriteFile(path, []byte("broken"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := EnsureAuthority(dir, "ca"); err == nil || !strings.Contains(err.Error(), "no PEM block") {
		t.Errorf("error %v, want one on the file's contents", err)
	}
}
