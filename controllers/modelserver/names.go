// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"fmt"
	"net"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

const (
	kind                   = "ModelServer"
	deploymentKind         = "Deployment"
	controllerRevisionKind = "ControllerRevision"
	serviceKind            = "Service"
	endpointSliceKind      = "EndpointSlice"
	autoscalerKind         = "HorizontalPodAutoscaler"
	budgetKind             = "PodDisruptionBudget"

	// serverComponent and smokeComponent tell the pods that serve from those that test.
	serverComponent = "server"
	smokeComponent  = "smoke"

	// noRevision is what the Service selects before the first promotion: no pod.
	noRevision = "none"
)

// ownLabels are on every object of a ModelServer.
func ownLabels(server *v1alpha1.ModelServer) map[string]string {
	return map[string]string{
		children.ManagedByLabel:   children.ManagedByValue,
		v1alpha1.ModelServerLabel: server.Name,
	}
}

// revisionLabels are on a revision's Deployment, its pods and the ControllerRevision
// that keeps its template.
func revisionLabels(server *v1alpha1.ModelServer, revision string) map[string]string {
	labels := ownLabels(server)
	labels[v1alpha1.ComponentLabel] = serverComponent
	labels[v1alpha1.RevisionLabel] = revision
	return labels
}

// revisionSelector selects the pods of a revision; an empty one selects none.
func revisionSelector(revision string) map[string]string {
	if revision == "" {
		revision = noRevision
	}
	return map[string]string{v1alpha1.RevisionLabel: revision}
}

// ownIdentity is that of the children of a server that aren't a revision's or a test's.
func ownIdentity(server *v1alpha1.ModelServer) children.Identity {
	return children.Identity{Labels: ownLabels(server), Owner: &ownedBy(server)[0]}
}

func ownedBy(server *v1alpha1.ModelServer) []metav1.OwnerReference {
	return []metav1.OwnerReference{*metav1.NewControllerRef(server, v1alpha1.GroupVersion.WithKind(kind))}
}

// serviceURL is where the model is reached from inside the cluster.
func serviceURL(server *v1alpha1.ModelServer) string {
	host := fmt.Sprintf("%s.%s.svc", server.Name, server.Namespace)
	if port := server.Spec.Service.Port; port != standardPort {
		host = net.JoinHostPort(host, strconv.Itoa(int(port)))
	}
	return "http://" + host
}

// standardPort is the port that a URL leaves out.
const standardPort = 80

// podURL is where one pod is reached.
func podURL(pod *corev1.Pod) string {
	return "http://" + net.JoinHostPort(pod.Status.PodIP, strconv.Itoa(contract.HTTPPort))
}

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
	case *policyv1.PodDisruptionBudget:
		return equality.Semantic.DeepEqual(child.Spec.Selector, &metav1.LabelSelector{MatchLabels: revisionSelector(child.Name)})
	case *appsv1.ControllerRevision:
		_, err := readTemplate(child)
		return err == nil
	}
	_, marked := child.GetAnnotations()[mark]
	return marked
}
