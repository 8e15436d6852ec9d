// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/plugin/golden"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

func published(uri string) *v1alpha1.TrainingRun {
	run := wrappers.MakeTrainingRun("pets", "zoo").UID("1a2b3c4d-0000").Complete(v1alpha1.PublishedModel{URI: uri, SHA256: "00"}).Obj()
	run.Status.Lineage = &v1alpha1.Lineage{Image: "registry.example/trainyard-runner@sha256:1"}
	return run
}

func TestReaderOfAVolume(t *testing.T) {
	pod, err := reader(published("pvc://models/pets-1a2b3c4d/model.onnx"), nil, "")
	if err != nil {
		t.Fatal(err)
	}
	text, err := yaml.Marshal(pod)
	if err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "reader.yaml", string(text))
}

func TestReaderOfABucket(t *testing.T) {
	run := published("s3://models/a/pets-1a2b3c4d/model.onnx?region=us-east-1")
	run.Spec.Output = v1alpha1.Output{
		URI: "s3://models/a?region=us-east-1", SecretRef: v1alpha1.SecretReference{Name: "keys"},
		CABundle: v1alpha1.CABundle{ConfigMapRef: v1alpha1.CABundleReference{Name: "company"}},
	}
	pod, err := reader(run, nil, "registry.example/another")
	if err != nil {
		t.Fatal(err)
	}
	container := pod.Spec.Containers[0]
	want := []string{
		"pull", "s3://models/a/pets-1a2b3c4d/report/report.html?region=us-east-1", "-",
		"--credentials", "/etc/trainyard/credentials/output", "--ca-bundle", "/etc/trainyard/ca/output/ca.crt",
	}
	if diff := cmp.Diff(want, container.Args); diff != "" || container.Image != "registry.example/another" {
		t.Errorf("image %s, arguments:\n%s", container.Image, diff)
	}
	var volumes []string
	for _, volume := range pod.Spec.Volumes {
		volumes = append(volumes, volume.Name)
		if claim := volume.PersistentVolumeClaim; claim != nil {
			t.Errorf("it mounts claim %s", claim.ClaimName)
		}
	}
	if diff := cmp.Diff([]string{"tmp", "credentials", "ca"}, volumes); diff != "" {
		t.Error(diff)
	}
	if !slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool { return v.Secret != nil && v.Secret.SecretName == "keys" }) {
		t.Error("it has no credentials")
	}
}

func TestImageOfTheReader(t *testing.T) {
	run := published("pvc://models/pets-1a2b3c4d/model.onnx")
	job := &batchv1.Job{}
	job.Spec.Template.Spec.Containers = []corev1.Container{{Image: "of-the-job"}}
	for want, pod := range map[string]func() (*corev1.Pod, error){
		"named":      func() (*corev1.Pod, error) { return reader(run, job, "named") },
		"of-the-job": func() (*corev1.Pod, error) { return reader(run, job, "") },
		"registry.example/trainyard-runner@sha256:1": func() (*corev1.Pod, error) { return reader(run, nil, "") },
	} {
		if got, err := pod(); err != nil || got.Spec.Containers[0].Image != want {
			t.Errorf("want image %s, got %v, %v", want, got, err)
		}
	}
}

func TestWhatHasNoReport(t *testing.T) {
	const uri = "pvc://models/pets-1a2b3c4d/model.onnx"
	unpublished := wrappers.MakeTrainingRun("pets", "zoo").Obj()
	pruned := published(uri)
	pruned.Status.Conditions = append(pruned.Status.Conditions, metav1.Condition{Type: v1alpha1.PrunedCondition, Status: metav1.ConditionTrue})
	own := published(uri)
	own.Spec.Image = "registry.example/trainer"
	for name, tc := range map[string]struct {
		run  *v1alpha1.TrainingRun
		want string
	}{
		"nothing published":   {unpublished, "published nothing"},
		"what was deleted":    {pruned, "was deleted"},
		"an image of its own": {own, "--image"},
		"no path in a volume": {published("pvc://models/../x"), "status.model.uri"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := reader(tc.run, nil, ""); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want an error that says %q", err, tc.want)
			}
		})
	}
}

func TestPageIn(t *testing.T) {
	log := "10:00:00 WRN Trying again\n<!doctype html>\n<html>page</html>\nlate words\n"
	page, err := pageIn([]byte(log))
	if err != nil || string(page) != "<!doctype html>\n<html>page</html>\n" {
		t.Errorf("got %q, %v", page, err)
	}
	for _, log := range []string{"", "error: x", "</html> <!doctype html>"} {
		if page, err := pageIn([]byte(log)); err == nil {
			t.Errorf("%q: got %q", log, page)
		}
	}
}
