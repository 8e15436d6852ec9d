// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"net/netip"
	"path/filepath"
)

// A Node is one node's names, folders and addresses. The first one has the control plane; its names and folders are the
// cluster's, those of the others end in their own.
type Node struct {
	// Cluster is the one that the node belongs to.
	Cluster *Config
	// Index counts the cluster's nodes from 0.
	Index int
}

// Node returns one of the cluster's nodes by its number from 0, whether the cluster has that many or not.
func (c *Config) Node(index int) Node { return Node{Cluster: c, Index: index} }

// AllNodes returns the cluster's nodes.
func (c *Config) AllNodes() []Node {
	out := make([]Node, 0, c.Nodes)
	for i := range c.Nodes {
		out = append(out, c.Node(i))
	}
	return out
}

// Workers returns the nodes that have no control plane.
func (c *Config) Workers() []Node { return c.AllNodes()[1:] }

// Name is the node's name in Kubernetes.
func (n Node) Name() string { return fmt.Sprintf("node%d", n.Index) }

// unique ends the names of what belongs to the node alone.
func (n Node) unique(name string) string {
	if n.Index == 0 {
		return name
	}
	return name + "-" + n.Name()
}

// Addr is the node's address with its network's length.
func (n Node) Addr() netip.Prefix { return netip.PrefixFrom(n.Cluster.at(128, 1+byte(n.Index)), 24) }

// IP is the node's address.
func (n Node) IP() netip.Addr { return n.Addr().Addr() }

// PodCIDR is the network of the node's pods.
func (n Node) PodCIDR() netip.Prefix { return netip.PrefixFrom(n.Cluster.at(64+byte(n.Index), 0), 24) }

// Link is the interface with the node's address, inside its network namespace: the first node's is the bridge that all
// others, and this machine, are attached to.
func (n Node) Link() string { return n.Name() }

// Port is where the node is attached to the first node's bridge.
func (n Node) Port() string { return fmt.Sprintf("port%d", n.Index) }

// NetNS is the name of the network namespace.
func (n Node) NetNS() string { return n.unique(n.Cluster.Name) }

// NetNSPath is the file that keeps the network namespace.
func (n Node) NetNSPath() string { return filepath.Join("/run/netns", n.NetNS()) }

// Cgroup is the parent of all its pods' cgroups, below each hierarchy's root.
func (n Node) Cgroup() string { return "/" + n.unique(n.Cluster.Name) }

// Path joins a name to the node's state folder.
func (n Node) Path(elem ...string) string {
	if n.Index == 0 {
		return n.Cluster.Path(elem...)
	}
	return n.Cluster.Path(append([]string{n.Name()}, elem...)...)
}

// A Bind is a folder of the machine behind which, in a node's own mounts only, a folder of the state
// stands: those that Kubernetes and containerd use under fixed paths.
type Bind struct {
	// Path on the machine.
	Path string
	// Source in the state folder; empty for a file system in memory.
	Source string
}

// Binds returns the node's own mounts.
func (n Node) Binds() []Bind {
	return []Bind{
		{Path: "/run/containerd"},
		{Path: "/var/lib/kubelet", Source: n.Path("kubelet")},
		{Path: "/var/lib/cni", Source: n.Path("cni")},
		{Path: "/var/log/pods", Source: n.Path("pods")},
		{Path: "/var/log/containers", Source: n.Path("containers")},
	}
}
