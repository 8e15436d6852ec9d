// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/loop"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
)

// makeScope is a scope in which pets-1 is live and baked, with both replicas, and is
// what the spec asks for.
func makeScope(t *testing.T, changes ...func(*scope)) *scope {
	t.Helper()
	server := makeServer().Replicas(2).Obj()
	info := infoOf("run-1", "models")
	deployment, err := desiredDeployment(server, "pets-1", revisionTemplate{Info: info}, 2)
	if err != nil {
		t.Fatal(err)
	}
	deployment.Status = appsv1.DeploymentStatus{Replicas: 2, ReadyReplicas: 2, AvailableReplicas: 2}
	record := &rollout.Record{Switch: 1, At: observedAt, Live: "pets-1", Available: 2, Baked: true}
	s := &scope{
		server: server, now: observedAt.Time, info: &info,
		deployments: map[string]*appsv1.Deployment{"pets-1": deployment},
		observed: &rollout.Observed{
			Now: observedAt.Time, Policy: "p", Desired: 2,
			Target:    &rollout.Target{Name: "pets-1", Model: info.Model},
			Service:   &rollout.Service{Selected: "pets-1", Record: record},
			Revisions: map[string]*rollout.Revision{"pets-1": observedRevision(deployment, nil)},
		},
	}
	for _, change := range changes {
		change(s)
	}
	return s
}

// rejectedCandidate has the spec ask for pets-2, which was rejected.
func rejectedCandidate(s *scope) {
	s.observed.Target = &rollout.Target{Name: "pets-2"}
	s.observed.Service.Record.Rejected = []rollout.Rejection{{Policy: "p", RejectedRevision: v1alpha1.RejectedRevision{
		Revision: "pets-2", Reason: v1alpha1.SmokeFailedReason, Message: "quality failed", Time: &observedAt,
	}}}
}

func startingCandidate(s *scope) {
	s.observed.Target = &rollout.Target{Name: "pets-2"}
	s.observed.Revisions["pets-2"] = &rollout.Revision{Name: "pets-2", Replicas: 2}
}

