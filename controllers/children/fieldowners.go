// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package children

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
)

// Some of what an object has and its template doesn't was added on its way to the API
// server: an admission webhook may pull images through a mirror, or hold Jobs in a queue.
// Setting that back would never end. Who wrote a field tells the two apart: what was added
// on the way is the creator's, what was edited later is another writer's.

// owns tells whether an entry of an object's managed fields owns the field at a path of
// keys as in [metav1.FieldsV1].
func owns(entry *metav1.ManagedFieldsEntry, path ...string) bool {
	data := entry.FieldsV1.GetRawBytes()
	for _, key := range path {
		var fields map[string]json.RawMessage
		if json.Unmarshal(data, &fields) != nil || fields[key] == nil {
			return false
		}
		data = fields[key]
	}
	return true
}

// LastWriter returns the field manager that wrote last to an object, which was read past the cache, among
// those that own one of these fields; empty if none does. A path is one of keys as in [metav1.FieldsV1].
func LastWriter(entries []metav1.ManagedFieldsEntry, paths ...[]string) string {
	var last *metav1.ManagedFieldsEntry
	for i := range entries {
		entry := &entries[i]
		owner := slices.ContainsFunc(paths, func(path []string) bool { return owns(entry, path...) })
		if owner && (last == nil || last.Time == nil || entry.Time != nil && last.Time.Before(entry.Time)) {
			last = entry
		}
	}
	if last == nil {
		return ""
	}
	return last.Manager
}

// ImagesOf are the images of a pod's containers, by their names.
func ImagesOf(pod *corev1.PodSpec) map[string]string {
	images := map[string]string{}
	for i := range pod.InitContainers {
		images["init/"+pod.InitContainers[i].Name] = pod.InitContainers[i].Image
	}
	for i := range pod.Containers {
		images[pod.Containers[i].Name] = pod.Containers[i].Image
	}
	return images
}

// RestoreImages sets back what was edited of the images of a pod that runs to what its
// template says. A container with another image is stopped and started again. It returns
// what to report of that, nothing if it didn't have to.
func RestoreImages(ctx context.Context, c client.Client, live client.Reader, pod *corev1.Pod, template *corev1.PodSpec) (repair string, err error) {
	if pod.DeletionTimestamp != nil || podstate.IsTerminated(pod) || len(template.Containers) == 0 || maps.Equal(ImagesOf(&pod.Spec), ImagesOf(template)) {
		return "", nil
	}
	stored := &corev1.Pod{}
	if same, err := Reread(ctx, live, pod, stored); !same || !IsImageEdited(stored) {
		return "", err
	}
	restored := stored.DeepCopy()
	want := ImagesOf(template)
	for i := range restored.Spec.Containers {
		if container := &restored.Spec.Containers[i]; want[container.Name] != "" {
			container.Image = want[container.Name]
		}
	}
	err = Patch(ctx, c, stored, restored)
	if apierrors.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("set back the image of pod %s: %w", klog.KObj(pod), err)
	}
	return ImageEditedMessage(pod) + "; set it back", nil
}

// ImageEditedMessage reports a pod whose image was edited.
func ImageEditedMessage(pod *corev1.Pod) string {
	return fmt.Sprintf("the image of pod %s was edited outside Trainyard", pod.Name)
}

// IsImageEdited tells whether a container of a pod, which was read past the cache, has
// another image than the pod was created with. The pull policy of a container can't be
// changed, so whoever owns that has created the pod.
func IsImageEdited(pod *corev1.Pod) bool {
	changed := pod.Generation > 1 // by the main resource, or by one of these:
	for i := range pod.ManagedFields {
		entry := &pod.ManagedFields[i]
		changed = changed && entry.Subresource != "resize" && entry.Subresource != "ephemeralcontainers"
		if entry.Subresource != "" {
			continue
		}
		ours := entry.Manager == v1alpha1.FieldManager // has set it back
		for list, containers := range map[string][]corev1.Container{"f:containers": pod.Spec.Containers, "f:initContainers": pod.Spec.InitContainers} {
			for j := range containers {
				container := fmt.Sprintf("k:{%q:%q}", "name", containers[j].Name)
				creates := entry.Operation == metav1.ManagedFieldsOperationUpdate && owns(entry, "f:spec", list, container, "f:imagePullPolicy")
				if !creates && owns(entry, "f:spec", list, container, "f:image") {
					return !ours
				}
			}
		}
	}
	return changed
}

// IsScaledByOthers tells whether the replicas of a Deployment, which was read past the
// cache, were written last by a writer other than the controllers.
func IsScaledByOthers(deployment *appsv1.Deployment) bool {
	return slices.ContainsFunc(deployment.ManagedFields, func(entry metav1.ManagedFieldsEntry) bool {
		return entry.Manager != v1alpha1.FieldManager && owns(&entry, "f:spec", "f:replicas")
	})
}

// IsJobFieldOurs tells whether a field of the spec of a Job, which was read past the
// cache, is as it was when the controllers wrote the Job.
func IsJobFieldOurs(job *batchv1.Job, field string) bool {
	return slices.ContainsFunc(job.ManagedFields, func(entry metav1.ManagedFieldsEntry) bool {
		return entry.Manager == v1alpha1.FieldManager && entry.Subresource == "" && owns(&entry, "f:spec", field)
	})
}
