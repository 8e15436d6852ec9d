// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
	"github.com/trainyard-dev/trainyard/test/scrape"
)

// exported reads what the manager exports now.
func exported(t *testing.T) scrape.Samples {
	t.Helper()
	samples, err := scrape.Registry(metrics.Registry)
	if err != nil {
		t.Fatal(err)
	}
	return samples
}

// A run is counted and timed by the pass in which it ends, and by no other.
func TestMeasureEnd(t *testing.T) {
	failed := metav1.Condition{Type: v1alpha1.FailedCondition, Status: metav1.ConditionTrue, Reason: v1alpha1.OOMKilledReason}
	cases := map[string]struct {
		over                     bool
		conditions               []metav1.Condition
		neverStarted             bool
		want, wantTimed, wantSum float64
	}{
		"it goes on":       {},
		"it ends":          {conditions: []metav1.Condition{failed}, want: 1, wantTimed: 1, wantSum: 89},
		"it never started": {conditions: []metav1.Condition{failed}, neverStarted: true, want: 1},
		"it ended before":  {over: true, conditions: []metav1.Condition{failed}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			before := exported(t)
			s := &scope{run: &v1alpha1.TrainingRun{}, over: tc.over}
			s.run.Status = v1alpha1.TrainingRunStatus{Conditions: tc.conditions, StartTime: ptr.To(at(10)), CompletionTime: ptr.To(at(99))}
			if tc.neverStarted {
				s.run.Status.StartTime = nil
			}
			measure(s, s.run.Status.DeepCopy(), testNow)
			after := exported(t)
			for name, want := range map[string]float64{
				"trainyard_trainingruns_ended_total":             tc.want,
				"trainyard_trainingrun_duration_seconds_count":   tc.wantTimed,
				"trainyard_trainingrun_duration_seconds_sum":     tc.wantSum,
				"trainyard_trainingrun_reason_delay_seconds_sum": 0,
			} {
				if got := after.Sum(name) - before.Sum(name); got != want {
					t.Errorf("%s has grown by %v, want %v", name, got, want)
				}
			}
			labels := []string{"condition=Failed", "reason=OOMKilled"}
			if got := after.Sum("trainyard_trainingruns_ended_total", labels...) - before.Sum("trainyard_trainingruns_ended_total", labels...); got != tc.want {
				t.Errorf("%v of them Failed for OOMKilled, want %v", got, tc.want)
			}
		})
	}
}

// How long a problem was there counts once, when the status gives its reason first.
func TestMeasureReason(t *testing.T) {
	ready := func(reason string) []metav1.Condition {
		return []metav1.Condition{{Type: v1alpha1.ReadyCondition, Reason: reason}}
	}
	failure := func(pod string, at metav1.Time) *v1alpha1.Failure {
		return &v1alpha1.Failure{Reason: v1alpha1.OOMKilledReason, PodName: pod, Time: &at}
	}
	pulling := podstate.Problem{Reason: v1alpha1.ImagePullBackOffReason}
	pod := podIn(corev1.PodPending)
	pod.CreationTimestamp = metav1.NewTime(testNow.Add(-20 * time.Second))
	job := trainingJob()
	job.CreationTimestamp = metav1.NewTime(testNow.Add(-30 * time.Second))
	fiveAgo := metav1.NewTime(testNow.Add(-5 * time.Second))
	cases := map[string]struct {
		before, after v1alpha1.TrainingRunStatus
		change        func(*scope)
		want          map[string]float64 // seconds by reason
	}{
		"nothing": {},
		"a pod has failed": {
			after: v1alpha1.TrainingRunStatus{LastFailure: failure("pets-1", fiveAgo)},
			want:  map[string]float64{v1alpha1.OOMKilledReason: 5},
		},
		"another pod has failed": {
			before: v1alpha1.TrainingRunStatus{LastFailure: failure("pets-1", fiveAgo)},
			after:  v1alpha1.TrainingRunStatus{LastFailure: failure("pets-2", fiveAgo)},
			want:   map[string]float64{v1alpha1.OOMKilledReason: 5},
		},
		"it is known that a pod has failed": {
			before: v1alpha1.TrainingRunStatus{LastFailure: failure("pets-1", fiveAgo)},
			after:  v1alpha1.TrainingRunStatus{LastFailure: failure("pets-1", fiveAgo)},
		},
		"by a clock that is ahead": {
			after: v1alpha1.TrainingRunStatus{LastFailure: failure("pets-1", metav1.NewTime(testNow.Add(time.Second)))},
			want:  map[string]float64{v1alpha1.OOMKilledReason: 0},
		},
		"a pod waits": {
			before: v1alpha1.TrainingRunStatus{Conditions: ready(v1alpha1.PendingReason)},
			after:  v1alpha1.TrainingRunStatus{Conditions: ready(pulling.Reason)},
			change: func(s *scope) { s.problem, s.pods = pulling, []*corev1.Pod{pod} },
			want:   map[string]float64{pulling.Reason: 20},
		},
		"a Job has no pod": {
			after:  v1alpha1.TrainingRunStatus{Conditions: ready(pulling.Reason)},
			change: func(s *scope) { s.problem, s.job = pulling, job },
			want:   map[string]float64{pulling.Reason: 30},
		},
		"it is known that a pod waits": {
			before: v1alpha1.TrainingRunStatus{Conditions: ready(pulling.Reason)},
			after:  v1alpha1.TrainingRunStatus{Conditions: ready(pulling.Reason)},
			change: func(s *scope) { s.problem, s.pods = pulling, []*corev1.Pod{pod} },
		},
		"something else is said": {
			after:  v1alpha1.TrainingRunStatus{Conditions: ready(v1alpha1.SuspendedReason)},
			change: func(s *scope) { s.problem, s.pods = pulling, []*corev1.Pod{pod} },
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			before := exported(t)
			s := scopeThat(func(s *scope) { s.run.Status = tc.after })
			if tc.change != nil {
				tc.change(s)
			}
			measure(s, &tc.before, testNow)
			after := exported(t)
			const metric = "trainyard_trainingrun_reason_delay_seconds"
			got := map[string]float64{}
			for _, sample := range after.Find(metric + "_count") {
				reason := "reason=" + sample.Labels["reason"]
				if n := sample.Value - before.Sum(metric+"_count", reason); n == 1 {
					got[sample.Labels["reason"]] = after.Sum(metric+"_sum", reason) - before.Sum(metric+"_sum", reason)
				} else if n != 0 {
					t.Errorf("%v times for %s", n, reason)
				}
			}
			if diff := cmp.Diff(tc.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("seconds by reason (-want +got):\n%s", diff)
			}
		})
	}
}

// An alert on runs that fail sees the first one only if its series was there before.
func TestEveryFailureIsExportedFromTheStart(t *testing.T) {
	samples := exported(t)
	reasons := slices.Concat(slices.Collect(maps.Values(failureReasons)), slices.Collect(maps.Values(exitReasons)),
		[]string{v1alpha1.OOMKilledReason, v1alpha1.DeadlineExceededReason, v1alpha1.ResultMissingReason})
	for _, reason := range reasons {
		if len(samples.Find("trainyard_trainingruns_ended_total", "condition=Failed", "reason="+reason)) != 1 {
			t.Errorf("no series for %s: add it to runFailures of controllers/metrics", reason)
		}
	}
}
