// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package pki makes the certificates of a cluster: an authority, and what it signs.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

const (
	// validity is longer than any local cluster lives.
	validity = 10 * 365 * 24 * time.Hour
	// backdate allows for clocks that are set back.
	backdate = time.Hour

	certBlock = "CERTIFICATE"
	keyBlock  = "PRIVATE KEY"
	pubBlock  = "PUBLIC KEY"
)

// Authority signs certificates.
type Authority struct {
	cert *x509.Certificate
	key  crypto.Signer
	dir  string
}

// Leaf is a certificate to sign: a client's, a server's if it has names or addresses, or both.
type Leaf struct {
	// Name of the files, without their ending.
	Name string
	// User is the common name, by which the API server knows a client.
	User string
	// Group is the organization, which the API server takes as a client's group.
	Group string
	// DNSNames and IPs are a server's.
	DNSNames []string
	IPs      []net.IP
}

// CertFile and KeyFile are the paths of a certificate and its key in a folder.
func CertFile(dir, name string) string { return filepath.Join(dir, name+".crt") }

// KeyFile is the path of a certificate's key in a folder.
func KeyFile(dir, name string) string { return filepath.Join(dir, name+".key") }

// EnsureAuthority reads the authority of that name in the folder, or makes one.
func EnsureAuthority(dir, name string) (*Authority, error) {
	cert, key, err := read(dir, name)
	if err == nil {
		return &Authority{cert: cert, key: key, dir: dir}, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the authority %s: %w", name, err)
	}
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template, err := newTemplate(pkix.Name{CommonName: name})
	if err != nil {
		return nil, err
	}
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	if err := sign(dir, name, template, template, signer, signer); err != nil {
		return nil, fmt.Errorf("make the authority %s: %w", name, err)
	}
	cert, key, err = read(dir, name)
	return &Authority{cert: cert, key: key, dir: dir}, err
}

// Ensure makes the certificate and its key, unless the folder has them.
func (a *Authority) Ensure(leaf Leaf) error {
	if _, _, err := read(a.dir, leaf.Name); err == nil {
		return nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the certificate %s: %w", leaf.Name, err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	subject := pkix.Name{CommonName: leaf.User}
	if leaf.Group != "" {
		subject.Organization = []string{leaf.Group}
	}
	template, err := newTemplate(subject)
	if err != nil {
		return err
	}
	template.DNSNames, template.IPAddresses = leaf.DNSNames, leaf.IPs
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if len(leaf.DNSNames)+len(leaf.IPs) > 0 {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	if err := sign(a.dir, leaf.Name, template, a.cert, key, a.key); err != nil {
		return fmt.Errorf("make the certificate %s: %w", leaf.Name, err)
	}
	return nil
}

// EnsureKeyPair makes a key, and the file of its public half, for signing tokens.
func EnsureKeyPair(dir, name string) error {
	pub := filepath.Join(dir, name+".pub")
	if _, err := os.Stat(pub); err == nil {
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	if err := writeKey(KeyFile(dir, name), key); err != nil {
		return err
	}
	return write(pub, pubBlock, der, 0o644)
}

func newTemplate(subject pkix.Name) (*x509.Certificate, error) {
	const serialBits = 120
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), serialBits))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      subject,
		NotBefore:    now.Add(-backdate),
		NotAfter:     now.Add(validity),
	}, nil
}

// sign writes the key first: a certificate without one would be taken as done.
func sign(dir, name string, template, parent *x509.Certificate, key, parentKey crypto.Signer) error {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		return err
	}
	if err := writeKey(KeyFile(dir, name), key); err != nil {
		return err
	}
	return write(CertFile(dir, name), certBlock, der, 0o644)
}

func writeKey(path string, key crypto.Signer) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return write(path, keyBlock, der, 0o600)
}

// write replaces a file in one rename, so that a killed run leaves no half of one.
func write(path, block string, der []byte, mode fs.FileMode) error {
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, pem.EncodeToMemory(&pem.Block{Type: block, Bytes: der}), mode); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

func read(dir, name string) (*x509.Certificate, crypto.Signer, error) {
	certDER, err := readBlock(CertFile(dir, name), certBlock)
	if err != nil {
		return nil, nil, err
	}
	keyDER, err := readBlock(KeyFile(dir, name), keyBlock)
	if err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(certDER)
	if err != nil {
		return nil, nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(keyDER)
	if err != nil {
		return nil, nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, nil, fmt.Errorf("%s: a %T cannot sign", KeyFile(dir, name), key)
	}
	return cert, signer, nil
}

func readBlock(path, block string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	p, _ := pem.Decode(data)
	if p == nil || p.Type != block {
		return nil, fmt.Errorf("%s holds no PEM block %q", path, block)
	}
	return p.Bytes, nil
}
