// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

func makeServer() *wrappers.ModelServerWrapper {
	return wrappers.MakeModelServer("pets", "zoo", "run-1").UID("0f7c2b1e-0000-4000-8000-000000000000").Generation(3)
}

func infoOf(run, claim string) revisionInfo {
	return revisionInfo{
		Image: "server:v1",
		Model: v1alpha1.RevisionModel{URI: "pvc://" + claim + "/" + run + "/model.onnx", SHA256: strings.Repeat("a", 64), TrainingRun: run},
		Samples: &v1alpha1.PublishedSamples{
			URI: "pvc://" + claim + "/" + run + "/samples.tar", SHA256: strings.Repeat("b", 64),
		},
		Metrics: []v1alpha1.Metric{{Name: "accuracy", Value: "0.95"}},
	}
}

// parsed parses a server's spec.
func parsed(t *testing.T, server *v1alpha1.ModelServer) servingConfig {
	t.Helper()
	config, err := parseServing(&server.Spec)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// configOf decodes the configuration of a pod's only container.
func configOf[T any](t *testing.T, spec *corev1.PodSpec) T {
	t.Helper()
	var config T
	env := spec.Containers[0].Env[0]
	if env.Name != contract.ConfigEnv {
		t.Fatalf("the first variable is %s, want %s", env.Name, contract.ConfigEnv)
	}
	if err := contract.DecodeConfig([]byte(env.Value), &config); err != nil {
		t.Fatal(err)
	}
	return config
}

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
	info.Model.URI = "s3://bucket/model.onnx"
	if _, err := newTemplate(templateInput{server: server, revision: "pets-1", info: info}); err == nil || !strings.Contains(err.Error(), "s3://bucket/model.onnx") {
		t.Errorf("error = %v, want one that names the URI", err)
	}
}

func TestMinAgreement(t *testing.T) {
	for text, want := range map[string]*float64{"": nil, "0": ptr.To(0.0), "0.9": ptr.To(0.9)} {
		server := makeServer().Smoke(v1alpha1.Smoke{MinAgreement: text}).Obj()
		if diff := cmp.Diff(want, parsed(t, server).minAgreement); diff != "" {
			t.Errorf("minAgreement %q (-want +got):\n%s", text, diff)
		}
	}
}

