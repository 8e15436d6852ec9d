// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Run is a Complete TrainingRun that the spec selects.
type Run struct {
	Name string
	// SHA256 is its model's digest; empty if it has none that can be served.
	SHA256 string
	// Completed and Created are by the API's clock. Of runs that ended in the same second the one that was created later is
	// newer, and of those the one with the later name.
	Completed, Created time.Time
}

// Judgement is what is known of a run's model before it is tried.
type Judgement struct {
	// Revision would serve the model.
	Revision string
	// Reason and Message say why it isn't to be served; empty if nothing speaks against it.
	Reason, Message string
}

// LiveModel is what a newer run is to replace.
type LiveModel struct {
	// SHA256 is the model's digest; empty if nothing is live.
	SHA256 string
	// RunGone says that the run that it came from doesn't exist any more, and Completed when that ended.
	RunGone   bool
	Completed time.Time
}

// PassedOver is a run that isn't chosen though it is newer.
type PassedOver struct {
	Run
	Reason, Message string
}

// Choice is what comes of the runs that a spec selects.
type Choice struct {
	// Run is the chosen one; nil if what is live stays, though its run is gone.
	Run *Run
	// PassedOver are newer runs, the newest first.
	PassedOver []PassedOver
}

// Choose chooses the newest run whose model may be served: no figure speaks against it, and it isn't rejected. It never goes
// back from what is live by itself: the run of the live model ends the search, and if that is gone, the time when it ended. A
// run that doesn't match any more is withdrawn, so that an older one may follow.
//
// A record remembers few rejections. Of runs that only a test can judge no more are tried than that, or they would be tried
// over and over.
//
// If none may be served, and nothing of theirs is live, the newest is chosen: its rejection says why. The runs are sorted.
func (o *Observed) Choose(runs []Run, live LiveModel, judge func(Run) (Judgement, error)) (Choice, error) {
	slices.SortFunc(runs, newestFirst)
	record := &Record{}
	if o.Service != nil && o.Service.Record != nil {
		record = o.Service.Record
	}
	serves := live.SHA256 != "" && !o.rejected(record, record.Live)
	var choice Choice
	tried := 0
	for i := range runs {
		run := &runs[i]
		if serves && run.SHA256 == live.SHA256 {
			choice.Run = run
			return choice, nil
		}
		if serves && live.RunGone && !run.Completed.After(live.Completed) {
			break
		}
		judgement, err := judge(*run)
		if err != nil {
			return Choice{}, err
		}
		if judgement.Reason == "" {
			if tried++; tried > maxRemembered {
				continue
			}
			if !o.rejected(record, judgement.Revision) {
				choice.Run = run
				return choice, nil
			}
			rejection := record.Rejection(judgement.Revision)
			judgement.Reason, judgement.Message = rejection.Reason, rejection.Message
		}
		choice.PassedOver = append(choice.PassedOver, PassedOver{Run: *run, Reason: judgement.Reason, Message: judgement.Message})
	}
	if serves && live.RunGone || len(runs) == 0 {
		return choice, nil
	}
	return Choice{Run: &runs[0]}, nil
}

func newestFirst(a, b Run) int {
	return cmp.Or(b.Completed.Compare(a.Completed), b.Created.Compare(a.Created), strings.Compare(b.Name, a.Name))
}
