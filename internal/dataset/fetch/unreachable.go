// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/errkind"
)

// What may be looked at when a host isn't reached.
const (
	remedyAuthority   = "name the authority that has signed its certificate in caBundle"
	remedyCertificate = "check the host's name, or have its certificate mended"
	remedyProxy       = "check the proxy that HTTPS_PROXY names, or name the host in NO_PROXY"
	remedyName        = "check the host's name, and that network policies let the cluster's DNS be asked"
	remedyNetwork     = "check the host and the port, that network policies let it be reached, and HTTPS_PROXY if it is behind a proxy"
)

// tried says how often and for how long something was tried in vain. An error of the network becomes a
// dataset.ErrUnreachable with its remedy; others stay what they are.
func tried(times int, since time.Time, err error) error {
	effort := "tried once"
	if times > 1 {
		effort = fmt.Sprintf("tried %d times in %v", times, time.Since(since).Round(time.Second))
	}
	err = fmt.Errorf("%s: %w", effort, err)
	if remedy := networkRemedy(err); remedy != "" {
		return errkind.With(dataset.ErrUnreachable, fmt.Errorf("%w: %s", err, remedy))
	}
	return err
}

// networkRemedy is what to do about an error of the network; empty for any other error.
func networkRemedy(err error) string {
	var authority x509.UnknownAuthorityError
	var name *net.DNSError
	var op *net.OpError
	var request *url.Error
	switch {
	case errors.As(err, &authority):
		return remedyAuthority
	case isCertificate(err):
		return remedyCertificate
	case errors.As(err, &op) && op.Op == "proxyconnect":
		return remedyProxy
	case errors.As(err, &name):
		return remedyName
	case op != nil, errors.As(err, &request):
		return remedyNetwork
	default:
		return ""
	}
}

// isCertificate tells whether a server has shown a certificate that isn't trusted, which it does again a moment later.
func isCertificate(err error) bool {
	var untrusted *tls.CertificateVerificationError
	return errors.As(err, &untrusted)
}
