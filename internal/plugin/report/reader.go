// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package report is the verb that fetches the page of a run's report out of the volume or the bucket that it lies in, by a pod
// that lives as long as that takes.
package report

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

const (
	pageFile = "report.html"
	// readerComponent tells a reader's pod from others.
	readerComponent = "report-reader"
	// readerSeconds is how long a reader may live, whatever becomes of who started it.
	readerSeconds = 600
	// nobody is the user that runs pods of Trainyard, and owns what they write.
	nobody = 65532

	outputVolume, credentialsVolume, caVolume, scratchVolume = "output", "credentials", "ca", "tmp"
)

// reader builds the pod that prints the page of a run's report. It runs the image that is named or, without one, that of the
// run's Job, which the nodes have; where that Job is gone, the one of the run's lineage.
func reader(run *v1alpha1.TrainingRun, job *batchv1.Job, image string) (*corev1.Pod, error) {
	if run.Status.Model == nil {
		return nil, errors.New("it has published nothing: a report is part of the artifact")
	}
	if c := meta.FindStatusCondition(run.Status.Conditions, v1alpha1.PrunedCondition); c != nil && c.Status == metav1.ConditionTrue {
		return nil, errors.New("what it had left was deleted, for its spec.output.retention was over")
	}
	switch {
	case image != "":
	case run.Spec.Image != "":
		return nil, errors.New("it ran in an image of its own, which may print no report: name the runner's image by --image")
	case job != nil && len(job.Spec.Template.Spec.Containers) > 0:
		image = job.Spec.Template.Spec.Containers[0].Image
	case run.Status.Lineage != nil && run.Status.Lineage.Image != "":
		image = run.Status.Lineage.Image
	default:
		return nil, errors.New("its status names no image: name the runner's image by --image")
	}
	container := corev1.Container{
		Name: contract.RunnerContainer, Image: image, ImagePullPolicy: corev1.PullIfNotPresent,
		SecurityContext: &corev1.SecurityContext{
			AllowPrivilegeEscalation: ptr.To(false), ReadOnlyRootFilesystem: ptr.To(true),
			Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		},
		Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("50m"), corev1.ResourceMemory: resource.MustParse("64Mi")},
			Limits:   corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("500m"), corev1.ResourceMemory: resource.MustParse("512Mi")},
		},
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
	}
	spec := corev1.PodSpec{
		RestartPolicy: corev1.RestartPolicyNever, ActiveDeadlineSeconds: ptr.To[int64](readerSeconds),
		AutomountServiceAccountToken: ptr.To(false), EnableServiceLinks: ptr.To(false),
		SecurityContext: &corev1.PodSecurityContext{
			RunAsNonRoot: ptr.To(true), RunAsUser: ptr.To[int64](nobody), RunAsGroup: ptr.To[int64](nobody), FSGroup: ptr.To[int64](nobody),
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
	}
	mount(&spec, &container, scratchVolume, "/tmp", corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}})
	if err := place(run, &spec, &container); err != nil {
		return nil, err
	}
	spec.Containers = []corev1.Container{container}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: run.Namespace, GenerateName: run.Name + "-report-",
			Labels: map[string]string{v1alpha1.ComponentLabel: readerComponent},
			// It goes with the run, which doesn't control it.
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: v1alpha1.GroupVersion.String(), Kind: "TrainingRun", Name: run.Name, UID: run.UID,
			}},
		},
		Spec: spec,
	}, nil
}

// place has the pod reach where the artifact lies, and says what it prints of that.
func place(run *v1alpha1.TrainingRun, spec *corev1.PodSpec, container *corev1.Container) error {
	uri := run.Status.Model.URI
	if contract.IsPVCURI(uri) {
		claim, file, err := contract.ParsePVCURI(uri)
		if err != nil {
			return fmt.Errorf("status.model.uri: %w", err)
		}
		container.Args = []string{"report", path.Join(contract.OutputMount, path.Dir(file)), "--out", "-"}
		mount(spec, container, outputVolume, contract.OutputMount, corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim, ReadOnly: true},
		})
		return nil
	}
	folder, parameters, has := strings.Cut(uri, "?")
	page := contract.BelowURI(folder[:strings.LastIndex(folder, "/")], path.Join(contract.ReportDir, pageFile))
	if has {
		page += "?" + parameters
	}
	container.Args = []string{"pull", page, "-"}
	if secret := run.Spec.Output.SecretRef.Name; secret != "" {
		folder := contract.CredentialsPath(contract.PurposeOutput)
		container.Args = append(container.Args, "--credentials", folder)
		mount(spec, container, credentialsVolume, folder, corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: secret}})
	}
	if source := caSource(run.Spec.Output.CABundle); source != nil {
		container.Args = append(container.Args, "--ca-bundle", contract.CABundlePath(contract.PurposeOutput))
		mount(spec, container, caVolume, contract.CABundleDir(contract.PurposeOutput), *source)
	}
	return nil
}

// caSource is the volume of further certificates, if there are some.
func caSource(bundle v1alpha1.CABundle) *corev1.VolumeSource {
	items := func(key string) []corev1.KeyToPath {
		if key == "" {
			key = contract.CABundleFile
		}
		return []corev1.KeyToPath{{Key: key, Path: contract.CABundleFile}}
	}
	switch {
	case bundle.ConfigMapRef.Name != "":
		return &corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: bundle.ConfigMapRef.Name}, Items: items(bundle.ConfigMapRef.Key),
		}}
	case bundle.SecretRef.Name != "":
		return &corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: bundle.SecretRef.Name, Items: items(bundle.SecretRef.Key)}}
	}
	return nil
}

func mount(spec *corev1.PodSpec, container *corev1.Container, name, at string, source corev1.VolumeSource) {
	spec.Volumes = append(spec.Volumes, corev1.Volume{Name: name, VolumeSource: source})
	container.VolumeMounts = append(container.VolumeMounts, corev1.VolumeMount{Name: name, MountPath: at, ReadOnly: name != scratchVolume})
}

// pageIn cuts the page out of the reader's log, which also has what the runner says meanwhile.
func pageIn(log []byte) ([]byte, error) {
	lower := bytes.ToLower(log)
	const begins, ends = "<!doctype html>", "</html>"
	from, to := bytes.Index(lower, []byte(begins)), bytes.LastIndex(lower, []byte(ends))
	if from < 0 || to < from {
		return nil, fmt.Errorf("the reader has printed no page: %.500s", log)
	}
	return append(log[from:to+len(ends):to+len(ends)], '\n'), nil
}
