// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// remoteInfo is a model in a bucket, with its samples, a Secret and a certificate.
func remoteInfo(bucket string) revisionInfo {
	info := infoOf("run-1", "models")
	info.Model.URI = "s3://" + bucket + "/run-1/model.onnx?region=eu-1"
	info.Samples.URI = "s3://" + bucket + "/run-1/samples.tar?region=eu-1"
	info.Access = children.Access{
		SecretRef: v1alpha1.SecretReference{Name: bucket + "-credentials"},
		CABundle:  v1alpha1.CABundle{ConfigMapRef: v1alpha1.CABundleReference{Name: "company", Key: "bundle.pem"}},
	}
	return info
}

func TestResolveSource(t *testing.T) {
	sha := strings.Repeat("c", 64)
	cases := map[string]struct {
		source v1alpha1.ModelSource
		want   string
	}{
		"a claim":  {v1alpha1.ModelSource{PVC: v1alpha1.ModelPVC{ClaimName: "models", Path: "pets/model.onnx"}, SHA256: sha}, "pvc://models/pets/model.onnx"},
		"a bucket": {v1alpha1.ModelSource{URI: "gs://models/pets.onnx", SHA256: sha}, "gs://models/pets.onnx"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tc.source.SecretRef.Name = "s"
			got := resolveSource(&tc.source)
			if got.Model.URI != tc.want || got.Model.SHA256 != sha || got.Access.SecretRef.Name != "s" || got.Model.TrainingRun != "" {
				t.Errorf("resolved %+v, want %s", got, tc.want)
			}
		})
	}
}

