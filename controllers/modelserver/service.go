// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/loop"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/text"
)

// newService builds the Service that a record is first written to.
func newService(server *v1alpha1.ModelServer, record *rollout.Record) (*corev1.Service, error) {
	encoded, err := record.Encode()
	if err != nil {
		return nil, err
	}
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Name:            server.Name,
			Namespace:       server.Namespace,
			Annotations:     map[string]string{v1alpha1.RolloutAnnotation: encoded},
			OwnerReferences: ownedBy(server),
		},
		Spec: corev1.ServiceSpec{Selector: revisionSelector(record.Live)},
	}
	return desiredService(server, service), nil
}

// desiredService returns a copy of a Service as the spec wants it. It leaves alone
// what moves traffic, the selector and the record, and what the API server allocates.
func desiredService(server *v1alpha1.ModelServer, existing *corev1.Service) *corev1.Service {
	service := existing.DeepCopy()
	if restored := ownIdentity(server).Restored(existing); restored != nil {
		service = restored.(*corev1.Service)
	}
	service.Spec.Type = server.Spec.Service.Type
	service.Spec.ExternalName = ""
	service.Spec.PublishNotReadyAddresses = false // a replica that isn't ready gets no traffic
	service.Spec.Ports = []corev1.ServicePort{httpPort(service.Spec.Ports)}
	port := &service.Spec.Ports[0]
	port.Name = contract.HTTPPortName
	port.Protocol = corev1.ProtocolTCP
	port.Port = server.Spec.Service.Port
	port.TargetPort = intstr.FromString(contract.HTTPPortName)
	if service.Spec.Type == corev1.ServiceTypeClusterIP {
		port.NodePort = 0
	}
	return service
}

// httpPort returns the port of this name, else the first; zero if there is none.
func httpPort(ports []corev1.ServicePort) corev1.ServicePort {
	for _, port := range ports {
		if port.Name == contract.HTTPPortName {
			return port
		}
	}
	if len(ports) > 0 {
		return ports[0]
	}
	return corev1.ServicePort{}
}

// isOwnService tells whether a Service without an owner is the one that the server's
// status reports: its record names the same live revision.
func isOwnService(server *v1alpha1.ModelServer, service *corev1.Service) bool {
	if metav1.GetControllerOf(service) != nil || service.DeletionTimestamp != nil || server.Status.Live == nil {
		return false
	}
	record, err := rollout.DecodeRecord(service.Annotations[v1alpha1.RolloutAnnotation])
	return err == nil && record.Live == server.Status.Live.Revision
}

// rolloutPatch is the one write that moves traffic: a merge patch that sets selector
// and record together, on exactly the version of the Service that was read.
func rolloutPatch(service *corev1.Service, record *rollout.Record) ([]byte, error) {
	encoded, err := record.Encode()
	if err != nil {
		return nil, err
	}
	selector := map[string]*string{}
	for key := range service.Spec.Selector {
		selector[key] = nil // a merge patch keeps what it doesn't name
	}
	for key, value := range revisionSelector(record.Live) {
		selector[key] = &value
	}
	data, err := json.Marshal(map[string]any{
		"metadata": map[string]any{
			"uid":             service.UID,
			"resourceVersion": service.ResourceVersion,
			"annotations":     map[string]string{v1alpha1.RolloutAnnotation: encoded},
		},
		"spec": map[string]any{"selector": selector},
	})
	if err != nil {
		return nil, fmt.Errorf("encode the patch of Service %s: %w", service.Name, err)
	}
	return data, nil
}

// selectedRevision returns the revision that a Service selects: empty for none, and
// otherRevision if the selector isn't one that rolloutPatch writes.
func selectedRevision(service *corev1.Service) string {
	revision, ok := service.Spec.Selector[v1alpha1.RevisionLabel]
	switch {
	case !ok || len(service.Spec.Selector) != 1:
		return otherRevision
	case revision == noRevision:
		return ""
	default:
		return revision
	}
}

// otherRevision is no revision's name: it isn't a name at all.
const otherRevision = "?"

// observedService is what the planner is told of a Service. A record that can't be
// read is none: the planner makes it again, and an event says so.
func observedService(service *corev1.Service) *rollout.Service {
	observed := &rollout.Service{Selected: selectedRevision(service)}
	annotation, ok := service.Annotations[v1alpha1.RolloutAnnotation]
	if !ok {
		observed.RecordProblem = "the Service's rollout record was removed outside Trainyard"
		return observed
	}
	record, err := rollout.DecodeRecord(annotation)
	if err != nil {
		observed.RecordProblem = text.Clean(fmt.Sprintf("the Service's rollout record is unreadable: %v", err), rollout.MaxMessage)
		return observed
	}
	observed.Record = record
	return observed
}

func (r *reconciler) observeService(ctx context.Context, s *scope, o *rollout.Observed) error {
	service := &corev1.Service{}
	switch err := r.live.Get(ctx, client.ObjectKeyFromObject(s.server), service); {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("get Service %s: %w", klog.KObj(s.server), err)
	}
	if !isOwnService(s.server, service) {
		if err := servers.CheckOwnership(service, s.server, serviceKind); err != nil {
			return err
		}
	}
	if service.DeletionTimestamp != nil {
		return loop.Waiting(v1alpha1.WaitingForDeletionReason, 0, fmt.Errorf("the Service %s is being deleted; another is created when it is gone", service.Name))
	}
	s.service = service
	o.Service = observedService(service)
	return nil
}

// reconcileService brings ports and type in line, never what moves traffic.
func (r *reconciler) reconcileService(ctx context.Context, s *scope) error {
	if s.service == nil {
		return nil
	}
	desired := desiredService(s.server, s.service)
	if equality.Semantic.DeepEqual(desired, s.service) {
		return nil
	}
	if err := children.Patch(ctx, r.client, s.service, desired); err != nil {
		if apierrors.IsInvalid(err) {
			return loop.Stalled(v1alpha1.InvalidSpecReason, fmt.Errorf("the API server refuses spec.service: %w", err))
		}
		return fmt.Errorf("patch Service %s: %w", klog.KObj(desired), err)
	}
	switch {
	case ownIdentity(s.server).Restored(s.service) != nil:
		s.repairs = append(s.repairs, children.RestoredMessage(serviceKind, desired))
	case s.server.Status.ObservedGeneration == s.server.Generation:
		s.repairs = append(s.repairs, fmt.Sprintf("Service %s was edited outside Trainyard; set it back to spec.service", desired.Name))
	}
	s.service = desired
	return nil
}
