// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"context"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
)

// What a namespace allows may change after a template or a test's Job was made. Where that
// keeps pods from being accepted, they are recreated with the resources that they would
// be given now: those that the user sets stay, and none of it changes an answer.

// renewResources returns a template with the resources that its revision would be given
// now, if a LimitRange refuses its pods and the spec still says what was asked for; nil
// where that changes nothing.
func (r *reconciler) renewResources(ctx context.Context, s *scope, name string, template revisionTemplate) (*revisionTemplate, error) {
	deployment := s.deployments[name]
	if deployment == nil || s.noDefaults != nil || !podstate.IsRefusedByRange(findReplicaProblem(deployment)) {
		return nil, nil
	}
	if asked, err := rollout.RevisionName(s.server, template.Info.Model.SHA256, template.Info.Classes); err != nil || asked != name {
		return nil, err
	}
	ranges, err := children.ListLimitRanges(ctx, r.client, s.server.Namespace)
	if err != nil {
		return nil, err
	}
	resources, err := children.ContainerResources(children.PodResourcesField, s.server.Spec.PodTemplate.Resources, s.given.Resources(serverResources), ranges)
	if err != nil {
		return nil, nil // whoever creates a Deployment from the spec says so
	}
	renewed := revisionTemplate{Info: template.Info, Pod: *template.Pod.DeepCopy()}
	container := serverContainer(&renewed.Pod)
	if container == nil || equality.Semantic.DeepEqual(container.Resources, resources) {
		return nil, nil
	}
	container.Resources = resources
	for i := range renewed.Pod.Spec.InitContainers {
		renewed.Pod.Spec.InitContainers[i].Resources = *resources.DeepCopy()
	}
	return &renewed, nil
}

// outdateResources voids a test that has no pod and would be given other resources now.
func (r *reconciler) outdateResources(ctx context.Context, s *scope, observed *rollout.Job, job *batchv1.Job, pod *corev1.Pod) error {
	if observed.State != rollout.JobRunning || pod != nil || job.Status.Active > 0 {
		return nil
	}
	ranges, err := children.ListLimitRanges(ctx, r.client, s.server.Namespace)
	if err != nil {
		return err
	}
	resources, err := children.ContainerResources(smokeResourcesField, s.server.Spec.Smoke.Resources, smokeResources, ranges)
	if err != nil {
		return nil // whoever creates a test says so
	}
	if !equality.Semantic.DeepEqual(job.Spec.Template.Spec.Containers[0].Resources, resources) {
		observed.State, observed.Message = rollout.JobVoid, "it has no pod, and the namespace's LimitRanges give it other resources now"
	}
	return nil
}
