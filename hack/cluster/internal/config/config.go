// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package config says where a cluster lives on the machine and in its network, and renders the
// configuration of each component from that. It touches nothing but its own files.
package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

const (
	// DefaultName is the cluster's name where none is given.
	DefaultName = "trainyard"
	// DefaultSubnet holds the addresses of the node, the pods and the Services. It is one that few networks use.
	DefaultSubnet = "10.213.0.0/16"

	// NodeName is the one node's name.
	NodeName = "node0"
	// NodeLink is the bridge with the node's address, inside the network namespace.
	NodeLink = "node0"
	// ClusterDomain ends the name of every Service.
	ClusterDomain = "cluster.local"
	// PauseImage holds a pod's namespaces. It is made by the tool itself.
	PauseImage = "trainyard.local/pause:1"

	stateRoot = "/var/lib/trainyard"

	// subnetBits is the prefix length of the cluster's subnet.
	subnetBits = 16

	apiServerPort = 6443
	registryPort  = 5000
	dnsReadyPort  = 8181
)

// Config is one cluster's names, folders and addresses. Everything in it follows from its name and subnet.
type Config struct {
	// Name of the cluster, of its network namespace and of its cgroup.
	Name string
	// BinDir holds the programs.
	BinDir string
	// Subnet is a /16, cut into the networks of nodes, pods and Services.
	Subnet netip.Prefix
	// root holds the state folders of all clusters.
	root string
}

// nameRule keeps the name's first 11 characters and a digit within a network interface's 15.
var nameRule = regexp.MustCompile(`^[a-z][a-z0-9]{0,13}$`)

// New checks the name and the subnet and returns the cluster's configuration.
func New(name, subnet, binDir string) (*Config, error) {
	if !nameRule.MatchString(name) {
		return nil, fmt.Errorf("cluster name %q: use 1 to 14 lower-case letters and digits, a letter first", name)
	}
	prefix, err := netip.ParsePrefix(subnet)
	if err != nil || !prefix.Addr().Is4() || prefix.Bits() != subnetBits || prefix.Masked() != prefix {
		return nil, fmt.Errorf("subnet %q: use an IPv4 network of %d bits, %s for example", subnet, subnetBits, DefaultSubnet)
	}
	return &Config{Name: name, BinDir: binDir, Subnet: prefix, root: stateRoot}, nil
}

// Open returns the configuration of a cluster that may have been started before. Its subnet is the one that it was started
// with, or else the given one, or else DefaultSubnet. Another one than it was started with is an error.
func Open(name, subnet, binDir string) (*Config, error) {
	c, err := New(name, cmp.Or(subnet, DefaultSubnet), binDir)
	if err != nil {
		return nil, err
	}
	return c.withRecordedSubnet(subnet)
}

func (c *Config) withRecordedSubnet(asked string) (*Config, error) {
	recorded, err := os.ReadFile(c.subnetFile())
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the cluster's subnet: %w", err)
	}
	started := strings.TrimSpace(string(recorded))
	if asked != "" && asked != started {
		return nil, fmt.Errorf("the cluster %s was started with the subnet %s, not %s: leave out --subnet, or end it first by down", c.Name, started, asked)
	}
	c.Subnet, err = netip.ParsePrefix(started)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: end the cluster with --subnet and down", c.subnetFile(), err)
	}
	return c, nil
}

// at returns an address in the subnet.
func (c *Config) at(third, fourth byte) netip.Addr {
	b := c.Subnet.Addr().As4()
	b[2], b[3] = third, fourth
	return netip.AddrFrom4(b)
}

// ServiceCIDR is the network of the Services' virtual addresses.
func (c *Config) ServiceCIDR() netip.Prefix { return netip.PrefixFrom(c.at(0, 0), 18) }

// PodCIDR is the network of the node's pods.
func (c *Config) PodCIDR() netip.Prefix { return netip.PrefixFrom(c.at(64, 0), 24) }

// NodeAddr is the node's address with its network's length.
func (c *Config) NodeAddr() netip.Prefix { return netip.PrefixFrom(c.at(128, 1), 24) }

// HostAddr is this machine's address in the node's network: from it the cluster can be reached, and only it.
func (c *Config) HostAddr() netip.Prefix { return netip.PrefixFrom(c.at(128, 254), 24) }

// NodeIP is the address of the node and of what listens on it: the API server, DNS and the registry.
func (c *Config) NodeIP() netip.Addr { return c.NodeAddr().Addr() }

// APIServiceIP is the address of the Service kubernetes.default.
func (c *Config) APIServiceIP() netip.Addr { return c.at(0, 1) }

// APIServerURL is where the API server listens, for the node, its pods and this machine alike.
func (c *Config) APIServerURL() string {
	return "https://" + netip.AddrPortFrom(c.NodeIP(), apiServerPort).String()
}

// Registry is the host and port of the local image registry, which speaks plain HTTP.
func (c *Config) Registry() string {
	return netip.AddrPortFrom(c.NodeIP(), registryPort).String()
}

// HostLink is the interface on this machine through which it reaches the cluster.
func (c *Config) HostLink() string { return c.Name + "0" }

// PeerLink is the other end of HostLink, inside the network namespace.
func (c *Config) PeerLink() string { return "uplink0" }

// NetNSPath is the file that keeps the network namespace.
func (c *Config) NetNSPath() string { return filepath.Join("/run/netns", c.Name) }

// Cgroup is the parent of all pods' cgroups, below each hierarchy's root.
func (c *Config) Cgroup() string { return "/" + c.Name }

// StateDir holds everything that the cluster keeps on disk.
func (c *Config) StateDir() string { return filepath.Join(c.root, c.Name) }

// Path joins a name to the state folder.
func (c *Config) Path(elem ...string) string {
	return filepath.Join(append([]string{c.StateDir()}, elem...)...)
}

// Kubeconfig is the administrator's.
func (c *Config) Kubeconfig() string { return c.Path("kubeconfig") }

// LockPath is the file that keeps two calls of the tool from working on one cluster at a time. It is
// outside the state folder, which goes with the cluster.
func (c *Config) LockPath() string { return filepath.Join("/run/lock", "trainyard-"+c.Name) }

// Bin is a program's path.
func (c *Config) Bin(name string) string { return filepath.Join(c.BinDir, name) }

// Volumes is the number of local volumes that wait for a claim.
const Volumes = 16

// VolumesDir holds a folder for each local volume.
func (c *Config) VolumesDir() string { return c.Path("volumes") }

// DataDir is where the node sees the folder that the user has lent to the cluster, read-only.
func (c *Config) DataDir() string { return c.Path("data") }

// A Bind is a folder of the machine behind which, in the node's own mounts only, a folder of the state
// stands: those that Kubernetes and containerd use under fixed paths.
type Bind struct {
	// Path on the machine.
	Path string
	// Source in the state folder; empty for a file system in memory.
	Source string
}

// Binds returns the node's own mounts.
func (c *Config) Binds() []Bind {
	return []Bind{
		{Path: "/run/containerd"},
		{Path: "/var/lib/kubelet", Source: c.Path("kubelet")},
		{Path: "/var/lib/cni", Source: c.Path("cni")},
		{Path: "/var/log/pods", Source: c.Path("pods")},
		{Path: "/var/log/containers", Source: c.Path("containers")},
	}
}

// DNSReadyURL answers once DNS does.
func (c *Config) DNSReadyURL() string {
	return "http://" + netip.AddrPortFrom(c.NodeIP(), dnsReadyPort).String() + "/ready"
}
