// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// goodRun is a training that reaches a useful accuracy in about a minute.
func goodRun(namespace, name string) *v1alpha1.TrainingRun {
	return &v1alpha1.TrainingRun{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.TrainingRunSpec{
			Dataset:  v1alpha1.Dataset{Generated: &v1alpha1.GeneratedDataset{SamplesPerClass: 500}},
			Model:    v1alpha1.Model{ImageSize: 64},
			Training: v1alpha1.Training{Epochs: 6},
			Output:   v1alpha1.Output{PVC: v1alpha1.OutputPVC{ClaimName: modelsClaim}},
		},
	}
}

// badRun learns nothing: every label is drawn at random.
func badRun(namespace, name string) *v1alpha1.TrainingRun {
	run := goodRun(namespace, name)
	run.Spec.Dataset.Generated = &v1alpha1.GeneratedDataset{SamplesPerClass: 100, LabelNoisePercent: ptr.To[int32](100)}
	run.Spec.Training.Epochs = 1
	return run
}

// server serves the model of a run, with a short bake.
func server(namespace, name, run string) *v1alpha1.ModelServer {
	return &v1alpha1.ModelServer{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.ModelServerSpec{
			Model:     v1alpha1.ServedModel{TrainingRunRef: v1alpha1.TrainingRunReference{Name: run}},
			Promotion: v1alpha1.Promotion{BakeTime: "10s"},
		},
	}
}

// proberPod sends predictions to a ModelServer's Service, 50 a second on each kind of connection.
func proberPod(namespace, server string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "prober"},
		Spec: corev1.PodSpec{
			RestartPolicy:                 corev1.RestartPolicyNever,
			AutomountServiceAccountToken:  ptr.To(false),
			TerminationGracePeriodSeconds: ptr.To[int64](1),
			SecurityContext:               restrictedPod(),
			Containers: []corev1.Container{{
				Name:            "prober",
				Image:           proberImage,
				ImagePullPolicy: corev1.PullIfNotPresent,
				Args:            []string{"--url=http://" + server, "--interval=20ms"},
				Ports:           []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}},
				SecurityContext: restrictedContainer(),
			}},
		},
	}
}

// onNode has a pod run on a node.
func onNode(pod *corev1.Pod, node string) *corev1.Pod {
	pod.Spec.NodeSelector = map[string]string{corev1.LabelHostname: node}
	return pod
}

// restrictedPod and restrictedContainer are what the restricted Pod Security level asks for.
func restrictedPod() *corev1.PodSecurityContext {
	return &corev1.PodSecurityContext{
		RunAsNonRoot:   ptr.To(true),
		RunAsUser:      ptr.To[int64](65532),
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
}

func restrictedContainer() *corev1.SecurityContext {
	return &corev1.SecurityContext{
		AllowPrivilegeEscalation: ptr.To(false),
		ReadOnlyRootFilesystem:   ptr.To(true),
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
	}
}

// reasonOf returns the reason of a condition that is True, or "".
func reasonOf(conditions []metav1.Condition, name string) string {
	if c := meta.FindStatusCondition(conditions, name); c != nil && c.Status == metav1.ConditionTrue {
		return c.Reason
	}
	return ""
}

// readyReason is the reason of Ready, whatever its status.
func readyReason(conditions []metav1.Condition) string {
	if c := meta.FindStatusCondition(conditions, v1alpha1.ReadyCondition); c != nil {
		return c.Reason
	}
	return ""
}

// readyMessage is the message of Ready.
func readyMessage(conditions []metav1.Condition) string {
	if c := meta.FindStatusCondition(conditions, v1alpha1.ReadyCondition); c != nil {
		return c.Message
	}
	return ""
}

func accuracy(metrics []v1alpha1.Metric) string {
	for _, m := range metrics {
		if m.Name == "accuracy" {
			return m.Value
		}
	}
	return ""
}
