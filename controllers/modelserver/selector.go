// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
	"github.com/trainyard-dev/trainyard/internal/text"
)

// A selector names no run: which one is served follows from the runs that there are, and from the rollout's record, which
// says what is live and what was rejected. So it is chosen anew in each pass, by [rollout.Observed.Choose].

const (
	selectorField = "spec.model.trainingRunSelector"
	// maxPassedOver bounds what status says of runs that aren't chosen, and maxPassedOverMessage each message.
	maxPassedOver        = 10
	maxPassedOverMessage = 512
	// maxSelectorText bounds how much of a selector a message quotes.
	maxSelectorText = 200
)

// selects tells whether a server's spec selects runs by their labels.
func selects(spec *v1alpha1.ModelServerSpec) bool {
	return !reflect.ValueOf(spec.Model.TrainingRunSelector).IsZero()
}

// parseSelector parses a selector, whose form the schema bounds and doesn't check.
func parseSelector(p *children.Parser, selector v1alpha1.TrainingRunSelector) labels.Selector {
	asked := &metav1.LabelSelector{MatchLabels: selector.MatchLabels}
	for _, requirement := range selector.MatchExpressions {
		asked.MatchExpressions = append(asked.MatchExpressions, metav1.LabelSelectorRequirement(requirement))
	}
	parsed, err := metav1.LabelSelectorAsSelector(asked)
	if err != nil {
		p.Fail(fmt.Errorf("%s is no selector of labels: %w", selectorField, err))
		return labels.Nothing()
	}
	return parsed
}

// selectionOf are the runs that a selector selects, without those that are being deleted.
type selectionOf struct {
	runs     map[string]*v1alpha1.TrainingRun // by name
	complete []rollout.Run
	// newest is the one that was created last of those that are neither Complete nor Failed or, without such, of those that have failed.
	newest *v1alpha1.TrainingRun
	failed bool // newest has
}

// selectRuns reads the runs that the spec selects from the cache. They are shared with it, and must not be changed.
func (r *reconciler) selectRuns(ctx context.Context, s *scope) (selectionOf, error) {
	list := &v1alpha1.TrainingRunList{}
	err := r.client.List(ctx, list, client.InNamespace(s.server.Namespace), client.MatchingLabelsSelector{Selector: s.config.selector}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return selectionOf{}, fmt.Errorf("list the TrainingRuns of %s: %w", selectorField, err)
	}
	found := selectionOf{runs: make(map[string]*v1alpha1.TrainingRun, len(list.Items)), failed: true}
	for i := range list.Items {
		run := &list.Items[i]
		if run.DeletionTimestamp != nil {
			continue
		}
		found.runs[run.Name] = run
		if meta.IsStatusConditionTrue(run.Status.Conditions, v1alpha1.CompleteCondition) {
			found.complete = append(found.complete, completeRun(run))
			continue
		}
		found.consider(run)
	}
	return found, nil
}

// consider takes a run that isn't Complete for the newest if it is.
func (f *selectionOf) consider(run *v1alpha1.TrainingRun) {
	failed := meta.IsStatusConditionTrue(run.Status.Conditions, v1alpha1.FailedCondition)
	if f.newest == nil || f.failed && !failed || f.failed == failed && f.newest.CreationTimestamp.Before(&run.CreationTimestamp) {
		f.newest, f.failed = run, failed
	}
}

func completeRun(run *v1alpha1.TrainingRun) rollout.Run {
	complete := rollout.Run{Name: run.Name, Created: run.CreationTimestamp.Time, Completed: completionOf(run)}
	if run.Status.Model != nil {
		complete.SHA256 = run.Status.Model.SHA256
	}
	return complete
}

// completionOf is when a run ended.
func completionOf(run *v1alpha1.TrainingRun) time.Time {
	if run.Status.CompletionTime == nil {
		return time.Time{}
	}
	return run.Status.CompletionTime.Time
}

