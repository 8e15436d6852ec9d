// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package children

import (
	"errors"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/loop"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

func TestCheckOwnership(t *testing.T) {
	owned := func(kind, name string) []metav1.OwnerReference {
		return []metav1.OwnerReference{{Kind: kind, Name: name, UID: "uid-0", Controller: ptr.To(true)}}
	}
	run := wrappers.MakeTrainingRun("pets", "zoo").UID("uid-0").Obj()
	other := wrappers.MakeTrainingRun("pets", "zoo").UID("uid-1").Obj()
	kind := Kind{Name: "TrainingRun", Made: func(child client.Object) bool { return child.GetAnnotations()["made"] != "" }}
	now := metav1.Now()
	made := map[string]string{"made": "yes"}
	cases := map[string]struct {
		owner *v1alpha1.TrainingRun
		child metav1.ObjectMeta
		want  string // the reason; "" is none
	}{
		"ours":                    {owner: run, child: metav1.ObjectMeta{OwnerReferences: owned("TrainingRun", "pets")}},
		"an earlier run's":        {owner: other, child: metav1.ObjectMeta{OwnerReferences: owned("TrainingRun", "pets")}, want: "WaitingForDeletion"},
		"another run's":           {owner: other, child: metav1.ObjectMeta{OwnerReferences: owned("TrainingRun", "cats")}, want: "NameConflict"},
		"another kind's":          {owner: other, child: metav1.ObjectMeta{OwnerReferences: owned("CronJob", "pets")}, want: "NameConflict"},
		"nobody's":                {owner: run, child: metav1.ObjectMeta{}, want: "NameConflict"},
		"nobody's, being deleted": {owner: run, child: metav1.ObjectMeta{DeletionTimestamp: &now}, want: "WaitingForDeletion"},
		"made, its owner removed": {owner: run, child: metav1.ObjectMeta{Annotations: made}},
		"made, and being deleted": {owner: run, child: metav1.ObjectMeta{Annotations: made, DeletionTimestamp: &now}, want: "WaitingForDeletion"},
		"made, and taken over":    {owner: other, child: metav1.ObjectMeta{Annotations: made, OwnerReferences: owned("CronJob", "pets")}, want: "NameConflict"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			err := kind.CheckOwnership(&batchv1.Job{ObjectMeta: tc.child}, tc.owner, "Job")
			got := ""
			var stall *loop.StalledError
			var wait *loop.WaitingError
			switch {
			case errors.As(err, &stall):
				got = stall.Reason
			case errors.As(err, &wait):
				got = wait.Reason
			case err != nil:
				t.Fatal(err)
			}
			if got != tc.want {
				t.Errorf("reason = %q (%v), want %q", got, err, tc.want)
			}
		})
	}
}
