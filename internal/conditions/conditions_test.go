// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package conditions

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

var (
	t0 = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	t1 = t0.Add(time.Minute)
)

func condition(conditionType string, status metav1.ConditionStatus, reason string, at time.Time) metav1.Condition {
	return metav1.Condition{
		Type: conditionType, Status: status, Reason: reason, Message: "why",
		ObservedGeneration: 2, LastTransitionTime: metav1.NewTime(at),
	}
}

func TestWriter(t *testing.T) {
	waiting := []metav1.Condition{
		condition(v1alpha1.ReadyCondition, metav1.ConditionFalse, "Pending", t0),
		condition(v1alpha1.ReconcilingCondition, metav1.ConditionTrue, "Pending", t0),
	}
	stalled := []metav1.Condition{
		condition(v1alpha1.ReadyCondition, metav1.ConditionFalse, "InvalidSpec", t0),
		condition(v1alpha1.StalledCondition, metav1.ConditionTrue, "InvalidSpec", t0),
	}
	cases := map[string]struct {
		before []metav1.Condition
		write  func(Writer)
		want   []metav1.Condition
	}{
		"first pass": {
			write: func(w Writer) { w.Pending("Pending", "why") },
			want: []metav1.Condition{
				condition(v1alpha1.ReadyCondition, metav1.ConditionUnknown, "Pending", t1),
				condition(v1alpha1.ReconcilingCondition, metav1.ConditionTrue, "Pending", t1),
			},
		},
		"reconciling, another reason: the transition times stay": {
			before: waiting,
			write:  func(w Writer) { w.Reconciling("Training", "why") },
			want: []metav1.Condition{
				condition(v1alpha1.ReadyCondition, metav1.ConditionFalse, "Training", t0),
				condition(v1alpha1.ReconcilingCondition, metav1.ConditionTrue, "Training", t0),
			},
		},
		"ready": {
			before: waiting,
			write:  func(w Writer) { w.Ready("Serving", "why") },
			want:   []metav1.Condition{condition(v1alpha1.ReadyCondition, metav1.ConditionTrue, "Serving", t1)},
		},
		"stalled takes reconciling away": {
			before: waiting,
			write:  func(w Writer) { w.Stalled("InvalidSpec", "why") },
			want: []metav1.Condition{
				condition(v1alpha1.ReadyCondition, metav1.ConditionFalse, "InvalidSpec", t0),
				condition(v1alpha1.StalledCondition, metav1.ConditionTrue, "InvalidSpec", t1),
			},
		},
		"reconciling takes stalled away": {
			before: stalled,
			write:  func(w Writer) { w.Reconciling("Pending", "why") },
			want: []metav1.Condition{
				condition(v1alpha1.ReadyCondition, metav1.ConditionFalse, "Pending", t0),
				condition(v1alpha1.ReconcilingCondition, metav1.ConditionTrue, "Pending", t1),
			},
		},
		"another condition leaves these": {
			before: waiting,
			write:  func(w Writer) { w.Set("Complete", metav1.ConditionFalse, "NotYet", "why") },
			want:   append(append([]metav1.Condition{}, waiting...), condition("Complete", metav1.ConditionFalse, "NotYet", t1)),
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := append([]metav1.Condition(nil), tc.before...)
			tc.write(NewWriter(&got, 2, t1))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("conditions (-want +got):\n%s", diff)
			}
		})
	}
}

// TestKstatus walks every pair of steps and checks what kstatus needs.
func TestKstatus(t *testing.T) {
	steps := map[string]func(Writer){
		"Pending":     func(w Writer) { w.Pending("A", "") },
		"Reconciling": func(w Writer) { w.Reconciling("B", "") },
		"Stalled":     func(w Writer) { w.Stalled("C", "") },
		"Ready":       func(w Writer) { w.Ready("D", "") },
	}
	for first, before := range steps {
		for second, after := range steps {
			var got []metav1.Condition
			w := NewWriter(&got, 1, t0)
			before(w)
			after(w)
			ready := meta.FindStatusCondition(got, v1alpha1.ReadyCondition)
			reconciling := meta.FindStatusCondition(got, v1alpha1.ReconcilingCondition)
			stalled := meta.FindStatusCondition(got, v1alpha1.StalledCondition)
			if ready == nil {
				t.Fatalf("%s then %s: no Ready condition", first, second)
			}
			abnormal := 0
			for _, c := range []*metav1.Condition{reconciling, stalled} {
				if c == nil {
					continue
				}
				abnormal++
				if c.Status != metav1.ConditionTrue || c.Reason != ready.Reason {
					t.Errorf("%s then %s: %s is %s with reason %s, Ready's reason is %s", first, second, c.Type, c.Status, c.Reason, ready.Reason)
				}
			}
			want := 1
			if ready.Status == metav1.ConditionTrue {
				want = 0
			}
			if abnormal != want {
				t.Errorf("%s then %s: Ready is %s with %d of Reconciling and Stalled, want %d", first, second, ready.Status, abnormal, want)
			}
		}
	}
}

func TestMessageIsCleaned(t *testing.T) {
	var got []metav1.Condition
	NewWriter(&got, 1, t0).Stalled("X", "a\x1bb"+strings.Repeat("c", 2000))
	for _, c := range got {
		if len(c.Message) > MaxMessage || strings.ContainsRune(c.Message, '\x1b') {
			t.Errorf("%s's message has %d bytes and starts %q", c.Type, len(c.Message), c.Message[:10])
		}
	}
}

func TestTransitions(t *testing.T) {
	ready := condition(v1alpha1.ReadyCondition, metav1.ConditionFalse, "Pending", t0)
	failed := condition("Failed", metav1.ConditionTrue, "OOMKilled", t0)
	readyOOM := condition(v1alpha1.ReadyCondition, metav1.ConditionFalse, "OOMKilled", t0)
	sameReasonOtherStatus := condition(v1alpha1.ReadyCondition, metav1.ConditionUnknown, "Pending", t0)
	otherMessage := ready
	otherMessage.Message = "another"
	cases := map[string]struct{ before, after, want []metav1.Condition }{
		"nothing before":          {after: []metav1.Condition{ready}, want: []metav1.Condition{ready}},
		"unchanged":               {before: []metav1.Condition{ready}, after: []metav1.Condition{ready}},
		"another message":         {before: []metav1.Condition{ready}, after: []metav1.Condition{otherMessage}},
		"another status":          {before: []metav1.Condition{sameReasonOtherStatus}, after: []metav1.Condition{ready}, want: []metav1.Condition{ready}},
		"a reason counts once":    {before: []metav1.Condition{ready}, after: []metav1.Condition{readyOOM, failed}, want: []metav1.Condition{readyOOM}},
		"what is gone is no news": {before: []metav1.Condition{ready, failed}, after: []metav1.Condition{ready}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, Transitions(tc.before, tc.after)); diff != "" {
				t.Errorf("transitions (-want +got):\n%s", diff)
			}
		})
	}
}
