// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

// selecting is a scope whose spec selects the runs with label app=pets.
func selecting(s *scope) {
	s.server.Spec.Model = v1alpha1.ServedModel{TrainingRunSelector: v1alpha1.TrainingRunSelector{MatchLabels: map[string]string{"app": "pets"}}}
	s.config.selector = parseSelector(&children.Parser{}, s.server.Spec.Model.TrainingRunSelector)
	s.selection = &v1alpha1.RunSelection{TrainingRun: "run-1", Complete: 1}
}

func TestParseSelector(t *testing.T) {
	selector := v1alpha1.TrainingRunSelector{
		MatchLabels: map[string]string{"app": "pets"},
		MatchExpressions: []v1alpha1.LabelRequirement{
			{Key: "stage", Operator: metav1.LabelSelectorOpIn, Values: []string{"prod", "canary"}},
			{Key: "team", Operator: metav1.LabelSelectorOpNotIn, Values: []string{"b"}},
			{Key: "size", Operator: metav1.LabelSelectorOpExists},
			{Key: "retired", Operator: metav1.LabelSelectorOpDoesNotExist},
		},
	}
	p := &children.Parser{}
	parsed := parseSelector(p, selector)
	if p.Err != nil {
		t.Fatal(p.Err)
	}
	but := func(key, value string) labels.Set {
		set := labels.Set{"app": "pets", "stage": "prod", "size": ""}
		if set[key] = value; value == "-" {
			delete(set, key)
		}
		return set
	}
	for name, tc := range map[string]struct {
		labels labels.Set
		want   bool
	}{
		"all":           {but("", ""), true},
		"another value": {but("app", "dogs"), false},
		"not in":        {but("stage", "dev"), false},
		"in":            {but("stage", "canary"), true},
		"excluded":      {but("team", "b"), false},
		"missing":       {but("size", "-"), false},
		"is there":      {but("retired", ""), false},
	} {
		if got := parsed.Matches(tc.labels); got != tc.want {
			t.Errorf("%s: %v matches %s: %t, want %t", name, tc.labels, parsed, got, tc.want)
		}
	}
}

