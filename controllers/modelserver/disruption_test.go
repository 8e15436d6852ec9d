// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"testing"

	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

func TestWantsBudgets(t *testing.T) {
	disabled := makeServer().Replicas(4).Obj()
	disabled.Spec.PodDisruptionBudget.Mode = v1alpha1.NoDisruptionBudget
	for name, tc := range map[string]struct {
		server *v1alpha1.ModelServer
		want   bool
	}{
		"one replica":                 {makeServer().Obj(), false},
		"two":                         {makeServer().Replicas(2).Obj(), true},
		"two at least":                {makeServer().Autoscaling(2, 6).Obj(), true},
		"one, and more are permitted": {makeServer().Autoscaling(1, 6).Obj(), false},
		"two, one at most":            {makeServer().Replicas(2).Autoscaling(1, 1).Obj(), false},
		"disabled":                    {disabled, false},
	} {
		if got := wantsBudgets(&tc.server.Spec); got != tc.want {
			t.Errorf("%s: wantsBudgets = %v, want %v", name, got, tc.want)
		}
	}
}

func TestDesiredBudget(t *testing.T) {
	server := makeServer().Replicas(2).Obj()
	got := desiredBudget(server, "pets-1")
	if got.Spec.MaxUnavailable.String() != "25%" {
		t.Errorf("maxUnavailable = %v, want 25%%", got.Spec.MaxUnavailable)
	}
	if *got.Spec.UnhealthyPodEvictionPolicy != policyv1.AlwaysAllow {
		t.Errorf("unhealthyPodEvictionPolicy = %s: a revision that never is ready would hold up drains", *got.Spec.UnhealthyPodEvictionPolicy)
	}
	selector, err := metav1.LabelSelectorAsSelector(got.Spec.Selector)
	if err != nil {
		t.Fatal(err)
	}
	for revision, want := range map[string]bool{"pets-1": true, "pets-2": false} {
		if got := selector.Matches(labels.Set(revisionLabels(server, revision))); got != want {
			t.Errorf("selects pods of %s: %v, want %v", revision, got, want)
		}
	}
	if selector.Matches(labels.Set(testLabels(server))) {
		t.Error("selects pods that test")
	}
	orphan := got.DeepCopy()
	orphan.Labels, orphan.OwnerReferences = nil, nil
	if !servers.IsOrphan(orphan) {
		t.Error("isn't known without its labels and owner")
	}
	orphan.Name = "another"
	if servers.IsOrphan(orphan) {
		t.Error("a user's own budget counts as Trainyard's")
	}
}

func TestAnySelects(t *testing.T) {
	pod := revisionLabels(makeServer().Obj(), "pets-1")
	budget := func(selector *metav1.LabelSelector) []*policyv1.PodDisruptionBudget {
		return []*policyv1.PodDisruptionBudget{{Spec: policyv1.PodDisruptionBudgetSpec{Selector: selector}}}
	}
	for name, tc := range map[string]struct {
		selector *metav1.LabelSelector
		want     bool
	}{
		"none":                 {nil, false},
		"all":                  {&metav1.LabelSelector{}, true},
		"the server's":         {&metav1.LabelSelector{MatchLabels: map[string]string{v1alpha1.ModelServerLabel: "pets"}}, true},
		"another server's":     {&metav1.LabelSelector{MatchLabels: map[string]string{v1alpha1.ModelServerLabel: "cats"}}, false},
		"what can't be parsed": {&metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Near"}}}, false},
	} {
		if got := anySelects(budget(tc.selector), pod); got != tc.want {
			t.Errorf("%s: anySelects = %v, want %v", name, got, tc.want)
		}
	}
}
