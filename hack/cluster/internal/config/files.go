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
func (c *Config) containerdConfig() string { return c.Path("etc", "containerd.toml") }
func (c *Config) kubeletConfig() string    { return c.Path("etc", "kubelet.yaml") }
func (c *Config) corefile() string         { return c.Path("etc", "Corefile") }

// subnetFile keeps the subnet that the cluster was started with.
func (c *Config) subnetFile() string { return c.Path("etc", "subnet") }

// CNIDir holds the pods' network configuration.
func (c *Config) CNIDir() string { return c.Path("etc", "cni") }

// RegistryHostsDir says how containerd reaches which registry.
func (c *Config) RegistryHostsDir() string { return c.Path("etc", "registries") }

// ResolvConf is the node's own resolver configuration: names of the cluster, in any namespace.
func (c *Config) ResolvConf() string { return c.Path("etc", "resolv.conf") }

// PodResolvConf is what pods that do not use the cluster's DNS get: nothing beyond the cluster can be reached.
func (c *Config) PodResolvConf() string { return c.Path("etc", "resolv-pod.conf") }

// files maps each rendered file to its template.
func (c *Config) files() map[string]string {
	return map[string]string{
		c.containerdConfig(): "containerd.toml",
		c.kubeletConfig():    "kubelet.yaml",
		c.corefile():         "Corefile",
		c.ResolvConf():       "resolv.conf",
		c.PodResolvConf():    "resolv-pod.conf",
		c.subnetFile():       "subnet",
		filepath.Join(c.CNIDir(), "10-ptp.conflist"):                    "ptp.conflist",
		filepath.Join(c.RegistryHostsDir(), c.Registry(), "hosts.toml"): "hosts.toml",
	}
}

// WriteFiles writes every component's configuration file.
func (c *Config) WriteFiles() error {
	for path, name := range c.files() {
		text, err := c.render(name)
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

func (c *Config) render(name string) ([]byte, error) {
	view := struct {
		*Config
		PauseImage, ClusterDomain string
	}{c, PauseImage, ClusterDomain}
	var out bytes.Buffer
	if err := templates.ExecuteTemplate(&out, name, view); err != nil {
		return nil, fmt.Errorf("render %s: %w", name, err)
	}
	return out.Bytes(), nil
}
