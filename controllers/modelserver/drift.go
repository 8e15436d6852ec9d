// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// What serves is what was tested: a Deployment whose spec isn't any more what its
// revision's template says is set back. Only its replicas are not the template's.

// restartAnnotation is what `kubectl rollout restart` writes: the same template again.
const restartAnnotation = "kubectl.kubernetes.io/restartedAt"

// maxVerified bounds how many Deployments are remembered to be as the API server makes
// their template. One that is forgotten costs a request.
const maxVerified = 10_000

// verifiedSpecs remembers what the API server, and whatever changes objects on their way
// to it, makes of a template. It is safe for concurrent use.
type verifiedSpecs struct {
	mu     sync.Mutex
	hashes map[types.UID]string
}

func (v *verifiedSpecs) has(uid types.UID, hash string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.hashes[uid] == hash
}

func (v *verifiedSpecs) add(uid types.UID, hash string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.hashes == nil || len(v.hashes) >= maxVerified {
		v.hashes = map[types.UID]string{}
	}
	v.hashes[uid] = hash
}

// observeDrift finds the Deployments that aren't as their templates say.
func (r *reconciler) observeDrift(ctx context.Context, s *scope, o *rollout.Observed) error {
	s.kept = map[string]revisionTemplate{}
	s.resets = map[string]string{}
	for name, revision := range s.templates {
		template, err := readTemplate(revision)
		if err != nil {
			continue // whoever creates a Deployment from it says so
		}
		s.kept[name] = template
		if observed := o.Revisions[name]; observed != nil {
			observed.Model = template.Info.Model
		}
	}
	for name, template := range s.kept {
		deployment := s.deployments[name]
		if deployment == nil {
			continue
		}
		edited, err := r.isEdited(ctx, s, deployment, template)
		if err != nil {
			// Such as an admission webhook that takes no dry runs: a rollback doesn't wait for that.
			s.errs = append(s.errs, err)
			continue
		}
		moving := isUnfinishedMove(readRevisionInfo(deployment), template.Info)
		o.Revisions[name].Edited = edited && !moving
		switch {
		case !edited || deployment.DeletionTimestamp != nil:
		case moving:
			s.resets[name] = ""
		default:
			s.resets[name] = fmt.Sprintf("Deployment %s was edited outside Trainyard; set it back to what was tested", name)
		}
	}
	return nil
}

// isUnfinishedMove tells whether a Deployment still has the same model where it was before
// its template moved.
func isUnfinishedMove(has, kept revisionInfo) bool {
	return has.Model.SHA256 == kept.Model.SHA256 && has.Image == kept.Image && !isAt(has, kept)
}

// isEdited tells whether a Deployment isn't what the API server makes of its template. It
// asks the API server itself, without a change, where the two differ.
func (r *reconciler) isEdited(ctx context.Context, s *scope, deployment *appsv1.Deployment, template revisionTemplate) (bool, error) {
	want, err := fromTemplate(s.server, deployment, template)
	if err != nil {
		return false, err
	}
	if !reflect.DeepEqual(readRevisionInfo(deployment), template.Info) {
		return true, nil
	}
	if equality.Semantic.DeepEqual(want.Spec, deployment.Spec) {
		return false, nil
	}
	have, err := specHash(deployment)
	if err != nil || r.verified.has(deployment.UID, have) {
		return false, err
	}
	err = r.client.Patch(ctx, want, client.MergeFrom(deployment), client.FieldOwner(v1alpha1.FieldManager), client.DryRunAll)
	if client.IgnoreNotFound(err) != nil {
		return false, fmt.Errorf("compare Deployment %s with its template: %w", klog.KObj(deployment), err)
	}
	made, err := specHash(want)
	if err != nil {
		return false, err
	}
	if made == have {
		r.verified.add(deployment.UID, have)
	}
	return made != have, nil
}