func TestNoneComplete(t *testing.T) {
	s := makeScope(t, selecting)
	found := func(runs ...*v1alpha1.TrainingRun) selectionOf {
		f := selectionOf{runs: map[string]*v1alpha1.TrainingRun{}, failed: true}
		for _, run := range runs {
			f.runs[run.Name] = run
			f.consider(run)
		}
		return f
	}
	run := func(name string, minute int) *v1alpha1.TrainingRun {
		run := wrappers.MakeTrainingRun(name, "zoo").Obj()
		run.CreationTimestamp = metav1.NewTime(t0.Time.AddDate(0, 0, minute))
		return run
	}
	failed := func(name string, minute int) *v1alpha1.TrainingRun {
		failed := run(name, minute)
		failed.Status = wrappers.MakeTrainingRun(name, "zoo").Failed("OOMKilled").Obj().Status
		return failed
	}
	for name, tc := range map[string]struct {
		found selectionOf
		want  rollout.Unresolved
	}{
		"none": {found(), rollout.Unresolved{Reason: "TrainingRunNotFound",
			Message: "no TrainingRun in this namespace matches app=pets: create one with these labels, or change spec.model.trainingRunSelector"}},
		"on their way": {found(run("a", 1), run("b", 2), failed("c", 3)), rollout.Unresolved{Reason: "TrainingRunNotComplete",
			Message: "none of the 3 TrainingRuns that match app=pets is Complete yet, the newest is b"}},
		"all failed": {found(failed("b", 2), failed("a", 1)), rollout.Unresolved{Reason: "TrainingRunFailed", Stalled: true,
			Message: "each of the 2 TrainingRuns that match app=pets has failed, the newest is b (OOMKilled: ): create another with these labels"}},
	} {
		if diff := cmp.Diff(tc.want, *noneComplete(s, tc.found)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestSelectionIsTold(t *testing.T) {
	over := func(names ...string) []v1alpha1.PassedOverRun {
		var runs []v1alpha1.PassedOverRun
		for _, name := range names {
			runs = append(runs, v1alpha1.PassedOverRun{TrainingRun: name, Reason: "GateNotMet", Message: "too low"})
		}
		return runs
	}
	for name, tc := range map[string]struct {
		passedOver                []v1alpha1.PassedOverRun
		reason, resolved, serving string
	}{
		"the newest": {nil, "Resolved", "pvc://models/run-1/model.onnx of TrainingRun run-1, which matches app=pets", ""},
		"not the newest": {over("run-2"), "NewerRunRejected",
			"pvc://models/run-1/model.onnx of TrainingRun run-1, which matches app=pets; TrainingRun run-2 is newer and was passed over (GateNotMet): too low",
			"TrainingRun run-2 is newer and was passed over (GateNotMet): too low"},
		"not the newest by far": {over("run-3", "run-2"), "NewerRunRejected",
			"pvc://models/run-1/model.onnx of TrainingRun run-1, which matches app=pets; TrainingRun run-3 is newer and was passed over (GateNotMet): too low; status.selection.passedOver has more",
			"TrainingRun run-3 is newer and was passed over (GateNotMet): too low"},
	} {
		t.Run(name, func(t *testing.T) {
			s := makeScope(t, selecting, func(s *scope) { s.selection.PassedOver = tc.passedOver })
			computeStatus(s, nil)
			resolved := meta.FindStatusCondition(s.server.Status.Conditions, v1alpha1.ModelResolvedCondition)
			if diff := cmp.Diff([]string{tc.reason, tc.resolved}, []string{resolved.Reason, resolved.Message}); diff != "" {
				t.Errorf("ModelResolved (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(s.selection, s.server.Status.Selection); diff != "" {
				t.Errorf("status.selection (-want +got):\n%s", diff)
			}
			ready := meta.FindStatusCondition(s.server.Status.Conditions, v1alpha1.ReadyCondition)
			if ready.Reason != v1alpha1.ServingReason {
				t.Errorf("Ready's reason = %s, want Serving", ready.Reason)
			}
			if tc.serving != "" && !strings.HasSuffix(ready.Message, tc.serving) || tc.serving == "" && strings.Contains(ready.Message, "passed over") {
				t.Errorf("Ready's message = %q, want %q in it", ready.Message, tc.serving)
			}
		})
	}
}

func TestNewlyPassedOver(t *testing.T) {
	status := func(reason string, names ...string) *v1alpha1.ModelServerStatus {
		status := &v1alpha1.ModelServerStatus{
			Selection:  &v1alpha1.RunSelection{},
			Conditions: []metav1.Condition{{Type: v1alpha1.ModelResolvedCondition, Reason: reason}},
		}
		for _, name := range names {
			status.Selection.PassedOver = append(status.Selection.PassedOver, v1alpha1.PassedOverRun{TrainingRun: name, Reason: "GateNotMet", Message: "too low"})
		}
		return status
	}
	told := []string{"TrainingRun run-3 is newer and was passed over (GateNotMet): too low"}
	for name, tc := range map[string]struct {
		before, after *v1alpha1.ModelServerStatus
		want          []string
	}{
		"another":                    {status("NewerRunRejected", "run-2"), status("NewerRunRejected", "run-3", "run-2"), told},
		"the same":                   {status("NewerRunRejected", "run-2"), status("NewerRunRejected", "run-2"), nil},
		"the condition reports it":   {status("Resolved"), status("NewerRunRejected", "run-3"), nil},
		"no selection before":        {&v1alpha1.ModelServerStatus{}, status("NewerRunRejected", "run-3"), nil},
		"no selection afterwards":    {status("NewerRunRejected", "run-2"), &v1alpha1.ModelServerStatus{}, nil},
		"nothing is passed over now": {status("NewerRunRejected", "run-2"), status("Resolved"), nil},
	} {
		if diff := cmp.Diff(tc.want, newlyPassedOver(tc.before, tc.after)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestMovedBy(t *testing.T) {
	other := infoOf("run-2", "models")
	other.Model.SHA256 = "2"
	named := makeScope(t)
	chosen := makeScope(t, selecting)
	chosen.live = chosen.info
	first := makeScope(t, selecting)
	for name, tc := range map[string]struct {
		s    *scope
		info *revisionInfo
		want string
	}{
		"the spec names it":            {named, &other, ""},
		"another settings' same model": {chosen, chosen.info, ""},
		"another model":                {chosen, &other, "spec.model.trainingRunSelector, which chose TrainingRun run-2"},
		"the first":                    {first, &other, "spec.model.trainingRunSelector, which chose TrainingRun run-2"},
	} {
		if got := movedBy(tc.s, tc.info); got != tc.want {
			t.Errorf("%s: moved by %q, want %q", name, got, tc.want)
		}
	}
}
