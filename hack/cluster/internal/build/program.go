// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package build compiles the local cluster's programs from their Go modules into a cache outside the
// checkout, whose folder's name changes with everything that goes into them.
package build

// Program is one binary of the cluster.
type Program struct {
	// Name of the file.
	Name string
	// Package is the main package, as an import path or relative to the components' module.
	Package string
	// Links are symbolic links to the file by whose names a multi-call binary is called.
	Links []string
	// Tags are the build tags that only this program needs.
	Tags string
	// Cgo says that the program needs a C compiler.
	Cgo bool
}

// kube is all that envtest needs and most of what a cluster does.
var kube = Program{
	Name:    "kube",
	Package: "./kube",
	Links: []string{
		"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "kubectl", "etcd",
		"metrics-server",
	},
}

// Envtest returns the programs that controller-runtime's envtest starts: kube-apiserver, etcd and kubectl.
func Envtest() []Program {
	return []Program{kube}
}

// Cluster returns the programs of a whole cluster. One with cgo comes first: it has few modules to
// download, so that it compiles while those of the others arrive.
func Cluster() []Program {
	return []Program{
		{Name: "runc", Package: "github.com/opencontainers/runc", Tags: "seccomp", Cgo: true},
		kube,
		{Name: "coredns", Package: "./coredns"},
		{Name: "pause", Package: "./pause"},
		{Name: "containerd", Package: "github.com/containerd/containerd/v2/cmd/containerd"},
		{Name: "containerd-shim-runc-v2", Package: "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2"},
		{Name: "ctr", Package: "github.com/containerd/containerd/v2/cmd/ctr"},
		{Name: "ptp", Package: "github.com/containernetworking/plugins/plugins/main/ptp"},
		{Name: "host-local", Package: "github.com/containernetworking/plugins/plugins/ipam/host-local"},
	}
}

// A group is programs that one call of go build compiles, because they share its settings.
type group struct {
	programs []Program
	cgo      bool
	tags     string
}

// groups splits programs by the settings that they need, in their order.
func groups(programs []Program) []group {
	var out []group
	for _, p := range programs {
		if n := len(out); n > 0 && out[n-1].cgo == p.Cgo && out[n-1].tags == p.Tags {
			out[n-1].programs = append(out[n-1].programs, p)
			continue
		}
		out = append(out, group{programs: []Program{p}, cgo: p.Cgo, tags: p.Tags})
	}
	return out
}

func (g group) packages() []string {
	out := make([]string, 0, len(g.programs))
	for _, p := range g.programs {
		out = append(out, p.Package)
	}
	return out
}

func (g group) names() []string {
	out := make([]string, 0, len(g.programs))
	for _, p := range g.programs {
		out = append(out, p.Name)
	}
	return out
}