func TestDesiredTestJob(t *testing.T) {
	server := makeServer().Smoke(v1alpha1.Smoke{Timeout: "90s", Attempts: 3, MinAgreement: "0.9", MaxLatency: "500ms"}).BakeTime("20s").Obj()
	candidate, live := infoOf("run-2", "models"), infoOf("run-1", "models")
	elsewhere := infoOf("run-1", "archive")
	smoke := rollout.Start{
		JobID: rollout.JobID{Check: rollout.Smoke, Revision: "pets-2", Key: "k", Attempt: 1},
		Pods:  []rollout.Pod{{URL: "http://10.0.0.1:8080"}, {URL: "http://10.0.0.2:8080"}},
	}
	bake := rollout.Start{JobID: rollout.JobID{Check: rollout.Bake, Revision: "pets-2", Key: "4"}}
	base := contract.SmokeConfig{
		Version: contract.Version, Revision: "pets-2", SHA256: candidate.Model.SHA256,
		Targets:      []string{"http://10.0.0.1:8080", "http://10.0.0.2:8080"},
		Model:        &contract.Samples{Path: "/model/run-2/samples.tar", SHA256: candidate.Samples.SHA256},
		Live:         &contract.Samples{Path: "/live/run-1/samples.tar", SHA256: live.Samples.SHA256},
		MinAgreement: ptr.To(0.9), MaxLatencyMillis: 500, Attempts: 3, TimeoutSeconds: 90,
	}
	with := func(change func(*contract.SmokeConfig)) contract.SmokeConfig {
		config := base
		change(&config)
		return config
	}
	withoutSamples := candidate
	withoutSamples.Samples = nil
	cases := map[string]struct {
		start        rollout.Start
		info         revisionInfo
		live         *revisionInfo
		wantConfig   contract.SmokeConfig
		wantVolumes  []string
		wantMounts   []string
		wantDeadline int64
	}{
		"smoke, one claim": {
			start: smoke, info: candidate, live: &live, wantConfig: base,
			wantVolumes: []string{"tmp", "model"}, wantMounts: []string{"tmp:/tmp", "model:/model", "model:/live"}, wantDeadline: 90 + 300,
		},
		"smoke, two claims": {
			start: smoke, info: candidate, live: &elsewhere, wantConfig: base,
			wantVolumes: []string{"tmp", "model", "live"}, wantMounts: []string{"tmp:/tmp", "model:/model", "live:/live"}, wantDeadline: 90 + 300,
		},
		"smoke, nothing is live": {
			start: smoke, info: candidate, wantConfig: with(func(c *contract.SmokeConfig) { c.Live = nil }),
			wantVolumes: []string{"tmp", "model"}, wantMounts: []string{"tmp:/tmp", "model:/model"}, wantDeadline: 90 + 300,
		},
		"smoke, no samples": {
			start: smoke, info: withoutSamples, wantConfig: with(func(c *contract.SmokeConfig) { c.Live, c.Model = nil, nil }),
			wantVolumes: []string{"tmp"}, wantMounts: []string{"tmp:/tmp"}, wantDeadline: 90 + 300,
		},
		"bake": {
			start: bake, info: candidate, live: &live,
			wantConfig: with(func(c *contract.SmokeConfig) {
				c.Targets, c.DelaySeconds, c.ForSeconds = []string{"http://pets.zoo.svc"}, 5, 20
			}),
			wantVolumes: []string{"tmp", "model"}, wantMounts: []string{"tmp:/tmp", "model:/model", "model:/live"}, wantDeadline: 25 + 90 + 300,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			job, err := desiredTestJob(testInput{server: server, config: parsed(t, server), image: "judge:v1", start: tc.start, info: tc.info, liveInfo: tc.live})
			if err != nil {
				t.Fatal(err)
			}
			spec := &job.Spec.Template.Spec
			if diff := cmp.Diff(tc.wantConfig, configOf[contract.SmokeConfig](t, spec)); diff != "" {
				t.Errorf("configuration (-want +got):\n%s", diff)
			}
			var volumes, mounts []string
			for _, volume := range spec.Volumes {
				volumes = append(volumes, volume.Name)
			}
			for _, mount := range spec.Containers[0].VolumeMounts {
				mounts = append(mounts, mount.Name+":"+mount.MountPath)
			}
			if diff := cmp.Diff(tc.wantVolumes, volumes); diff != "" {
				t.Errorf("volumes (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.wantMounts, mounts); diff != "" {
				t.Errorf("mounts (-want +got):\n%s", diff)
			}
			if *job.Spec.ActiveDeadlineSeconds != tc.wantDeadline || *job.Spec.BackoffLimit != 0 {
				t.Errorf("deadline = %d, backoffLimit = %d, want %d and 0", *job.Spec.ActiveDeadlineSeconds, *job.Spec.BackoffLimit, tc.wantDeadline)
			}
			if diff := cmp.Diff(tc.start.JobID, testID(job)); diff != "" || job.Name != tc.start.Name() {
				t.Errorf("name %s, id (-want +got):\n%s", job.Name, diff)
			}
			if _, selected := job.Spec.Template.Labels[v1alpha1.RevisionLabel]; selected {
				t.Error("the Service would select the test's pod")
			}
			if spec.Containers[0].Image != "judge:v1" || spec.RestartPolicy != corev1.RestartPolicyNever {
				t.Errorf("image = %s, restartPolicy = %s", spec.Containers[0].Image, spec.RestartPolicy)
			}
			if codes := job.Spec.PodFailurePolicy.Rules[0].OnExitCodes.Values; !cmp.Equal(codes, []int32{3, 7}) {
				t.Errorf("exit codes that end the Job = %v, want 3 and 7", codes)
			}
		})
	}
}

// A test of many replicas gets the time of as many turns as it takes.
func TestTestsHaveTimeForEveryTarget(t *testing.T) {
	server := makeServer().Smoke(v1alpha1.Smoke{Timeout: "90s", Attempts: 3}).Obj()
	start := rollout.Start{JobID: rollout.JobID{Check: rollout.Smoke, Revision: "pets-2", Key: "k"}, Pods: make([]rollout.Pod, 60)}
	job, err := desiredTestJob(testInput{server: server, config: parsed(t, server), start: start, info: infoOf("run-2", "models")})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := *job.Spec.ActiveDeadlineSeconds, int64(8*90+300); got != want {
		t.Errorf("deadline = %d s, want %d", got, want)
	}
}

