// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

func TestResolveRun(t *testing.T) {
	model := v1alpha1.PublishedModel{URI: "pvc://models/run-1/model.onnx", SHA256: strings.Repeat("a", 64)}
	withModel := func(change func(*v1alpha1.PublishedModel)) *v1alpha1.TrainingRun {
		m := model
		change(&m)
		return wrappers.MakeTrainingRun("run-1", "zoo").Complete(m).Obj()
	}
	deleted := wrappers.MakeTrainingRun("run-1", "zoo").Complete(model).Obj()
	deleted.DeletionTimestamp = &observedAt
	noModel := wrappers.MakeTrainingRun("run-1", "zoo").Complete(model).Obj()
	noModel.Status.Model = nil
	pruned := func(reason string) *v1alpha1.TrainingRun {
		run := wrappers.MakeTrainingRun("run-1", "zoo").Complete(model).Obj()
		run.Status.Conditions = append(run.Status.Conditions, metav1.Condition{Type: v1alpha1.PrunedCondition, Status: metav1.ConditionFalse, Reason: reason})
		return run
	}
	cases := map[string]struct {
		run         *v1alpha1.TrainingRun
		want        string // the reason; empty: resolved
		wantStalled bool
	}{
		"complete":                       {run: withModel(func(*v1alpha1.PublishedModel) {})},
		"missing":                        {want: "TrainingRunNotFound"},
		"being deleted":                  {run: deleted, want: "TrainingRunNotFound"},
		"on its way":                     {run: wrappers.MakeTrainingRun("run-1", "zoo").Obj(), want: "TrainingRunNotComplete"},
		"failed":                         {run: wrappers.MakeTrainingRun("run-1", "zoo").Failed("OOMKilled").Obj(), want: "TrainingRunFailed", wantStalled: true},
		"no model":                       {run: noModel, want: "ArtifactMissing", wantStalled: true},
		"in use":                         {run: pruned("InUse")},
		"being deleted by its retention": {run: pruned("Pruning"), want: "ArtifactMissing", wantStalled: true},
		"deleted by its retention":       {run: pruned("Pruned"), want: "ArtifactMissing", wantStalled: true},
		"deleted in part":                {run: pruned("PruneFailed"), want: "ArtifactMissing", wantStalled: true},
		"another scheme":                 {run: withModel(func(m *v1alpha1.PublishedModel) { m.URI = "ftp://x/y" }), want: "ArtifactMissing", wantStalled: true},
		"odd samples": {
			run:  withModel(func(m *v1alpha1.PublishedModel) { m.Samples = &v1alpha1.PublishedSamples{URI: "pvc://models/../x"} }),
			want: "ArtifactMissing", wantStalled: true,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			info, unresolved := resolveRun("run-1", tc.run)
			if (info == nil) == (unresolved == nil) {
				t.Fatalf("info = %v, unresolved = %v, want exactly one", info, unresolved)
			}
			if unresolved != nil && (unresolved.Reason != tc.want || unresolved.Stalled != tc.wantStalled) || unresolved == nil && tc.want != "" {
				t.Errorf("unresolved = %+v, want %q, stalled %t", unresolved, tc.want, tc.wantStalled)
			}
		})
	}
}

// TestUnresolvedSaysWhy: who waits for a run doesn't have to look at it to learn why.
func TestUnresolvedSaysWhy(t *testing.T) {
	waiting := func(reason, message string) *v1alpha1.TrainingRun {
		run := wrappers.MakeTrainingRun("run-1", "zoo").Obj()
		run.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ReadyCondition, Status: metav1.ConditionFalse, Reason: reason, Message: message}}
		return run
	}
	failed := wrappers.MakeTrainingRun("run-1", "zoo").Failed("GateNotMet").Obj()
	meta.FindStatusCondition(failed.Status.Conditions, v1alpha1.FailedCondition).Message = "accuracy is 0.7"
	cases := map[string]struct {
		run  *v1alpha1.TrainingRun
		want string
	}{
		"new":       {wrappers.MakeTrainingRun("run-1", "zoo").Obj(), "TrainingRun run-1 is not Complete yet"},
		"training":  {waiting("Training", "pod x is training, 4 %"), "TrainingRun run-1 is not Complete yet (Training)"},
		"suspended": {waiting("Suspended", "spec.suspend is true"), "TrainingRun run-1 is not Complete yet (Suspended: spec.suspend is true)"},
		"no volume": {waiting("VolumeUnavailable", "claim models not found"), "TrainingRun run-1 is not Complete yet (VolumeUnavailable: claim models not found)"},
		"a gate":    {failed, "TrainingRun run-1 has failed (GateNotMet: accuracy is 0.7); name another in spec.model.trainingRunRef, or recreate it"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, unresolved := resolveRun("run-1", tc.run)
			if diff := cmp.Diff(tc.want, unresolved.Message); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
		})
	}
}

func TestResolvableChanged(t *testing.T) {
	running := wrappers.MakeTrainingRun("run-1", "zoo").Obj()
	further := running.DeepCopy()
	further.Status.Progress = &v1alpha1.TrainingProgress{Epoch: 2}
	complete := wrappers.MakeTrainingRun("run-1", "zoo").Complete(v1alpha1.PublishedModel{URI: "pvc://models/x/model.onnx"}).Obj()
	changed := resolvableChanged()
	if changed.Update(event.UpdateEvent{ObjectOld: running, ObjectNew: further}) {
		t.Error("progress wakes the server")
	}
	if !changed.Update(event.UpdateEvent{ObjectOld: further, ObjectNew: complete}) {
		t.Error("a published model doesn't wake the server")
	}
	if !changed.Create(event.CreateEvent{Object: complete}) || !changed.Delete(event.DeleteEvent{Object: complete}) {
		t.Error("a created or deleted run doesn't wake the server")
	}
}
