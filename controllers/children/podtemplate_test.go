// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package children

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

const affinity = `{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"zone","operator":"In","values":["a"]}]}]}},` +
	`"podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"topologyKey":"kubernetes.io/hostname","labelSelector":{"matchLabels":{"team":"zoo"}}}]}}`

// everything is a template with each field set.
func everything() v1alpha1.PodTemplate {
	return v1alpha1.PodTemplate{
		Labels:                    map[string]string{"team": "zoo", "app.kubernetes.io/component": "mine"},
		Annotations:               map[string]string{"note": "n"},
		NodeSelector:              map[string]string{"disk": "ssd"},
		Tolerations:               []v1alpha1.Toleration{{Key: "gpu", Operator: "Exists"}},
		Affinity:                  affinity,
		TopologySpreadConstraints: []v1alpha1.CoreObject{`{"maxSkew":1,"topologyKey":"zone","whenUnsatisfiable":"DoNotSchedule"}`},
		PriorityClassName:         "high",
		RuntimeClassName:          "gvisor",
		ServiceAccountName:        "trainer",
		ImagePullSecrets:          []v1alpha1.SecretReference{{Name: "registry"}},
		SecurityContext: v1alpha1.PodSecurityContext{
			RunAsUser: ptr.To[int64](1000), FSGroup: ptr.To[int64](2000), FSGroupChangePolicy: "Always",
			SupplementalGroups: []int64{3000}, SELinuxOptions: v1alpha1.SELinuxOptions{Level: "s0:c1,c2"},
		},
		TerminationGracePeriodSeconds: ptr.To[int64](120),
		Volumes: []v1alpha1.Volume{
			{Name: "settings", ConfigMap: &v1alpha1.ConfigMapVolume{Name: "cm", Items: []v1alpha1.KeyToPath{{Key: "k", Path: "p"}}, Optional: ptr.To(true)}},
			{Name: "key", Secret: &v1alpha1.SecretVolume{SecretName: "s"}},
			{Name: "shared", PersistentVolumeClaim: &v1alpha1.ClaimVolume{ClaimName: "models"}},
			{Name: "scratch", EmptyDir: &v1alpha1.EmptyDirVolume{Medium: "Memory", SizeLimit: "1Gi"}},
		},
		VolumeMounts: []v1alpha1.VolumeMount{
			{Name: "settings", MountPath: "/etc/settings"},
			{Name: "key", MountPath: "/etc/key", SubPath: "k", ReadOnly: ptr.To(true)},
			{Name: "shared", MountPath: "/shared"},
			{Name: "scratch", MountPath: "/scratch"},
		},
	}
}

// ownPod is a pod before a user's template.
func ownPod(volumes ...corev1.Volume) *corev1.PodSpec {
	return &corev1.PodSpec{
		SecurityContext: RestrictedPodSecurity(), TerminationGracePeriodSeconds: ptr.To[int64](60),
		Volumes: volumes, Containers: []corev1.Container{{Name: "own"}},
	}
}

func TestApplyPodTemplate(t *testing.T) {
	asked := everything()
	got := ownPod(ClaimVolume("data", "models", true))
	if err := ApplyPodTemplate(got, asked); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(everything(), asked); diff != "" {
		t.Errorf("the builder changed its argument (-before +after):\n%s", diff)
	}
	want := ownPod(ClaimVolume("data", "models", false)) // a claim is mounted once, and the user may write
	want.NodeSelector = map[string]string{"disk": "ssd"}
	want.Tolerations = []corev1.Toleration{{Key: "gpu", Operator: corev1.TolerationOpExists}}
	want.Affinity = &corev1.Affinity{NodeAffinity: inZone("a"), PodAntiAffinity: &corev1.PodAntiAffinity{
		RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{{
			TopologyKey: "kubernetes.io/hostname", LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"team": "zoo"}},
		}},
	}}
	want.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{{MaxSkew: 1, TopologyKey: "zone", WhenUnsatisfiable: corev1.DoNotSchedule}}
	want.PriorityClassName, want.RuntimeClassName, want.ServiceAccountName = "high", ptr.To("gvisor"), "trainer"
	want.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "registry"}}
	want.TerminationGracePeriodSeconds = ptr.To[int64](120)
	security := want.SecurityContext
	security.RunAsUser, security.FSGroup = ptr.To[int64](1000), ptr.To[int64](2000)
	security.FSGroupChangePolicy, security.SupplementalGroups = ptr.To(corev1.FSGroupChangeAlways), []int64{3000}
	security.SELinuxOptions = &corev1.SELinuxOptions{Level: "s0:c1,c2"}
	want.Volumes = append(want.Volumes,
		corev1.Volume{Name: "settings", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: "cm"}, Items: []corev1.KeyToPath{{Key: "k", Path: "p"}}, Optional: ptr.To(true),
		}}},
		corev1.Volume{Name: "key", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "s"}}},
		corev1.Volume{Name: "scratch", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{
			Medium: corev1.StorageMediumMemory, SizeLimit: ptr.To(resource.MustParse("1Gi")),
		}}})
	want.Containers[0].VolumeMounts = []corev1.VolumeMount{
		{Name: "settings", MountPath: "/etc/settings"},
		{Name: "key", MountPath: "/etc/key", SubPath: "k", ReadOnly: true},
		{Name: "data", MountPath: "/shared"},
		{Name: "scratch", MountPath: "/scratch"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pod (-want +got):\n%s", diff)
	}
}

func inZone(zone string) *corev1.NodeAffinity {
	return &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
		MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "zone", Operator: corev1.NodeSelectorOpIn, Values: []string{zone}}},
	}}}}
}

