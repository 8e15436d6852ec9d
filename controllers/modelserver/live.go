// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"context"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
)

// readLive finds what is known of the model of the live revision, where the spec's revision depends on it: it is needed before
// the children are read.
func (r *reconciler) readLive(ctx context.Context, s *scope, o *rollout.Observed) error {
	s.live = nil
	compares := slices.ContainsFunc(s.config.gates, func(gate promotionGate) bool { return gate.margin != nil })
	if !compares && !selects(&s.server.Spec) {
		return nil
	}
	name := ""
	if record := recordOf(o); record != nil {
		name = record.Live
	} else if s.server.Status.Live != nil {
		name = s.server.Status.Live.Revision // the record is recreated from it
	}
	if name == "" {
		return nil
	}
	key := types.NamespacedName{Namespace: s.server.Namespace, Name: name}
	kept := &appsv1.ControllerRevision{}
	if err := r.client.Get(ctx, key, kept); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("get ControllerRevision %s: %w", name, err)
	} else if err == nil && servers.IsChildOf(kept, s.server) {
		if template, err := readTemplate(kept); err == nil {
			s.live = &template.Info
		}
	}
	if live := s.server.Status.Live; s.live == nil && live != nil && live.Revision == name {
		s.live = &revisionInfo{Model: live.Model, Metrics: live.Metrics}
	}
	if s.live == nil || s.live.TestSplit != "" || s.live.Model.TrainingRun == "" {
		return nil
	}
	// An earlier version has kept less of it: its run may tell.
	run := &v1alpha1.TrainingRun{}
	key.Name = s.live.Model.TrainingRun
	if err := r.client.Get(ctx, key, run); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("get TrainingRun %s: %w", key.Name, err)
	}
	if info, _ := resolveRun(key.Name, run); info != nil && info.Model.SHA256 == s.live.Model.SHA256 {
		s.live.TestSplit, s.live.Completed = info.TestSplit, info.Completed
	}
	return nil
}
