// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

func TestDesiredDeployment(t *testing.T) {
	server := makeServer().PodTemplate(v1alpha1.PodTemplate{
		Env:          []v1alpha1.EnvVar{{Name: "A", Value: "b"}},
		NodeSelector: map[string]string{"disk": "ssd"},
		Resources:    v1alpha1.ResourceRequirements{Limits: v1alpha1.ResourceList{"memory": "1Gi"}},
	}).Obj()
	untouched := server.DeepCopy()
	info := infoOf("run-1", "models")
	template, err := newTemplate(templateInput{server: server, revision: "pets-1", info: info, limits: parsed(t, server).limits})
	if err != nil {
		t.Fatal(err)
	}
	got, err := desiredDeployment(server, "pets-1", template, 3)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(untouched, server); diff != "" {
		t.Errorf("the builder changed the server (-before +after):\n%s", diff)
	}
	if *got.Spec.Replicas != 3 || !metav1.IsControlledBy(got, server) {
		t.Errorf("replicas = %d, owners = %v, want 3 and the server", *got.Spec.Replicas, got.OwnerReferences)
	}
	if diff := cmp.Diff(info, readRevisionInfo(got)); diff != "" {
		t.Errorf("annotation (-want +got):\n%s", diff)
	}
	wantConfig := contract.ServeConfig{
		Version: contract.Version, Name: "pets", Revision: "pets-1",
		Model: contract.ServedModel{Path: "/model/run-1/model.onnx", SHA256: strings.Repeat("a", 64), TrainingRun: "run-1"},
		Limits: contract.Limits{
			MaxBatch: 16, MaxBatchDelayMillis: 2, MaxBodyBytes: 10 << 20, MaxPixels: 50_000_000, RequestTimeoutMillis: 30_000,
		},
		DrainDelaySeconds: 10, LogRequests: true,
	}
	if diff := cmp.Diff(wantConfig, configOf[contract.ServeConfig](t, &got.Spec.Template.Spec)); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
	for key, value := range got.Spec.Selector.MatchLabels {
		if got.Spec.Template.Labels[key] != value {
			t.Errorf("the pods lack the selector's label %s=%s", key, value)
		}
	}
	spec := got.Spec.Template.Spec
	container := spec.Containers[0]
	if container.Env[1] != (corev1.EnvVar{Name: "A", Value: "b"}) || spec.NodeSelector["disk"] != "ssd" {
		t.Errorf("the pod template isn't in the pod: %v, %v", container.Env, spec.NodeSelector)
	}
	if diff := cmp.Diff(defaultSpread("pets-1"), spec.TopologySpreadConstraints); diff != "" {
		t.Errorf("topology spread constraints (-want +got):\n%s", diff)
	}
	if *spec.TerminationGracePeriodSeconds != 45 {
		t.Errorf("grace period = %d s, want drain 10 + request 30 + 5", *spec.TerminationGracePeriodSeconds)
	}
	if r := container.Resources; !r.Requests.Cpu().Equal(resource.MustParse("100m")) || !r.Requests.Memory().Equal(resource.MustParse("128Mi")) {
		t.Errorf("requests = %v, want the defaults", r.Requests)
	}
	if got.Spec.Strategy.RollingUpdate.MaxUnavailable.IntValue() != 0 {
		t.Errorf("maxUnavailable = %v, want 0", got.Spec.Strategy.RollingUpdate.MaxUnavailable)
	}
}

// TestRestricted holds every pod against the Pod Security Standard "restricted", with
// a read-only root file system on top.
func TestRestricted(t *testing.T) {
	server := makeServer().Obj()
	template, err := newTemplate(templateInput{server: server, revision: "pets-1", info: infoOf("run-1", "models")})
	if err != nil {
		t.Fatal(err)
	}
	job, err := desiredTestJob(testInput{server: server, info: infoOf("run-1", "models"), start: rollout.Start{}})
	if err != nil {
		t.Fatal(err)
	}
	for name, spec := range map[string]corev1.PodSpec{"server": template.Pod.Spec, "smoke": job.Spec.Template.Spec} {
		pod, container := spec.SecurityContext, spec.Containers[0].SecurityContext
		switch {
		case !*pod.RunAsNonRoot, *pod.RunAsUser != 65532, pod.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault:
			t.Errorf("%s: pod security context = %+v", name, pod)
		case *container.AllowPrivilegeEscalation, !*container.ReadOnlyRootFilesystem, container.Capabilities.Drop[0] != "ALL":
			t.Errorf("%s: container security context = %+v", name, container)
		case *spec.AutomountServiceAccountToken:
			t.Errorf("%s: the service account's token is mounted", name)
		}
		for _, volume := range spec.Volumes {
			if claim := volume.PersistentVolumeClaim; claim != nil && !claim.ReadOnly {
				t.Errorf("%s: volume %s can be written", name, volume.Name)
			}
		}
	}
}

func TestTemplateOfAnotherScheme(t *testing.T) {
	server := makeServer().Obj()
	info := infoOf("run-1", "models")
	info.Model.URI = "ftp://bucket/model.onnx"
	if _, err := newTemplate(templateInput{server: server, revision: "pets-1", info: info}); err == nil || !strings.Contains(err.Error(), "ftp://bucket/model.onnx") {
		t.Errorf("error = %v, want one that names the URI", err)
	}
}

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
