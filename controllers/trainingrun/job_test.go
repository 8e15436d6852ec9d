// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

const testUID = "1a2b3c4d-0000-0000-0000-000000000000"

func makeRun() *wrappers.TrainingRunWrapper {
	return wrappers.MakeTrainingRun("pets", "zoo").UID(testUID).Generation(3)
}

func mustJob(t *testing.T, run *v1alpha1.TrainingRun) *batchv1.Job {
	t.Helper()
	job, err := desiredJob(jobInput{run: run, image: "operator/runner:v1"})
	if err != nil {
		t.Fatal(err)
	}
	return job
}

func TestDesiredJob(t *testing.T) {
	labels := map[string]string{
		"app.kubernetes.io/managed-by": "trainyard",
		"trainyard.dev/training-run":   "pets",
		"app.kubernetes.io/component":  "runner",
	}
	want := &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{
			Name: "pets-1a2b3c4d", Namespace: "zoo", Labels: labels,
			Annotations: map[string]string{"trainyard.dev/attempt": "0"},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: "trainyard.dev/v1alpha1", Kind: "TrainingRun", Name: "pets", UID: testUID,
				Controller: ptr.To(true), BlockOwnerDeletion: ptr.To(true),
			}},
		},
		Spec: batchv1.JobSpec{
			BackoffLimit:          ptr.To[int32](5),
			ActiveDeadlineSeconds: ptr.To[int64](60),
			PodFailurePolicy: &batchv1.PodFailurePolicy{Rules: []batchv1.PodFailurePolicyRule{
				{
					Action:          batchv1.PodFailurePolicyActionIgnore,
					OnPodConditions: []batchv1.PodFailurePolicyOnPodConditionsPattern{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue}},
				},
				{
					Action: batchv1.PodFailurePolicyActionIgnore,
					OnExitCodes: &batchv1.PodFailurePolicyOnExitCodesRequirement{
						ContainerName: ptr.To("runner"), Operator: batchv1.PodFailurePolicyOnExitCodesOpIn, Values: []int32{143},
					},
				},
				{
					Action: batchv1.PodFailurePolicyActionFailJob,
					OnExitCodes: &batchv1.PodFailurePolicyOnExitCodesRequirement{
						ContainerName: ptr.To("runner"), Operator: batchv1.PodFailurePolicyOnExitCodesOpIn, Values: []int32{3, 4, 5, 6, 7},
					},
				},
			}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					RestartPolicy:                 corev1.RestartPolicyNever,
					AutomountServiceAccountToken:  ptr.To(false),
					EnableServiceLinks:            ptr.To(false),
					TerminationGracePeriodSeconds: ptr.To[int64](60),
					SecurityContext: &corev1.PodSecurityContext{
						RunAsNonRoot: ptr.To(true), RunAsUser: ptr.To[int64](65532), RunAsGroup: ptr.To[int64](65532),
						FSGroup: ptr.To[int64](65532), FSGroupChangePolicy: ptr.To(corev1.FSGroupChangeOnRootMismatch),
						SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
					},
					NodeSelector: map[string]string{"disk": "fast"},
					Tolerations:  []corev1.Toleration{{Key: "gpu", Operator: corev1.TolerationOpExists}},
					Volumes: []corev1.Volume{
						{Name: "tmp", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
						{Name: "output", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "models"}}},
						{Name: "data", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "photos", ReadOnly: true}}},
					},
					Containers: []corev1.Container{{
						Name:  "runner",
						Image: "operator/runner:v1",
						Args:  []string{"train"},
						Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080, Protocol: corev1.ProtocolTCP}},
						Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
							corev1.ResourceCPU: resource.MustParse("500m"), corev1.ResourceMemory: resource.MustParse("1Gi"),
						}},
						SecurityContext: &corev1.SecurityContext{
							AllowPrivilegeEscalation: ptr.To(false), ReadOnlyRootFilesystem: ptr.To(true),
							Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
						},
						TerminationMessagePath:   "/dev/termination-log",
						TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
						VolumeMounts: []corev1.VolumeMount{
							{Name: "tmp", MountPath: "/tmp"},
							{Name: "output", MountPath: "/output"},
							{Name: "data", MountPath: "/data", ReadOnly: true},
						},
					}},
				},
			},
		},
	}
	run := makeRun().DataPVC("photos", "raw/2024").BackoffLimit(5).ActiveDeadlineSeconds(60).PodTemplate(v1alpha1.PodTemplate{
		Env:          []v1alpha1.EnvVar{{Name: "HTTPS_PROXY", Value: "http://proxy"}},
		NodeSelector: map[string]string{"disk": "fast"},
		Tolerations:  []v1alpha1.Toleration{{Key: "gpu", Operator: "Exists"}},
	}).Obj()
	job := mustJob(t, run)
	container := &job.Spec.Template.Spec.Containers[0]
	env := container.Env
	container.Env = nil
	if diff := cmp.Diff(want, job); diff != "" {
		t.Errorf("Job (-want +got):\n%s", diff)
	}
	if len(env) != 2 || env[0].Name != contract.ConfigEnv || env[1].Name != "HTTPS_PROXY" {
		t.Fatalf("env = %v, want %s and then the user's", env, contract.ConfigEnv)
	}
	config := &contract.TrainConfig{}
	if err := contract.DecodeConfig([]byte(env[0].Value), config); err != nil {
		t.Fatal(err)
	}
	if config.Dataset.Path != "/data/raw/2024" || config.Run.UID != testUID {
		t.Errorf("configuration = %+v", config)
	}
}

