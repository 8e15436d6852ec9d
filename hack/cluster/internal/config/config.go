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
	"strconv"
	"strings"
)

const (
	// DefaultName is the cluster's name where none is given.
	DefaultName = "trainyard"
	// DefaultSubnet holds the addresses of the node, the pods and the Services. It is one that few networks use.
	DefaultSubnet = "10.213.0.0/16"

	// DefaultNodes is how many nodes a cluster has where no number is given.
	DefaultNodes = 1
	// MaxNodes bounds them: all of them share one machine.
	MaxNodes = 4

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

// Config is one cluster's names, folders and addresses. Everything in it follows from its name, subnet and number of nodes.
type Config struct {
	// Name of the cluster, of its network namespace and of its cgroup.
	Name string
	// BinDir holds the programs.
	BinDir string
	// Subnet is a /16, cut into the networks of nodes, pods and Services.
	Subnet netip.Prefix
	// Nodes is how many nodes the cluster has.
	Nodes int
	// root holds the state folders of all clusters.
	root string
}

// nameRule keeps the name's first 11 characters and a digit within a network interface's 15.
var nameRule = regexp.MustCompile(`^[a-z][a-z0-9]{0,13}$`)

// New checks the name, the subnet and the number of nodes and returns the cluster's configuration.
func New(name, subnet string, nodes int, binDir string) (*Config, error) {
	if !nameRule.MatchString(name) {
		return nil, fmt.Errorf("cluster name %q: use 1 to 14 lower-case letters and digits, a letter first", name)
	}
	prefix, err := netip.ParsePrefix(subnet)
	if err != nil || !prefix.Addr().Is4() || prefix.Bits() != subnetBits || prefix.Masked() != prefix {
		return nil, fmt.Errorf("subnet %q: use an IPv4 network of %d bits, %s for example", subnet, subnetBits, DefaultSubnet)
	}
	if nodes < 1 || nodes > MaxNodes {
		return nil, fmt.Errorf("%d nodes: use 1 to %d", nodes, MaxNodes)
	}
	return &Config{Name: name, BinDir: binDir, Subnet: prefix, Nodes: nodes, root: stateRoot}, nil
}

// Open returns the configuration of a cluster that may have been started before. Its subnet and number of nodes are those that
// it was started with, or else the given ones, or else, where those are empty or 0, the defaults. Others than it was started
// with are an error.
func Open(name, subnet string, nodes int, binDir string) (*Config, error) {
	c, err := New(name, cmp.Or(subnet, DefaultSubnet), cmp.Or(nodes, DefaultNodes), binDir)
	if err != nil {
		return nil, err
	}
	return c.withRecorded(subnet, nodes)
}

func (c *Config) withRecorded(subnet string, nodes int) (*Config, error) {
	started, err := c.recorded(c.subnetFile())
	if err != nil || started == "" {
		return c, err
	}
	if subnet != "" && subnet != started {
		return nil, fmt.Errorf("the cluster %s was started with the subnet %s, not %s: leave out --subnet, or end it first by down", c.Name, started, subnet)
	}
	if c.Subnet, err = netip.ParsePrefix(started); err != nil {
		return nil, fmt.Errorf("%s: %w: end the cluster with --subnet and down", c.subnetFile(), err)
	}
	if started, err = c.recorded(c.nodesFile()); err != nil || started == "" {
		return c, err
	}
	if nodes != 0 && strconv.Itoa(nodes) != started {
		return nil, fmt.Errorf("the cluster %s was started with --nodes=%s, not %d: leave out --nodes, or end it first by down", c.Name, started, nodes)
	}
	if c.Nodes, err = strconv.Atoi(started); err != nil {
		return nil, fmt.Errorf("%s: %w: remove the file and end the cluster by down", c.nodesFile(), err)
	}
	return c, nil
}

// recorded returns what a file says that the cluster was started with; nothing before its first start.
func (c *Config) recorded(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read what the cluster was started with: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// at returns an address in the subnet.
func (c *Config) at(third, fourth byte) netip.Addr {
	b := c.Subnet.Addr().As4()
	b[2], b[3] = third, fourth
	return netip.AddrFrom4(b)
}

// ServiceCIDR is the network of the Services' virtual addresses.
func (c *Config) ServiceCIDR() netip.Prefix { return netip.PrefixFrom(c.at(0, 0), 18) }

// PodCIDR is the network of all pods; each node's are in a part of it.
func (c *Config) PodCIDR() netip.Prefix { return netip.PrefixFrom(c.at(64, 0), 18) }

// HostAddr is this machine's address in the nodes' network: from it the cluster can be reached, and only it.
func (c *Config) HostAddr() netip.Prefix { return netip.PrefixFrom(c.at(128, 254), 24) }

// NodeIP is the address of the first node and of what listens on it: the API server, DNS and the registry.
func (c *Config) NodeIP() netip.Addr { return c.Node(0).IP() }

// APIServiceIP is the address of the Service kubernetes.default.
func (c *Config) APIServiceIP() netip.Addr { return c.at(0, 1) }

// APIServerURL is where the API server listens, for the nodes, their pods and this machine alike.
func (c *Config) APIServerURL() string {
	return "https://" + netip.AddrPortFrom(c.NodeIP(), apiServerPort).String()
}

// Registry is the host and port of the local image registry, which speaks plain HTTP.
func (c *Config) Registry() string {
	return netip.AddrPortFrom(c.NodeIP(), registryPort).String()
}

// HostLink is the interface on this machine through which it reaches the cluster.
func (c *Config) HostLink() string { return c.Name + "0" }

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

// Volumes is the number of local volumes of each node that wait for a claim.
const Volumes = 16

// VolumesDir holds a folder for each local volume.
func (c *Config) VolumesDir() string { return c.Path("volumes") }

// DataDir is where each node sees the folder that the user has lent to the cluster, read-only.
func (c *Config) DataDir() string { return c.Path("data") }

// DNSReadyURL answers once DNS does.
func (c *Config) DNSReadyURL() string {
	return "http://" + netip.AddrPortFrom(c.NodeIP(), dnsReadyPort).String() + "/ready"
}
