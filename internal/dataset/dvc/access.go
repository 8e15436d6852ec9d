// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dvc

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
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	gitssh "github.com/go-git/go-git/v5/plumbing/transport/ssh"
	"golang.org/x/crypto/ssh"

	"github.com/trainyard-dev/trainyard/internal/dataset"
)

// Keys of the credentials: Git's are those of Kubernetes' Secrets for basic authentication and SSH.
const (
	keyUser         = "username"
	keyPassword     = "password" // or a token
	keySSH          = "ssh-privatekey"
	keyKnownHosts   = "known_hosts"
	keyHTTPUser     = "HTTP_USERNAME" // of a remote on a web server
	keyHTTPPassword = "HTTP_PASSWORD"
)

const (
	maxKeyBytes   = 1 << 20
	headerTimeout = 60 * time.Second
)

// readCredentials reads files of the folder of credentials: those that are there.
func readCredentials(folder string, names ...string) (map[string]string, error) {
	keys := map[string]string{}
	if folder == "" {
		return keys, nil
	}
	for _, name := range names {
		f, err := os.Open(filepath.Join(folder, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%w: key %s can't be read: %w", dataset.ErrCredentials, name, err)
		}
		data, err := io.ReadAll(io.LimitReader(f, maxKeyBytes))
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
		keys[name] = string(data)
		if name != keySSH && name != keyKnownHosts {
			keys[name] = strings.TrimSpace(keys[name])
		}
	}
	return keys, nil
}

// auth returns what Git's server is told; nil is nothing.
func (a Access) auth(endpoint *transport.Endpoint) (transport.AuthMethod, error) {
	keys, err := readCredentials(a.Credentials, keyUser, keyPassword, keySSH, keyKnownHosts)
	if err != nil {
		return nil, err
	}
	switch {
	case endpoint.Protocol == "https" && keys[keyPassword] != "":
		user := keys[keyUser]
		if user == "" {
			user = "token" // most servers look at the token only, but want a name
		}
		return &githttp.BasicAuth{Username: user, Password: keys[keyPassword]}, nil
	case endpoint.Protocol == "ssh" && a.Credentials != "":
		return a.sshKey(endpoint, keys)
	default:
		return nil, nil
	}
}

func (a Access) sshKey(endpoint *transport.Endpoint, keys map[string]string) (transport.AuthMethod, error) {
	if keys[keySSH] == "" || keys[keyKnownHosts] == "" {
		return nil, fmt.Errorf("%w: a repository over SSH needs the keys %s and %s in the Secret", dataset.ErrCredentials, keySSH, keyKnownHosts)
	}
	signer, err := ssh.ParsePrivateKey([]byte(keys[keySSH]))
	if err != nil {
		return nil, fmt.Errorf("%w: key %s is no private key without a passphrase", dataset.ErrCredentials, keySSH)
	}
	user := endpoint.User
	if user == "" {
		user = "git"
	}
	hosts, err := gitssh.NewKnownHostsCallback(filepath.Join(a.Credentials, keyKnownHosts))
	if err != nil {
		return nil, fmt.Errorf("%w: key %s is no list of host keys: make it by ssh-keyscan", dataset.ErrCredentials, keyKnownHosts)
	}
	return &gitssh.PublicKeys{User: user, Signer: signer, HostKeyCallbackHelper: gitssh.HostKeyCallbackHelper{HostKeyCallback: hosts}}, nil
}

// caBundle reads the certificates that are trusted besides the public ones.
func (a Access) caBundle() ([]byte, error) {
	if a.CABundle == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(a.CABundle)
	if err != nil {
		return nil, fmt.Errorf("%w: read the CA bundle: %w", dataset.ErrConfig, err)
	}
	if !x509.NewCertPool().AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%w: the CA bundle holds no certificate in PEM", dataset.ErrConfig)
	}
	return pem, nil
}

// httpClient returns a client for remotes on web servers.
func (a Access) httpClient() (*http.Client, error) {
	pem, err := a.caBundle()
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = headerTimeout
	transport.MaxIdleConnsPerHost = 64
	if pem != nil {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		pool.AppendCertsFromPEM(pem)
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return &http.Client{Transport: transport}, nil
}
