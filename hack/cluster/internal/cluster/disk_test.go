// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cluster

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

func TestTheNodeStatesItsDisk(t *testing.T) {
	pods := corev1.ResourceList{corev1.ResourcePods: resource.MustParse("110")}
	client := fake.NewClientset(&corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "node1"},
		Status:     corev1.NodeStatus{Capacity: pods, Allocatable: pods},
	})
	if err := stateDisk(t.Context(), client, "node1", t.TempDir()); err != nil {
		t.Fatal(err)
	}
	node, err := client.CoreV1().Nodes().Get(t.Context(), "node1", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for name, list := range map[string]corev1.ResourceList{"capacity": node.Status.Capacity, "allocatable": node.Status.Allocatable} {
		if list.StorageEphemeral().Value() <= 0 || list.Pods().Value() != 110 {
			t.Errorf("%s is %v, want the disk beside what the kubelet stated", name, list)
		}
	}
	if err := stateDisk(t.Context(), client, "node1", t.TempDir()+"/none"); err == nil {
		t.Error("a folder that does not exist has a size")
	}
}
