// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"context"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
	"github.com/trainyard-dev/trainyard/internal/text"
)

// observe reads the children. The Service is read past the cache: its record decides.
func (r *reconciler) observe(ctx context.Context, s *scope) error {
	policy, err := rollout.PolicyHash(&s.server.Spec)
	if err != nil {
		return err
	}
	o := &rollout.Observed{
		Now:      s.now,
		Policy:   policy,
		Steering: steering(s.server),

		MinRequests:      ptr.Deref(s.server.Spec.Promotion.MinRequests, 0),
		ProgressDeadline: s.config.deadline,
		Desired:          desiredReplicas(&s.server.Spec),
		Last:             lastStatus(&s.server.Status),
		Revisions:        map[string]*rollout.Revision{},
		Templates:        map[string]bool{},
	}
	for _, read := range []func(context.Context, *scope, *rollout.Observed) error{
		r.observeService, r.findTarget, r.observePods, r.observeDeployments, r.observeTemplates, r.observeDrift, r.observeEditedPods, r.observeMoves, r.observeJobs, r.observeEndpoints,
	} {
		if err := read(ctx, s, o); err != nil {
			return err
		}
	}
	s.observed = o
	return s.findServed()
}

// findTarget finds the revision that the spec asks for.
func (r *reconciler) findTarget(ctx context.Context, s *scope, o *rollout.Observed) error {
	if err := r.readLive(ctx, s, o); err != nil {
		return err
	}
	if selects(&s.server.Spec) {
		if err := r.chooseRun(ctx, s, o); err != nil {
			return err
		}
	}
	if s.info != nil {
		s.info.Image = r.imageOf(s)
	}
	withoutDefaults(s)
	o.Target, o.Unresolved = nil, rollout.Unresolved{}
	if s.info == nil {
		o.Unresolved = *s.unresolved
		return nil
	}
	var err error
	o.Target, err = newTarget(s, o, s.info)
	return err
}

// newTarget describes the revision that serves a model by the spec, and what speaks against it before it is tried.
func newTarget(s *scope, o *rollout.Observed, info *revisionInfo) (*rollout.Target, error) {
	name, err := rollout.RevisionName(s.server, info.Model.SHA256, info.Classes)
	if err != nil {
		return nil, err
	}
	target := &rollout.Target{Name: name, Model: info.Model, MovedBy: movedBy(s, info), ChanceFailure: chanceFailure(s.server.Spec.Promotion.Chance, info)}
	target.GateFailure, target.GateOpen = judgeGates(s.config.gates, info, comparedWith(recordOf(o), s.live, info))
	return target, nil
}

func lastStatus(status *v1alpha1.ModelServerStatus) rollout.Last {
	last := rollout.Last{Rejected: status.Rejected, History: status.History}
	if ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ReadyCondition); ready != nil {
		last.Message = text.Clean(ready.Message, rollout.MaxMessage)
	}
	if status.Live != nil {
		last.Live = status.Live.Revision
		if status.Live.Since != nil {
			last.LiveSince = *status.Live.Since
		}
	}
	if status.Fallback != nil {
		last.Fallback = status.Fallback.Revision
	}
	if status.Candidate != nil {
		last.Candidate = status.Candidate.Revision
	}
	return last
}

// ours selects the children of a server.
func (r *reconciler) ours(s *scope) []client.ListOption {
	return []client.ListOption{client.InNamespace(s.server.Namespace), client.MatchingLabels(ownLabels(s.server))}
}

// indexed selects the children of a server in the cache, where an index finds them.
func (r *reconciler) indexed(s *scope) []client.ListOption {
	return append(r.ours(s), client.MatchingFields{serverIndex: s.server.Name})
}
