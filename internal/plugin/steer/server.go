// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package steer

import (
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

const (
	pausedField = "spec.rollout.paused"
	retryField  = "spec.retry"
	runField    = "spec.model.trainingRunRef.name"
)

// promote approves a candidate: the one that awaits it or, at any stage, the one that is named.
func promote(server *v1alpha1.ModelServer, revision string) (Change, error) {
	candidate := server.Status.Candidate
	switch {
	case candidate == nil:
		return Change{}, errors.New("there is no candidate: a change of spec.model makes one")
	case revision != "" && revision != candidate.Revision:
		return Change{}, fmt.Errorf("revision %s isn't the candidate, which is %s", revision, candidate.Revision)
	case server.Spec.Promotion.Mode != v1alpha1.ManualPromotion:
		return Change{}, fmt.Errorf("spec.promotion.mode is %s: candidate %s gets the traffic by itself once it has passed", server.Spec.Promotion.Mode, candidate.Revision)
	case revision == "" && candidate.Stage != v1alpha1.CandidateAwaitingPromotion:
		return Change{}, fmt.Errorf("candidate %s is %s: to approve it before it has passed, add --revision %[1]s", candidate.Revision, candidate.Stage)
	}
	return Change{
		Annotations: map[string]*string{v1alpha1.PromoteAnnotation: ptr.To(candidate.Revision)},
		Done:        fmt.Sprintf("promotes %s, which gets the traffic once it has passed its smoke test", candidate.Revision),
	}, nil
}

// unproven is what a rejection takes back: the candidate, or else live during its bake.
func unproven(server *v1alpha1.ModelServer) string {
	status := server.Status
	switch {
	case status.Candidate != nil:
		return status.Candidate.Revision
	case status.Live != nil && bakes(server):
		return status.Live.Revision
	default:
		return ""
	}
}

// bakes tells whether live hasn't passed its bake.
func bakes(server *v1alpha1.ModelServer) bool {
	return server.Status.Fallback != nil || readyReason(server) == v1alpha1.BakingReason
}

func readyReason(server *v1alpha1.ModelServer) string {
	if c := meta.FindStatusCondition(server.Status.Conditions, v1alpha1.ReadyCondition); c != nil {
		return c.Reason
	}
	return ""
}

// reject takes back what hasn't proven itself, or the revision that is named if that is one of these.
func reject(server *v1alpha1.ModelServer, revision string) (Change, error) {
	status := server.Status
	of := unproven(server)
	if status.Live != nil && bakes(server) && revision == status.Live.Revision {
		of = revision // a candidate may wait behind a bake
	}
	switch {
	case of == "":
		return Change{}, errors.New("there is no candidate, and live isn't being baked: nothing can be rejected; to serve an earlier model, use kubectl trainyard rollback")
	case revision != "" && revision != of:
		return Change{}, fmt.Errorf("revision %s can't be rejected: %s can, the candidate or what is being baked", revision, of)
	case isRejected(status, of):
		return Change{}, fmt.Errorf("revision %s is rejected already", of)
	}
	done := fmt.Sprintf("rejects candidate %s: what is live stays", of)
	if status.Live != nil && of == status.Live.Revision {
		done = fmt.Sprintf("rejects %s: the fallback gets the traffic", of)
		if status.Fallback == nil {
			done = fmt.Sprintf("rejects %s: it keeps the traffic, for there is nothing to go back to", of)
		}
	}
	change := Change{Annotations: map[string]*string{v1alpha1.RejectAnnotation: ptr.To(of)}, Done: done}
	if server.Annotations[v1alpha1.PromoteAnnotation] == of {
		change.Annotations[v1alpha1.PromoteAnnotation] = nil // it would count again once the revision is retried
	}
	return change, nil
}

func isRejected(status v1alpha1.ModelServerStatus, revision string) bool {
	return slices.ContainsFunc(status.Rejected, func(r v1alpha1.RejectedRevision) bool { return r.Revision == revision })
}

func pauseServer(server *v1alpha1.ModelServer) (Change, error) {
	if ptr.Deref(server.Spec.Rollout.Paused, false) {
		return Change{}, errors.New("it is paused already")
	}
	return Change{Field: pausedField, Value: true, Done: "pauses: nothing is started, tested or promoted; what is live is served"}, nil
}

func resumeServer(server *v1alpha1.ModelServer) (Change, error) {
	if !ptr.Deref(server.Spec.Rollout.Paused, false) {
		return Change{}, errors.New("it isn't paused")
	}
	return Change{Field: pausedField, Value: false, Done: "resumes"}, nil
}

// retryServer has the revision tried again that the spec asks for, if it was rejected or didn't start.
func retryServer(server *v1alpha1.ModelServer) (Change, error) {
	reason := readyReason(server)
	failed := reason == v1alpha1.ProgressDeadlineExceededReason || slices.ContainsFunc(server.Status.Rejected, func(r v1alpha1.RejectedRevision) bool {
		return r.Reason == reason
	})
	if !failed {
		return Change{}, fmt.Errorf("the revision that the spec asks for was neither rejected nor late to start (%s): there is nothing to retry", reason)
	}
	change := Change{
		// The generation grows with every change of the spec, so this value is none that a revision was rejected under.
		Field: retryField, Value: fmt.Sprintf("generation-%d", server.Generation),
		Done: "retries the revision that the spec asks for, from the start",
	}
	rejection := server.Annotations[v1alpha1.RejectAnnotation]
	if rejection != "" && isRejected(server.Status, rejection) {
		change.Annotations = map[string]*string{v1alpha1.RejectAnnotation: nil} // it would reject the revision again
	}
	return change, nil
}

// rollback gives the traffic back: during a bake to the fallback, at once; else by a rollout of an earlier run's model.
func rollback(server *v1alpha1.ModelServer, run string) (Change, error) {
	status := server.Status
	if run == "" && status.Fallback != nil && status.Live != nil {
		return reject(server, status.Live.Revision)
	}
	if server.Spec.Model.TrainingRunRef.Name == "" {
		return Change{}, errors.New("spec.model doesn't name a TrainingRun: with trainingRunSelector, remove the label of the newer run; with source, name the file before")
	}
	if run == "" {
		run = earlierRun(server)
	}
	switch run {
	case "":
		return Change{}, errors.New("status.history has no earlier model of a TrainingRun: name one with --to")
	case server.Spec.Model.TrainingRunRef.Name:
		return Change{}, fmt.Errorf("the spec asks for the model of TrainingRun %s already", run)
	}
	return Change{Field: runField, Value: run, Done: fmt.Sprintf("rolls back to the model of TrainingRun %s, tested as any other", run)}, nil
}

// earlierRun is the newest run of the history whose model served well: another one than live's, and than the spec's.
func earlierRun(server *v1alpha1.ModelServer) string {
	for _, h := range server.Status.History {
		if h.Reason != replacedReason || h.Model.TrainingRun == "" || h.Model.TrainingRun == server.Spec.Model.TrainingRunRef.Name {
			continue
		}
		if live := server.Status.Live; live != nil && live.Model.SHA256 == h.Model.SHA256 {
			continue
		}
		return h.Model.TrainingRun
	}
	return ""
}

// replacedReason is that of a revision in status.history that nothing spoke against.
const replacedReason = "Replaced"
