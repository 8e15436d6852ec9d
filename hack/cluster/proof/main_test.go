// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux && proof

// Package proof runs the local cluster for real and looks at what it does and at what it leaves behind. It
// needs root and some minutes: go test -tags proof -count 1 -v ./hack/cluster/proof
package proof

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/trainyard-dev/trainyard/hack/cluster/internal/config"
)

const (
	// name and subnet let the proof run beside a cluster that somebody is using.
	name   = "proof"
	subnet = "10.215.0.0/16"
	// image is the probe's.
	image = "trainyard.local/probe:dev"

	patience = 90 * time.Second
)

// programs are the folder that the tools under test are built into.
var programs string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "trainyard-proof-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	programs = dir
	for _, args := range [][]string{
		{"go", "build", "-trimpath", "-o", dir, "../../cluster", "../../images"},
		{filepath.Join(dir, "images"), "build", "-o", dir, "probe=./probe"},
	} {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Run(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return m.Run()
}

// tool prepares a call of the tool on the proof's cluster.
func tool(args ...string) *exec.Cmd {
	return exec.Command(filepath.Join(programs, "cluster"), append([]string{"--name", name, "--subnet", subnet}, args...)...)
}

// neighbor prepares a call of the tool on another cluster.
func neighbor(args ...string) *exec.Cmd {
	return exec.Command(filepath.Join(programs, "cluster"), append([]string{"--name", "neighbor", "--subnet", "10.216.0.0/16"}, args...)...)
}

// call calls the tool and returns what it printed to standard output.
func call(t *testing.T, args ...string) string {
	t.Helper()
	cmd := tool(args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	began := time.Now()
	if err := cmd.Run(); err != nil {
		t.Fatalf("cluster %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	t.Logf("cluster %s: %.1f s", strings.Join(args, " "), time.Since(began).Seconds())
	return stdout.String()
}

func configuration(t *testing.T) *config.Config {
	t.Helper()
	cfg, err := config.New(name, subnet, 2, "")
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func client(t *testing.T) kubernetes.Interface {
	t.Helper()
	rest, err := clientcmd.BuildConfigFromFlags("", configuration(t).Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	c, err := kubernetes.NewForConfig(rest)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// eventually polls until the condition holds.
func eventually(t *testing.T, what string, ok func(context.Context) (bool, string)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		done, state := ok(ctx)
		if done {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not after %s: %s", what, patience, state)
		case <-time.After(200 * time.Millisecond):
		}
	}
}
