// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/plugin/cluster"
)

func server(name string, ready metav1.ConditionStatus) *v1alpha1.ModelServer {
	return &v1alpha1.ModelServer{
		ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: name},
		Status:     v1alpha1.ModelServerStatus{Conditions: []metav1.Condition{{Type: v1alpha1.ReadyCondition, Status: ready, Message: name + " waits"}}},
	}
}

func builder(t *testing.T) *fake.ClientBuilder {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	return fake.NewClientBuilder().WithScheme(scheme)
}

// What was Ready has to be so again, or be gone; what wasn't may be as it was.
func TestServers(t *testing.T) {
	c := builder(t).WithObjects(server("serving", metav1.ConditionTrue), server("waiting", metav1.ConditionFalse), server("removed", metav1.ConditionTrue)).
		WithStatusSubresource(&v1alpha1.ModelServer{}).Build()
	check := &Servers{Cluster: &cluster.Cluster{Client: c}, Settle: time.Nanosecond}
	if err := check.Before(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Delete(t.Context(), server("removed", metav1.ConditionTrue)); err != nil {
		t.Fatal(err)
	}
	if err := check.After(t.Context()); err != nil {
		t.Errorf("nothing was lost: %v", err)
	}
	lost := server("serving", metav1.ConditionFalse)
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(lost), lost); err != nil {
		t.Fatal(err)
	}
	lost.Status.Conditions[0].Status = metav1.ConditionFalse
	if err := c.Status().Update(t.Context(), lost); err != nil {
		t.Fatal(err)
	}
	if err := check.After(t.Context()); err == nil || !strings.Contains(err.Error(), "ModelServer team/serving: serving waits") || strings.Contains(err.Error(), "waiting waits") {
		t.Errorf("error %v, want it to name the server that was lost", err)
	}
}

// trial runs the check against a client whose objects have a status at once, and returns the namespaces that are left.
func trial(t *testing.T, finish func(client.Object)) (log string, left []corev1.Namespace, err error) {
	t.Helper()
	c := builder(t).WithInterceptorFuncs(interceptor.Funcs{Create: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.CreateOption) error {
		if object.GetName() == "" { // the fake client makes no names
			object.SetName(object.GetGenerateName() + "x")
		}
		finish(object)
		return c.Create(ctx, object, options...)
	}}).Build()
	var out bytes.Buffer
	err = Model{Cluster: &cluster.Cluster{Client: c}, Server: "/bin/false", Timeout: time.Minute, Log: &out}.After(t.Context())
	namespaces := &corev1.NamespaceList{}
	if err := c.List(t.Context(), namespaces); err != nil {
		t.Fatal(err)
	}
	return out.String(), namespaces.Items, err
}

func conditions(kind, status, message string) map[string]any {
	return map[string]any{"conditions": []any{map[string]any{"type": kind, "status": status, "reason": "Some", "message": message}}}
}

// setStatus gives an object of the trial a status.
func setStatus(t *testing.T, object client.Object, status map[string]any) {
	t.Helper()
	content, ok := object.(*unstructured.Unstructured)
	if !ok {
		t.Fatalf("%T is no object of the trial", object)
	}
	content.Object["status"] = status
}

func TestAModelThatWontBeTrained(t *testing.T) {
	log, left, err := trial(t, func(object client.Object) {
		if object.GetObjectKind().GroupVersionKind().Kind == "TrainingRun" {
			setStatus(t, object, conditions("Stalled", "True", "run trial has no image"))
		}
	})
	if err == nil || !strings.Contains(err.Error(), "TrainingRun: run trial has no image") {
		t.Errorf("error %v, want what the run says", err)
	}
	if !strings.Contains(log, "run trial has no image") {
		t.Errorf("printed %q", log)
	}
	if len(left) != 0 {
		t.Errorf("the namespaces %v are left", left)
	}
}

// A model that is Ready is asked, which there is no Service for here.
func TestAModelThatIsReady(t *testing.T) {
	_, left, err := trial(t, func(object client.Object) {
		switch object.GetObjectKind().GroupVersionKind().Kind {
		case "PersistentVolumeClaim":
			setStatus(t, object, map[string]any{"phase": "Bound"})
		case "TrainingRun", "ModelServer":
			setStatus(t, object, conditions("Ready", "True", "ready"))
		}
	})
	if err == nil || !strings.Contains(err.Error(), `services "trial" not found`) {
		t.Errorf("error %v, want the Service that is missing", err)
	}
	if len(left) != 0 {
		t.Errorf("the namespaces %v are left", left)
	}
}

func TestLivePod(t *testing.T) {
	pod := func(name, revision string, ready corev1.ConditionStatus) *corev1.Pod {
		return &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: name, Labels: map[string]string{v1alpha1.RevisionLabel: revision}},
			Status:     corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: ready}}},
		}
	}
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: serverName}, Spec: corev1.ServiceSpec{Selector: map[string]string{v1alpha1.RevisionLabel: "live"}}}
	c := builder(t).WithObjects(service, pod("a-candidate", "candidate", corev1.ConditionTrue), pod("b-starting", "live", corev1.ConditionFalse), pod("c-live", "live", corev1.ConditionTrue)).Build()
	got, err := livePod(t.Context(), &cluster.Cluster{Client: c}, "team")
	if diff := cmp.Diff("c-live", got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if err := c.Delete(t.Context(), pod("c-live", "live", corev1.ConditionTrue)); err != nil {
		t.Fatal(err)
	}
	if got, err := livePod(t.Context(), &cluster.Cluster{Client: c}, "team"); err == nil {
		t.Errorf("pod %s is asked, and none is ready", got)
	}
}
