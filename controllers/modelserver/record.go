// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/metrics"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
)

// stale ends a pass that was planned on what has changed since. It is a conflict like
// one that the API server finds: status stays as it is and the next pass decides anew.
func stale(server *v1alpha1.ModelServer, format string, args ...any) error {
	resource := v1alpha1.GroupVersion.WithResource("modelservers").GroupResource()
	return apierrors.NewConflict(resource, server.Name, fmt.Errorf(format, args...))
}

// writeRollout is the only function that moves traffic. It writes record and selector
// in one request onto the version of the Service that the plan was made on.
func (r *reconciler) writeRollout(ctx context.Context, s *scope) error {
	if err := r.verifyPlan(ctx, s); err != nil {
		return err
	}
	record := s.actions.Record
	if s.service == nil {
		service, err := newService(s.server, record)
		if err != nil {
			return err
		}
		if err := r.client.Create(ctx, service, client.FieldOwner(v1alpha1.RolloutFieldManager)); err != nil {
			return r.createFailed(ctx, s, service, serviceKind, err)
		}
		s.service = service
	} else {
		data, err := rolloutPatch(s.service, record)
		if err != nil {
			return err
		}
		service := s.service.DeepCopy()
		if err := r.client.Patch(ctx, service, client.RawPatch(types.MergePatchType, data), client.FieldOwner(v1alpha1.RolloutFieldManager)); err != nil {
			return fmt.Errorf("write the rollout to Service %s: %w", klog.KObj(service), err)
		}
		s.service = service
	}
	metrics.RolloutDecided(s.actions.Rule)
	logf.FromContext(ctx).Info("Wrote rollout", "rule", s.actions.Rule, "switch", record.Switch, "live", record.Live, "baked", record.Baked, "fallback", record.Fallback)
	s.observed.Service = &rollout.Service{Selected: record.Live, Record: record}
	if s.actions.Repaired != "" {
		s.repairs = append(s.repairs, s.actions.Repaired)
	}
	return nil
}

// verifyPlan reads past the cache what a write of the record relies on.
func (r *reconciler) verifyPlan(ctx context.Context, s *scope) error {
	server := &v1alpha1.ModelServer{}
	if err := r.live.Get(ctx, client.ObjectKeyFromObject(s.server), server); err != nil {
		return fmt.Errorf("get ModelServer %s: %w", klog.KObj(s.server), err)
	}
	if server.UID != s.server.UID || server.Generation != s.server.Generation || server.DeletionTimestamp != nil {
		return stale(s.server, "ModelServer %s has changed", s.server.Name)
	}
	if err := r.verifyLive(ctx, s); err != nil {
		return err
	}
	if err := r.verifyFallback(ctx, s); err != nil {
		return err
	}
	for _, name := range s.actions.Gone {
		deployment, err := r.liveDeployment(ctx, s, name)
		if err != nil {
			return err
		}
		if deployment == nil || !servers.IsChildOf(deployment, s.server) {
			continue // somebody has taken it over: it is none of the rollout's any more
		}
		if cached := s.deployments[name]; cached == nil || cached.UID != deployment.UID {
			return stale(s.server, "Deployment %s is still there", name)
		}
	}
	return nil
}

// verifyLive makes sure that a revision that is about to be promoted can answer. One that
// was live before gets its selector back whatever has become of it.
func (r *reconciler) verifyLive(ctx context.Context, s *scope) error {
	to := s.actions.Record.Live
	if record := s.record(); to == "" || record != nil && record.Live == to {
		return nil
	}
	deployment, err := r.liveDeployment(ctx, s, to)
	switch {
	case err != nil:
		return err
	case s.actions.Repaired != "" && s.observed.Templates[to]:
		return nil // it was live before; if its Deployment is gone, it is recreated
	case deployment == nil || deployment.DeletionTimestamp != nil || !servers.IsChildOf(deployment, s.server):
		return stale(s.server, "Deployment %s is gone", to)
	case s.actions.Repaired == "" && deployment.Status.AvailableReplicas == 0:
		return stale(s.server, "Deployment %s has no available replica", to)
	}
	return nil
}

// verifyFallback makes sure that a revision that is about to become the fallback is there,
// or can be recreated.
func (r *reconciler) verifyFallback(ctx context.Context, s *scope) error {
	to := s.actions.Record.Fallback
	if record := s.record(); to == "" || record != nil && record.Fallback == to || s.observed.Templates[to] {
		return nil
	}
	deployment, err := r.liveDeployment(ctx, s, to)
	if err == nil && (deployment == nil || deployment.DeletionTimestamp != nil || !servers.IsChildOf(deployment, s.server)) {
		err = stale(s.server, "Deployment %s is gone", to)
	}
	return err
}
