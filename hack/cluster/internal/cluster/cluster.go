// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package cluster brings a cluster up and down step by step. Every step does only what is missing, so that
// each can be repeated whatever state the last run has left.
package cluster

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"golang.org/x/sys/unix"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/trainyard-dev/trainyard/hack/cluster/internal/config"
	"github.com/trainyard-dev/trainyard/hack/cluster/internal/node"
	"github.com/trainyard-dev/trainyard/hack/cluster/internal/progress"
)

// Cluster is a cluster on this machine, up or not.
type Cluster struct {
	cfg *config.Config
	// nodes by their index.
	nodes  []*node.Node
	report *progress.Reporter
}

// New returns the cluster of a configuration.
func New(cfg *config.Config, report *progress.Reporter) *Cluster {
	c := &Cluster{cfg: cfg, report: report}
	for _, n := range cfg.AllNodes() {
		c.nodes = append(c.nodes, node.New(n))
	}
	return c
}

// first is the node with the control plane.
func (c *Cluster) first() *node.Node { return c.nodes[0] }

// running returns a component's process, if it runs.
func (c *Cluster) running(component config.Component) (node.Process, bool) {
	return c.nodes[component.Node.Index].Running(component)
}

// logPath is where a component's output goes.
func (c *Cluster) logPath(component config.Component) string {
	return c.nodes[component.Node.Index].LogPath(component.Name)
}

// lock keeps other calls of the tool away from this cluster until the returned function is called or the
// process ends.
func (c *Cluster) lock() (unlock func(), err error) {
	path := c.cfg.LockPath()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("another call of this tool is at work on the cluster %s", c.cfg.Name)
	}
	return func() { f.Close() }, nil
}

// client returns a client with the administrator's rights.
func (c *Cluster) client() (kubernetes.Interface, error) {
	rest, err := clientcmd.BuildConfigFromFlags("", c.cfg.Kubeconfig())
	if err != nil {
		return nil, err
	}
	rest.Proxy = func(*http.Request) (*url.URL, error) { return nil, nil } // a proxy of the caller's cannot reach it
	return kubernetes.NewForConfig(rest)
}

// Down ends the cluster and removes all of it.
func (c *Cluster) Down() error {
	unlock, err := c.lock()
	if err != nil {
		return err
	}
	defer unlock()
	step := c.report.Step("Remove the cluster " + c.cfg.Name)
	if err := node.Delete(c.cfg); err != nil {
		step.Fail()
		return err
	}
	// Whoever waits for the lock has it open; whoever comes later makes the file anew.
	if err := os.Remove(c.cfg.LockPath()); err != nil {
		step.Fail()
		return err
	}
	step.Done("")
	return nil
}

// Kill ends a node that has no control plane, as a power cut does. Up starts it again.
func (c *Cluster) Kill(name string) error {
	unlock, err := c.lock()
	if err != nil {
		return err
	}
	defer unlock()
	workers := c.nodes[1:]
	i := slices.IndexFunc(workers, func(n *node.Node) bool { return n.Name() == name })
	if i < 0 {
		return fmt.Errorf("the cluster %s has no node %s without a control plane: start one of several by up --nodes", c.cfg.Name, name)
	}
	step := c.report.Step("Kill " + name)
	if err := workers[i].Kill(); err != nil {
		step.Fail()
		return err
	}
	step.Done("")
	return nil
}

// Load imports image archives into every node, from where pods find them under the names in the archives.
func (c *Cluster) Load(archives []string) error {
	for _, path := range archives {
		step := c.report.Step("Load " + filepath.Base(path))
		names, err := c.load(path)
		if err != nil {
			step.Fail()
			return fmt.Errorf("load %s: %w", path, err)
		}
		step.Done("%s", strings.Join(names, ", "))
	}
	return nil
}

// load returns the names of the images in the archive.
func (c *Cluster) load(path string) ([]string, error) {
	manifest, err := tarball.LoadManifest(func() (io.ReadCloser, error) { return os.Open(path) })
	if err != nil {
		return nil, err
	}
	var names []string
	for _, image := range manifest {
		names = append(names, image.RepoTags...)
	}
	for _, n := range c.nodes {
		if err := importImages(n, path); err != nil {
			return nil, fmt.Errorf("%s: %w", n.Name(), err)
		}
	}
	return names, nil
}

// importImages imports the images of an archive into one node.
func importImages(n *node.Node, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = n.Run(f, "ctr", "--namespace=k8s.io", "images", "import", "-")
	return err
}

// Exec replaces this process by a command inside the cluster's first node.
func (c *Cluster) Exec(args []string) error {
	return c.first().Exec(args)
}

// lastLines returns the end of a component's log, for an error message.
func lastLines(path string) string {
	const most = 4096
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > most {
		_, _ = f.Seek(-most, io.SeekEnd) // from the start is as well
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

func (c *Cluster) kubeconfigExists() bool {
	_, err := os.Stat(c.cfg.Kubeconfig())
	return err == nil
}

// apply applies manifests with the cluster's own kubectl.
func (c *Cluster) apply(ctx context.Context, manifests []byte) error {
	return c.kubectl(ctx, manifests, "apply", "--server-side", "--force-conflicts", "--field-manager=trainyard-cluster", "-f", "-")
}
