// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
	"github.com/trainyard-dev/trainyard/test/crd"
)

// withFiles is a template with a ConfigMap, and with the claim that the model lies in.
func withFiles() v1alpha1.PodTemplate {
	return v1alpha1.PodTemplate{
		Labels: map[string]string{"team": "zoo", "trainyard.dev/revision": "none"},
		Env:    []v1alpha1.EnvVar{{Name: "SSL_CERT_FILE", Value: "/etc/settings/ca.pem"}},
		Volumes: []v1alpha1.Volume{
			{Name: "settings", ConfigMap: &v1alpha1.ConfigMapVolume{Name: "settings"}},
			{Name: "shared", PersistentVolumeClaim: &v1alpha1.ClaimVolume{ClaimName: "models"}},
		},
		VolumeMounts: []v1alpha1.VolumeMount{{Name: "settings", MountPath: "/etc/settings"}, {Name: "shared", MountPath: "/shared"}},
	}
}

// elsewhere is a model outside the cluster.
func elsewhere() revisionInfo {
	info := infoOf("run-1", "models")
	info.Model.URI, info.Samples.URI = "s3://models/run-1/model.onnx", "s3://models/run-1/samples.tar"
	return info
}

func volumesOf(pod *corev1.PodSpec) (volumes, mounts, fetching []string) {
	for _, v := range pod.Volumes {
		volumes = append(volumes, v.Name)
	}
	of := func(container corev1.Container) (mounts []string) {
		for _, m := range container.VolumeMounts {
			mounts = append(mounts, m.Name+":"+m.MountPath)
		}
		return mounts
	}
	for _, c := range pod.InitContainers {
		fetching = append(fetching, of(c)...)
	}
	return volumes, of(pod.Containers[0]), fetching
}

// The user's volumes are there wherever the model lies, and follow no move of it.
func TestVolumesBesideTheModel(t *testing.T) {
	server := makeServer().PodTemplate(withFiles()).Obj()
	template, err := newTemplate(templateInput{server: server, revision: "pets-1", info: infoOf("run-1", "models")})
	if err != nil {
		t.Fatal(err)
	}
	if template.Pod.Labels[v1alpha1.RevisionLabel] != "pets-1" || template.Pod.Labels["team"] != "zoo" {
		t.Errorf("labels = %v", template.Pod.Labels)
	}
	inClaim := [][]string{{"tmp", "settings", "shared"}, {"tmp:/tmp", "settings:/etc/settings", "shared:/shared", "shared:/model"}, nil}
	fetched := [][]string{
		{"tmp", "settings", "shared", "model"},
		{"tmp:/tmp", "settings:/etc/settings", "shared:/shared", "model:/model"},
		{"tmp:/tmp", "model:/model", "settings:/etc/settings"},
	}
	check := func(when string, want [][]string, template revisionTemplate) {
		t.Helper()
		volumes, mounts, fetching := volumesOf(&template.Pod.Spec)
		if diff := cmp.Diff(want, [][]string{volumes, mounts, fetching}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
	}
	check("in the user's claim", inClaim, template)
	moved, err := moveTemplate(template, elsewhere(), "pull:v1")
	if err != nil {
		t.Fatal(err)
	}
	check("moved to a bucket", fetched, moved)
	back, err := moveTemplate(moved, infoOf("run-1", "models"), "pull:v1")
	if err != nil {
		t.Fatal(err)
	}
	check("moved back", inClaim, back)
}

func TestATestFetchesAsTheServerDoes(t *testing.T) {
	server := makeServer().PodTemplate(withFiles()).Obj()
	start := rollout.Start{JobID: rollout.JobID{Check: rollout.Smoke, Revision: "pets-1"}}
	for want, info := range map[*[][]string]revisionInfo{
		{{"tmp", "model", "settings"}, {"tmp:/tmp", "model:/model"}, {"tmp:/tmp", "model:/model", "settings:/etc/settings"}}: elsewhere(),
		{{"tmp", "model"}, {"tmp:/tmp", "model:/model"}, nil}:                                                                infoOf("run-1", "models"),
	} {
		job, err := desiredTestJob(testInput{server: server, config: parsed(t, server), start: start, info: info})
		if err != nil {
			t.Fatal(err)
		}
		volumes, mounts, fetching := volumesOf(&job.Spec.Template.Spec)
		if diff := cmp.Diff(*want, [][]string{volumes, mounts, fetching}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", info.Model.URI, diff)
		}
		if _, has := job.Spec.Template.Labels["team"]; has {
			t.Error("the test has the user's labels")
		}
	}
}

// The API server refuses a user's volume that would be one of the server's own.
func TestOwnVolumesAreReserved(t *testing.T) {
	names, err := crd.Refused("modelservers", "podTemplate.volumes[].name")
	if err != nil {
		t.Fatal(err)
	}
	paths, err := crd.Refused("modelservers", "podTemplate.volumeMounts[].mountPath")
	if err != nil {
		t.Fatal(err)
	}
	info := elsewhere()
	info.Access.SecretRef.Name, info.Access.CABundle.SecretRef = "key", v1alpha1.CABundleReference{Name: "ca", Key: "ca.crt"}
	server := makeServer().Smoke(v1alpha1.Smoke{Samples: &v1alpha1.SmokeSamples{URI: "s3://models/own.tar", SHA256: "x"}}).Obj()
	start := rollout.Start{JobID: rollout.JobID{Check: rollout.Smoke, Revision: "pets-1"}}
	template, err := newTemplate(templateInput{server: server, revision: "pets-1", info: info})
	if err != nil {
		t.Fatal(err)
	}
	pods := []*corev1.PodSpec{&template.Pod.Spec}
	for _, server := range []*v1alpha1.ModelServer{server, makeServer().Obj()} {
		job, err := desiredTestJob(testInput{server: server, config: parsed(t, server), start: start, info: info, liveInfo: &info})
		if err != nil {
			t.Fatal(err)
		}
		pods = append(pods, &job.Spec.Template.Spec)
	}
	var seen []string
	for _, pod := range pods {
		for _, volume := range pod.Volumes {
			seen = append(seen, volume.Name)
			if !names.MatchString(volume.Name) {
				t.Errorf("a user may have a volume %s", volume.Name)
			}
		}
		for _, container := range slices.Concat(pod.InitContainers, pod.Containers) {
			for _, mount := range container.VolumeMounts {
				if !paths.MatchString(mount.MountPath) || !paths.MatchString(mount.MountPath+"/below") {
					t.Errorf("a user may mount a volume at %s", mount.MountPath)
				}
			}
		}
	}
	for _, volume := range []string{"tmp", "model", "live", "pictures", "credentials-model", "ca-live"} {
		if !slices.Contains(seen, volume) {
			t.Errorf("no pod has volume %s", volume)
		}
	}
}
