// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// TestOutdatedBake: a bake that asks the Service at an address that it has no more says
// nothing, nor does one of a Deployment that live has no more.
func TestOutdatedBake(t *testing.T) {
	const now, before = "http://pets.zoo.svc", "http://pets.zoo.svc:8080"
	bake := func(url string) *batchv1.Job {
		return &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{v1alpha1.TestURLAnnotation: url}}}
	}
	of := func(deployment string) *batchv1.Job {
		job := bake(now)
		job.Annotations[v1alpha1.TestedDeploymentAnnotation] = deployment
		return job
	}
	live := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{UID: "live"}}
	cases := map[string]struct {
		job   *batchv1.Job
		gone  bool // the Deployment
		check rollout.Check
		state rollout.JobState
		// wanted is how many requests a bake is to wait for; those here wait for 5.
		wanted int32
		want   rollout.JobState
	}{
		"the same Deployment":                {job: of("live"), check: rollout.Bake, state: rollout.JobFailed, want: rollout.JobFailed},
		"another Deployment, failed":         {job: of("edited"), check: rollout.Bake, state: rollout.JobFailed, want: rollout.JobVoid},
		"another Deployment, passed":         {job: of("edited"), check: rollout.Bake, state: rollout.JobPassed, want: rollout.JobVoid},
		"another Deployment, runs":           {job: of("edited"), check: rollout.Bake, want: rollout.JobVoid},
		"no Deployment":                      {job: of("live"), gone: true, check: rollout.Bake, state: rollout.JobFailed, want: rollout.JobVoid},
		"no Deployment, and a Job of before": {job: bake(now), gone: true, check: rollout.Bake, state: rollout.JobFailed, want: rollout.JobFailed},
		"the same address":                   {job: bake(now), check: rollout.Bake},
		"another address":                    {job: bake(before), check: rollout.Bake, want: rollout.JobVoid},
		"it has a result":                    {job: bake(before), check: rollout.Bake, state: rollout.JobPassed, want: rollout.JobPassed},
		"as many requests":                   {job: bake(now), wanted: 5, check: rollout.Bake},
		"other requests":                     {job: bake(now), wanted: 6, check: rollout.Bake, want: rollout.JobVoid},
		"other requests, and a result":       {job: bake(now), wanted: 6, check: rollout.Bake, state: rollout.JobFailed, want: rollout.JobFailed},
		"of before":                          {job: &batchv1.Job{}, check: rollout.Bake},
		"it tests pods alone":                {job: bake(before), check: rollout.Smoke},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := rollout.Job{JobID: rollout.JobID{Check: tc.check}, State: tc.state, MinRequests: 5}
			deployment := live
			if tc.gone {
				deployment = nil
			}
			outdate(&got, tc.job, now, max(tc.wanted, 5), deployment)
			if got.State != tc.want {
				t.Errorf("state = %d, want %d", got.State, tc.want)
			}
		})
	}
}

// testPod makes the pod of a test that has ended.
func testPod(code int32, message string) *corev1.Pod {
	return &corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodFailed, ContainerStatuses: []corev1.ContainerStatus{{
		Name: contract.SmokeContainer,
		State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
			ExitCode: code, Reason: "Error", Message: message, FinishedAt: observedAt,
		}},
	}}}}
}