// How containers ended before a test is kept with it.
func TestTestEnded(t *testing.T) {
	server := makeServer().Obj()
	start := rollout.Start{JobID: rollout.JobID{Check: rollout.Smoke, Revision: "pets-2", Key: "k"}, Pods: []rollout.Pod{
		{UID: "u1", Terminated: &rollout.Termination{ID: "1"}}, {UID: "u2"},
	}}
	job, err := desiredTestJob(testInput{server: server, config: parsed(t, server), start: start, info: infoOf("run-2", "models")})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[types.UID]string{"u1": "1"}, testEnded(job)); diff != "" {
		t.Errorf("ended (-want +got):\n%s", diff)
	}
	job.Annotations = nil
	if got := testEnded(job); got != nil {
		t.Errorf("ended = %v without an annotation, want nil", got)
	}
}

// When a test started is by the manager's clock, whatever the API server's says.
func TestTestStarted(t *testing.T) {
	server := makeServer().Obj()
	start := rollout.Start{JobID: rollout.JobID{Check: rollout.Bake, Revision: "pets-2", Key: "4"}}
	job, err := desiredTestJob(testInput{server: server, config: parsed(t, server), start: start, info: infoOf("run-2", "models"), now: observedAt.Time})
	if err != nil {
		t.Fatal(err)
	}
	job.CreationTimestamp = metav1.NewTime(observedAt.Add(time.Hour))
	if got := testStarted(job); !got.Equal(observedAt.Time) {
		t.Errorf("started = %s, want %s", got, observedAt)
	}
	job.Annotations = nil
	if got := testStarted(job); !got.Equal(job.CreationTimestamp.Time) {
		t.Errorf("started = %s without an annotation, want %s", got, job.CreationTimestamp)
	}
}

func TestTestIDOfAStranger(t *testing.T) {
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "x"}}
	if got := testID(job).Name(); got == job.Name {
		t.Errorf("a Job without annotations passes for the test %s", got)
	}
}

func TestService(t *testing.T) {
	server := makeServer().Obj()
	record := &rollout.Record{Switch: 1, Live: "pets-1"}
	service, err := newService(server, record)
	if err != nil {
		t.Fatal(err)
	}
	for annotation, want := range map[string]string{"": "is unreadable: decode rollout record", "{": "is unreadable", "none": "was removed by somebody else"} {
		damaged := service.DeepCopy()
		damaged.Annotations[v1alpha1.RolloutAnnotation] = annotation
		if annotation == "none" {
			delete(damaged.Annotations, v1alpha1.RolloutAnnotation)
		}
		if got := observedService(damaged); got.Record != nil || !strings.Contains(got.RecordProblem, want) {
			t.Errorf("observedService of a Service with the record %q = %+v, want a problem with %q", annotation, got, want)
		}
	}
	if got := observedService(service); got.RecordProblem != "" || got.Selected != "pets-1" || !cmp.Equal(got.Record, record) {
		t.Errorf("observed = %+v, want pets-1 and the record", got)
	}
	if service.Spec.Ports[0].Port != 80 || service.Spec.Type != corev1.ServiceTypeClusterIP || !metav1.IsControlledBy(service, server) {
		t.Errorf("service = %+v", service.Spec)
	}
	empty, err := newService(server, &rollout.Record{})
	if err != nil {
		t.Fatal(err)
	}
	if got := empty.Spec.Selector[v1alpha1.RevisionLabel]; got != "none" || observedService(empty).Selected != "" {
		t.Errorf("before the first promotion the selector is %q, want none", got)
	}
}

