// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

var observedAt = metav1.NewTime(time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC))

func TestObservedRevision(t *testing.T) {
	deployment := func(change func(*appsv1.Deployment)) *appsv1.Deployment {
		d := &appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Name: "pets-1", UID: "u", Generation: 2, CreationTimestamp: observedAt},
			Spec:       appsv1.DeploymentSpec{Replicas: ptr.To[int32](3)},
			Status:     appsv1.DeploymentStatus{ObservedGeneration: 2, AvailableReplicas: 3},
		}
		change(d)
		return d
	}
	full := rollout.Revision{Name: "pets-1", UID: "u", Created: observedAt.Time, Replicas: 3, Available: 3}
	with := func(change func(*rollout.Revision)) rollout.Revision {
		r := full
		change(&r)
		return r
	}
	cases := map[string]struct {
		deployment *appsv1.Deployment
		want       rollout.Revision
	}{
		"full": {deployment: deployment(func(*appsv1.Deployment) {}), want: full},
		"scaled, its controller hasn't seen it": {
			deployment: deployment(func(d *appsv1.Deployment) { d.Generation = 3 }),
			want:       with(func(r *rollout.Revision) { r.Rolling = true }),
		},
		"one pod is of an earlier template": {
			deployment: deployment(func(d *appsv1.Deployment) { d.Status.Replicas, d.Status.UpdatedReplicas = 4, 3 }),
			want:       with(func(r *rollout.Revision) { r.Rolling = true }),
		},
		"being deleted": {
			deployment: deployment(func(d *appsv1.Deployment) { d.DeletionTimestamp = &observedAt }),
			want:       with(func(r *rollout.Revision) { r.Deleting = true }),
		},
		"short": {
			deployment: deployment(func(d *appsv1.Deployment) { d.Status.AvailableReplicas = 2 }),
			want:       with(func(r *rollout.Revision) { r.Available = 2 }),
		},
		"short, its pods are refused": {
			deployment: deployment(func(d *appsv1.Deployment) {
				d.Status.AvailableReplicas = 2
				d.Status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentReplicaFailure, Status: corev1.ConditionTrue, Reason: "FailedCreate"}}
			}),
			want: with(func(r *rollout.Revision) { r.Available, r.Refused = 2, true }),
		},
		"an annotation that somebody has broken": {
			deployment: deployment(func(d *appsv1.Deployment) { d.Annotations = map[string]string{v1alpha1.RevisionAnnotation: "{"} }),
			want:       full,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(&tc.want, observedRevision(tc.deployment, nil)); diff != "" {
				t.Errorf("revision (-want +got):\n%s", diff)
			}
		})
	}
}

func TestObservedPod(t *testing.T) {
	pod := func(changes ...func(*corev1.Pod)) *corev1.Pod {
		p := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: "p", UID: "u"},
			Status: corev1.PodStatus{Phase: corev1.PodRunning, PodIP: "10.0.0.1", Conditions: []corev1.PodCondition{
				{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: observedAt},
			}},
		}
		for _, change := range changes {
			change(p)
		}
		return p
	}
	ended := func(code int32, message string) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: contract.ServerContainer, LastTerminationState: corev1.ContainerState{
				Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: "Error", Message: message, FinishedAt: observedAt},
			}}}
		}
	}
	ready := rollout.Pod{Name: "p", UID: "u", URL: "http://10.0.0.1:8080", Ready: true}
	with := func(change func(*rollout.Pod)) rollout.Pod {
		p := ready
		change(&p)
		return p
	}
	cases := map[string]struct {
		pod  *corev1.Pod
		want rollout.Pod
	}{
		"ready": {pod: pod(), want: ready},
		"deleted": {
			pod:  pod(func(p *corev1.Pod) { p.DeletionTimestamp = &observedAt }),
			want: with(func(p *rollout.Pod) { p.Leaving = true }),
		},
		"disrupted": {
			pod: pod(func(p *corev1.Pod) {
				p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue})
			}),
			want: with(func(p *rollout.Pod) { p.Leaving = true }),
		},
		"evicted by an old kubelet": {
			pod: pod(func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed; p.Status.Reason = "Evicted" }),
			want: with(func(p *rollout.Pod) {
				p.Leaving = true
				p.Terminated = &rollout.Termination{ID: endID(-1), ExitCode: -1, Reason: "Evicted"}
			}),
		},
		"no node has room": {
			pod: pod(func(p *corev1.Pod) {
				p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable}}
			}),
			want: with(func(p *rollout.Pod) { p.Ready = false }),
		},
		"restarted": {
			pod: pod(ended(1, "panic: oh\nno\x1b")),
			want: with(func(p *rollout.Pod) {
				p.Terminated = &rollout.Termination{ID: endID(1), Own: true, ExitCode: 1, Reason: "Error", Message: "panic: oh no"}
			}),
		},
		"refused its model": {
			pod: pod(ended(contract.ExitArtifact, `{"version":1,"reason":"ArtifactInvalid","message":"digest differs"}`)),
			want: with(func(p *rollout.Pod) {
				p.Terminated = &rollout.Termination{ID: endID(6), Own: true, ExitCode: 6, Reason: "Error", Message: "digest differs", ModelInvalid: true}
			}),
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, observedPod(tc.pod)); diff != "" {
				t.Errorf("pod (-want +got):\n%s", diff)
			}
		})
	}
}

