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
	cfg    *config.Config
	node   *node.Node
	report *progress.Reporter
}

// New returns the cluster of a configuration.
func New(cfg *config.Config, report *progress.Reporter) *Cluster {
	return &Cluster{cfg: cfg, node: node.New(cfg), report: report}
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
	if err := c.node.Delete(); err != nil {
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

// Load imports image archives into the node, from where pods find them under the names in the archives.
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
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	_, err = c.node.Run(f, "ctr", "--namespace=k8s.io", "images", "import", "-")
	return names, err
}

// Exec replaces this process by a command inside the cluster's node.
func (c *Cluster) Exec(args []string) error {
	return c.node.Exec(args)
}

// lastLines returns the end of a component's log, for an error message.
func (c *Cluster) lastLines(component string) string {
	const most = 4096
	f, err := os.Open(c.node.LogPath(component))
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
