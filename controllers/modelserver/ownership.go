// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// servers is the kind ModelServer as the owner of children.
var servers = children.Kind{Name: kind, Made: isMade}

// isMade tells whether a child bears what only this controller writes.
func isMade(child client.Object) bool {
	mark := ""
	switch child := child.(type) {
	case *appsv1.Deployment:
		mark = v1alpha1.RevisionAnnotation
	case *batchv1.Job:
		mark = v1alpha1.AttemptAnnotation
	case *autoscalingv2.HorizontalPodAutoscaler:
		mark = specHashAnnotation
	case *appsv1.ControllerRevision:
		_, err := readTemplate(child)
		return err == nil
	}
	_, marked := child.GetAnnotations()[mark]
	return marked
}

// The resources of a server's pods and of its tests' come from different fields.
var (
	serverAsker = podstate.Asker{Container: contract.ServerContainer, Field: children.PodResourcesField}
	smokeAsker  = podstate.Asker{Container: contract.SmokeContainer, Field: smokeResourcesField}
)

// findReplicaProblem tells from a Deployment's conditions whether its pods are refused.
func findReplicaProblem(deployment *appsv1.Deployment) podstate.Problem {
	for i := range deployment.Status.Conditions {
		c := &deployment.Status.Conditions[i]
		if c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue && c.Reason == podstate.FailedCreate {
			return podstate.Refused("pods of Deployment "+deployment.Name, serverAsker, c.Message)
		}
	}
	return podstate.Problem{}
}

// These are what the containers get where the user says nothing. A server has no limits
// of its own: a CPU limit would only slow it down, and its memory is the user's to know.
// What a test needs is known, and with limits its pod is accepted where a quota counts them.
var (
	serverResources = corev1.ResourceRequirements{Requests: children.ResourceList("100m", "128Mi")}
	smokeResources  = corev1.ResourceRequirements{Requests: children.ResourceList("50m", "64Mi"), Limits: children.ResourceList("500m", "512Mi")}
)

// smokeResourcesField is where a user sets the resources of tests.
const smokeResourcesField = "spec.smoke.resources"
