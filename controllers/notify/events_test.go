// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/patch"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

// conditionReasons are the values of all constants of the API whose names end in Reason.
func conditionReasons(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../../api/v1alpha1/conditions.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var reasons []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasSuffix(spec.Names[0].Name, "Reason") {
			return true
		}
		value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		reasons = append(reasons, value)
		return true
	})
	return reasons
}

// TestWeights has the weight of each reason that a condition may have: a new one has to
// be put on one of the two sides.
func TestWeights(t *testing.T) {
	const normal = "Pending WaitingForDeletion Training Suspended Resumed Recorded ModelPublished Serving Starting Smoking AwaitingPromotion Paused Baking Aborted Resolved " +
		"TrainingRunNotFound TrainingRunNotComplete MinimumReplicasAvailable NoLiveRevision MetricsAvailable MetricsPending Pruning Pruned InUse "
	const warning = "InvalidSpec DefaultsInvalid NameConflict ImagePullBackOff Unschedulable NodeNotReady VolumeUnavailable ConfigInvalid LossDiverged DatasetNotFound DatasetInvalid TooManyInvalidFiles " +
		"CredentialsInvalid GateNotMet NewerRunRejected NoBetterThanChance NodeLost OOMKilled DeadlineExceeded ResultMissing ArtifactInvalid RunnerFailed RollbackBlocked Unavailable " +
		"TrackerUnavailable TrackerRejected PruneFailed " +
		"SmokeFailed BakeFailed ProgressDeadlineExceeded PromotionRefused RejectionRefused SourceUnreachable ModelInvalid ClassesNotFound ClassesInvalid TrainingRunFailed ArtifactMissing MinimumReplicasUnavailable RunEnded MetricsUnavailable AutoscalerConflict "
	want, got := map[string]string{}, map[string]string{}
	for _, reason := range strings.Fields(normal) {
		want[reason] = corev1.EventTypeNormal
	}
	for _, reason := range strings.Fields(warning) {
		want[reason] = corev1.EventTypeWarning
	}
	for _, reason := range conditionReasons(t) {
		got[reason] = TypeOf(reason)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("weights (-want +got):\n%s", diff)
	}
}

func TestQueueTransitions(t *testing.T) {
	condition := func(conditionType, reason, message string) metav1.Condition {
		return metav1.Condition{Type: conditionType, Status: metav1.ConditionFalse, Reason: reason, Message: message}
	}
	starting := condition("Ready", "Starting", "0 of 1 replicas are available")
	const cause = "pods of Deployment pets-1 can't be created: exceeded quota: q, used: "
	refused := condition("Ready", "Starting", cause+"pods=1")
	more := condition("Ready", "Starting", cause+"pods=2")
	cases := map[string]struct {
		before, after []metav1.Condition
		want          []string
	}{
		"nothing has changed": {before: []metav1.Condition{starting}, after: []metav1.Condition{starting}},
		"on its way":          {after: []metav1.Condition{starting}, want: []string{"Normal Starting 0 of 1 replicas are available"}},
		"out of memory, which heals": {
			before: []metav1.Condition{starting}, after: []metav1.Condition{condition("Ready", "OOMKilled", "too little")},
			want: []string{"Warning OOMKilled too little"},
		},
		"refused":                           {before: []metav1.Condition{starting}, after: []metav1.Condition{refused}, want: []string{"Warning FailedCreate " + refused.Message}},
		"refused still, with other figures": {before: []metav1.Condition{refused}, after: []metav1.Condition{more}},
		"refused still, told elsewhere": {
			before: []metav1.Condition{refused, condition("Available", "Starting", "")},
			after:  []metav1.Condition{starting, condition("Available", "Starting", cause)},
		},
		"refused no more": {before: []metav1.Condition{refused}, after: []metav1.Condition{starting}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			scheme := runtime.NewScheme()
			if err := v1alpha1.AddToScheme(scheme); err != nil {
				t.Fatal(err)
			}
			run := wrappers.MakeTrainingRun("run-1", "zoo").Obj()
			c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(run).Build()
			recorder := events.NewFakeRecorder(10)
			helper := patch.NewHelper(c, recorder, client.FieldOwner(v1alpha1.FieldManager), run)
			QueueTransitions(helper, "Act", tc.before, tc.after)
			if err := helper.PatchStatus(context.Background(), run); err != nil {
				t.Fatal(err)
			}
			close(recorder.Events)
			var got []string
			for event := range recorder.Events {
				got = append(got, event)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

// refusingSink refuses every event.
type refusingSink struct {
	events.EventSink
	err error
}

func (s refusingSink) Create(context.Context, *eventsv1.Event) (*eventsv1.Event, error) {
	return nil, s.err
}

func TestEventSink(t *testing.T) {
	event := &eventsv1.Event{ObjectMeta: metav1.ObjectMeta{Namespace: "zoo"}}
	ending := apierrors.NewForbidden(corev1.Resource("events"), "e", errors.New("the namespace is being terminated"))
	ending.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}
	if _, err := (&eventSink{refusingSink{err: ending}}).Create(t.Context(), event); err != nil {
		t.Errorf("an event in a namespace that is being deleted: %v", err)
	}
	broken := errors.New("broken")
	if _, err := (&eventSink{refusingSink{err: broken}}).Create(t.Context(), event); !errors.Is(err, broken) {
		t.Errorf("error = %v, want %v", err, broken)
	}
}
