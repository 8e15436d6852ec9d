// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	stdcmp "cmp"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"
)

func TestNew(t *testing.T) {
	tests := map[string]struct {
		name, subnet string
		nodes        int    // 0: one
		want         string // part of the error
	}{
		"default":         {name: DefaultName, subnet: DefaultSubnet},
		"another":         {name: "mine2", subnet: "10.1.0.0/16"},
		"capitals":        {name: "Mine", subnet: DefaultSubnet, want: "lower-case"},
		"path":            {name: "a/b", subnet: DefaultSubnet, want: "lower-case"},
		"long name":       {name: "abcdefghijklmno", subnet: DefaultSubnet, want: "1 to 14"},
		"no subnet":       {name: DefaultName, subnet: "10.1.0.0", want: "IPv4 network of 16 bits"},
		"small subnet":    {name: DefaultName, subnet: "10.1.0.0/24", want: "IPv4 network of 16 bits"},
		"not its network": {name: DefaultName, subnet: "10.1.2.0/16", want: "IPv4 network of 16 bits"},
		"IPv6":            {name: DefaultName, subnet: "fd00::/16", want: "IPv4 network of 16 bits"},
		"most nodes":      {name: DefaultName, subnet: DefaultSubnet, nodes: MaxNodes},
		"too many nodes":  {name: DefaultName, subnet: DefaultSubnet, nodes: MaxNodes + 1, want: "use 1 to 4"},
		"fewer than none": {name: DefaultName, subnet: DefaultSubnet, nodes: -1, want: "use 1 to 4"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := New(tc.name, tc.subnet, stdcmp.Or(tc.nodes, 1), "/bin")
			if tc.want == "" && err != nil {
				t.Errorf("error %v", err)
			}
			if tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}

func newConfig(t *testing.T) *Config {
	t.Helper()
	c, err := New(DefaultName, "10.1.0.0/16", 2, "/cache/bin")
	if err != nil {
		t.Fatal(err)
	}
	c.root = t.TempDir()
	return c
}

func TestRecorded(t *testing.T) {
	c := newConfig(t)
	if got, err := c.withRecorded("10.1.0.0/16", 2); err != nil || got.Registry() != "10.1.128.1:5000" || got.Nodes != 2 {
		t.Errorf("before the first start: %v, %v", got, err)
	}
	if err := c.WriteFiles(); err != nil {
		t.Fatal(err)
	}
	later := newConfig(t)
	later.root, later.Subnet, later.Nodes = c.root, netip.MustParsePrefix(DefaultSubnet), DefaultNodes
	if got, err := later.withRecorded("", 0); err != nil || got.Registry() != "10.1.128.1:5000" || got.Nodes != 2 {
		t.Errorf("nothing asked for: %v, %v", got, err)
	}
	if _, err := later.withRecorded(DefaultSubnet, 0); err == nil || !strings.Contains(err.Error(), "10.1.0.0/16") {
		t.Errorf("another subnet asked for: %v", err)
	}
	if _, err := later.withRecorded("", 1); err == nil || !strings.Contains(err.Error(), "--nodes=2") {
		t.Errorf("another number of nodes asked for: %v", err)
	}
	for _, file := range []string{c.nodesFile(), c.subnetFile()} {
		if err := os.WriteFile(file, []byte("?"), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := later.withRecorded("", 0); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s is damaged: %v", file, err)
		}
	}
}

func TestAddresses(t *testing.T) {
	c := newConfig(t)
	first, second := c.Node(0), c.Node(1)
	got := map[string]string{
		"services": c.ServiceCIDR().String(), "pods": c.PodCIDR().String(), "node": first.Addr().String(),
		"host": c.HostAddr().String(), "kubernetes": c.APIServiceIP().String(), "api": c.APIServerURL(),
		"registry": c.Registry(), "dns": c.DNSReadyURL(), "link": c.HostLink(), "netns": first.NetNSPath(), "cgroup": first.Cgroup(),
		"pods of node0": first.PodCIDR().String(), "pods of node1": second.PodCIDR().String(), "node1": second.Addr().String(),
		"netns of node1": second.NetNSPath(), "cgroup of node1": second.Cgroup(),
	}
	want := map[string]string{
		"services": "10.1.0.0/18", "pods": "10.1.64.0/18", "node": "10.1.128.1/24",
		"host": "10.1.128.254/24", "kubernetes": "10.1.0.1", "api": "https://10.1.128.1:6443",
		"registry": "10.1.128.1:5000", "dns": "http://10.1.128.1:8181/ready", "link": "trainyard0",
		"netns": "/run/netns/trainyard", "cgroup": "/trainyard",
		"pods of node0": "10.1.64.0/24", "pods of node1": "10.1.65.0/24", "node1": "10.1.128.2/24",
		"netns of node1": "/run/netns/trainyard-node1", "cgroup of node1": "/trainyard-node1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("addresses (-want +got):\n%s", diff)
	}
	for _, p := range []struct{ inner, outer string }{{c.PodCIDR().String(), "pods"}, {c.ServiceCIDR().String(), "services"}} {
		if !c.Subnet.Contains(c.PodCIDR().Addr()) || c.ServiceCIDR().Overlaps(c.PodCIDR()) || c.PodCIDR().Overlaps(first.Addr()) {
			t.Errorf("the network of the %s, %s, is not one of its own in %s", p.outer, p.inner, c.Subnet)
		}
	}
}

func TestWriteFiles(t *testing.T) {
	c := newConfig(t)
	if err := c.WriteFiles(); err != nil {
		t.Fatal(err)
	}
	read := func(path string) string {
		t.Helper()
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}

	for _, n := range c.AllNodes() {
		var kubelet struct {
			CgroupRoot, ClusterDomain, ClientCAFile string
			ClusterDNS                              []string
			FailCgroupV1                            *bool
		}
		if err := yaml.Unmarshal([]byte(read(n.kubeletConfig())), &kubelet); err != nil {
			t.Fatal(err)
		}
		if kubelet.CgroupRoot != n.Cgroup() || kubelet.ClusterDomain != ClusterDomain || kubelet.FailCgroupV1 == nil ||
			!cmp.Equal(kubelet.ClusterDNS, []string{"10.1.128.1"}) {
			t.Errorf("the kubelet's configuration on %s is %+v", n.Name(), kubelet)
		}

		var cni struct {
			Plugins []struct {
				IPAM struct{ Ranges [][]struct{ Subnet string } }
			}
		}
		if err := json.Unmarshal([]byte(read(filepath.Join(n.CNIDir(), "10-ptp.conflist"))), &cni); err != nil {
			t.Fatal(err)
		}
		if got := cni.Plugins[0].IPAM.Ranges[0][0].Subnet; got != n.PodCIDR().String() {
			t.Errorf("the subnet of the pods on %s is %s", n.Name(), got)
		}
		if got := read(n.containerdConfig()); !strings.Contains(got, "BinaryName = \"/cache/bin/runc\"") {
			t.Errorf("containerd's configuration on %s lacks runc:\n%s", n.Name(), got)
		}
	}

	for path, want := range map[string]string{
		c.corefile():   "kubeconfig " + c.KubeconfigFile("coredns"),
		c.ResolvConf(): "nameserver 10.1.128.1\nsearch svc.cluster.local",
		filepath.Join(c.RegistryHostsDir(), "10.1.128.1:5000", "hosts.toml"): "http://10.1.128.1:5000",
	} {
		if got := read(path); !strings.Contains(got, want) {
			t.Errorf("%s lacks %q:\n%s", path, want, got)
		}
	}
}

func TestWriteIdentities(t *testing.T) {
	c := newConfig(t)
	if err := c.WriteIdentities(); err != nil {
		t.Fatal(err)
	}
	// Each file that a component is told to read is there.
	for _, component := range components(c) {
		for _, arg := range component.Args {
			_, value, _ := strings.Cut(arg, "=")
			if !strings.HasPrefix(value, c.Path("pki")) {
				continue
			}
			if _, err := os.Stat(value); err != nil {
				t.Errorf("%s %s: %v", component.Name, arg, err)
			}
		}
	}
	rest, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	if rest.Host != "https://10.1.128.1:6443" || len(rest.CertData) == 0 || len(rest.CAData) == 0 {
		t.Errorf("the kubeconfig leads to %s with a certificate of %d bytes", rest.Host, len(rest.CertData))
	}
	info, err := os.Stat(c.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		t.Errorf("others can read the kubeconfig: %s", info.Mode())
	}
}

// components are all of a cluster of two nodes.
func components(c *Config) []Component {
	out := append(append(c.ControlPlane(), c.FirstNode()...), c.Metrics())
	return append(out, c.Node(1).Worker()...)
}

// A running component is known by its node and its path, so that no two may have the same.
func TestComponents(t *testing.T) {
	type place struct{ node, path string }
	seen := map[place]string{}
	for _, component := range components(newConfig(t)) {
		at := place{component.Node.Name(), component.Path}
		if other, ok := seen[at]; ok {
			t.Errorf("%s and %s have the path %s", component.Name, other, component.Path)
		}
		seen[at] = component.Name
	}
	const want = 13
	if len(seen) != want {
		t.Errorf("%d components, want %d", len(seen), want)
	}
}