func TestDesiredService(t *testing.T) {
	server := makeServer().Service(corev1.ServiceTypeNodePort, 8080).Obj()
	existing := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "pets", Annotations: map[string]string{v1alpha1.RolloutAnnotation: "{}"}, Labels: map[string]string{"theirs": "1"}},
		Spec: corev1.ServiceSpec{
			ClusterIP: "10.0.0.9", Selector: map[string]string{"any": "thing"},
			Ports: []corev1.ServicePort{{Name: "http", Port: 80, NodePort: 30001}},
		},
	}
	before := existing.DeepCopy()
	got := desiredService(server, existing)
	if diff := cmp.Diff(before, existing); diff != "" {
		t.Errorf("the builder changed the Service (-before +after):\n%s", diff)
	}
	port := got.Spec.Ports[0]
	if got.Spec.Type != corev1.ServiceTypeNodePort || port.Port != 8080 || port.NodePort != 30001 || port.TargetPort.String() != "http" {
		t.Errorf("spec = %+v", got.Spec)
	}
	if !cmp.Equal(got.Spec.Selector, existing.Spec.Selector) || got.Annotations[v1alpha1.RolloutAnnotation] != "{}" || got.Spec.ClusterIP != "10.0.0.9" {
		t.Errorf("selector, record or address changed: %+v", got)
	}
	if got.Labels["theirs"] != "1" || got.Labels[v1alpha1.ModelServerLabel] != "pets" {
		t.Errorf("labels = %v", got.Labels)
	}
	if again := desiredService(server, got); !cmp.Equal(got, again) {
		t.Errorf("not stable (-first +second):\n%s", cmp.Diff(got, again))
	}
	edited := got.DeepCopy()
	edited.Spec.PublishNotReadyAddresses, edited.Spec.ExternalName = true, "elsewhere.example"
	edited.Spec.Ports = append([]corev1.ServicePort{{Name: "debug", Port: 81}}, edited.Spec.Ports...)
	edited.Spec.Ports[1].TargetPort = intstr.FromInt32(9090)
	if diff := cmp.Diff(got, desiredService(server, edited)); diff != "" {
		t.Errorf("what was edited isn't set back (-before +after):\n%s", diff)
	}
	server.Spec.Service.Type = corev1.ServiceTypeClusterIP
	if got := desiredService(server, got).Spec.Ports[0].NodePort; got != 0 {
		t.Errorf("node port of a ClusterIP = %d, want none", got)
	}
}

func TestRolloutPatch(t *testing.T) {
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "pets", UID: "u", ResourceVersion: "7"},
		Spec:       corev1.ServiceSpec{Selector: map[string]string{v1alpha1.RevisionLabel: "pets-1", "somebody": "else"}},
	}
	data, err := rolloutPatch(service, &rollout.Record{Switch: 2, Live: "pets-2"})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"metadata": map[string]any{
			"uid": "u", "resourceVersion": "7",
			"annotations": map[string]any{v1alpha1.RolloutAnnotation: `{"switch":2,"live":"pets-2"}`},
		},
		"spec": map[string]any{"selector": map[string]any{v1alpha1.RevisionLabel: "pets-2", "somebody": nil}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("patch (-want +got):\n%s", diff)
	}
}

func TestSelectedRevision(t *testing.T) {
	for name, tc := range map[string]struct {
		selector map[string]string
		want     string
	}{
		"a revision":    {map[string]string{v1alpha1.RevisionLabel: "pets-1"}, "pets-1"},
		"none":          {map[string]string{v1alpha1.RevisionLabel: "none"}, ""},
		"no selector":   {nil, otherRevision},
		"another label": {map[string]string{"app": "x"}, otherRevision},
		"one too many":  {map[string]string{v1alpha1.RevisionLabel: "pets-1", "app": "x"}, otherRevision},
	} {
		t.Run(name, func(t *testing.T) {
			service := &corev1.Service{Spec: corev1.ServiceSpec{Selector: tc.selector}}
			if got := selectedRevision(service); got != tc.want {
				t.Errorf("selectedRevision = %q, want %q", got, tc.want)
			}
		})
	}
}

func TestServiceURL(t *testing.T) {
	if got := serviceURL(makeServer().Service(corev1.ServiceTypeClusterIP, 8080).Obj()); got != "http://pets.zoo.svc:8080" {
		t.Errorf("serviceURL = %s", got)
	}
	pod := &corev1.Pod{Status: corev1.PodStatus{PodIP: "fd00::1"}}
	if got := podURL(pod); got != "http://[fd00::1]:8080" {
		t.Errorf("podURL = %s", got)
	}
}

