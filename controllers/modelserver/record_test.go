// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"errors"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/loop"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

// A revision whose model is about to be deleted is not promoted. One that is gone back to is: it has been in use all the time.
func TestPromotionOfAModelThatIsBeingDeleted(t *testing.T) {
	digest := strings.Repeat("ab", 32)
	at := func(uri string) revisionInfo {
		return revisionInfo{Model: v1alpha1.RevisionModel{URI: uri, SHA256: digest}}
	}
	const uri = "pvc://models/pets-1a2b3c4d/model.onnx"
	cases := map[string]struct {
		reason string // of the condition Pruned
		info   revisionInfo
		record *rollout.Record
		wantOK bool
	}{
		"kept":                     {"", at(uri), &rollout.Record{}, true},
		"in use":                   {"InUse", at(uri), &rollout.Record{}, true},
		"about to be deleted":      {"Pruning", at(uri), &rollout.Record{}, false},
		"deleted":                  {"Pruned", at(uri), &rollout.Record{}, false},
		"deleted in part":          {"PruneFailed", at(uri), nil, false},
		"the same bytes elsewhere": {"Pruning", at("pvc://models/copy/model.onnx"), &rollout.Record{}, true},
		"the fallback":             {"Pruning", at(uri), &rollout.Record{Live: "web-2", Fallback: "web-1"}, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			scheme := runtime.NewScheme()
			if err := v1alpha1.AddToScheme(scheme); err != nil {
				t.Fatal(err)
			}
			run := wrappers.MakeTrainingRun("pets", "zoo").Complete(v1alpha1.PublishedModel{URI: uri, SHA256: digest}).Obj()
			if tc.reason != "" {
				run.Status.Conditions = append(run.Status.Conditions, metav1.Condition{Type: v1alpha1.PrunedCondition, Status: metav1.ConditionFalse, Reason: tc.reason})
			}
			c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(run).WithIndex(&v1alpha1.TrainingRun{}, modelIndex, modelOf).Build()
			s := &scope{kept: map[string]revisionTemplate{"web-1": {Info: tc.info}}, observed: &rollout.Observed{Service: &rollout.Service{Record: tc.record}}}
			err := (&reconciler{client: c}).verifyKept(t.Context(), s, "web-1")
			var stalled *loop.StalledError
			if (err == nil) != tc.wantOK || err != nil && (!errors.As(err, &stalled) || stalled.Reason != v1alpha1.ArtifactMissingReason) {
				t.Errorf("error %v, want none: %t", err, tc.wantOK)
			}
		})
	}
}