// cached returns a run whose dataset is fetched into a claim or, without one, into scratch space.
func cached(claim string, sizeLimit v1alpha1.Amount) *v1alpha1.TrainingRun {
	run := fromBucket("")
	run.Spec.Dataset.Cache = v1alpha1.DatasetCache{PVC: v1alpha1.OutputPVC{ClaimName: claim}, SizeLimit: sizeLimit}
	return run
}

// checkScratch compares the scratch space that a Job requests.
func checkScratch(t *testing.T, job *batchv1.Job, want string) {
	t.Helper()
	if got := job.Spec.Template.Spec.Containers[0].Resources.Requests.StorageEphemeral().String(); got != want {
		t.Errorf("scratch space of %s is requested, want %s", got, want)
	}
}

func TestDesiredJobVariants(t *testing.T) {
	cases := map[string]struct {
		run   *v1alpha1.TrainingRun
		check func(*testing.T, *batchv1.Job)
	}{
		"kueue's queue: born suspended": {
			run: makeRun().Label("kueue.x-k8s.io/queue-name", "team-a").Label("other", "x").Obj(),
			check: func(t *testing.T, job *batchv1.Job) {
				if !ptr.Deref(job.Spec.Suspend, false) || job.Labels["kueue.x-k8s.io/queue-name"] != "team-a" || job.Labels["other"] != "" {
					t.Errorf("suspend = %v, labels = %v", job.Spec.Suspend, job.Labels)
				}
				if _, ok := job.Spec.Template.Labels["kueue.x-k8s.io/queue-name"]; ok {
					t.Error("the pod carries the queue's label too: it would be queued twice")
				}
			},
		},
		"an image of the run's own": {
			run: makeRun().Image("team/runner:v2").Obj(),
			check: func(t *testing.T, job *batchv1.Job) {
				if got := job.Spec.Template.Spec.Containers[0].Image; got != "team/runner:v2" {
					t.Errorf("image = %s", got)
				}
			},
		},
		"dataset and models in one claim: one volume": {
			run: makeRun().DataPVC("shared", "raw").OutputPVC("shared").Obj(),
			check: func(t *testing.T, job *batchv1.Job) {
				spec := job.Spec.Template.Spec
				wantMounts := []corev1.VolumeMount{
					{Name: "tmp", MountPath: "/tmp"},
					{Name: "output", MountPath: "/output"},
					{Name: "output", MountPath: "/data", ReadOnly: true},
				}
				if diff := cmp.Diff(wantMounts, spec.Containers[0].VolumeMounts); diff != "" || len(spec.Volumes) != 2 {
					t.Errorf("%d volumes, mounts (-want +got):\n%s", len(spec.Volumes), diff)
				}
				if spec.Volumes[1].PersistentVolumeClaim.ReadOnly {
					t.Error("the output is read-only")
				}
			},
		},
		"dataset in a bucket: credentials and certificates are mounted": {
			run: func() *v1alpha1.TrainingRun {
				run := fromBucket("key")
				run.Spec.Dataset.CABundle.ConfigMapRef = v1alpha1.CABundleReference{Name: "ca", Key: "root.pem"}
				return run
			}(),
			check: func(t *testing.T, job *batchv1.Job) {
				spec := job.Spec.Template.Spec
				if len(spec.Volumes) != 4 || spec.Volumes[2].Secret.SecretName != "key" || spec.Volumes[3].ConfigMap.Items[0].Key != "root.pem" {
					t.Errorf("volumes are %v", spec.Volumes)
				}
				wantMounts := []corev1.VolumeMount{
					{Name: "credentials-dataset", MountPath: "/etc/trainyard/credentials/dataset", ReadOnly: true},
					{Name: "ca-dataset", MountPath: "/etc/trainyard/ca/dataset", ReadOnly: true},
				}
				if diff := cmp.Diff(wantMounts, spec.Containers[0].VolumeMounts[2:]); diff != "" {
					t.Errorf("mounts (-want +got):\n%s", diff)
				}
			},
		},
		"dataset of DVC: its own credentials and certificates are mounted": {
			run: func() *v1alpha1.TrainingRun {
				run := fromDVC("key")
				run.Spec.Dataset.DVC.CABundle.SecretRef = v1alpha1.CABundleReference{Name: "ca", Key: "root.pem"}
				return run
			}(),
			check: func(t *testing.T, job *batchv1.Job) {
				spec := job.Spec.Template.Spec
				if len(spec.Volumes) != 4 || spec.Volumes[2].Secret.SecretName != "key" || spec.Volumes[3].Secret.Items[0].Key != "root.pem" {
					t.Errorf("volumes are %v", spec.Volumes)
				}
			},
		},
		"dataset in a bucket, kept in a claim: the claim is mounted": {
			run: cached("shared", "20Gi"),
			check: func(t *testing.T, job *batchv1.Job) {
				spec := job.Spec.Template.Spec
				wantMounts := []corev1.VolumeMount{
					{Name: "tmp", MountPath: "/tmp"}, {Name: "output", MountPath: "/output"}, {Name: "cache", MountPath: "/cache"},
				}
				if diff := cmp.Diff(wantMounts, spec.Containers[0].VolumeMounts); diff != "" || spec.Volumes[2].PersistentVolumeClaim.ClaimName != "shared" {
					t.Errorf("volumes %v, mounts (-want +got):\n%s", spec.Volumes, diff)
				}
				checkScratch(t, job, "1Gi")
			},
		},
		"dataset in a bucket, kept where the models are: one volume": {
			run: cached("models", "20Gi"),
			check: func(t *testing.T, job *batchv1.Job) {
				spec := job.Spec.Template.Spec
				if mounts := spec.Containers[0].VolumeMounts; len(spec.Volumes) != 2 || mounts[2].Name != "output" || mounts[2].MountPath != "/cache" {
					t.Errorf("volumes %v, mounts %v", spec.Volumes, mounts)
				}
			},
		},
		"dataset in a bucket, kept in scratch space of a known size: it is requested": {
			run:   cached("", "20Gi"),
			check: func(t *testing.T, job *batchv1.Job) { checkScratch(t, job, "20Gi") },
		},
		"dataset in a bucket: some scratch space is requested": {
			run:   fromBucket(""),
			check: func(t *testing.T, job *batchv1.Job) { checkScratch(t, job, "1Gi") },
		},
		"generated: no data volume": {
			run: makeRun().Obj(),
			check: func(t *testing.T, job *batchv1.Job) {
				if got := len(job.Spec.Template.Spec.Volumes); got != 2 {
					t.Errorf("%d volumes, want 2", got)
				}
			},
		},
		"a default request isn't above the user's limit": {
			run: makeRun().PodTemplate(v1alpha1.PodTemplate{Resources: v1alpha1.ResourceRequirements{
				Requests: v1alpha1.ResourceList{"example.com/gpu": "1"},
				Limits:   v1alpha1.ResourceList{corev1.ResourceMemory: "256Mi"},
			}}).Obj(),
			check: func(t *testing.T, job *batchv1.Job) {
				want := corev1.ResourceRequirements{
					Requests: corev1.ResourceList{
						corev1.ResourceCPU: resource.MustParse("500m"), corev1.ResourceMemory: resource.MustParse("256Mi"),
						"example.com/gpu": resource.MustParse("1"),
					},
					Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("256Mi")},
				}
				if diff := cmp.Diff(want, job.Spec.Template.Spec.Containers[0].Resources); diff != "" {
					t.Errorf("resources (-want +got):\n%s", diff)
				}
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) { tc.check(t, mustJob(t, tc.run)) })
	}
}