func TestDesiredAutoscaler(t *testing.T) {
	server := makeServer().Autoscaling(2, 6).Obj()
	got, err := desiredAutoscaler(server)
	if err != nil {
		t.Fatal(err)
	}
	if got.Spec.ScaleTargetRef.Kind != "ModelServer" || *got.Spec.MinReplicas != 2 || got.Spec.MaxReplicas != 6 {
		t.Errorf("spec = %+v", got.Spec)
	}
	metric := got.Spec.Metrics[0].ContainerResource
	if metric.Container != "server" || metric.Name != corev1.ResourceCPU || *metric.Target.AverageUtilization != 70 {
		t.Errorf("metric = %+v", metric)
	}
	existing := got.DeepCopy()
	existing.Spec.Behavior = &autoscalingv2.HorizontalPodAutoscalerBehavior{} // a default of the API server's
	if autoscalerDiffers(got, existing) {
		t.Error("a default counts as a difference")
	}
	for what, edit := range map[string]func(*autoscalingv2.HorizontalPodAutoscalerSpec){
		"another maximum": func(spec *autoscalingv2.HorizontalPodAutoscalerSpec) { spec.MaxReplicas = 7 },
		"one metric more": func(spec *autoscalingv2.HorizontalPodAutoscalerSpec) {
			spec.Metrics = append(spec.Metrics, spec.Metrics[0])
		},
		"a rule": func(spec *autoscalingv2.HorizontalPodAutoscalerSpec) {
			spec.Behavior = &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: &autoscalingv2.HPAScalingRules{}}
		},
	} {
		edited := existing.DeepCopy()
		edit(&edited.Spec)
		if !autoscalerDiffers(got, edited) {
			t.Errorf("%s counts as no difference", what)
		}
	}
	withBehavior := server.DeepCopy()
	withBehavior.Spec.Autoscaling.Behavior = &v1alpha1.AutoscalerBehavior{ScaleDown: &v1alpha1.ScalingRules{StabilizationWindowSeconds: ptr.To[int32](60)}}
	before, err := desiredAutoscaler(withBehavior)
	if err != nil {
		t.Fatal(err)
	}
	if !autoscalerDiffers(got, before) {
		t.Error("a behavior that was taken back counts as no difference")
	}
}

func TestDesiredReplicas(t *testing.T) {
	for name, tc := range map[string]struct {
		server *wrappers.ModelServerWrapper
		want   int32
	}{
		"as asked":        {makeServer().Replicas(3), 3},
		"the least":       {makeServer().Replicas(1).Autoscaling(2, 5), 2},
		"the most":        {makeServer().Replicas(9).Autoscaling(2, 5), 5},
		"within":          {makeServer().Replicas(4).Autoscaling(2, 5), 4},
		"never less than": {makeServer().Replicas(0), 1},
	} {
		if got := desiredReplicas(&tc.server.Obj().Spec); got != tc.want {
			t.Errorf("%s: %d replicas, want %d", name, got, tc.want)
		}
	}
}

func TestParseServing(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*v1alpha1.ModelServerSpec)
		want   string
	}{
		"delay":   {func(s *v1alpha1.ModelServerSpec) { s.Server.MaxBatchDelay = "5d" }, `spec.server.maxBatchDelay is "5d"`},
		"body":    {func(s *v1alpha1.ModelServerSpec) { s.Server.MaxBodyBytes = "ten" }, `spec.server.maxBodyBytes is "ten"`},
		"gate":    {func(s *v1alpha1.ModelServerSpec) { s.Promotion.Gates = []v1alpha1.Gate{{Metric: "f1", Min: "x"}} }, `spec.promotion.gates[0].min is "x"`},
		"timeout": {func(s *v1alpha1.ModelServerSpec) { s.Smoke.Timeout = "soon" }, `spec.smoke.timeout is "soon"`},
	} {
		t.Run(name, func(t *testing.T) {
			server := makeServer().Obj()
			tc.change(&server.Spec)
			if _, err := parseServing(&server.Spec); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error = %v, want one with %s", err, tc.want)
			}
		})
	}
	if got := seconds(1500 * time.Millisecond); got != 2 {
		t.Errorf("seconds(1.5s) = %d, want 2", got)
	}
}

func TestGateFailure(t *testing.T) {
	metrics := []v1alpha1.Metric{{Name: "accuracy", Value: "0.95"}, {Name: "f1", Value: "NaN"}}
	for name, tc := range map[string]struct {
		gates []metricGate
		want  string
	}{
		"no gate":    {},
		"reached":    {gates: []metricGate{{"accuracy", 0.95}}},
		"missed":     {gates: []metricGate{{"accuracy", 0.9501}}, want: "accuracy is 0.95, spec.promotion.gates asks for 0.9501"},
		"unreported": {gates: []metricGate{{"recall", 0.1}}, want: "the model's TrainingRun reports no recall, which spec.promotion.gates asks for"},
		"no number":  {gates: []metricGate{{"f1", 0.1}}, want: "the model's TrainingRun reports no f1, which spec.promotion.gates asks for"},
	} {
		if got := gateFailure(tc.gates, metrics); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}
