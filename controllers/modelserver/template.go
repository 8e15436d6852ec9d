// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/loop"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
)

// A revision's template is kept in a ControllerRevision, as StatefulSets and DaemonSets
// do it: its data can't be changed, and it outlives the revision's Deployment.

// desiredControllerRevision builds what keeps a revision's template. Its number stays
// zero: revisions are told apart by their names, and have no order in which one that is
// asked for again would have a place.
func desiredControllerRevision(server *v1alpha1.ModelServer, revision string, template revisionTemplate) (*appsv1.ControllerRevision, error) {
	data, err := json.Marshal(template)
	if err != nil {
		return nil, fmt.Errorf("encode the template of revision %s: %w", revision, err)
	}
	return &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{
			Name:            revision,
			Namespace:       server.Namespace,
			Labels:          revisionLabels(server, revision),
			OwnerReferences: ownedBy(server),
		},
		Data: runtime.RawExtension{Raw: data},
	}, nil
}

// readTemplate is the inverse of desiredControllerRevision.
func readTemplate(kept *appsv1.ControllerRevision) (revisionTemplate, error) {
	var template revisionTemplate
	err := checkQuantities(kept.Data.Raw)
	if err == nil {
		err = json.Unmarshal(kept.Data.Raw, &template)
	}
	if err == nil && len(template.Pod.Spec.Containers) == 0 {
		err = errors.New("its pod has no container")
	}
	if err != nil {
		return revisionTemplate{}, loop.Stalled(v1alpha1.NameConflictReason,
			fmt.Errorf("ControllerRevision %s holds no template of a revision (%w): delete it", kept.Name, err))
	}
	return template, nil
}

func (r *reconciler) observeTemplates(ctx context.Context, s *scope, o *rollout.Observed) error {
	kept := &appsv1.ControllerRevisionList{}
	if err := r.client.List(ctx, kept, r.indexed(s)...); err != nil {
		return fmt.Errorf("list the ControllerRevisions of ModelServer %s: %w", klog.KObj(s.server), err)
	}
	s.templates = map[string]*appsv1.ControllerRevision{}
	for i := range kept.Items {
		if revision := &kept.Items[i]; metav1.IsControlledBy(revision, s.server) {
			s.templates[revision.Name] = revision
		}
	}
	for _, name := range o.Named() {
		if s.templates[name] != nil || s.deployments[name] != nil {
			continue // what has a Deployment is given a template from it
		}
		revision := &appsv1.ControllerRevision{}
		err := r.live.Get(ctx, types.NamespacedName{Namespace: s.server.Namespace, Name: name}, revision)
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("get ControllerRevision %s: %w", name, err)
		}
		if err == nil && servers.IsChildOf(revision, s.server) {
			s.templates[name] = revision
		}
	}
	for name, revision := range s.templates {
		if revision.DeletionTimestamp != nil {
			delete(s.templates, name)
			continue
		}
		o.Templates[name] = true
	}
	return nil
}

// templateOf returns the template that is kept of a revision. If there is none, it is
// the spec's revision, whose template is made and kept, before anything is made from it.
func (r *reconciler) templateOf(ctx context.Context, s *scope, revision string) (revisionTemplate, error) {
	kept := s.templates[revision]
	if kept == nil {
		ranges, err := children.ListLimitRanges(ctx, r.client, s.server.Namespace)
		if err != nil {
			return revisionTemplate{}, err
		}
		info := *s.info
		if deployment := s.deployments[revision]; deployment != nil {
			if known := readRevisionInfo(deployment); known.Image != "" && known.Model.SHA256 == info.Model.SHA256 {
				info.Image = known.Image // the default may be another by now
			}
		}
		template, err := newTemplate(templateInput{server: s.given.ForServer(s.server), given: s.given, revision: revision, info: info, limits: s.config.limits, reading: s.config.reading, pullImage: r.pullImage, ranges: ranges})
		if err != nil {
			return revisionTemplate{}, loop.Stalled(v1alpha1.InvalidSpecReason, err)
		}
		r.fillIn(ctx, s, revision, &template)
		if kept, err = r.keepTemplate(ctx, s, revision, template); err != nil {
			return revisionTemplate{}, err
		}
	}
	return readTemplate(kept)
}

// fillIn has the API server fill in a new template, without creating anything. If it can't,
// the template does as it is: the two are then compared by asking again.
func (r *reconciler) fillIn(ctx context.Context, s *scope, revision string, template *revisionTemplate) {
	deployment, err := desiredDeployment(s.server, revision, *template, 1)
	if err == nil {
		err = r.client.Create(ctx, deployment, client.FieldOwner(v1alpha1.FieldManager), client.DryRunAll)
	}
	if err == nil {
		template.Pod = deployment.Spec.Template
	}
}

// keepTemplateOf keeps the template of a Deployment: the one that kept it is gone, or the
// Deployment was made by a version that kept none. A Deployment that was edited meanwhile
// is no witness; if the spec asks for its revision, that says how it was made.
func (r *reconciler) keepTemplateOf(ctx context.Context, s *scope, deployment *appsv1.Deployment) error {
	template := revisionTemplate{Info: readRevisionInfo(deployment), Pod: *deployment.Spec.Template.DeepCopy()}
	delete(template.Pod.Annotations, restartAnnotation)
	switch {
	case isPlausible(deployment.Name, template):
		_, err := r.keepTemplate(ctx, s, deployment.Name, template)
		return err
	case s.observed.Target != nil && s.observed.Target.Name == deployment.Name:
		_, err := r.templateOf(ctx, s, deployment.Name)
		return err
	default:
		return fmt.Errorf("ControllerRevision %s is gone and Deployment %s was edited, so nothing says what was tested: delete the Deployment, or serve another model", deployment.Name, deployment.Name)
	}
}

// keepTemplate returns what keeps a revision's template from now on, or has before.
func (r *reconciler) keepTemplate(ctx context.Context, s *scope, revision string, template revisionTemplate) (*appsv1.ControllerRevision, error) {
	kept, err := desiredControllerRevision(s.server, revision, template)
	if err != nil {
		return nil, err
	}
	if err := r.client.Create(ctx, kept, client.FieldOwner(v1alpha1.FieldManager)); err != nil {
		return kept, r.createFailed(ctx, s, kept, controllerRevisionKind, err)
	}
	logf.FromContext(ctx).Info("Kept the template of a revision", "controllerRevision", klog.KObj(kept))
	return kept, nil
}

func (r *reconciler) deleteTemplate(ctx context.Context, s *scope, revision string) error {
	kept := s.templates[revision]
	if err := r.client.Delete(ctx, kept, client.Preconditions{UID: &kept.UID}); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete ControllerRevision %s: %w", klog.KObj(kept), err)
	}
	return nil
}
