// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux && proof

package proof

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestNodes proves that two nodes are two: each with its own pods, images and volumes, in one network; that one of them can
// be lost and comes back; and that the end leaves nothing of either.
func TestNodes(t *testing.T) {
	before := lookAround(t)
	t.Cleanup(func() { _ = tool("down").Run() })
	call(t, "up", "--nodes", "2")
	call(t, "load", filepath.Join(programs, "probe.tar"))
	if out, err := tool("up", "--nodes", "1").CombinedOutput(); err == nil || !strings.Contains(string(out), "--nodes=2") {
		t.Errorf("up with another number of nodes: %v\n%s", err, out)
	}
	c := client(t)
	ns := namespace(t, c)

	claim(t, c, ns, "kept", "", corev1.ReadWriteOnce)
	succeed(t, c, ns, on("node1", mount(makePod("write", "write", "/kept/file"), "kept")))
	create(t, c, ns, on("node0", mount(makePod("elsewhere", "serve"), "kept")))
	eventually(t, "a pod away from its volume", func(ctx context.Context) (bool, string) {
		pod, err := c.CoreV1().Pods(ns).Get(ctx, "elsewhere", metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		for _, condition := range pod.Status.Conditions {
			if condition.Type == corev1.PodScheduled {
				return strings.Contains(condition.Message, "PersistentVolume"), condition.Message
			}
		}
		return false, "no condition yet"
	})

	server := on("node1", makePod("server", "serve"))
	server.Spec.RestartPolicy = corev1.RestartPolicyAlways
	create(t, c, ns, server)
	service := createService(t, c, ns, "server")
	started := status(t, c, ns, "server", running).Running.StartedAt
	fromThisMachine := func(ctx context.Context) (bool, string) { return get(ctx, "http://"+service.Spec.ClusterIP) }
	eventually(t, "the Service from this machine", fromThisMachine)
	for _, node := range []string{"node0", "node1"} {
		succeed(t, c, ns, on(node, makePod("get-"+node, "get", "http://server")))
	}

	lost := marksOf(t, 1)
	call(t, "kill", "node1")
	if left := members(t, lost); len(left) > 0 {
		t.Errorf("a killed node left processes:\n%s", strings.Join(left, "\n"))
	}
	if err := tool("status").Run(); err == nil {
		t.Error("status of a cluster that has lost a node succeeds")
	}
	if out, err := tool("kill", "node0").CombinedOutput(); err == nil {
		t.Errorf("the node with the control plane was killed:\n%s", out)
	}
	call(t, "up")
	call(t, "status")
	eventually(t, "the server to start again", func(ctx context.Context) (bool, string) {
		again := status(t, c, ns, "server", running).Running.StartedAt
		if !started.Before(&again) {
			return false, "it runs since " + again.String()
		}
		return fromThisMachine(ctx)
	})
	if _, err := os.Stat(filepath.Join(volumeOf(t, c, ns, "kept"), "file")); err != nil {
		t.Errorf("the file in the volume of the node that was lost: %v", err)
	}

	inside := []marks{marksOf(t, 0), marksOf(t, 1)}
	call(t, "down")
	for _, each := range inside {
		checkNothingLeft(t, before, each)
	}
}