// endID is the ID of an end with this code at observedAt, of a container without one.
func endID(code int32) string {
	return (&podstate.ContainerEnd{Time: observedAt, ExitCode: &code}).ID()
}

// TestEndsAreToldApart without comparing times: a container's ID, its end or its code differ.
func TestEndsAreToldApart(t *testing.T) {
	one, two := int32(1), int32(2)
	later := metav1.NewTime(observedAt.Add(time.Second))
	ends := []podstate.ContainerEnd{
		{Time: observedAt, ExitCode: &one}, {Time: observedAt, ExitCode: &two}, {Time: observedAt},
		{Time: later, ExitCode: &one}, {Time: observedAt, ExitCode: &one, Container: "containerd://1"},
	}
	seen := map[string]int{}
	for i := range ends {
		if j, ok := seen[ends[i].ID()]; ok {
			t.Errorf("ends %d and %d have the same ID", j, i)
		}
		seen[ends[i].ID()] = i
	}
}

// TestOwnEnds: what the cluster does to a server isn't held against its model.
func TestOwnEnds(t *testing.T) {
	limited := func(p *corev1.Pod) {
		p.Spec.Containers = []corev1.Container{{Name: contract.ServerContainer, Resources: corev1.ResourceRequirements{
			Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")},
		}}}
	}
	podLimited := func(p *corev1.Pod) {
		p.Spec.Resources = &corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")}}
	}
	const missing = `{"version":1,"message":"invalid model: open /model/m.onnx: no such file or directory"}`
	cases := map[string]struct {
		code            int32
		reason, message string
		change          func(*corev1.Pod)
		want, invalid   bool
	}{
		"a panic":                         {code: 2, reason: "Error", want: true},
		"a failure":                       {code: 1, reason: "Error", want: true},
		"a segmentation fault":            {code: 139, reason: "Error", want: true},
		"a wrong digest":                  {code: 6, reason: "Error", message: `{"version":1,"message":"another digest"}`, want: true, invalid: true},
		"a missing file":                  {code: 75, reason: "Error", message: missing},
		"a missing file, a server before": {code: 6, reason: "Error", message: missing},
		"out of its own memory":           {code: 137, reason: "OOMKilled", change: limited, want: true},
		"out of its pod's memory":         {code: 137, reason: "OOMKilled", change: podLimited, want: true},
		"the node is out of memory":       {code: 137, reason: "OOMKilled"},
		"killed":                          {code: 137, reason: "Error"},
		"told to stop":                    {code: 143, reason: "Error"},
		"stopped":                         {code: 0, reason: "Completed"},
		"the node has started again":      {code: 137, reason: "ContainerStatusUnknown"},
		"the runtime can't start it":      {code: 128, reason: "StartError"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{
				Name: contract.ServerContainer,
				State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
					ExitCode: tc.code, Reason: tc.reason, Message: tc.message, FinishedAt: observedAt,
				}},
			}}}}
			if tc.change != nil {
				tc.change(pod)
			}
			got := observedPod(pod).Terminated
			if got.Own != tc.want || got.ModelInvalid != tc.invalid {
				t.Errorf("own %t, model invalid %t, want %t and %t", got.Own, got.ModelInvalid, tc.want, tc.invalid)
			}
		})
	}
}