func TestObservedJob(t *testing.T) {
	job := func(check rollout.Check, end batchv1.JobConditionType, reason string) *batchv1.Job {
		j := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Annotations: testAnnotations(rollout.JobID{Check: check, Revision: "pets-1", Key: "k"}, "")}}
		if end != "" {
			j.Status.Conditions = []batchv1.JobCondition{{Type: end, Status: corev1.ConditionTrue, Reason: reason, Message: "why", LastTransitionTime: observedAt}}
		}
		return j
	}
	const passed = `{"version":1,"passed":true,"message":"9 checks passed","checks":[{"name":"health","result":"Passed","latencyMillis":1.5}]}`
	const failed = `{"version":1,"passed":false,"message":"quality failed","checks":[{"name":"quality","result":"Failed","message":"0.5"}]}`
	type want struct {
		State   rollout.JobState
		Known   bool
		Message string
		Checks  int
		Seen    string // requests of users
	}
	cases := map[string]struct {
		job  *batchv1.Job
		pod  *corev1.Pod
		want want
	}{
		"no pod yet":                  {job: job(rollout.Smoke, "", ""), want: want{State: rollout.JobRunning, Known: true}},
		"running":                     {job: job(rollout.Smoke, "", ""), pod: &corev1.Pod{}, want: want{State: rollout.JobRunning, Known: true}},
		"passed, the Job says so yet": {job: job(rollout.Smoke, "", ""), pod: testPod(0, passed), want: want{State: rollout.JobPassed, Known: true, Message: "9 checks passed", Checks: 1}},
		"passed":                      {job: job(rollout.Smoke, batchv1.JobComplete, ""), pod: testPod(0, passed), want: want{State: rollout.JobPassed, Known: true, Message: "9 checks passed", Checks: 1}},
		"failed":                      {job: job(rollout.Smoke, batchv1.JobFailed, "PodFailurePolicy"), pod: testPod(7, failed), want: want{State: rollout.JobFailed, Known: true, Message: "quality failed", Checks: 1}},
		"passed, and nobody came": {
			job: job(rollout.Bake, batchv1.JobComplete, ""), pod: testPod(0, `{"version":1,"passed":true,"message":"m","checks":[],"traffic":{"requests":0,"failures":0}}`),
			want: want{State: rollout.JobPassed, Known: true, Message: "m", Seen: "0"},
		},
		"passed, and users came": {
			job: job(rollout.Bake, batchv1.JobComplete, ""), pod: testPod(0, `{"version":1,"passed":true,"message":"m","checks":[],"traffic":{"requests":12,"failures":0}}`),
			want: want{State: rollout.JobPassed, Known: true, Message: "m", Seen: "12"},
		},
		"passed, with a count that is none": {
			job: job(rollout.Bake, batchv1.JobComplete, ""), pod: testPod(0, `{"version":1,"passed":true,"message":"m","checks":[],"traffic":{"requests":-1,"failures":0}}`),
			want: want{State: rollout.JobPassed, Known: true, Message: "m", Seen: "0"},
		},
		"failed, no report": {
			job: job(rollout.Bake, batchv1.JobFailed, ""), pod: testPod(7, "garbage"),
			want: want{State: rollout.JobFailed, Known: true, Message: "the smoke test ended with exit code 7 (Error) and left no readable report; the end of its log: garbage", Checks: 0},
		},
		"exit 0 with a report that says failed": {job: job(rollout.Smoke, batchv1.JobComplete, ""), pod: testPod(0, failed), want: want{State: rollout.JobVoid, Known: true, Message: "quality failed", Checks: 1}},
		"exit 0, no report": {
			job: job(rollout.Smoke, batchv1.JobComplete, ""), pod: testPod(0, ""),
			want: want{State: rollout.JobVoid, Known: true, Message: "the smoke test ended with exit code 0 (Error) and left no readable report; the end of its log:", Checks: 0},
		},
		"configuration refused, as by an image of another version": {
			job: job(rollout.Smoke, batchv1.JobFailed, ""), pod: testPod(3, `{"version":1,"message":"no target"}`), want: want{State: rollout.JobVoid, Known: true, Message: "no target", Checks: 0},
		},
		"the pod is taken away": {
			job: job(rollout.Smoke, "", ""), pod: &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p", DeletionTimestamp: &observedAt}},
			want: want{State: rollout.JobVoid, Known: true, Message: "its pod p was deleted or evicted", Checks: 0},
		},
		"the pod is taken away after it has passed": {
			job: job(rollout.Smoke, "", ""), pod: func() *corev1.Pod {
				pod := testPod(0, passed)
				pod.DeletionTimestamp = &observedAt
				return pod
			}(),
			want: want{State: rollout.JobPassed, Known: true, Message: "9 checks passed", Checks: 1},
		},
		"configuration refused by a bake": {
			job: job(rollout.Bake, batchv1.JobFailed, ""), pod: testPod(3, `{"version":1,"message":"no target"}`), want: want{State: rollout.JobVoid, Known: true, Message: "no target", Checks: 0},
		},
		"temporary, the Job isn't over": {job: job(rollout.Smoke, "", ""), pod: testPod(75, `{"version":1,"message":"down"}`), want: want{State: rollout.JobRunning, Known: true, Message: "down", Checks: 0}},
		"temporary":                     {job: job(rollout.Smoke, batchv1.JobFailed, ""), pod: testPod(75, `{"version":1,"message":"down"}`), want: want{State: rollout.JobVoid, Known: true, Message: "down", Checks: 0}},
		"deadline, pod gone":            {job: job(rollout.Smoke, batchv1.JobFailed, "DeadlineExceeded"), want: want{State: rollout.JobVoid, Known: false, Message: "DeadlineExceeded: why", Checks: 0}},
		"complete, pod not seen":        {job: job(rollout.Smoke, batchv1.JobComplete, "x"), want: want{State: rollout.JobVoid, Known: false, Message: "x: why", Checks: 0}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			observed, known := observedJob(tc.job, tc.pod)
			got := want{State: observed.State, Known: known, Message: observed.Message, Checks: len(observed.Checks)}
			if observed.Requests != nil {
				got.Seen = strconv.FormatInt(*observed.Requests, 10)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("job (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheckResultsAreBounded(t *testing.T) {
	checks := []contract.SmokeCheck{
		{Name: "health", Result: "Passed", Message: strings.Repeat("é", 200) + "\x00", LatencyMillis: 1.23456},
		{Name: "health", Result: "Failed"},
		{Name: "", Result: "Failed"},
		{Name: "odd", Result: "Perhaps"},
		{Name: "slow", Result: "Passed", LatencyMillis: 1e18},
	}
	for i := range 20 {
		checks = append(checks, contract.SmokeCheck{Name: fmt.Sprint("check-", i), Result: "Skipped"})
	}
	got := checkResults(checks)
	if len(got) != maxChecks {
		t.Fatalf("%d checks, want %d", len(got), maxChecks)
	}
	if got[0].Name != "health" || got[0].Result != "Passed" || len(got[0].Message) > 256 || got[0].Latency != "1.23ms" {
		t.Errorf("first = %+v", got[0])
	}
	if got[1] != (v1alpha1.CheckResult{Name: "slow", Result: "Passed"}) {
		t.Errorf("second = %+v", got[1])
	}
}
