// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cluster

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	"sigs.k8s.io/yaml"

	"github.com/trainyard-dev/trainyard/hack/cluster/internal/config"
	"github.com/trainyard-dev/trainyard/hack/cluster/internal/volume"
)

func TestManifests(t *testing.T) {
	data := map[string]any{"NodeIP": "10.1.128.1", "MetricsPort": config.MetricsPort, "CABundle": "Y2E="}
	kinds := map[string][]string{}
	for _, file := range []string{"base.yaml", "metrics.yaml"} {
		text, err := render(file, data)
		if err != nil {
			t.Fatal(err)
		}
		for _, document := range strings.Split(string(text), "\n---\n") {
			var object metav1.PartialObjectMetadata
			if err := yaml.Unmarshal([]byte(document), &object); err != nil {
				t.Fatal(err)
			}
			kinds[object.Kind] = append(kinds[object.Kind], object.Name)
		}
	}
	for kind, name := range map[string]string{
		"StorageClass": volume.Class, "ClusterRoleBinding": config.DNSUser, "Service": config.MetricsService, "APIService": "v1beta1.metrics.k8s.io",
	} {
		if got := strings.Join(kinds[kind], ","); got != name {
			t.Errorf("%s: %s, want %s", kind, got, name)
		}
	}
	if _, err := render("none.yaml", nil); err == nil {
		t.Error("a template that is not there is rendered")
	}
}

func TestCheckData(t *testing.T) {
	open, closed, file := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "file")
	for dir, mode := range map[string]os.FileMode{open: 0o755, closed: 0o700} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if detail, err := checkData(open); err != nil || strings.Contains(detail, "chmod") {
		t.Errorf("a folder that all can read: %q, %v", detail, err)
	}
	if detail, err := checkData(closed); err != nil || !strings.Contains(detail, "chmod o+rx") {
		t.Errorf("a folder that only its owner can read: %q, %v, want the remedy", detail, err)
	}
	for _, path := range []string{file, filepath.Join(open, "nowhere")} {
		if _, err := checkData(path); err == nil {
			t.Errorf("%s is taken for a folder", path)
		}
	}
}

func TestNodeReady(t *testing.T) {
	node := func(status corev1.ConditionStatus) *corev1.Node {
		return &corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: "node1"},
			Status:     corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: status}}},
		}
	}
	for status, want := range map[corev1.ConditionStatus]bool{corev1.ConditionTrue: true, corev1.ConditionFalse: false} {
		if got, err := nodeReady(t.Context(), fake.NewClientset(node(status)), "node1"); err != nil || got != want {
			t.Errorf("%s: ready %t, %v", status, got, err)
		}
	}
	if _, err := nodeReady(t.Context(), fake.NewClientset(), "node1"); err == nil {
		t.Error("a node that is not there is no error")
	}
}

func TestAnswers(t *testing.T) {
	status := http.StatusServiceUnavailable
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	defer server.Close()
	if ok, err := answers(t.Context(), server.URL); err != nil || ok {
		t.Errorf("status 503: %t, %v", ok, err)
	}
	status = http.StatusOK
	if ok, err := answers(t.Context(), server.URL); err != nil || !ok {
		t.Errorf("status 200: %t, %v", ok, err)
	}
}

func TestMebibytes(t *testing.T) {
	if got := mebibytes(3 << 20); got != "3 MiB" {
		t.Errorf("mebibytes = %s", got)
	}
}
