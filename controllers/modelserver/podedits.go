// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
)

// A running pod can be given another image past its Deployment. It is replaced, and not
// set back: its container would be stopped before it starts again, where a Deployment
// removes no pod before the next is ready.

// observeEditedPods finds the revisions that have pods whose image was edited.
func (r *reconciler) observeEditedPods(ctx context.Context, s *scope, o *rollout.Observed) error {
	s.restarts = map[string]string{}
	for name, template := range s.kept {
		revision := o.Revisions[name]
		if revision == nil {
			continue
		}
		for _, pod := range byName(s.pods[name]) {
			edited, err := r.isPodEdited(ctx, pod, template)
			if err != nil {
				s.errs = append(s.errs, err)
			}
			if edited {
				revision.Edited = true
				revision.Altered++
				s.restarts[name] = fmt.Sprintf("%s; replacing the pods of Deployment %s", children.ImageEditedMessage(pod), name)
			}
		}
	}
	return nil
}

// isPodEdited tells whether a pod that runs was given another image than its template
// and whatever changes pods on their way to the API server say.
func (r *reconciler) isPodEdited(ctx context.Context, pod *corev1.Pod, template revisionTemplate) (bool, error) {
	if pod.DeletionTimestamp != nil || podstate.IsTerminated(pod) {
		return false, nil
	}
	if maps.Equal(children.ImagesOf(&pod.Spec), children.ImagesOf(&template.Pod.Spec)) {
		return false, nil
	}
	return r.isStoredPodEdited(ctx, pod)
}

// isStoredPodEdited tells whether a pod was given another image since it was created. It
// reads the pod past the cache once for each set of images that the cache has of it.
func (r *reconciler) isStoredPodEdited(ctx context.Context, pod *corev1.Pod) (bool, error) {
	data, err := json.Marshal(children.ImagesOf(&pod.Spec))
	if err != nil {
		return false, fmt.Errorf("encode the images of pod %s: %w", klog.KObj(pod), err)
	}
	sum := sha256.Sum256(data)
	if r.verified.has(pod.UID, string(sum[:])) {
		return false, nil
	}
	live := &corev1.Pod{}
	if same, err := children.Reread(ctx, r.live, pod, live); !same {
		return false, err
	}
	if children.IsImageEdited(live) {
		return true, nil
	}
	r.verified.add(pod.UID, string(sum[:]))
	return false, nil
}

// judgeEditedTest voids a test whose pod was given another image: whatever it says, it isn't the judge's word.
func (r *reconciler) judgeEditedTest(ctx context.Context, observed *rollout.Job, job *batchv1.Job, pod *corev1.Pod) error {
	if pod == nil || pod.DeletionTimestamp != nil || observed.State == rollout.JobVoid {
		return nil
	}
	ended := podstate.IsTerminated(pod) // then the cache doesn't have its images
	if !ended && maps.Equal(children.ImagesOf(&pod.Spec), children.ImagesOf(&job.Spec.Template.Spec)) {
		return nil
	}
	edited, err := r.isStoredPodEdited(ctx, pod)
	if edited {
		observed.State, observed.Message = rollout.JobVoid, children.ImageEditedMessage(pod)
	}
	return err
}

// restartRevision has a Deployment replace its pods, one by one, as kubectl rollout
// restart does; unless it is replacing them already.
func (r *reconciler) restartRevision(ctx context.Context, s *scope, name, message string) error {
	deployment := s.deployments[name]
	if s.observed.Revisions[name].Rolling || deployment.DeletionTimestamp != nil {
		return nil
	}
	restarted := deployment.DeepCopy()
	metav1.SetMetaDataAnnotation(&restarted.Spec.Template.ObjectMeta, restartAnnotation, s.now.UTC().Format(time.RFC3339))
	if err := children.Patch(ctx, r.client, deployment, restarted); err != nil {
		return fmt.Errorf("restart Deployment %s: %w", klog.KObj(deployment), err)
	}
	logf.FromContext(ctx).Info("Restarted revision", "deployment", klog.KObj(deployment))
	s.repairs = append(s.repairs, message)
	return nil
}
