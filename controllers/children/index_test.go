// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package children

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// fieldIndexer keeps the functions of indexes by name.
type fieldIndexer map[string]client.IndexerFunc

func (f fieldIndexer) IndexField(_ context.Context, _ client.Object, field string, extract client.IndexerFunc) error {
	f[field] = extract
	return nil
}

func TestIndexByLabel(t *testing.T) {
	indexes := fieldIndexer{}
	for index, label := range map[string]string{"run": v1alpha1.TrainingRunLabel, "server": v1alpha1.ModelServerLabel} {
		if err := IndexByLabel(indexes, &corev1.Pod{}, index, label); err != nil {
			t.Fatal(err)
		}
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{v1alpha1.TrainingRunLabel: "pets"}}}
	got := map[string][]string{}
	for name, extract := range indexes {
		got[name] = extract(pod)
	}
	want := map[string][]string{"run": {"pets"}, "server": nil}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a pod's places in the indexes (-want +got):\n%s", diff)
	}
}