func TestModelServerConditions(t *testing.T) {
	unresolved := func(stalled bool) func(*scope) {
		return func(s *scope) {
			s.info = nil
			s.unresolved = &rollout.Unresolved{Reason: "TrainingRunFailed", Message: "it failed", Stalled: stalled}
			s.observed.Target, s.observed.Unresolved = nil, *s.unresolved
		}
	}
	cases := map[string]struct {
		changes []func(*scope)
		err     error
		want    map[string]string // type: status/reason
	}{
		"serving": {
			want: map[string]string{"Ready": "True/Serving", "ModelResolved": "True/Resolved", "Available": "True/MinimumReplicasAvailable"},
		},
		"unavailable": {
			changes: []func(*scope){func(s *scope) { s.observed.Revisions["pets-1"].Available = 1 }},
			want: map[string]string{"Ready": "False/Unavailable", "Reconciling": "True/Unavailable", "ModelResolved": "True/Resolved",
				"Available": "False/MinimumReplicasUnavailable"},
		},
		"rolled back": {
			changes: []func(*scope){rejectedCandidate},
			want: map[string]string{"Ready": "False/SmokeFailed", "Stalled": "True/SmokeFailed", "RolledBack": "True/SmokeFailed",
				"ModelResolved": "True/Resolved", "Available": "True/MinimumReplicasAvailable"},
		},
		"an annotation asks for what makes no sense": {
			changes: []func(*scope){func(s *scope) { s.observed.Steering.Reject = "pets-1" }},
			want: map[string]string{"Ready": "True/Serving", "ModelResolved": "True/Resolved", "Available": "True/MinimumReplicasAvailable",
				"RequestRefused": "True/RejectionRefused"},
		},
		"nothing live": {
			changes: []func(*scope){func(s *scope) {
				s.observed.Service.Record = &rollout.Record{}
				s.observed.Revisions = nil
			}},
			want: map[string]string{"Ready": "False/Starting", "Reconciling": "True/Starting", "ModelResolved": "True/Resolved",
				"Available": "False/NoLiveRevision"},
		},
		"no Service yet": {
			changes: []func(*scope){func(s *scope) { s.observed.Service = nil }},
			want: map[string]string{"Ready": "Unknown/Pending", "Reconciling": "True/Pending", "ModelResolved": "True/Resolved",
				"Available": "False/NoLiveRevision"},
		},
		"a candidate's pod has a problem that has a reason": {
			changes: []func(*scope){startingCandidate, func(s *scope) {
				s.problem = podstate.Problem{Reason: v1alpha1.ImagePullBackOffReason, Message: "not found"}
			}},
			want: map[string]string{"Ready": "False/ImagePullBackOff", "Reconciling": "True/ImagePullBackOff", "ModelResolved": "True/Resolved",
				"Available": "True/MinimumReplicasAvailable"},
		},
		"a candidate's pod has a problem without a reason": {
			changes: []func(*scope){startingCandidate, func(s *scope) { s.problem = podstate.Problem{Message: "crashes"} }},
			want: map[string]string{"Ready": "False/Starting", "Reconciling": "True/Starting", "ModelResolved": "True/Resolved",
				"Available": "True/MinimumReplicasAvailable"},
		},
		"unresolved, for good": {
			changes: []func(*scope){unresolved(true)},
			want: map[string]string{"Ready": "False/TrainingRunFailed", "Stalled": "True/TrainingRunFailed", "ModelResolved": "False/TrainingRunFailed",
				"Available": "True/MinimumReplicasAvailable"},
		},
		"unresolved, heals": {
			changes: []func(*scope){unresolved(false)},
			want: map[string]string{"Ready": "False/TrainingRunFailed", "Reconciling": "True/TrainingRunFailed", "ModelResolved": "False/TrainingRunFailed",
				"Available": "True/MinimumReplicasAvailable"},
		},
		"a child is a stranger's": {
			err: loop.Stalled(v1alpha1.NameConflictReason, errors.New("not ours")),
			want: map[string]string{"Ready": "False/NameConflict", "Stalled": "True/NameConflict", "ModelResolved": "True/Resolved",
				"Available": "True/MinimumReplicasAvailable"},
		},
		"a child is being deleted": {
			err: loop.Waiting(v1alpha1.WaitingForDeletionReason, 0, errors.New("going")),
			want: map[string]string{"Ready": "False/WaitingForDeletion", "Reconciling": "True/WaitingForDeletion", "ModelResolved": "True/Resolved",
				"Available": "True/MinimumReplicasAvailable"},
		},
		"the API server fails while all is well": {
			err:  errors.New("etcd is down"),
			want: map[string]string{"Ready": "True/Serving", "ModelResolved": "True/Resolved", "Available": "True/MinimumReplicasAvailable"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := makeScope(t, tc.changes...)
			computeStatus(s, tc.err)
			got := map[string]string{}
			for _, c := range s.server.Status.Conditions {
				got[c.Type] = string(c.Status) + "/" + c.Reason
				if c.ObservedGeneration != 3 {
					t.Errorf("%s is of generation %d, want 3", c.Type, c.ObservedGeneration)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("conditions (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadyMessageTellsTheCause(t *testing.T) {
	s := makeScope(t, startingCandidate, func(s *scope) { s.problem = podstate.Problem{Message: "container server crashes"} })
	computeStatus(s, errors.New("etcd is down"))
	message := meta.FindStatusCondition(s.server.Status.Conditions, v1alpha1.ReadyCondition).Message
	for _, want := range []string{"0 of 2 replicas of revision pets-2", "container server crashes", "etcd is down"} {
		if !strings.Contains(message, want) {
			t.Errorf("message %q lacks %q", message, want)
		}
	}
}

func TestModelServerStatusWithoutObservation(t *testing.T) {
	before := []metav1.Condition{{Type: v1alpha1.ReadyCondition, Status: metav1.ConditionTrue, Reason: v1alpha1.ServingReason, ObservedGeneration: 2}}
	cases := map[string]struct {
		before         []metav1.Condition
		err            error
		want           string
		wantGeneration int64
	}{
		"first pass":         {err: errors.New("down"), want: "Unknown/Pending"},
		"later":              {before: before, err: errors.New("down"), want: "True/Serving"},
		"invalid spec":       {before: before, err: loop.Stalled(v1alpha1.InvalidSpecReason, errors.New("no")), want: "False/InvalidSpec", wantGeneration: 3},
		"an earlier owner's": {err: loop.Waiting(v1alpha1.WaitingForDeletionReason, 0, errors.New("going")), want: "False/WaitingForDeletion", wantGeneration: 3},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := &scope{server: makeServer().Obj(), now: observedAt.Time}
			s.server.Status.Conditions = append([]metav1.Condition(nil), tc.before...)
			computeStatus(s, tc.err)
			ready := meta.FindStatusCondition(s.server.Status.Conditions, v1alpha1.ReadyCondition)
			if got := string(ready.Status) + "/" + ready.Reason; got != tc.want || s.server.Status.ObservedGeneration != tc.wantGeneration {
				t.Errorf("Ready = %s of generation %d, want %s of %d", got, s.server.Status.ObservedGeneration, tc.want, tc.wantGeneration)
			}
		})
	}
}

func TestSetRevisions(t *testing.T) {
	s := makeScope(t, rejectedCandidate, func(s *scope) {
		record := s.observed.Service.Record
		record.Baked, record.Fallback = false, "pets-0"
		record.Requests = ptr.To[int64](12)
		record.History = []v1alpha1.RetiredRevision{{Revision: "pets-0", PromotedTime: &metav1.Time{Time: observedAt.Add(-3600e9)}, Reason: "Replaced"}}
		s.server.Status.Fallback = &v1alpha1.LiveRevision{Revision: "pets-0", Image: "server:v0"}
	})
	computeStatus(s, nil)
	info := infoOf("run-1", "models")
	wantLive := &v1alpha1.LiveRevision{Revision: "pets-1", Image: "server:v1", Model: info.Model, Metrics: info.Metrics, Since: &observedAt, BakeRequests: ptr.To[int64](12)}
	if diff := cmp.Diff(wantLive, s.server.Status.Live); diff != "" {
		t.Errorf("live (-want +got):\n%s", diff)
	}
	// Its Deployment isn't in the cache: what status said of it stays.
	wantFallback := &v1alpha1.LiveRevision{Revision: "pets-0", Image: "server:v0", Since: &metav1.Time{Time: observedAt.Add(-3600e9)}}
	if diff := cmp.Diff(wantFallback, s.server.Status.Fallback); diff != "" {
		t.Errorf("fallback (-want +got):\n%s", diff)
	}
	status := s.server.Status
	if *status.Replicas != 2 || *status.ReadyReplicas != 2 || status.Selector != "trainyard.dev/revision=pets-1" || status.URL != "http://pets.zoo.svc" {
		t.Errorf("replicas %d, ready %d, selector %s, url %s", *status.Replicas, *status.ReadyReplicas, status.Selector, status.URL)
	}
	if len(status.Rejected) != 1 || status.Rejected[0].Revision != "pets-2" {
		t.Errorf("rejected = %+v", status.Rejected)
	}
}

func TestSelectorIsNeverEmpty(t *testing.T) {
	s := makeScope(t, func(s *scope) { s.observed.Service.Record = &rollout.Record{} })
	computeStatus(s, nil)
	if got := s.server.Status.Selector; got != "trainyard.dev/revision=none" {
		t.Errorf("selector = %q", got)
	}
}

func TestExplainedBefore(t *testing.T) {
	ready := func(reason, message string) []metav1.Condition {
		return []metav1.Condition{{Type: v1alpha1.ReadyCondition, Reason: reason, Message: message}}
	}
	cases := map[string]struct {
		before      []metav1.Condition
		want        string
		wantMessage string
	}{
		"nothing":                   {want: "Starting", wantMessage: "creating pets-1"},
		"no problem":                {before: ready("Starting", "creating pets-1"), want: "Starting", wantMessage: "creating pets-1"},
		"a problem with a reason":   {before: ready("VolumeUnavailable", "creating pets-1; no such host"), want: "VolumeUnavailable", wantMessage: "creating pets-1; no such host"},
		"a problem without one":     {before: ready("Starting", "creating pets-1; no room"), want: "Starting", wantMessage: "creating pets-1; no room"},
		"a problem of another kind": {before: ready("Smoking", "creating pets-1; no room"), want: "Starting", wantMessage: "creating pets-1"},
		"another revision's":        {before: ready("VolumeUnavailable", "creating pets-2; no such host"), want: "Starting", wantMessage: "creating pets-1"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			reason, message := explainedBefore(tc.before, "Starting", "creating pets-1")
			if reason != tc.want || message != tc.wantMessage {
				t.Errorf("explainedBefore = %q, %q; want %q, %q", reason, message, tc.want, tc.wantMessage)
			}
		})
	}
}

func TestServingHints(t *testing.T) {
	server := makeServer().Service(corev1.ServiceTypeLoadBalancer, 80).Obj()
	unmeasured := server.DeepCopy()
	unmeasured.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ScalingActiveCondition, Status: metav1.ConditionFalse, Message: "HorizontalPodAutoscaler pets doesn't scale"}}
	waiting := server.DeepCopy()
	waiting.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ScalingActiveCondition, Status: metav1.ConditionUnknown, Message: "no metrics yet"}}
	balanced := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "pets"}, Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer}}
	addressed := balanced.DeepCopy()
	addressed.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "192.0.2.1"}}
	unsampled := scope{
		observed: &rollout.Observed{Service: &rollout.Service{Record: &rollout.Record{Live: "pets-1"}}},
		kept:     map[string]revisionTemplate{"pets-1": {}},
	}
	guessed := scope{
		observed: &rollout.Observed{Service: unsampled.observed.Service, Target: &rollout.Target{Name: "pets-1"}},
		kept:     map[string]revisionTemplate{"pets-1": {Info: revisionInfo{Samples: &v1alpha1.PublishedSamples{}}}},
		info:     guesser(),
	}
	another := guessed
	another.observed = &rollout.Observed{Service: unsampled.observed.Service, Target: &rollout.Target{Name: "pets-2"}}
	seen := func(requests int64) scope {
		baked := &rollout.Record{Live: "pets-1", Baked: true, Requests: &requests}
		return scope{observed: &rollout.Observed{Service: &rollout.Service{Record: baked}}}
	}
	cases := map[string]struct {
		scope scope
		want  []string // what the hints say
	}{
		"nobody came during its bake":   {scope: seen(0), want: []string{"no request of a user came during its bake"}},
		"somebody came during its bake": {scope: seen(1)},
		"no better than guessing":       {scope: guessed, want: []string{"the model is no better than guessing"}},
		"another is asked for":          {scope: another},
		"neither":                       {},
		"an autoscaler without metrics": {scope: scope{server: unmeasured}, want: []string{"HorizontalPodAutoscaler pets doesn't scale"}},
		"metrics may come yet":          {scope: scope{server: waiting}},
		"no address":                    {scope: scope{service: balanced}, want: []string{"Service pets has no address outside the cluster yet"}},
		"an address":                    {scope: scope{service: addressed}},
		"no samples":                    {scope: unsampled, want: []string{"integrity could not be judged, because the model came without recorded answers: set spec.smoke.samples"}},
		"both":                          {scope: scope{server: unmeasured, service: balanced}, want: []string{"doesn't scale", "spec.service.type"}},
	}
	judged := server.DeepCopy()
	judged.Spec.Smoke.Samples = &v1alpha1.SmokeSamples{}
	unsampled.server = judged
	if got := servingHints(&unsampled); len(got) != 1 || !strings.HasSuffix(got[0], "; spec.smoke.samples judge its quality") {
		t.Errorf("with samples of the user's own: hints %q", got)
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if tc.scope.server == nil {
				tc.scope.server = server
			}
			got := servingHints(&tc.scope)
			if len(got) != len(tc.want) {
				t.Fatalf("hints %q, want %d", got, len(tc.want))
			}
			for i, want := range tc.want {
				if !strings.Contains(got[i], want) {
					t.Errorf("hint %q, want one with %q", got[i], want)
				}
			}
		})
	}
}

func TestHistoryLimit(t *testing.T) {
	for limit, want := range map[int32]int{0: 0, 2: 2, 10: 3} {
		s := makeScope(t, func(s *scope) {
			s.observed.Service.Record.History = make([]v1alpha1.RetiredRevision, 3)
			s.server.Spec.Rollout.RevisionHistoryLimit = &limit
		})
		computeStatus(s, nil)
		if got := len(s.server.Status.History); got != want {
			t.Errorf("limit %d: %d entries, want %d", limit, got, want)
		}
		if got := len(s.observed.Service.Record.History); got != 3 {
			t.Errorf("limit %d: the record has %d entries, want all 3", limit, got)
		}
	}
}
