// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package volume

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/trainyard-dev/trainyard/hack/cluster/internal/config"
)

// nodes are those of a cluster of two.
func nodes(t *testing.T) []config.Node {
	t.Helper()
	cfg, err := config.New(config.DefaultName, config.DefaultSubnet, 2, "")
	if err != nil {
		t.Fatal(err)
	}
	return cfg.AllNodes()
}

func TestKeeper(t *testing.T) {
	client := fake.NewClientset()
	k := &Keeper{Client: client, Dir: t.TempDir(), Nodes: nodes(t)}
	get := func(name string) *corev1.PersistentVolume {
		t.Helper()
		pv, err := client.CoreV1().PersistentVolumes().Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return pv
	}
	sync := func() int {
		t.Helper()
		if err := k.sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		list, err := client.CoreV1().PersistentVolumes().List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return len(list.Items)
	}
	all := 2 * config.Volumes
	if got := sync(); got != all {
		t.Fatalf("%d volumes, want %d", got, all)
	}
	for _, node := range k.Nodes {
		for _, name := range Names(node) {
			required := get(name).Spec.NodeAffinity.Required.NodeSelectorTerms[0].MatchExpressions[0]
			if !cmp.Equal(required.Values, []string{node.Name()}) {
				t.Errorf("volume %s is on %v, want %s", name, required.Values, node.Name())
			}
		}
	}
	name := Names(k.Nodes[1])[0]
	file := filepath.Join(k.Dir, name, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}

	sync() // a volume that is in use keeps its files
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}

	pv := get(name)
	pv.Status.Phase = corev1.VolumeReleased
	if _, err := client.CoreV1().PersistentVolumes().UpdateStatus(t.Context(), pv, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := sync(); got != all-1 {
		t.Errorf("%d volumes after the deletion of one, want %d", got, all-1)
	}
	if _, err := os.Stat(file); err != nil {
		t.Errorf("wiped before the volume had gone: %v", err)
	}
	if got := sync(); got != all {
		t.Errorf("%d volumes, want %d", got, all)
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("the released volume's file: %v, want none", err)
	}
}

func TestData(t *testing.T) {
	client := fake.NewClientset()
	if got, err := DataSource(t.Context(), client); err != nil || got != "" {
		t.Errorf("source %q, %v, want none", got, err)
	}
	for _, source := range []string{"/pictures", "/others"} {
		if err := ApplyData(t.Context(), client, "/node/data", source); err != nil {
			t.Fatal(err)
		}
		if got, err := DataSource(t.Context(), client); err != nil || got != source {
			t.Errorf("source %q, %v, want %s", got, err, source)
		}
	}
	pv, err := client.CoreV1().PersistentVolumes().Get(t.Context(), DataName, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if pv.Spec.HostPath.Path != "/node/data" || !cmp.Equal(pv.Spec.AccessModes, []corev1.PersistentVolumeAccessMode{corev1.ReadOnlyMany}) {
		t.Errorf("the volume is %+v", pv.Spec)
	}

	pv.Status.Phase = corev1.VolumeReleased
	pv.Spec.ClaimRef = &corev1.ObjectReference{Name: "gone"}
	if _, err := client.CoreV1().PersistentVolumes().Update(t.Context(), pv, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	k := &Keeper{Client: client, Dir: t.TempDir()}
	if err := k.sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	pv, err = client.CoreV1().PersistentVolumes().Get(t.Context(), DataName, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if pv.Spec.ClaimRef != nil {
		t.Errorf("the released volume is still claimed by %v", pv.Spec.ClaimRef)
	}
}
