// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/explain"
	"github.com/trainyard-dev/trainyard/controllers/loop"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

var (
	modelDigest   = strings.Repeat("ab", 32)
	samplesDigest = strings.Repeat("cd", 32)
)

// publishedRun is one that has published into claim models.
func publishedRun() *v1alpha1.TrainingRun {
	return makeRun().Complete(v1alpha1.PublishedModel{
		URI: "pvc://models/pets-1a2b3c4d/model.onnx", SHA256: modelDigest,
		Samples: &v1alpha1.PublishedSamples{URI: "pvc://models/pets-1a2b3c4d/samples.tar", SHA256: samplesDigest},
	}).Obj()
}

func TestFindUser(t *testing.T) {
	other := func(change func(*v1alpha1.ModelServer)) *v1alpha1.ModelServer {
		server := wrappers.MakeModelServer("web", "zoo", "other").Obj()
		change(server)
		return server
	}
	model := v1alpha1.RevisionModel{URI: "pvc://models/pets-1a2b3c4d/model.onnx", SHA256: modelDigest, TrainingRun: "pets"}
	cases := map[string]struct {
		server *v1alpha1.ModelServer
		kept   string // what a ControllerRevision holds
		used   bool
	}{
		"nobody":              {server: other(func(*v1alpha1.ModelServer) {})},
		"asked for by name":   {server: wrappers.MakeModelServer("web", "zoo", "pets").Obj(), used: true},
		"another namespace's": {server: wrappers.MakeModelServer("web", "farm", "pets").Obj()},
		"live":                {server: other(func(s *v1alpha1.ModelServer) { s.Status.Live = &v1alpha1.LiveRevision{Model: model} }), used: true},
		"fallback":            {server: other(func(s *v1alpha1.ModelServer) { s.Status.Fallback = &v1alpha1.LiveRevision{Model: model} }), used: true},
		"candidate":           {server: other(func(s *v1alpha1.ModelServer) { s.Status.Candidate = &v1alpha1.CandidateRevision{Model: model} }), used: true},
		"in the history":      {server: other(func(s *v1alpha1.ModelServer) { s.Status.History = []v1alpha1.RetiredRevision{{Model: model}} }), used: true},
		"rejected":            {server: other(func(s *v1alpha1.ModelServer) { s.Status.Rejected = []v1alpha1.RejectedRevision{{Model: model}} })},
		"the same bytes as a source": {server: other(func(s *v1alpha1.ModelServer) {
			s.Spec.Model = v1alpha1.ServedModel{Source: &v1alpha1.ModelSource{URI: "https://models.example/pets.onnx", SHA256: modelDigest}}
		}), used: true},
		"a file of the artifact as a source": {server: other(func(s *v1alpha1.ModelServer) {
			s.Spec.Model = v1alpha1.ServedModel{Source: &v1alpha1.ModelSource{URI: "s3://models/pets-1a2b3c4d/model-float32.onnx", SHA256: strings.Repeat("0", 64)}}
		}), used: true},
		"what is kept of a revision": {server: other(func(*v1alpha1.ModelServer) {}), kept: `{"info":{"model":{"sha256":"` + modelDigest + `"}}}`, used: true},
		"the samples of a test":      {server: other(func(*v1alpha1.ModelServer) {}), kept: `{"samples":"` + samplesDigest + `"}`, used: true},
		"what is kept of another":    {server: other(func(*v1alpha1.ModelServer) {}), kept: `{"info":{"model":{"uri":"pvc://models/pets-99999999/model.onnx"}}}`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			kept := []appsv1.ControllerRevision{{Data: runtime.RawExtension{Raw: []byte(tc.kept)}}}
			user, err := findUser(publishedRun(), []v1alpha1.ModelServer{*tc.server}, kept)
			if err != nil || (user != "") != tc.used {
				t.Errorf("used by %q, error %v; want used: %t", user, err, tc.used)
			}
		})
	}
}

