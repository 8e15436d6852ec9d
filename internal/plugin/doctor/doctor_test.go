// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"archive/zip"
	"bytes"
	"io"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/plugin/golden"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

func manager(available int32) appsv1.Deployment {
	d := appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "trainyard-system", Name: "trainyard-manager"}}
	d.Spec.Template.Spec.Containers = []corev1.Container{{Image: "registry.example/trainyard-manager:v1", Args: []string{"--leader-elect"}}}
	d.Status.AvailableReplicas = available
	return d
}

func well() *data {
	server := wrappers.MakeModelServer("pets", "zoo", "pets-1").Obj()
	server.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ReadyCondition, Status: metav1.ConditionTrue, Reason: v1alpha1.ServingReason}}
	return &data{
		namespace: "zoo", managerNamespace: "trainyard-system", serverVersion: "v1.37.2", kinds: []string{"modelservers", "trainingruns"}, metrics: true,
		managers:       []appsv1.Deployment{manager(1)},
		storageClasses: []storagev1.StorageClass{{ObjectMeta: metav1.ObjectMeta{Name: "fast", Annotations: map[string]string{defaultClassAnnotation: "true"}}}},
		servers:        []v1alpha1.ModelServer{*server},
	}
}

func ill() *data {
	server := wrappers.MakeModelServer("pets", "zoo", "pets-1").Autoscaling(1, 3).Obj()
	server.Status.Conditions = []metav1.Condition{
		{Type: v1alpha1.ReadyCondition, Status: metav1.ConditionFalse, Reason: v1alpha1.SmokeFailedReason},
		{Type: v1alpha1.StalledCondition, Status: metav1.ConditionTrue, Reason: v1alpha1.SmokeFailedReason, Message: "quality failed"},
	}
	waits := wrappers.MakeTrainingRun("pets-2", "zoo").Obj()
	waits.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ReadyCondition, Status: metav1.ConditionFalse, Reason: v1alpha1.PendingReason, Message: "no pod yet"}}
	unseen := wrappers.MakeTrainingRun("pets-3", "zoo").Obj()
	pod := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "pets-1a2b-x", Labels: map[string]string{v1alpha1.ModelServerLabel: "pets"}}}
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name: "server", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "not found"}},
	}}
	claim := func(name string, phase corev1.PersistentVolumeClaimPhase, modes ...corev1.PersistentVolumeAccessMode) corev1.PersistentVolumeClaim {
		return corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: name}, Status: corev1.PersistentVolumeClaimStatus{Phase: phase, AccessModes: modes}}
	}
	quota := corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "small"}}
	quota.Status.Hard = corev1.ResourceList{"pods": resource.MustParse("2"), "limits.cpu": resource.MustParse("4")}
	quota.Status.Used = corev1.ResourceList{"pods": resource.MustParse("2"), "limits.cpu": resource.MustParse("1")}
	policy := networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: "closed"}}
	policy.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
	other := networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: "of-others"}}
	other.Spec.PolicyTypes = policy.Spec.PolicyTypes
	other.Spec.PodSelector = metav1.LabelSelector{MatchLabels: map[string]string{"app": "shop"}}
	return &data{
		namespace: "zoo", managerNamespace: "trainyard-system", kinds: []string{"modelservers", "trainingruns"},
		managers:       []appsv1.Deployment{manager(0)},
		storageClasses: []storagev1.StorageClass{{ObjectMeta: metav1.ObjectMeta{Name: "fast"}}},
		servers:        []v1alpha1.ModelServer{*server},
		runs:           []v1alpha1.TrainingRun{*waits, *unseen},
		pods:           []corev1.Pod{pod},
		claims: []corev1.PersistentVolumeClaim{
			claim("models", corev1.ClaimBound, corev1.ReadWriteOnce), claim("lost", corev1.ClaimLost), claim("of-others", corev1.ClaimPending),
		},
		quotas: []corev1.ResourceQuota{quota}, policies: []networkingv1.NetworkPolicy{policy, other},
		denied: []denial{{"promote", "patch modelservers"}, {"predict", "create services/proxy"}},
		unread: []string{"events: you may not list them in namespace zoo"},
	}
}

func TestFindings(t *testing.T) {
	locked := &data{namespace: "zoo", managerNamespace: "trainyard-system", kinds: []string{"modelservers", "trainingruns"}, metrics: true, unread: []string{
		"Deployments: you may not list them in namespace trainyard-system", "StorageClasses: you may not list them",
	}}
	empty := &data{namespace: "zoo", managerNamespace: "trainyard-system"}
	for name, d := range map[string]*data{"well": well(), "ill": ill(), "locked": locked, "empty": empty} {
		t.Run(name, func(t *testing.T) { golden.Compare(t, name+".txt", format(judge(d), d.unread).String()) })
	}
}

func TestNothingElseIsFound(t *testing.T) {
	for _, f := range judge(well()) {
		if f.Level != fine {
			t.Errorf("%+v", f)
		}
	}
}

// What is found has a remedy.
func TestRemedies(t *testing.T) {
	for _, f := range judge(ill()) {
		if (f.Level == fine) != (f.Remedy == "") {
			t.Errorf("%+v", f)
		}
	}
}

func TestBundleHoldsNoSecrets(t *testing.T) {
	const secret = "s3cr3t-value"
	d := ill()
	d.pods[0].Spec.Containers = []corev1.Container{{Name: "server", Env: []corev1.EnvVar{
		{Name: "PASSWORD", Value: secret}, {Name: "TRAINYARD_CONFIG", Value: `{"kept":true}`},
		{Name: "FROM", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{Key: "kept-key"}}},
	}}}
	d.pods[0].Annotations = map[string]string{"kubectl.kubernetes.io/last-applied-configuration": secret, "team": "kept-annotation"}
	d.pods[0].ManagedFields = []metav1.ManagedFieldsEntry{{Manager: secret}}
	d.runs[0].Spec.Dataset.URI = "https://user:" + secret + "@host/pets.zip?X-Amz-Signature=" + secret + "&region=kept-region"
	d.managerLog = []byte("Authorization: Bearer " + secret + "\n{\"password\":\"" + secret + "\"} AWS_SECRET_ACCESS_KEY=" + secret + "\nkept-line\n")
	var out bytes.Buffer
	if err := writeBundle(&out, d, "kept-report"); err != nil {
		t.Fatal(err)
	}
	archive, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range archive.File {
		content, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(content)
		if err != nil {
			t.Fatal(err)
		}
		if i := bytes.Index(text, []byte(secret)); i >= 0 {
			t.Errorf("%s holds the secret: %q", file.Name, text[max(0, i-60):i+len(secret)])
		}
		all.Write(text)
	}
	for _, kept := range []string{"kept-report", "kept-region", "kept-line", "kept-annotation", "kept-key", `{"kept":true}`, "registry.example/trainyard-manager:v1", "you may not list"} {
		if !strings.Contains(all.String(), kept) {
			t.Errorf("%s isn't in the bundle", kept)
		}
	}
}
