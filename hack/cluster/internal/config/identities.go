// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/trainyard-dev/trainyard/hack/cluster/internal/pki"
)

const (
	authority      = "ca"
	proxyAuthority = "front-proxy-ca"
	tokenKey       = "service-account"

	// mastersGroup may do anything.
	mastersGroup = "system:masters"
	// nodesGroup is what the API server knows kubelets by.
	nodesGroup = "system:nodes"
	// DNSUser is the name by which CoreDNS reads Services.
	DNSUser = "trainyard:coredns"
)

// clients are the identities that have a kubeconfig each.
func (c *Config) clients() []pki.Leaf {
	out := []pki.Leaf{
		{Name: "admin", User: "admin", Group: mastersGroup},
		{Name: "agent", User: "trainyard:agent", Group: mastersGroup},
		{Name: "coredns", User: DNSUser},
		{Name: "kube-controller-manager", User: "system:kube-controller-manager"},
		{Name: "kube-proxy", User: "system:kube-proxy"},
		{Name: "kube-scheduler", User: "system:kube-scheduler"},
		{Name: "metrics-server", User: "trainyard:metrics-server", Group: mastersGroup},
	}
	for _, n := range c.AllNodes() {
		out = append(out, pki.Leaf{Name: n.kubeletUser(), User: n.user(), Group: nodesGroup})
	}
	return out
}

// user is the node's name as a client of the API server.
func (n Node) user() string { return "system:node:" + n.Name() }

// kubeletUser is the name of the kubelet's certificate as a client.
func (n Node) kubeletUser() string { return n.unique("kubelet") }

// KubeletServer is the name of the kubelet's certificate as a server.
func (n Node) KubeletServer() string { return n.unique("kubelet-server") }

func (c *Config) pkiDir() string { return c.Path("pki") }

// CertFile is the path of a certificate.
func (c *Config) CertFile(name string) string { return pki.CertFile(c.pkiDir(), name) }

// KeyFile is the path of a certificate's key.
func (c *Config) KeyFile(name string) string { return pki.KeyFile(c.pkiDir(), name) }

// CAFile is the path of the authority that signs every certificate but the aggregator's.
func (c *Config) CAFile() string { return c.CertFile(authority) }

// KubeconfigFile is the path of a component's kubeconfig.
func (c *Config) KubeconfigFile(client string) string { return c.Path("pki", client+".kubeconfig") }

// servers are the certificates of what serves TLS.
func (c *Config) servers() []pki.Leaf {
	ip := func(a netip.Addr) net.IP { return a.AsSlice() }
	out := []pki.Leaf{
		{
			Name: "kube-apiserver", User: "kube-apiserver",
			DNSNames: []string{
				"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
				"kubernetes.default.svc." + ClusterDomain,
			},
			IPs: []net.IP{net.IPv4(127, 0, 0, 1), ip(c.NodeIP()), ip(c.APIServiceIP())},
		},
		{Name: "kube-apiserver-kubelet", User: "kube-apiserver-kubelet", Group: mastersGroup},
		{
			Name: "metrics-server-serving", User: "metrics-server",
			DNSNames: []string{MetricsService + "." + SystemNamespace + ".svc"}, IPs: []net.IP{ip(c.NodeIP())},
		},
	}
	for _, n := range c.AllNodes() {
		out = append(out, pki.Leaf{
			Name: n.KubeletServer(), User: n.user(), Group: nodesGroup,
			DNSNames: []string{n.Name()}, IPs: []net.IP{ip(n.IP())},
		})
	}
	return out
}

// WriteIdentities makes the certificates and kubeconfigs that are not there yet.
func (c *Config) WriteIdentities() error {
	if err := os.MkdirAll(c.pkiDir(), 0o700); err != nil {
		return err
	}
	ca, err := pki.EnsureAuthority(c.pkiDir(), authority)
	if err != nil {
		return err
	}
	proxyCA, err := pki.EnsureAuthority(c.pkiDir(), proxyAuthority)
	if err != nil {
		return err
	}
	err = errors.Join(
		pki.EnsureKeyPair(c.pkiDir(), tokenKey),
		proxyCA.Ensure(pki.Leaf{Name: "front-proxy-client", User: "front-proxy-client"}),
	)
	for _, leaf := range c.servers() {
		err = errors.Join(err, ca.Ensure(leaf))
	}
	for _, leaf := range c.clients() {
		err = errors.Join(err, ca.Ensure(leaf), c.writeKubeconfig(leaf.Name, c.KubeconfigFile(leaf.Name)))
	}
	return errors.Join(err, c.writeKubeconfig("admin", c.Kubeconfig()))
}

// writeKubeconfig writes a client's kubeconfig with its certificate in it, so that the file can be copied.
func (c *Config) writeKubeconfig(client, path string) error {
	ca, err := os.ReadFile(c.CAFile())
	if err != nil {
		return err
	}
	cert, err := os.ReadFile(c.CertFile(client))
	if err != nil {
		return err
	}
	key, err := os.ReadFile(c.KeyFile(client))
	if err != nil {
		return err
	}
	out := clientcmdapi.NewConfig()
	out.Clusters[c.Name] = &clientcmdapi.Cluster{Server: c.APIServerURL(), CertificateAuthorityData: ca}
	out.AuthInfos[client] = &clientcmdapi.AuthInfo{ClientCertificateData: cert, ClientKeyData: key}
	out.Contexts[c.Name] = &clientcmdapi.Context{Cluster: c.Name, AuthInfo: client}
	out.CurrentContext = c.Name
	if err := clientcmd.WriteToFile(*out, path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
