// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/loop"
)

// execute does what was planned: it writes the record, or brings the children in line.
// No child's error keeps it from the others.
func (r *reconciler) execute(ctx context.Context, s *scope) error {
	a := &s.actions
	if a.Record != nil {
		return r.writeRollout(ctx, s)
	}
	var errs []error
	for _, scale := range a.Scale {
		errs = append(errs, r.scaleRevision(ctx, s, scale))
	}
	for _, start := range a.Start {
		errs = append(errs, r.startTest(ctx, s, start))
	}
	before := len(errs)
	for _, name := range a.DeleteJobs {
		errs = append(errs, r.deleteTest(ctx, s, name))
	}
	// Tests of what was edited go first: afterwards nothing would tell them from others.
	if errors.Join(errs[before:]...) == nil {
		errs = append(errs, r.resetRevisions(ctx, s))
	}
	for _, retiring := range a.DeleteRevisions {
		errs = append(errs, r.deleteRevision(ctx, s, retiring))
	}
	for _, name := range a.DeleteTemplates {
		errs = append(errs, r.deleteTemplate(ctx, s, name))
	}
	for _, name := range a.KeepTemplates {
		errs = append(errs, r.keepTemplateOf(ctx, s, s.deployments[name]))
	}
	for _, create := range a.Create {
		errs = append(errs, r.createRevision(ctx, s, create))
	}
	return errors.Join(errs...)
}

// createFailed explains why a child couldn't be created. One that exists and is ours
// is no error: the cache didn't show it yet.
func (r *reconciler) createFailed(ctx context.Context, s *scope, child client.Object, kind string, err error) error {
	switch {
	case apierrors.IsInvalid(err):
		return loop.Stalled(v1alpha1.InvalidSpecReason, s.given.Blame(fmt.Errorf("the API server refuses %s %s: %w", kind, child.GetName(), err)))
	case !apierrors.IsAlreadyExists(err):
		return fmt.Errorf("create %s %s: %w", kind, klog.KObj(child), err)
	}
	labels := child.GetLabels()
	if err := r.live.Get(ctx, client.ObjectKeyFromObject(child), child); err != nil {
		return fmt.Errorf("get %s %s, which exists: %w", kind, klog.KObj(child), err)
	}
	if err := servers.CheckOwnership(child, s.server, kind); err != nil {
		return err
	}
	if child.GetDeletionTimestamp() != nil {
		return loop.Waiting(v1alpha1.WaitingForDeletionReason, 0, fmt.Errorf("%s %s is being deleted; another is created when it is gone", kind, child.GetName()))
	}
	if kind == serviceKind {
		return stale(s.server, "Service %s exists already", child.GetName())
	}
	return r.restore(ctx, s, child, kind, labels)
}