// chooseRun finds the model that the spec's selector asks for.
func (r *reconciler) chooseRun(ctx context.Context, s *scope, o *rollout.Observed) error {
	found, err := r.selectRuns(ctx, s)
	if err != nil {
		return err
	}
	s.info, s.unresolved, s.liveStays = nil, nil, false
	s.selection = &v1alpha1.RunSelection{Complete: int32(min(len(found.complete), 1<<30))} //nolint:gosec // bounded
	live, err := r.liveModel(ctx, s, o, found)
	if err != nil {
		return err
	}
	if len(found.complete) == 0 && !live.RunGone {
		s.unresolved = noneComplete(s, found)
		return nil
	}
	choice, err := o.Choose(found.complete, live, func(run rollout.Run) (rollout.Judgement, error) {
		return judgeRun(s, o, found.runs[run.Name])
	})
	if err != nil {
		return err
	}
	s.selection.PassedOver = passedOver(choice.PassedOver)
	if choice.Run == nil {
		s.liveStays = true
		s.unresolved = &rollout.Unresolved{Reason: v1alpha1.TrainingRunNotFoundReason, Message: fmt.Sprintf(
			"TrainingRun %s, whose model is live, doesn't exist any more, and no newer one that matches %s can be served%s; to serve an older one, name it in spec.model.trainingRunRef",
			s.live.Model.TrainingRun, quoteSelector(s), butFor(s.selection.PassedOver))}
		return nil
	}
	s.selection.TrainingRun = choice.Run.Name
	s.info, s.unresolved = resolveRun(choice.Run.Name, found.runs[choice.Run.Name])
	return nil
}

// liveModel says what a newer run is to replace. A run that still exists but isn't among those that were found doesn't match
// any more.
func (r *reconciler) liveModel(ctx context.Context, s *scope, o *rollout.Observed, found selectionOf) (rollout.LiveModel, error) {
	if s.live == nil {
		return rollout.LiveModel{}, nil
	}
	live := rollout.LiveModel{SHA256: s.live.Model.SHA256, Completed: s.live.Completed.Time}
	name := s.live.Model.TrainingRun
	if name == "" {
		return live, nil
	}
	isSource := func(run *v1alpha1.TrainingRun) bool {
		return run.DeletionTimestamp == nil && run.Status.Model != nil && run.Status.Model.SHA256 == s.live.Model.SHA256
	}
	if run := found.runs[name]; run != nil {
		live.RunGone = !isSource(run)
	} else {
		run := &v1alpha1.TrainingRun{}
		err := r.client.Get(ctx, types.NamespacedName{Namespace: s.server.Namespace, Name: name}, run)
		if client.IgnoreNotFound(err) != nil {
			return rollout.LiveModel{}, fmt.Errorf("get TrainingRun %s: %w", name, err)
		}
		live.RunGone = err != nil || !isSource(run)
	}
	if record := recordOf(o); live.RunGone && live.Completed.IsZero() && record != nil {
		live.Completed = record.At.Time // of a revision that an earlier version has made: its run had ended by then
	}
	return live, nil
}

// judgeRun says what speaks against a run's model before it is tried, and which revision would serve it.
func judgeRun(s *scope, o *rollout.Observed, run *v1alpha1.TrainingRun) (rollout.Judgement, error) {
	info, unresolved := resolveRun(run.Name, run)
	if unresolved != nil {
		return rollout.Judgement{Reason: unresolved.Reason, Message: unresolved.Message}, nil
	}
	target, err := newTarget(s, o, info)
	if err != nil {
		return rollout.Judgement{}, err
	}
	judgement := rollout.Judgement{Revision: target.Name}
	switch {
	case target.GateFailure != "":
		judgement.Reason, judgement.Message = v1alpha1.GateNotMetReason, target.GateFailure
	case target.ChanceFailure != "":
		judgement.Reason, judgement.Message = v1alpha1.NoBetterThanChanceReason, target.ChanceFailure
	}
	return judgement, nil
}

