// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
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
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := New(tc.name, tc.subnet, "/bin")
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
	c, err := New(DefaultName, "10.1.0.0/16", "/cache/bin")
	if err != nil {
		t.Fatal(err)
	}
	c.root = t.TempDir()
	return c
}

func TestRecordedSubnet(t *testing.T) {
	c := newConfig(t)
	if got, err := c.withRecordedSubnet("10.1.0.0/16"); err != nil || got.Registry() != "10.1.128.1:5000" {
		t.Errorf("before the first start: %v, %v", got, err)
	}
	if err := c.WriteFiles(); err != nil {
		t.Fatal(err)
	}
	later := newConfig(t)
	later.root, later.Subnet = c.root, netip.MustParsePrefix(DefaultSubnet)
	if got, err := later.withRecordedSubnet(""); err != nil || got.Registry() != "10.1.128.1:5000" {
		t.Errorf("no subnet asked for: %v, %v", got, err)
	}
	if _, err := later.withRecordedSubnet(DefaultSubnet); err == nil || !strings.Contains(err.Error(), "10.1.0.0/16") {
		t.Errorf("another subnet asked for: %v", err)
	}
	if err := os.WriteFile(c.subnetFile(), []byte("?"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := later.withRecordedSubnet(""); err == nil {
		t.Error("a damaged record is no error")
	}
}

func TestAddresses(t *testing.T) {
	c := newConfig(t)
	got := map[string]string{
		"services": c.ServiceCIDR().String(), "pods": c.PodCIDR().String(), "node": c.NodeAddr().String(),
		"host": c.HostAddr().String(), "kubernetes": c.APIServiceIP().String(), "api": c.APIServerURL(),
		"registry": c.Registry(), "dns": c.DNSReadyURL(), "link": c.HostLink(), "netns": c.NetNSPath(), "cgroup": c.Cgroup(),
	}
	want := map[string]string{
		"services": "10.1.0.0/18", "pods": "10.1.64.0/24", "node": "10.1.128.1/24",
		"host": "10.1.128.254/24", "kubernetes": "10.1.0.1", "api": "https://10.1.128.1:6443",
		"registry": "10.1.128.1:5000", "dns": "http://10.1.128.1:8181/ready", "link": "trainyard0",
		"netns": "/run/netns/trainyard", "cgroup": "/trainyard",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("addresses (-want +got):\n%s", diff)
	}
	for _, p := range []struct{ inner, outer string }{{c.PodCIDR().String(), "pods"}, {c.ServiceCIDR().String(), "services"}} {
		if !c.Subnet.Contains(c.PodCIDR().Addr()) || c.ServiceCIDR().Overlaps(c.PodCIDR()) || c.PodCIDR().Overlaps(c.NodeAddr()) {
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

	var kubelet struct {
		CgroupRoot, ClusterDomain, ClientCAFile string
		ClusterDNS                              []string
		FailCgroupV1                            *bool
	}
	if err := yaml.Unmarshal([]byte(read(c.kubeletConfig())), &kubelet); err != nil {
		t.Fatal(err)
	}
	if kubelet.CgroupRoot != "/trainyard" || kubelet.ClusterDomain != ClusterDomain || kubelet.FailCgroupV1 == nil ||
		!cmp.Equal(kubelet.ClusterDNS, []string{"10.1.128.1"}) {
		t.Errorf("the kubelet's configuration is %+v", kubelet)
	}

	var cni struct {
		Plugins []struct {
			IPAM struct{ Ranges [][]struct{ Subnet string } }
		}
	}
	if err := json.Unmarshal([]byte(read(filepath.Join(c.CNIDir(), "10-ptp.conflist"))), &cni); err != nil {
		t.Fatal(err)
	}
	if got := cni.Plugins[0].IPAM.Ranges[0][0].Subnet; got != "10.1.64.0/24" {
		t.Errorf("the pods' subnet is %s", got)
	}

	for path, want := range map[string]string{
		c.containerdConfig(): "BinaryName = \"/cache/bin/runc\"",
		c.corefile():         "kubeconfig " + c.KubeconfigFile("coredns"),
		c.ResolvConf():       "nameserver 10.1.128.1\nsearch svc.cluster.local",
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
	for _, component := range append(append(c.ControlPlane(), c.Node()...), c.Metrics()) {
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

// A running component is known by its path, so that no two may have the same.
func TestComponents(t *testing.T) {
	c := newConfig(t)
	seen := map[string]string{}
	for _, component := range append(append(c.ControlPlane(), c.Node()...), c.Metrics()) {
		if other, ok := seen[component.Path]; ok {
			t.Errorf("%s and %s have the path %s", component.Name, other, component.Path)
		}
		seen[component.Path] = component.Name
	}
	const want = 10
	if len(seen) != want {
		t.Errorf("%d components, want %d", len(seen), want)
	}
}