func TestDesiredPruneJob(t *testing.T) {
	run := makeRun().DataPVC("photographs", "raw").Image("somebody/trainer:v1").Obj()
	run.Spec.Output.Checkpoints.PVC.ClaimName = "scratch"
	run.Spec.PodTemplate.Resources.Requests = v1alpha1.ResourceList{corev1.ResourceMemory: "64Gi"}
	before := run.DeepCopy()
	job, err := desiredPruneJob(jobInput{run: run, image: "operator/runner:v1"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, run); diff != "" {
		t.Errorf("the run was changed (-before +after):\n%s", diff)
	}
	pod := &job.Spec.Template.Spec
	container := &pod.Containers[0]
	var config contract.PruneConfig
	if err := contract.DecodeConfig([]byte(container.Env[0].Value), &config); err != nil {
		t.Fatal(err)
	}
	want := contract.PruneConfig{Version: 1, Run: contractRun(run), Output: contract.Output{Path: "/output", URI: "pvc://models", CheckpointsPath: "/checkpoints"}}
	if diff := cmp.Diff(want, config); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
	var claims []string
	for _, volume := range pod.Volumes {
		if volume.PersistentVolumeClaim != nil {
			claims = append(claims, volume.PersistentVolumeClaim.ClaimName)
		}
	}
	got := []any{job.Name, container.Image, container.Args, claims, container.Resources.Requests.Memory().String(), metav1.IsControlledBy(job, run)}
	if diff := cmp.Diff([]any{"pets-1a2b3c4d-prune", "operator/runner:v1", []string{"prune"}, []string{"models", "scratch"}, "64Mi", true}, got); diff != "" {
		t.Errorf("Job (-want +got):\n%s", diff)
	}
}

// A server that has begun with a model, unseen, before its run said that it is about to be deleted, keeps it: what is read past the
// cache decides. Each side writes before it reads, so one sees the other.
func TestServerThatBeganMeanwhile(t *testing.T) {
	run := publishedRun()
	run.Spec.Output.Retention = "1m"
	meta.SetStatusCondition(&run.Status.Conditions, metav1.Condition{Type: v1alpha1.PrunedCondition, Status: metav1.ConditionFalse, Reason: v1alpha1.PruningReason})
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(map[string]string{"sha256": modelDigest})
	if err != nil {
		t.Fatal(err)
	}
	begun := &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{Namespace: "zoo", Name: "web-1", Labels: map[string]string{"app.kubernetes.io/managed-by": "trainyard"}},
		Data:       runtime.RawExtension{Raw: data},
	}
	for name, tc := range map[string]struct {
		stored   []client.Object // and not in the cache
		want     string
		wantJobs int
	}{
		"begun":      {[]client.Object{begun}, v1alpha1.InUseReason, 0},
		"none begun": {nil, v1alpha1.PruningReason, 1},
	} {
		t.Run(name, func(t *testing.T) {
			builder := func() *fake.ClientBuilder {
				return fake.NewClientBuilder().WithScheme(scheme).WithObjects(run.DeepCopy()).WithStatusSubresource(run).
					WithIndex(&corev1.Pod{}, runIndex, func(client.Object) []string { return nil })
			}
			cached, live := builder().Build(), builder().WithObjects(tc.stored...).Build()
			clock := clocktesting.NewFakePassiveClock(testNow)
			r := &reconciler{
				client: cached, live: live, recorder: events.NewFakeRecorder(100), retries: loop.NewLimiter(), clock: clock, image: "runner",
				explainer: explain.NewExplainer(explain.NewEvents(cached, clock), clock), progress: newPoller(nil, clock),
			}
			if _, err := r.Reconcile(t.Context(), reconcile.Request{NamespacedName: client.ObjectKeyFromObject(run)}); err != nil {
				t.Fatal(err)
			}
			now, jobs := &v1alpha1.TrainingRun{}, &batchv1.JobList{}
			if err := errors.Join(cached.Get(t.Context(), client.ObjectKeyFromObject(run), now), cached.List(t.Context(), jobs)); err != nil {
				t.Fatal(err)
			}
			if got := pruningIn(&now.Status); !got.is(tc.want) || len(jobs.Items) != tc.wantJobs {
				t.Errorf("the run says %+v, and there are %d Jobs; want %s and %d", got, len(jobs.Items), tc.want, tc.wantJobs)
			}
		})
	}
}
