// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux && proof

package proof

import (
	"context"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"

	hackimage "github.com/trainyard-dev/trainyard/hack/internal/image"
)

// namespace makes a namespace that admits only restricted pods.
func namespace(t *testing.T, c kubernetes.Interface) string {
	t.Helper()
	ns, err := c.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		GenerateName: "proof-",
		Labels:       map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
	}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return ns.Name
}

// makePod returns a pod of the probe that the restricted level admits.
func makePod(podName string, args ...string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: podName, Labels: map[string]string{"app": podName}},
		Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever,
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot:   ptr.To(true),
				RunAsUser:      ptr.To[int64](hackimage.UserID),
				FSGroup:        ptr.To[int64](hackimage.UserID),
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			TerminationGracePeriodSeconds: ptr.To[int64](1),
			Containers: []corev1.Container{{
				Name:  "probe",
				Image: image,
				Args:  args,
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: ptr.To(false),
					ReadOnlyRootFilesystem:   ptr.To(true),
					Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				},
				TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
			}},
		},
	}
}

// mount adds a claim's volume to a pod under /CLAIM.
func mount(pod *corev1.Pod, claim string) *corev1.Pod {
	pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{
		Name: claim,
		VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim},
		},
	})
	c := &pod.Spec.Containers[0]
	c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: claim, MountPath: "/" + claim})
	return pod
}

// on binds a pod to a node, by the scheduler.
func on(node string, pod *corev1.Pod) *corev1.Pod {
	pod.Spec.NodeSelector = map[string]string{corev1.LabelHostname: node}
	return pod
}

// volumeOf returns the folder of the volume that a claim has.
func volumeOf(t *testing.T, c kubernetes.Interface, ns, claimName string) string {
	t.Helper()
	pvc, err := c.CoreV1().PersistentVolumeClaims(ns).Get(t.Context(), claimName, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pv, err := c.CoreV1().PersistentVolumes().Get(t.Context(), pvc.Spec.VolumeName, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return pv.Spec.Local.Path
}

// claim makes a claim of a storage class, of the default one if it is empty.
func claim(t *testing.T, c kubernetes.Interface, ns, claimName, class string, mode corev1.PersistentVolumeAccessMode) {
	t.Helper()
	pvc := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: claimName},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{mode},
			Resources: corev1.VolumeResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")},
			},
		},
	}
	if class != "" {
		pvc.Spec.StorageClassName = &class
	}
	if _, err := c.CoreV1().PersistentVolumeClaims(ns).Create(t.Context(), pvc, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func create(t *testing.T, c kubernetes.Interface, ns string, pod *corev1.Pod) {
	t.Helper()
	if _, err := c.CoreV1().Pods(ns).Create(t.Context(), pod, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// status returns the state of the pod's only container, once it has one that the condition takes.
func status(t *testing.T, c kubernetes.Interface, ns, podName string, ok func(corev1.ContainerState) bool) corev1.ContainerState {
	t.Helper()
	var out corev1.ContainerState
	eventually(t, "pod "+podName, func(ctx context.Context) (bool, string) {
		pod, err := c.CoreV1().Pods(ns).Get(ctx, podName, metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		if len(pod.Status.ContainerStatuses) == 0 {
			return false, fmt.Sprint(pod.Status.Conditions)
		}
		out = pod.Status.ContainerStatuses[0].State
		return ok(out), out.String()
	})
	return out
}

func terminated(s corev1.ContainerState) bool { return s.Terminated != nil }

func running(s corev1.ContainerState) bool { return s.Running != nil }

// finish runs a pod to its end and returns how it ended.
func finish(t *testing.T, c kubernetes.Interface, ns string, pod *corev1.Pod) *corev1.ContainerStateTerminated {
	t.Helper()
	create(t, c, ns, pod)
	return status(t, c, ns, pod.Name, terminated).Terminated
}

// succeed runs a pod that has to end well.
func succeed(t *testing.T, c kubernetes.Interface, ns string, pod *corev1.Pod) {
	t.Helper()
	if end := finish(t, c, ns, pod); end.ExitCode != 0 {
		t.Errorf("pod %s ended with %d (%s): %s", pod.Name, end.ExitCode, end.Reason, end.Message)
	}
}

// createService makes a Service of the pod of its name.
func createService(t *testing.T, c kubernetes.Interface, ns, name string) *corev1.Service {
	t.Helper()
	service, err := c.CoreV1().Services(ns).Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{"app": name},
			Ports:    []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(8080)}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return service
}