func TestServerOfARemoteModel(t *testing.T) {
	server := makeServer().PodTemplate(v1alpha1.PodTemplate{Env: []v1alpha1.EnvVar{{Name: "HTTPS_PROXY", Value: "http://proxy:3128"}}}).Obj()
	template, err := newTemplate(templateInput{server: server, revision: "pets-1", info: remoteInfo("models"), limits: parsed(t, server).limits, pullImage: "runner:v1"})
	if err != nil {
		t.Fatal(err)
	}
	spec := template.Pod.Spec
	if got := configOf[contract.ServeConfig](t, &spec).Model.Path; got != "/model/model.onnx" {
		t.Errorf("the server loads %s, want what was fetched", got)
	}
	if len(spec.InitContainers) != 1 {
		t.Fatalf("%d init containers, want 1", len(spec.InitContainers))
	}
	pull := spec.InitContainers[0]
	var config contract.PullConfig
	if err := contract.DecodeConfig([]byte(pull.Env[0].Value), &config); err != nil {
		t.Fatal(err)
	}
	want := contract.PullConfig{
		Version: contract.Version, URI: "s3://models/run-1/model.onnx?region=eu-1", Path: "/model/model.onnx", SHA256: strings.Repeat("a", 64),
		Access: contract.Access{Credentials: "/etc/trainyard/credentials/model", CABundle: "/etc/trainyard/ca/model/ca.crt"},
	}
	if diff := cmp.Diff(want, config); diff != "" {
		t.Errorf("what to fetch (-want +got):\n%s", diff)
	}
	if pull.Image != "runner:v1" || pull.Name != "pull" || pull.Env[1].Name != "HTTPS_PROXY" || !*pull.SecurityContext.ReadOnlyRootFilesystem {
		t.Errorf("init container %+v", pull)
	}
	wantVolumes := []string{"tmp", "model", "credentials-model=models-credentials", "ca-model=company/bundle.pem"}
	if diff := cmp.Diff(wantVolumes, describeVolumes(spec.Volumes)); diff != "" {
		t.Errorf("volumes (-want +got):\n%s", diff)
	}
	wantMounts := []string{"tmp:/tmp", "model:/model", "credentials-model:/etc/trainyard/credentials/model", "ca-model:/etc/trainyard/ca/model"}
	if diff := cmp.Diff(wantMounts, describeMounts(pull.VolumeMounts)); diff != "" {
		t.Errorf("mounts of what fetches (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"tmp:/tmp", "model:/model"}, describeMounts(spec.Containers[0].VolumeMounts)); diff != "" {
		t.Errorf("mounts of the server, which gets no credentials (-want +got):\n%s", diff)
	}
	if !isPlausible("pets-1", template) {
		t.Error("the template isn't plausible")
	}
}

func describeVolumes(volumes []corev1.Volume) []string {
	var names []string
	for _, v := range volumes {
		switch {
		case v.Secret != nil:
			names = append(names, v.Name+"="+v.Secret.SecretName)
		case v.ConfigMap != nil:
			names = append(names, v.Name+"="+v.ConfigMap.Name+"/"+v.ConfigMap.Items[0].Key)
		default:
			names = append(names, v.Name)
		}
	}
	return names
}

func describeMounts(mounts []corev1.VolumeMount) []string {
	var names []string
	for _, m := range mounts {
		names = append(names, m.Name+":"+m.MountPath)
	}
	return names
}

// A model may move into a bucket, out of it, and to another one, or get other credentials: its template is then as one
// that was made there, with the image that fetched before.
func TestMoveRemoteModel(t *testing.T) {
	server := makeServer().Obj()
	made := func(info revisionInfo) revisionTemplate {
		template, err := newTemplate(templateInput{server: server, revision: "pets-1", info: info, limits: parsed(t, server).limits, pullImage: "runner:v1"})
		if err != nil {
			t.Fatal(err)
		}
		return template
	}
	rotated := remoteInfo("models")
	rotated.Access.SecretRef.Name = "rotated"
	places := map[string]revisionInfo{"claim": infoOf("run-1", "models"), "bucket": remoteInfo("models"), "other bucket": remoteInfo("archive"), "other credentials": rotated}
	for from, before := range places {
		for to, after := range places {
			if from == to {
				continue
			}
			if isAt(before, after) {
				t.Errorf("%s and %s count as the same place", from, to)
			}
			template := made(before)
			moved, err := moveTemplate(template, after, "runner:v1")
			if err != nil {
				t.Fatal(err)
			}
			fresh := made(after)
			if placeOf(&template.Pod.Spec) == placeOf(&moved.Pod.Spec) {
				t.Errorf("from %s to %s: a pod of the template before would count as one of the new template", from, to)
			}
			configVariable(&moved.Pod.Spec).Value, configVariable(&fresh.Pod.Spec).Value = "", "" // another order of keys
			if diff := cmp.Diff(fresh, moved, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("from %s to %s (-made there +moved there):\n%s", from, to, diff)
			}
		}
	}
	moved, err := moveTemplate(made(remoteInfo("models")), remoteInfo("archive"), "runner:v2")
	if err != nil || moved.Pod.Spec.InitContainers[0].Image != "runner:v1" {
		t.Errorf("image %s, %v; want the one before", moved.Pod.Spec.InitContainers[0].Image, err)
	}
}

func TestTestOfRemoteModels(t *testing.T) {
	server := makeServer().Obj()
	live := remoteInfo("archive")
	start := rollout.Start{JobID: rollout.JobID{Check: rollout.Smoke, Revision: "pets-2", Key: "k"}}
	job, err := desiredTestJob(testInput{server: server, config: parsed(t, server), start: start, info: remoteInfo("models"), liveInfo: &live, pullImage: "runner:v1"})
	if err != nil {
		t.Fatal(err)
	}
	spec := &job.Spec.Template.Spec
	config := configOf[contract.SmokeConfig](t, spec)
	if config.Model.Path != "/model/samples.tar" || config.Live.Path != "/live/samples.tar" {
		t.Errorf("samples at %+v and %+v", config.Model, config.Live)
	}
	want := []string{
		"tmp", "model", "credentials-model=models-credentials", "ca-model=company/bundle.pem",
		"live", "credentials-live=archive-credentials", "ca-live=company/bundle.pem",
	}
	if diff := cmp.Diff(want, describeVolumes(spec.Volumes)); diff != "" {
		t.Errorf("volumes (-want +got):\n%s", diff)
	}
	if len(spec.InitContainers) != 2 || spec.InitContainers[0].Name != "pull" || spec.InitContainers[1].Name != "pull-live" {
		t.Errorf("init containers %+v", spec.InitContainers)
	}
}

// Quality is judged by the user's own pictures, wherever they are, and no other samples are brought along for it.
func TestTestWithOwnPictures(t *testing.T) {
	live := remoteInfo("archive")
	cases := map[string]struct {
		samples     v1alpha1.SmokeSamples
		want        contract.Samples
		wantVolumes []string
		wantPulls   int
	}{
		"a folder": {
			samples: v1alpha1.SmokeSamples{PVC: &v1alpha1.DatasetPVC{ClaimName: "photos", Path: "pets/check/"}}, want: contract.Samples{Path: "/pictures/pets/check"},
			wantVolumes: []string{"tmp", "model", "credentials-model=models-credentials", "ca-model=company/bundle.pem", "pictures"}, wantPulls: 1,
		},
		"a whole volume": {
			samples: v1alpha1.SmokeSamples{PVC: &v1alpha1.DatasetPVC{ClaimName: "photos"}}, want: contract.Samples{Path: "/pictures"},
			wantVolumes: []string{"tmp", "model", "credentials-model=models-credentials", "ca-model=company/bundle.pem", "pictures"}, wantPulls: 1,
		},
		"a file elsewhere": {
			samples: v1alpha1.SmokeSamples{URI: "https://files.example/check", SHA256: strings.Repeat("d", 64), SecretRef: v1alpha1.SecretReference{Name: "files"}},
			want:    contract.Samples{Path: "/pictures/samples.tar", SHA256: strings.Repeat("d", 64)},
			wantVolumes: []string{
				"tmp", "model", "credentials-model=models-credentials", "ca-model=company/bundle.pem", "pictures", "credentials-pictures=files",
			}, wantPulls: 2,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			server := makeServer().Smoke(v1alpha1.Smoke{Timeout: "2m", Attempts: 5, Samples: &tc.samples}).Obj()
			start := rollout.Start{JobID: rollout.JobID{Check: rollout.Smoke, Revision: "pets-2", Key: "k"}}
			in := testInput{server: server, config: parsed(t, server), start: start, info: remoteInfo("models"), liveInfo: &live, pullImage: "runner:v1"}
			if skipped, err := (&reconciler{}).withoutReference(t.Context(), nil, &in); skipped != "" || err != nil {
				t.Errorf("the comparison that nobody makes is said to be skipped: %q, %v", skipped, err)
			}
			job, err := desiredTestJob(in)
			if err != nil {
				t.Fatal(err)
			}
			spec := &job.Spec.Template.Spec
			config := configOf[contract.SmokeConfig](t, spec)
			if diff := cmp.Diff(&tc.want, config.Pictures); diff != "" || config.Live != nil || config.Model == nil {
				t.Errorf("model %+v, live %+v, pictures (-want +got):\n%s", config.Model, config.Live, diff)
			}
			if diff := cmp.Diff(tc.wantVolumes, describeVolumes(spec.Volumes)); diff != "" {
				t.Errorf("volumes (-want +got):\n%s", diff)
			}
			if len(spec.InitContainers) != tc.wantPulls || tc.wantPulls == 2 && spec.InitContainers[1].Name != "pull-pictures" {
				t.Errorf("init containers %+v", spec.InitContainers)
			}
			mounts := describeMounts(spec.Containers[0].VolumeMounts)
			if got := mounts[len(mounts)-1]; got != "pictures:/pictures" {
				t.Errorf("the last mount is %s", got)
			}
		})
	}
}

