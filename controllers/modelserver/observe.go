// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
)

// observe reads the children. The Service is read past the cache: its record decides.
func (r *reconciler) observe(ctx context.Context, s *scope) error {
	policy, err := rollout.PolicyHash(&s.server.Spec)
	if err != nil {
		return err
	}
	o := &rollout.Observed{
		Now:       s.now,
		Policy:    policy,
		Desired:   desiredReplicas(&s.server.Spec),
		Last:      lastStatus(&s.server.Status),
		Revisions: map[string]*rollout.Revision{},
		Templates: map[string]bool{},
	}
	if s.info == nil {
		o.Unresolved = *s.unresolved
	} else {
		name, err := rollout.RevisionName(s.server, s.info.Model.SHA256, s.info.Classes)
		if err != nil {
			return err
		}
		o.Target = &rollout.Target{Name: name, Model: s.info.Model, GateFailure: gateFailure(s.config.gates, s.info.Metrics)}
	}
	for _, read := range []func(context.Context, *scope, *rollout.Observed) error{
		r.observeService, r.observePods, r.observeDeployments, r.observeTemplates, r.observeDrift, r.observeEditedPods, r.observeMoves, r.observeJobs, r.observeEndpoints,
	} {
		if err := read(ctx, s, o); err != nil {
			return err
		}
	}
	s.observed = o
	return s.findServed()
}

func lastStatus(status *v1alpha1.ModelServerStatus) rollout.Last {
	last := rollout.Last{Rejected: status.Rejected, History: status.History}
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
