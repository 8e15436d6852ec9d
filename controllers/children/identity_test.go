// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package children

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

func TestIdentityRestored(t *testing.T) {
	owner := metav1.OwnerReference{APIVersion: "trainyard.dev/v1alpha1", Kind: "TrainingRun", Name: "pets", UID: "uid-0", Controller: ptr.To(true)}
	id := Identity{Labels: map[string]string{"a": "1", "b": "2"}, Owner: &owner}
	whole := metav1.ObjectMeta{Labels: map[string]string{"a": "1", "b": "2", "mine": "x"}, OwnerReferences: []metav1.OwnerReference{owner}}
	cases := map[string]struct {
		child metav1.ObjectMeta
		id    Identity
		want  *metav1.ObjectMeta // nil: nothing is to be restored
	}{
		"whole": {child: whole, id: id},
		"a label changed": {
			child: metav1.ObjectMeta{Labels: map[string]string{"a": "0", "b": "2", "mine": "x"}, OwnerReferences: whole.OwnerReferences}, id: id, want: &whole,
		},
		"a label and the owner removed": {
			child: metav1.ObjectMeta{Labels: map[string]string{"a": "1", "mine": "x"}}, id: id, want: &whole,
		},
		"the owner is no controller any more": {
			child: metav1.ObjectMeta{Labels: whole.Labels, OwnerReferences: []metav1.OwnerReference{{UID: "uid-0"}}}, id: id, want: &whole,
		},
		"another's": {
			child: metav1.ObjectMeta{Labels: whole.Labels, OwnerReferences: []metav1.OwnerReference{{UID: "x", Controller: ptr.To(true)}}}, id: id,
		},
		"labels alone": {child: metav1.ObjectMeta{}, id: Identity{Labels: id.Labels}, want: &metav1.ObjectMeta{Labels: id.Labels}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			before := tc.child.DeepCopy()
			got := tc.id.Restored(&batchv1.Job{ObjectMeta: tc.child})
			if diff := cmp.Diff(*before, tc.child); diff != "" {
				t.Errorf("the child was changed:\n%s", diff)
			}
			if got == nil || tc.want == nil {
				if got != nil || tc.want != nil {
					t.Errorf("restored = %v, want %v", got, tc.want)
				}
				return
			}
			if diff := cmp.Diff(*tc.want, got.(*batchv1.Job).ObjectMeta); diff != "" {
				t.Errorf("restored (-want +got):\n%s", diff)
			}
		})
	}
}
