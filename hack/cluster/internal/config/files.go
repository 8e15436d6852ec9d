// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"text/template"
)

//go:embed templates
var templateFiles embed.FS

var templates = template.Must(template.ParseFS(templateFiles, "templates/*"))

// Paths of the rendered files.
func (n Node) containerdConfig() string { return n.Path("etc", "containerd.toml") }
func (n Node) kubeletConfig() string    { return n.Path("etc", "kubelet.yaml") }
func (c *Config) corefile() string      { return c.Path("etc", "Corefile") }

// subnetFile and nodesFile keep what the cluster was started with.
func (c *Config) subnetFile() string { return c.Path("etc", "subnet") }
func (c *Config) nodesFile() string  { return c.Path("etc", "nodes") }

// CNIDir holds the network configuration of the node's pods.
func (n Node) CNIDir() string { return n.Path("etc", "cni") }

// RegistryHostsDir says how containerd reaches which registry.
func (c *Config) RegistryHostsDir() string { return c.Path("etc", "registries") }

// ResolvConf is the nodes' own resolver configuration: names of the cluster, in any namespace.
func (c *Config) ResolvConf() string { return c.Path("etc", "resolv.conf") }

// PodResolvConf is what pods that do not use the cluster's DNS get: nothing beyond the cluster can be reached.
func (c *Config) PodResolvConf() string { return c.Path("etc", "resolv-pod.conf") }

// files maps each rendered file of the cluster to its template.
func (c *Config) files() map[string]string {
	return map[string]string{
		c.corefile():      "Corefile",
		c.ResolvConf():    "resolv.conf",
		c.PodResolvConf(): "resolv-pod.conf",
		c.subnetFile():    "subnet",
		c.nodesFile():     "nodes",
		filepath.Join(c.RegistryHostsDir(), c.Registry(), "hosts.toml"): "hosts.toml",
	}
}

// files maps each rendered file of a node to its template.
func (n Node) files() map[string]string {
	return map[string]string{
		n.containerdConfig():                         "containerd.toml",
		n.kubeletConfig():                            "kubelet.yaml",
		filepath.Join(n.CNIDir(), "10-ptp.conflist"): "ptp.conflist",
	}
}

// WriteFiles writes every component's configuration file.
func (c *Config) WriteFiles() error {
	if err := c.writeFiles(c.files(), c.Node(0)); err != nil {
		return err
	}
	for _, n := range c.AllNodes() {
		if err := c.writeFiles(n.files(), n); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) writeFiles(files map[string]string, n Node) error {
	for path, name := range files {
		text, err := c.render(name, n)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) render(name string, n Node) ([]byte, error) {
	view := struct {
		*Config
		Self                      Node
		PauseImage, ClusterDomain string
	}{c, n, PauseImage, ClusterDomain}
	var out bytes.Buffer
	if err := templates.ExecuteTemplate(&out, name, view); err != nil {
		return nil, fmt.Errorf("render %s: %w", name, err)
	}
	return out.Bytes(), nil
}