// A test has to run where the pods may that it tests, and nothing may take it for one of them.
func TestApplyTestTemplate(t *testing.T) {
	got := ownPod()
	if err := ApplyTestTemplate(got, everything()); err != nil {
		t.Fatal(err)
	}
	want := ownPod()
	if err := ApplyPodTemplate(want, everything()); err != nil {
		t.Fatal(err)
	}
	want.Affinity = &corev1.Affinity{NodeAffinity: inZone("a")}
	want.TopologySpreadConstraints, want.Volumes, want.Containers[0].VolumeMounts = nil, nil, nil
	want.TerminationGracePeriodSeconds = ptr.To[int64](60)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pod (-want +got):\n%s", diff)
	}
	own := map[string]string{"app.kubernetes.io/component": "smoke"}
	if diff := cmp.Diff(metav1.ObjectMeta{Labels: own, Annotations: map[string]string{"note": "n"}}, TestPodMeta(everything(), own)); diff != "" {
		t.Errorf("metadata of a test (-want +got):\n%s", diff)
	}
	labels := map[string]string{"app.kubernetes.io/component": "smoke", "team": "zoo"}
	if diff := cmp.Diff(metav1.ObjectMeta{Labels: labels, Annotations: map[string]string{"note": "n"}}, PodMeta(everything(), own)); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
}

func TestCoreObjectsAreDecodedStrictly(t *testing.T) {
	long := v1alpha1.CoreObject(`{"podAffinity":{}` + strings.Repeat(" ", v1alpha1.MaxCoreObject) + `}`)
	cases := map[string]struct {
		asked v1alpha1.PodTemplate
		want  string
	}{
		"misspelled": {
			asked: v1alpha1.PodTemplate{Affinity: `{"nodeAfinity":{}}`},
			want:  `spec.podTemplate.affinity is no Affinity of core/v1: unknown field "nodeAfinity": correct it`,
		},
		"another case": {
			asked: v1alpha1.PodTemplate{Affinity: `{"nodeAffinity":{"Preferred":[]}}`},
			want:  `spec.podTemplate.affinity is no Affinity of core/v1: unknown field "nodeAffinity.Preferred": correct it`,
		},
		"another type": {
			asked: v1alpha1.PodTemplate{TopologySpreadConstraints: []v1alpha1.CoreObject{`{}`, `{"maxSkew":"1"}`}},
			want:  "spec.podTemplate.topologySpreadConstraints[1] is no TopologySpreadConstraint of core/v1: json: cannot unmarshal string into Go struct field TopologySpreadConstraint.maxSkew of type int32: correct it",
		},
		"too long": {
			asked: v1alpha1.PodTemplate{Affinity: long},
			want:  "spec.podTemplate.affinity has more than 8192 bytes of JSON: shorten it",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			err := ApplyPodTemplate(ownPod(), tc.asked)
			if err == nil || err.Error() != tc.want {
				t.Errorf("error = %v, want %s", err, tc.want)
			}
			if tc.asked.Affinity != "" {
				if err := ApplyTestTemplate(ownPod(), tc.asked); err == nil || err.Error() != tc.want {
					t.Errorf("error of a test = %v, want %s", err, tc.want)
				}
			}
		})
	}
}

// What fetches has the files that its environment may name, and no claims.
func TestFileVolumes(t *testing.T) {
	volumes, mounts, err := FileVolumes(everything())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, v := range volumes {
		names = append(names, v.Name)
	}
	for _, m := range mounts {
		names = append(names, m.Name+":"+m.MountPath)
	}
	if diff := cmp.Diff([]string{"settings", "key", "settings:/etc/settings", "key:/etc/key"}, names); diff != "" {
		t.Errorf("volumes and mounts (-want +got):\n%s", diff)
	}
}

func TestClaimsThatAreReadOnly(t *testing.T) {
	asked := v1alpha1.PodTemplate{
		Volumes:      []v1alpha1.Volume{{Name: "shared", PersistentVolumeClaim: &v1alpha1.ClaimVolume{ClaimName: "models", ReadOnly: ptr.To(true)}}},
		VolumeMounts: []v1alpha1.VolumeMount{{Name: "shared", MountPath: "/shared"}},
	}
	got := ownPod(ClaimVolume("output", "models", false))
	if err := ApplyPodTemplate(got, asked); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]corev1.Volume{ClaimVolume("output", "models", false)}, got.Volumes); diff != "" {
		t.Errorf("volumes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]corev1.VolumeMount{{Name: "output", MountPath: "/shared", ReadOnly: true}}, got.Containers[0].VolumeMounts); diff != "" {
		t.Errorf("mounts (-want +got):\n%s", diff)
	}
}

func TestVolumesThatCantBeUsed(t *testing.T) {
	for want, volume := range map[string]v1alpha1.Volume{
		"spec.podTemplate.volumes[0] has no source: set one of configMap, secret, persistentVolumeClaim, emptyDir": {Name: "v"},
		`spec.podTemplate.volumes[0].emptyDir.sizeLimit: "much" is not a quantity of at most 32 characters such as 500m or 1Gi`: {
			Name: "v", EmptyDir: &v1alpha1.EmptyDirVolume{SizeLimit: "much"},
		},
	} {
		if err := ApplyPodTemplate(ownPod(), v1alpha1.PodTemplate{Volumes: []v1alpha1.Volume{volume}}); err == nil || err.Error() != want {
			t.Errorf("error = %v, want %s", err, want)
		}
	}
}
