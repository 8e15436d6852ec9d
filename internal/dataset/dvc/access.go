// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dvc

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	gitssh "github.com/go-git/go-git/v5/plumbing/transport/ssh"
	"golang.org/x/crypto/ssh"

	"github.com/trainyard-dev/trainyard/internal/access"
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

// readCredentials reads files of the folder of credentials; those that are not there are empty.
func readCredentials(folder string, names ...string) (map[string]string, error) {
	keys := map[string]string{}
	for _, name := range names {
		key, err := access.Key(folder, name, maxKeyBytes)
		if err != nil {
			return nil, fmt.Errorf("%w: key %s can't be read: %w", dataset.ErrCredentials, name, err)
		}
		if name != keySSH && name != keyKnownHosts {
			key = strings.TrimSpace(key)
		}
		keys[name] = key
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
	pem, err := access.Bundle(a.CABundle)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", dataset.ErrConfig, err)
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
	access.Trust(transport, pem)
	return &http.Client{Transport: transport}, nil
}