// noneComplete says why no run can be chosen.
func noneComplete(s *scope, found selectionOf) *rollout.Unresolved {
	switch {
	case found.newest == nil:
		return &rollout.Unresolved{Reason: v1alpha1.TrainingRunNotFoundReason, Message: fmt.Sprintf(
			"no TrainingRun in this namespace matches %s: create one with these labels, or change %s", quoteSelector(s), selectorField)}
	case found.failed:
		return &rollout.Unresolved{Reason: v1alpha1.TrainingRunFailedReason, Stalled: true, Message: fmt.Sprintf(
			"each of the %d TrainingRuns that match %s has failed, the newest is %s%s: create another with these labels",
			len(found.runs), quoteSelector(s), found.newest.Name, because(meta.FindStatusCondition(found.newest.Status.Conditions, v1alpha1.FailedCondition)))}
	default:
		return &rollout.Unresolved{Reason: v1alpha1.TrainingRunNotCompleteReason, Message: fmt.Sprintf(
			"none of the %d TrainingRuns that match %s is Complete yet, the newest is %s%s",
			len(found.runs), quoteSelector(s), found.newest.Name, because(meta.FindStatusCondition(found.newest.Status.Conditions, v1alpha1.ReadyCondition)))}
	}
}

func quoteSelector(s *scope) string { return text.Clean(s.config.selector.String(), maxSelectorText) }

func passedOver(runs []rollout.PassedOver) []v1alpha1.PassedOverRun {
	var newest []v1alpha1.PassedOverRun
	for _, run := range runs[:min(len(runs), maxPassedOver)] {
		entry := v1alpha1.PassedOverRun{TrainingRun: run.Name, Reason: run.Reason, Message: text.Clean(run.Message, maxPassedOverMessage)}
		if !run.Completed.IsZero() {
			entry.CompletionTime = &metav1.Time{Time: run.Completed}
		}
		newest = append(newest, entry)
	}
	return newest
}

// butFor names the newest of the runs that were passed over, if there are some.
func butFor(runs []v1alpha1.PassedOverRun) string {
	if len(runs) == 0 {
		return ""
	}
	message := fmt.Sprintf(" (%s: %s: %s", runs[0].TrainingRun, runs[0].Reason, text.Clean(runs[0].Message, maxPassedOverMessage/2))
	if len(runs) > 1 {
		message += "; status.selection.passedOver has more"
	}
	return message + ")"
}

// newlyPassedOver are the messages of runs that were passed over since a selection, unless the condition that says so changes anyway.
func newlyPassedOver(before, after *v1alpha1.ModelServerStatus) []string {
	was := meta.FindStatusCondition(before.Conditions, v1alpha1.ModelResolvedCondition)
	if after.Selection == nil || before.Selection == nil || was == nil || was.Reason != v1alpha1.NewerRunRejectedReason {
		return nil
	}
	var messages []string
	for _, run := range after.Selection.PassedOver {
		known := slices.ContainsFunc(before.Selection.PassedOver, func(x v1alpha1.PassedOverRun) bool {
			return x.TrainingRun == run.TrainingRun && x.Reason == run.Reason
		})
		if !known {
			messages = append(messages, passedOverMessage(run))
		}
	}
	return messages
}

func passedOverMessage(run v1alpha1.PassedOverRun) string {
	return fmt.Sprintf("TrainingRun %s is newer and was passed over (%s): %s", run.TrainingRun, run.Reason, run.Message)
}

// selectionMessage says which run a selector has chosen.
func selectionMessage(s *scope) string {
	message := fmt.Sprintf("%s of TrainingRun %s, which matches %s", s.info.Model.URI, s.info.Model.TrainingRun, quoteSelector(s))
	if over := s.selection.PassedOver; len(over) > 0 {
		message += "; " + passedOverMessage(over[0])
		if len(over) > 1 {
			message += "; status.selection.passedOver has more"
		}
	}
	return message
}

// movedBy says what asks for a model in the history: the selector, where it chose another run than that of live.
func movedBy(s *scope, info *revisionInfo) string {
	if !selects(&s.server.Spec) || s.live != nil && s.live.Model.SHA256 == info.Model.SHA256 {
		return ""
	}
	return selectorField + ", which chose TrainingRun " + info.Model.TrainingRun
}
