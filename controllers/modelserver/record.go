// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/loop"
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
	server, err := r.verifyPlan(ctx, s)
	if err != nil {
		return err
	}
	before, record := s.record(), s.actions.Record
	nameAuthor(server, before, record)
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
	measureRollout(ctx, s, before, record, r.clock.Now())
	s.observed.Service = &rollout.Service{Selected: record.Live, Record: record}
	if s.actions.Repaired != "" {
		s.repairs = append(s.repairs, s.actions.Repaired)
	}
	if selects(&s.server.Spec) { // what is live, or was rejected, is another now, and so may be the choice
		return errors.Join(r.findTarget(ctx, s, s.observed), s.findServed())
	}
	return nil
}

// verifyPlan reads past the cache what a write of the record relies on. It returns the server as it read it.
func (r *reconciler) verifyPlan(ctx context.Context, s *scope) (*v1alpha1.ModelServer, error) {
	server := &v1alpha1.ModelServer{}
	if err := r.live.Get(ctx, client.ObjectKeyFromObject(s.server), server); err != nil {
		return nil, fmt.Errorf("get ModelServer %s: %w", klog.KObj(s.server), err)
	}
	if server.UID != s.server.UID || server.Generation != s.server.Generation || server.DeletionTimestamp != nil || steering(server) != steering(s.server) {
		return nil, stale(s.server, "ModelServer %s has changed", s.server.Name)
	}
	if err := r.verifyLive(ctx, s); err != nil {
		return nil, err
	}
	if err := r.verifyFallback(ctx, s); err != nil {
		return nil, err
	}
	for _, name := range s.actions.Gone {
		deployment, err := r.liveDeployment(ctx, s, name)
		if err != nil {
			return nil, err
		}
		if deployment == nil || !servers.IsChildOf(deployment, s.server) {
			continue // somebody has taken it over: it is none of the rollout's any more
		}
		if cached := s.deployments[name]; cached == nil || cached.UID != deployment.UID {
			return nil, stale(s.server, "Deployment %s is still there", name)
		}
	}
	return server, nil
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
	return r.verifyKept(ctx, s, to)
}

// verifyKept makes sure that the model of a revision that is about to be promoted isn't being deleted by its run: a run says so
// before it looks, past the cache, whether a revision was made of it. One that is gone back to has been in use all the time.
func (r *reconciler) verifyKept(ctx context.Context, s *scope, to string) error {
	info := s.infoOf(to)
	if record := s.record(); info == nil || info.Model.SHA256 == "" || record != nil && record.Fallback == to {
		return nil
	}
	runs := &v1alpha1.TrainingRunList{}
	if err := r.client.List(ctx, runs, client.MatchingFields{modelIndex: info.Model.SHA256}); err != nil {
		return fmt.Errorf("list the TrainingRuns of model %s: %w", info.Model.SHA256, err)
	}
	for i := range runs.Items {
		if run := &runs.Items[i]; isGone(run) && run.Status.Model.URI == info.Model.URI {
			return loop.Stalled(v1alpha1.ArtifactMissingReason, fmt.Errorf("the model of revision %s is being deleted, because spec.output.retention of TrainingRun %s is over: name another model in spec.model",
				to, klog.KObj(run)))
		}
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