func TestDesiredJobDoesNotAliasTheRun(t *testing.T) {
	run := makeRun().ActiveDeadlineSeconds(60).Label("kueue.x-k8s.io/queue-name", "q").PodTemplate(v1alpha1.PodTemplate{
		Env: []v1alpha1.EnvVar{{Name: "A", ValueFrom: &v1alpha1.EnvVarSource{FieldRef: &v1alpha1.ObjectFieldSelector{FieldPath: "metadata.name"}}}},
		Resources: v1alpha1.ResourceRequirements{
			Requests: v1alpha1.ResourceList{"cpu": "1"}, Limits: v1alpha1.ResourceList{"cpu": "1"},
		},
		NodeSelector: map[string]string{"a": "b"},
		Tolerations:  []v1alpha1.Toleration{{TolerationSeconds: ptr.To[int64](1)}},
	}).Obj()
	before := run.DeepCopy()
	job := mustJob(t, run)
	job.Labels["x"], job.Spec.Template.Spec.NodeSelector["x"] = "y", "y"
	*job.Spec.ActiveDeadlineSeconds = 1
	*job.Spec.BackoffLimit = 9
	*job.Spec.Template.Spec.Tolerations[0].TolerationSeconds = 9
	container := &job.Spec.Template.Spec.Containers[0]
	container.Env[1].ValueFrom.FieldRef.FieldPath = "changed"
	container.Resources.Requests["cpu"], container.Resources.Limits["cpu"] = resource.MustParse("9"), resource.MustParse("9")
	if diff := cmp.Diff(before, run); diff != "" {
		t.Errorf("the run has changed with its Job (-want +got):\n%s", diff)
	}
	if _, shared := job.Spec.Template.Labels["x"]; shared {
		t.Error("the Job and its pods share one map of labels")
	}
}
