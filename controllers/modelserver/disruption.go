// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"context"
	"errors"
	"fmt"

	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
)

// Each revision has a PodDisruptionBudget of its own, of its Deployment's name. One for all
// revisions would count a candidate that doesn't start as missing replicas of what serves,
// and let no drain have a pod of either; one that follows the Service would leave the
// fallback, and live at the moment of a switch, to drains.

// fewestBudgeted is from how many replicas on there are budgets: a single replica can't be
// drained without a moment of none.
const fewestBudgeted = 2

// wantsBudgets tells whether a server's revisions have budgets.
func wantsBudgets(spec *v1alpha1.ModelServerSpec) bool {
	return spec.PodDisruptionBudget.Mode != v1alpha1.NoDisruptionBudget && desiredReplicas(spec) >= fewestBudgeted
}

// desiredBudget builds the PodDisruptionBudget of a revision. Pods that aren't ready may
// always be evicted, so that a revision that never is holds up no drain.
func desiredBudget(server *v1alpha1.ModelServer, revision string) *policyv1.PodDisruptionBudget {
	return &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{
			Name:            revision,
			Namespace:       server.Namespace,
			Labels:          revisionLabels(server, revision),
			OwnerReferences: ownedBy(server),
		},
		Spec: policyv1.PodDisruptionBudgetSpec{
			MaxUnavailable:             ptr.To(intstr.FromString(fmt.Sprintf("%d%%", server.Spec.PodDisruptionBudget.MaxUnavailablePercent))),
			Selector:                   &metav1.LabelSelector{MatchLabels: revisionSelector(revision)},
			UnhealthyPodEvictionPolicy: ptr.To(policyv1.AlwaysAllow),
		},
	}
}

// reconcileBudgets has one PodDisruptionBudget for each revision that has a Deployment,
// and no other.
func (r *reconciler) reconcileBudgets(ctx context.Context, s *scope) error {
	list := &policyv1.PodDisruptionBudgetList{}
	if err := r.client.List(ctx, list, client.InNamespace(s.server.Namespace)); err != nil {
		return fmt.Errorf("list the PodDisruptionBudgets of namespace %s: %w", s.server.Namespace, err)
	}
	isOurs := func(budget *policyv1.PodDisruptionBudget) bool {
		return s.deployments[budget.Name] != nil || budget.Labels[v1alpha1.ModelServerLabel] == s.server.Name
	}
	own := map[string]*policyv1.PodDisruptionBudget{}
	var others []*policyv1.PodDisruptionBudget
	for i := range list.Items {
		budget := &list.Items[i]
		switch {
		case metav1.IsControlledBy(budget, s.server), isOurs(budget) && servers.IsOrphan(budget):
			own[budget.Name] = budget
		case budget.DeletionTimestamp == nil:
			others = append(others, budget)
		}
	}
	var errs []error
	wanted := map[string]bool{}
	for name, deployment := range s.deployments {
		wanted[name] = wantsBudgets(&s.server.Spec) && deployment.DeletionTimestamp == nil && !anySelects(others, revisionLabels(s.server, name))
		if wanted[name] {
			errs = append(errs, r.reconcileBudget(ctx, s, desiredBudget(s.server, name), own[name]))
		}
	}
	for name, budget := range own {
		if !wanted[name] && budget.DeletionTimestamp == nil {
			errs = append(errs, r.deleteBudget(ctx, budget))
		}
	}
	return errors.Join(errs...)
}

// anySelects tells whether one of some budgets selects pods with these labels. Of two
// budgets of one pod the API server lets neither be evicted, ever.
func anySelects(budgets []*policyv1.PodDisruptionBudget, pod map[string]string) bool {
	for _, budget := range budgets {
		selector, err := metav1.LabelSelectorAsSelector(budget.Spec.Selector)
		if err == nil && selector.Matches(labels.Set(pod)) {
			return true
		}
	}
	return false
}

// reconcileBudget creates a budget, or brings the one that exists in line.
func (r *reconciler) reconcileBudget(ctx context.Context, s *scope, desired, existing *policyv1.PodDisruptionBudget) error {
	if existing == nil {
		if err := r.client.Create(ctx, desired, client.FieldOwner(v1alpha1.FieldManager)); err != nil {
			return r.createFailed(ctx, s, desired, budgetKind, err)
		}
		logf.FromContext(ctx).Info("Created PodDisruptionBudget", "podDisruptionBudget", klog.KObj(desired))
		return nil
	}
	if err := r.restore(ctx, s, existing, budgetKind, desired.Labels); err != nil {
		return err
	}
	if existing.DeletionTimestamp != nil || equality.Semantic.DeepEqual(desired.Spec, existing.Spec) {
		return nil
	}
	updated := existing.DeepCopy()
	updated.Spec = desired.Spec
	if err := children.Patch(ctx, r.client, existing, updated); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("patch PodDisruptionBudget %s: %w", klog.KObj(updated), err)
	}
	if s.server.Status.ObservedGeneration == s.server.Generation {
		s.repairs = append(s.repairs, fmt.Sprintf("PodDisruptionBudget %s was edited outside Trainyard; set it back to spec.podDisruptionBudget", updated.Name))
	}
	return nil
}

func (r *reconciler) deleteBudget(ctx context.Context, budget *policyv1.PodDisruptionBudget) error {
	if err := r.client.Delete(ctx, budget, client.Preconditions{UID: &budget.UID}); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete PodDisruptionBudget %s: %w", klog.KObj(budget), err)
	}
	return nil
}