func initEnd(container string, code int32, message string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: container, State: corev1.ContainerState{
		Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "back-off 10s"},
	}, LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: "Error", Message: message}}}
}

func TestFailedPulls(t *testing.T) {
	const said = `{"version":1,"outcome":"Failed","reason":"SourceUnreachable","message":"s3://models/x isn't there"}`
	cases := map[string]struct {
		code        int32
		wantProblem string
		wantRefused bool
	}{
		"not there":      {contract.ExitTemporary, "pod pets-1-x can't fetch its model and tries again: s3://models/x isn't there (exit code 75)", false},
		"another digest": {contract.ExitArtifact, "pod pets-1-x can't fetch its model and tries again: s3://models/x isn't there (exit code 6)", true},
		"fetched":        {contract.ExitOK, "", false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{}
			pod.Name = "pets-1-x"
			pod.Status.Phase = corev1.PodPending
			pod.Status.InitContainerStatuses = []corev1.ContainerStatus{initEnd("pull", tc.code, said)}
			problem := withPullEnd(podstate.Problem{}, pod)
			if problem.Message != tc.wantProblem || (problem.Reason == "SourceUnreachable") != (tc.wantProblem != "") {
				t.Errorf("problem %+v, want %q", problem, tc.wantProblem)
			}
			observed := observedPod(pod)
			refused := observed.Terminated != nil && observed.Terminated.ModelInvalid && observed.Terminated.Own
			if refused != tc.wantRefused {
				t.Errorf("terminated %+v, refused should be %t", observed.Terminated, tc.wantRefused)
			}
		})
	}
	evicted := &corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted"}}
	if end := failedPull(evicted, "pull"); end != nil {
		t.Errorf("an evicted pod counts as one that fetched nothing: %+v", end)
	}
}

func TestUnfetchedSamples(t *testing.T) {
	cases := map[string]struct {
		container       string
		state, want     rollout.JobState
		wantUnreachable bool
	}{
		"the model's":    {container: "pull", state: rollout.JobRunning, want: rollout.JobVoid},
		"the live one's": {container: "pull-live", state: rollout.JobRunning, want: rollout.JobVoid, wantUnreachable: true},
		"one's own":      {container: "pull-pictures", state: rollout.JobRunning, want: rollout.JobVoid},
		"a verdict":      {container: "pull-live", state: rollout.JobPassed, want: rollout.JobPassed},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{}
			pod.Status.InitContainerStatuses = []corev1.ContainerStatus{initEnd(tc.container, 75, "no route")}
			observed := rollout.Job{State: tc.state}
			judgePulls(&observed, pod)
			if observed.State != tc.want || (observed.Unreachable != "") != tc.wantUnreachable {
				t.Errorf("observed %+v", observed)
			}
			if tc.want == rollout.JobVoid && !strings.Contains(observed.Message, "no route (exit code 75)") {
				t.Errorf("message %q", observed.Message)
			}
		})
	}
	judgePulls(ptr.To(rollout.Job{}), nil) // a Job without a pod yet
}
