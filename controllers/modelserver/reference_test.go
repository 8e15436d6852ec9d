// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
)

func TestJudgeStart(t *testing.T) {
	created := metav1.NewTime(t0.Time)
	job := func(volumes ...string) *batchv1.Job {
		j := &batchv1.Job{}
		for _, name := range volumes {
			j.Spec.Template.Spec.Volumes = append(j.Spec.Template.Spec.Volumes, children.ClaimVolume(name, name, true))
		}
		return j
	}
	pod := func(node, message string) *corev1.Pod {
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{CreationTimestamp: created}, Spec: corev1.PodSpec{NodeName: node}, Status: corev1.PodStatus{Phase: corev1.PodPending}}
		p.Spec.Volumes = []corev1.Volume{children.ClaimVolume("live", "models", true)}
		if message != "" {
			p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: message}}
		}
		return p
	}
	running := pod("n1", "")
	running.Status.Phase = corev1.PodRunning
	const conflict = "0/2 nodes are available: 2 node(s) had volume node affinity conflict."
	cases := map[string]struct {
		job   *batchv1.Job
		pod   *corev1.Pod
		after time.Duration
		want  rollout.JobState
		again time.Duration
	}{
		"volumes that exclude each other":     {job: job("model", "live"), pod: pod("", conflict), after: 2 * time.Minute, want: rollout.JobVoid},
		"not for long yet":                    {job: job("model", "live"), pod: pod("", conflict), after: time.Minute, want: rollout.JobRunning, again: time.Minute},
		"a volume that can't be attached":     {job: job("model", "live"), pod: pod("n1", ""), after: 3 * time.Minute, want: rollout.JobVoid},
		"no room":                             {job: job("model", "live"), pod: pod("", "0/2 nodes are available: 2 Insufficient cpu."), after: time.Hour, want: rollout.JobRunning},
		"it runs":                             {job: job("model", "live"), pod: running, after: time.Hour, want: rollout.JobRunning},
		"no volume that it could do without":  {job: job("model"), pod: pod("", conflict), after: time.Hour, want: rollout.JobRunning},
		"no pod":                              {job: job("model", "live"), after: time.Hour, want: rollout.JobRunning},
		"a volume that may still be attached": {job: job("live"), pod: pod("n1", ""), after: 119 * time.Second, want: rollout.JobRunning, again: time.Second},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tc.job.Annotations = map[string]string{v1alpha1.ComparisonSkippedAnnotation: "before"}
			var observed rollout.Job
			again := judgeStart(&observed, tc.job, tc.pod, t0.Add(tc.after))
			if observed.State != tc.want || again != tc.again || observed.Skipped != "before" {
				t.Errorf("state %d, again in %s, skipped %q; want %d, %s", observed.State, again, observed.Skipped, tc.want, tc.again)
			}
			if void := tc.want == rollout.JobVoid; void != (observed.Unreachable != "" && observed.Message != "") {
				t.Errorf("observed %+v, want a cause if it is void", observed)
			}
		})
	}
}