// fromTemplate returns a copy of a Deployment as its template says, with the replicas and
// the time of the last restart that it has.
func fromTemplate(server *v1alpha1.ModelServer, deployment *appsv1.Deployment, template revisionTemplate) (*appsv1.Deployment, error) {
	desired, err := desiredDeployment(server, deployment.Name, template, 0)
	if err != nil {
		return nil, err
	}
	want := deployment.DeepCopy()
	selector, replicas := want.Spec.Selector, want.Spec.Replicas
	restarted, ok := want.Spec.Template.Annotations[restartAnnotation]
	want.Spec = desired.Spec
	want.Spec.Selector, want.Spec.Replicas = selector, replicas
	if ok {
		metav1.SetMetaDataAnnotation(&want.Spec.Template.ObjectMeta, restartAnnotation, restarted)
	}
	metav1.SetMetaDataAnnotation(&want.ObjectMeta, v1alpha1.RevisionAnnotation, desired.Annotations[v1alpha1.RevisionAnnotation])
	return want, nil
}

// specHash hashes what a Deployment has from its template.
func specHash(deployment *appsv1.Deployment) (string, error) {
	spec := deployment.Spec.DeepCopy()
	spec.Replicas = nil
	delete(spec.Template.Annotations, restartAnnotation)
	data, err := json.Marshal(spec)
	if err != nil {
		return "", fmt.Errorf("encode the spec of Deployment %s: %w", klog.KObj(deployment), err)
	}
	sum := sha256.Sum256(data)
	return string(sum[:]), nil
}

// resetRevisions sets the edited Deployments back, and has those follow whose model moved.
func (r *reconciler) resetRevisions(ctx context.Context, s *scope) error {
	var errs []error
	for name, message := range s.resets {
		if _, moves := s.moves[name]; !moves {
			errs = append(errs, r.resetRevision(ctx, s, name, message))
		}
	}
	for name, moved := range s.moves {
		errs = append(errs, r.moveRevision(ctx, s, name, moved))
	}
	for name, message := range s.restarts {
		_, resets := s.resets[name]
		if _, moves := s.moves[name]; !resets && !moves { // its pods are replaced anyway
			errs = append(errs, r.restartRevision(ctx, s, name, message))
		}
	}
	return errors.Join(errs...)
}

// resetRevision sets a Deployment to its template. Its pods follow one by one, each when
// the next is ready. The message, if there is one, reports an edit.
func (r *reconciler) resetRevision(ctx context.Context, s *scope, name, message string) error {
	deployment := s.deployments[name]
	want, err := fromTemplate(s.server, deployment, s.kept[name])
	if err != nil {
		return err
	}
	if err := children.Patch(ctx, r.client, deployment, want); err != nil {
		return fmt.Errorf("set Deployment %s back to its template: %w", klog.KObj(deployment), err)
	}
	made, err := specHash(want)
	if err != nil {
		return err
	}
	r.verified.add(want.UID, made)
	logf.FromContext(ctx).Info("Set Deployment to its template", "deployment", klog.KObj(deployment))
	if message != "" {
		s.repairs = append(s.repairs, message)
	}
	return nil
}

// isPlausible tells whether a pod template may be what a revision was tested as: image and
// model are those that were resolved for it.
func isPlausible(revision string, template revisionTemplate) bool {
	var config contract.ServeConfig
	variable := configVariable(&template.Pod.Spec)
	if variable == nil || template.Info.Model.SHA256 == "" || json.Unmarshal([]byte(variable.Value), &config) != nil {
		return false
	}
	return config.Revision == revision && config.Model.SHA256 == template.Info.Model.SHA256 &&
		serverContainer(&template.Pod).Image == template.Info.Image
}

// serverContainer returns the container of a pod template that serves, or nil.
func serverContainer(pod *corev1.PodTemplateSpec) *corev1.Container {
	for i := range pod.Spec.Containers {
		if c := &pod.Spec.Containers[i]; c.Name == contract.ServerContainer {
			return c
		}
	}
	return nil
}
