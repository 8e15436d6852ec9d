// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

func TestMinAgreement(t *testing.T) {
	for text, want := range map[string]*float64{"": nil, "0": ptr.To(0.0), "0.9": ptr.To(0.9)} {
		server := makeServer().Smoke(v1alpha1.Smoke{MinAgreement: v1alpha1.Fraction(text)}).Obj()
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
	pods := []rollout.Pod{{URL: "http://10.0.0.1:8080", Ready: true}, {URL: "http://10.0.0.2:8080"}, {URL: "http://10.0.0.3:8080", Ready: true, Leaving: true}}
	before := []rollout.Pod{{URL: "http://10.0.0.4:8080", Ready: true}}
	patient := bake
	patient.MinRequests = 7
	strict := server.DeepCopy()
	strict.Spec.Promotion.MaxP99IncreasePercent = 50
	baking := func(change func(*contract.SmokeConfig)) contract.SmokeConfig {
		return with(func(c *contract.SmokeConfig) {
			c.Targets, c.Pods, c.DelaySeconds, c.ForSeconds = []string{"http://pets.zoo.svc"}, []string{"http://10.0.0.1:8080"}, 5, 20
			change(c)
		})
	}
	withoutSamples := candidate
	withoutSamples.Samples = nil
	cases := map[string]struct {
		server       *v1alpha1.ModelServer // nil: the one above
		start        rollout.Start
		before       []rollout.Pod
		info         revisionInfo
		live         *revisionInfo
		wantConfig   contract.SmokeConfig
		wantVolumes  []string
		wantMounts   []string
		wantDeadline int64 // 0: none
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
			wantConfig:  baking(func(*contract.SmokeConfig) {}),
			wantVolumes: []string{"tmp", "model"}, wantMounts: []string{"tmp:/tmp", "model:/model", "model:/live"}, wantDeadline: 25 + 90 + 300,
		},
		"bake, as long as it takes": {
			start: patient, info: candidate, live: &live, before: before,
			wantConfig:  baking(func(c *contract.SmokeConfig) { c.MinRequests = 7 }),
			wantVolumes: []string{"tmp", "model"}, wantMounts: []string{"tmp:/tmp", "model:/model", "model:/live"},
		},
		"bake, latency compared": {
			server: strict, start: bake, info: candidate, live: &live, before: before,
			wantConfig: baking(func(c *contract.SmokeConfig) {
				c.MaxP99IncreasePercent, c.PodsBefore = 50, []string{"http://10.0.0.4:8080"}
			}),
			wantVolumes: []string{"tmp", "model"}, wantMounts: []string{"tmp:/tmp", "model:/model", "model:/live"}, wantDeadline: 25 + 90 + 300,
		},
		"bake, nothing to compare latency with": {
			server: strict, start: bake, info: candidate, live: &live,
			wantConfig:  baking(func(*contract.SmokeConfig) {}),
			wantVolumes: []string{"tmp", "model"}, wantMounts: []string{"tmp:/tmp", "model:/model", "model:/live"}, wantDeadline: 25 + 90 + 300,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			server := server
			if tc.server != nil {
				server = tc.server
			}
			job, err := desiredTestJob(testInput{
				server: server, config: parsed(t, server), image: "judge:v1", start: tc.start, info: tc.info, liveInfo: tc.live, pods: pods, podsBefore: tc.before,
			})
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
			if deadline := ptr.Deref(job.Spec.ActiveDeadlineSeconds, 0); deadline != tc.wantDeadline || *job.Spec.BackoffLimit != 0 {
				t.Errorf("deadline = %d, backoffLimit = %d, want %d and 0", deadline, *job.Spec.BackoffLimit, tc.wantDeadline)
			}
			if got := testMinRequests(job); got != tc.start.MinRequests {
				t.Errorf("it waits for %d requests, want %d", got, tc.start.MinRequests)
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