// TestUnready: only a server that was ready, runs, and says that it isn't ready any more.
func TestUnready(t *testing.T) {
	before, after := metav1.NewTime(observedAt.Add(-time.Minute)), metav1.NewTime(observedAt.Add(time.Minute))
	cases := map[string]struct {
		pod, containers corev1.ConditionStatus
		since           metav1.Time
		state           corev1.ContainerState
		want            bool
	}{
		"its probe fails":           {pod: "False", containers: "False", since: after, state: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: observedAt}}, want: true},
		"it is ready":               {pod: "True", containers: "True", since: after, state: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: observedAt}}},
		"it hasn't been ready yet":  {pod: "False", containers: "False", since: before, state: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: observedAt}}},
		"its node is lost":          {pod: "False", containers: "True", since: after, state: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: observedAt}}},
		"it waits to be restarted":  {pod: "False", containers: "False", since: after, state: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}},
		"its image is being pulled": {pod: "False", containers: "False", since: after, state: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{Status: corev1.PodStatus{
				Conditions: []corev1.PodCondition{
					{Type: corev1.PodReady, Status: tc.pod, LastTransitionTime: tc.since},
					{Type: corev1.ContainersReady, Status: tc.containers, LastTransitionTime: tc.since},
				},
				ContainerStatuses: []corev1.ContainerStatus{{Name: contract.ServerContainer, State: tc.state}},
			}}
			if got := observedPod(pod).Unready; got != tc.want {
				t.Errorf("unready = %t, want %t", got, tc.want)
			}
		})
	}
}

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
		want  rollout.JobState
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
		"of before":                          {job: &batchv1.Job{}, check: rollout.Bake},
		"it tests pods alone":                {job: bake(before), check: rollout.Smoke},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := rollout.Job{JobID: rollout.JobID{Check: tc.check}, State: tc.state}
			deployment := live
			if tc.gone {
				deployment = nil
			}
			outdate(&got, tc.job, now, deployment)
			if got.State != tc.want {
				t.Errorf("state = %d, want %d", got.State, tc.want)
			}
		})
	}
}

func TestObservedEndpoints(t *testing.T) {
	endpoint := func(pod string, ready *bool) discoveryv1.Endpoint {
		e := discoveryv1.Endpoint{Conditions: discoveryv1.EndpointConditions{Ready: ready}}
		if pod != "" {
			e.TargetRef = &corev1.ObjectReference{Name: pod}
		}
		return e
	}
	got := observedEndpoints([]discoveryv1.EndpointSlice{
		{Endpoints: []discoveryv1.Endpoint{endpoint("a", ptr.To(true)), endpoint("b", ptr.To(false))}},
		{Endpoints: []discoveryv1.Endpoint{endpoint("unknown", nil), endpoint("", nil)}},
	}, map[string]string{"a": "pets-1", "b": "pets-2"})
	want := []rollout.Endpoint{{Revision: "pets-1", Ready: true}, {Revision: "pets-2"}, {}, {}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("endpoints (-want +got):\n%s", diff)
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
	}
	cases := map[string]struct {
		job  *batchv1.Job
		pod  *corev1.Pod
		want want
	}{
		"no pod yet":                  {job: job(rollout.Smoke, "", ""), want: want{State: rollout.JobRunning, Known: true}},
		"running":                     {job: job(rollout.Smoke, "", ""), pod: &corev1.Pod{}, want: want{State: rollout.JobRunning, Known: true}},
		"passed, the Job says so yet": {job: job(rollout.Smoke, "", ""), pod: testPod(0, passed), want: want{rollout.JobPassed, true, "9 checks passed", 1}},
		"passed":                      {job: job(rollout.Smoke, batchv1.JobComplete, ""), pod: testPod(0, passed), want: want{rollout.JobPassed, true, "9 checks passed", 1}},
		"failed":                      {job: job(rollout.Smoke, batchv1.JobFailed, "PodFailurePolicy"), pod: testPod(7, failed), want: want{rollout.JobFailed, true, "quality failed", 1}},
		"failed, no report": {
			job: job(rollout.Bake, batchv1.JobFailed, ""), pod: testPod(7, "garbage"),
			want: want{rollout.JobFailed, true, "the smoke test ended with exit code 7 (Error) and no readable report: garbage", 0},
		},
		"exit 0 with a report that says failed": {job: job(rollout.Smoke, batchv1.JobComplete, ""), pod: testPod(0, failed), want: want{rollout.JobVoid, true, "quality failed", 1}},
		"exit 0, no report": {
			job: job(rollout.Smoke, batchv1.JobComplete, ""), pod: testPod(0, ""),
			want: want{rollout.JobVoid, true, "the smoke test ended with exit code 0 (Error) and no readable report:", 0},
		},
		"configuration refused, as by an image of another version": {
			job: job(rollout.Smoke, batchv1.JobFailed, ""), pod: testPod(3, `{"version":1,"message":"no target"}`), want: want{rollout.JobVoid, true, "no target", 0},
		},
		"the pod is taken away": {
			job: job(rollout.Smoke, "", ""), pod: &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p", DeletionTimestamp: &observedAt}},
			want: want{rollout.JobVoid, true, "its pod p was deleted or evicted", 0},
		},
		"the pod is taken away after it has passed": {
			job: job(rollout.Smoke, "", ""), pod: func() *corev1.Pod {
				pod := testPod(0, passed)
				pod.DeletionTimestamp = &observedAt
				return pod
			}(),
			want: want{rollout.JobPassed, true, "9 checks passed", 1},
		},
		"configuration refused by a bake": {
			job: job(rollout.Bake, batchv1.JobFailed, ""), pod: testPod(3, `{"version":1,"message":"no target"}`), want: want{rollout.JobVoid, true, "no target", 0},
		},
		"temporary, the Job isn't over": {job: job(rollout.Smoke, "", ""), pod: testPod(75, `{"version":1,"message":"down"}`), want: want{rollout.JobRunning, true, "down", 0}},
		"temporary":                     {job: job(rollout.Smoke, batchv1.JobFailed, ""), pod: testPod(75, `{"version":1,"message":"down"}`), want: want{rollout.JobVoid, true, "down", 0}},
		"deadline, pod gone":            {job: job(rollout.Smoke, batchv1.JobFailed, "DeadlineExceeded"), want: want{rollout.JobVoid, false, "DeadlineExceeded: why", 0}},
		"complete, pod not seen":        {job: job(rollout.Smoke, batchv1.JobComplete, "x"), want: want{rollout.JobVoid, false, "x: why", 0}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			observed, known := observedJob(tc.job, tc.pod)
			got := want{observed.State, known, observed.Message, len(observed.Checks)}
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

func TestWithServerEnd(t *testing.T) {
	crashing := podstate.Problem{Message: "container server can't start (CrashLoopBackOff): back-off"}
	ended := func(code int32, reason, message string) *corev1.Pod {
		return &corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{
			Name:                 contract.ServerContainer,
			LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, Message: message}},
		}}}}
	}
	limited := func(pod *corev1.Pod) *corev1.Pod {
		pod.Spec.Containers = []corev1.Container{{Name: contract.ServerContainer, Resources: corev1.ResourceRequirements{
			Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")},
		}}}
		return pod
	}
	deleted := func(pod *corev1.Pod) *corev1.Pod {
		pod.DeletionTimestamp = &observedAt
		return pod
	}
	with := func(pod *corev1.Pod, ready corev1.ConditionStatus) *corev1.Pod {
		pod.Name, pod.Status.Conditions = "p", []corev1.PodCondition{{Type: corev1.PodReady, Status: ready}}
		return pod
	}
	cases := map[string]struct {
		problem podstate.Problem
		pod     *corev1.Pod
		want    podstate.Problem
	}{
		"no problem":  {pod: ended(1, "Error", "x")},
		"ready again": {pod: with(ended(1, "Error", "x"), corev1.ConditionTrue)},
		"out of memory before, not ready again": {
			pod:  with(limited(ended(137, "OOMKilled", "")), corev1.ConditionFalse),
			want: podstate.Problem{Reason: "OOMKilled", Message: "pod p isn't ready again; the server used more memory than spec.podTemplate.resources.limits allows"},
		},
		"it leaves": {pod: deleted(with(ended(1, "Error", "x"), corev1.ConditionFalse))},
		"its node ran out of memory": {
			problem: crashing, pod: ended(137, "OOMKilled", ""),
			want: podstate.Problem{Reason: "OOMKilled", Message: crashing.Message + "; its node ran out of memory: ask for more in spec.podTemplate.resources.requests"},
		},
		"never ended": {problem: crashing, pod: &corev1.Pod{}, want: crashing},
		"crashed": {
			problem: crashing, pod: ended(3, "Error", `{"version":1,"message":"unknown field"}`),
			want: podstate.Problem{Message: crashing.Message + "; the server ended with exit code 3: unknown field"},
		},
		"out of memory": {
			problem: crashing, pod: limited(ended(137, "OOMKilled", "")),
			want: podstate.Problem{Reason: "OOMKilled", Message: crashing.Message + "; the server used more memory than spec.podTemplate.resources.limits allows"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := withServerEnd(tc.problem, tc.pod); got != tc.want {
				t.Errorf("problem = %+v, want %+v", got, tc.want)
			}
		})
	}
}

// TestByName: of the problems of several pods the same one is told each time.
func TestByName(t *testing.T) {
	pod := func(name string) *corev1.Pod { return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}} }
	listed := []*corev1.Pod{pod("c"), pod("a"), pod("b")}
	var got []string
	for _, p := range byName(listed) {
		got = append(got, p.Name)
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, got); diff != "" || listed[0].Name != "c" {
		t.Errorf("order (-want +got):\n%s; the list itself starts with %s", diff, listed[0].Name)
	}
}
