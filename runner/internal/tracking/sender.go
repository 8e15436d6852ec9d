// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package tracking

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/runner/internal/tracking/mlflow"
	"github.com/trainyard-dev/trainyard/runner/internal/tracking/spool"
)

// How often a server is asked: what comes within gatherTime goes together, and one that fails is left alone for longer and
// longer.
var (
	gatherTime = 2 * time.Second
	firstPause = time.Second
	maxPause   = time.Minute
)

// sender brings what a spool holds to its server.
type sender struct {
	spool   *spool.Spool
	log     *slog.Logger
	changed func(contract.MLflowResult)

	ctx    context.Context //nolint:containedctx // that of run, which finish ends
	cancel context.CancelFunc
	ending chan struct{} // closed by finish
	done   chan struct{} // closed when run returns
	errors time.Duration // set before ending is closed

	delivery *delivery

	mu       sync.Mutex
	result   contract.MLflowResult
	answered time.Time // when the server last did what it was asked
}

func newSender(s *spool.Spool, last *start, access contract.Access, log *slog.Logger, changed func(contract.MLflowResult)) *sender {
	ctx, cancel := context.WithCancel(context.Background())
	n := &sender{
		spool: s, log: log, changed: changed, ctx: ctx, cancel: cancel, ending: make(chan struct{}), done: make(chan struct{}),
		delivery: &delivery{access: access, start: last, uploaded: map[string]bool{}},
	}
	n.delivery.progress = n.noteProgress
	return n
}

// run delivers until finish is called, and then what is left.
func (s *sender) run() {
	defer close(s.done)
	pause := firstPause
	for {
		err := s.deliver()
		wait := gatherTime
		if err != nil {
			wait = max(pause, retryAfter(err))
			pause = min(2*pause, maxPause)
			s.noteTrouble(err)
		} else {
			pause = firstPause
			s.noteWell()
		}
		select {
		case <-s.ctx.Done():
			return
		case <-s.ending:
			if err == nil && !s.spool.Waiting() || err != nil && s.givesUp(err) {
				return
			}
			wait = firstPause
			if err == nil {
				continue
			}
		default:
		}
		s.sleep(err == nil, wait)
	}
}

// sleep waits until there is something to do: for records, unless the last attempt failed, and then for some more of them.
func (s *sender) sleep(well bool, wait time.Duration) {
	if well && !s.spool.Waiting() {
		select {
		case <-s.spool.Added():
		case <-s.ending:
			return
		case <-s.ctx.Done():
			return
		}
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	ending := s.ending
	select {
	case <-ending:
		ending = nil // it waits for the next attempt all the same
	default:
	}
	select {
	case <-timer.C:
	case <-ending:
	case <-s.ctx.Done():
	}
}

// givesUp tells whether the end of a run waits no longer for a server that answers with an error.
func (s *sender) givesUp(err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return reasonOf(err) == contract.ReasonTrackerRejected || time.Since(s.answered) > s.errors
}

// deliver takes from the spool what there is.
func (s *sender) deliver() error {
	for s.spool.Waiting() {
		entries, err := s.spool.Next(maxBatch)
		if err != nil {
			return err
		}
		next, err := s.delivery.deliver(s.ctx, entries)
		if err != nil {
			if errors.Is(err, errGone) {
				return errors.Join(err, s.spool.Rewind())
			}
			return err
		}
		if err := s.spool.Take(next); err != nil {
			return err
		}
	}
	return nil
}

// finish delivers what is left for as long as p says, and returns what has become of the recording and whether all of it has
// arrived.
func (s *sender) finish(ctx context.Context, p patience) (contract.MLflowResult, bool) {
	begin := time.Now()
	s.mu.Lock()
	s.answered = begin
	s.mu.Unlock()
	s.errors = p.errors
	close(s.ending)
	s.wait(ctx, begin, p)
	s.cancel()
	<-s.done
	s.mu.Lock()
	defer s.mu.Unlock()
	whole := !s.spool.Waiting()
	if !whole && s.result.Reason == "" {
		s.result.Reason = contract.ReasonTrackerUnavailable
		s.result.Message = fmt.Sprintf("MLflow at %s answers too slowly for the end of the run", s.delivery.host())
	}
	if !whole {
		s.result.Message += "; what is left is delivered by the next attempt or by runner mlflow sync"
	}
	return s.result, whole && s.result.Reason == ""
}

// wait returns when run has ended, or patience has.
func (s *sender) wait(ctx context.Context, begin time.Time, p patience) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-s.done:
			return
		case now := <-tick.C:
			s.mu.Lock()
			silent := now.Sub(s.answered)
			s.mu.Unlock()
			if now.Sub(begin) > p.all || silent > p.silence || ctx.Err() != nil && now.Sub(begin) > p.stopped {
				return
			}
		}
	}
}

// noteProgress says that the server has done something.
func (s *sender) noteProgress() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answered = time.Now()
}

func (s *sender) noteWell() { s.note("", "") }

func (s *sender) noteTrouble(err error) {
	if s.ctx.Err() == nil {
		s.note(reasonOf(err), s.delivery.explain(err))
	}
}

// note keeps the state of the recording, and reports it if it has changed.
func (s *sender) note(reason, message string) {
	if refused := s.delivery.refused; reason == "" && refused != nil {
		reason, message = contract.ReasonTrackerRejected, s.delivery.explain(refused)
	}
	s.mu.Lock()
	before := s.result
	s.result = contract.MLflowResult{RunID: s.delivery.runID(), URL: s.delivery.url(), Reason: reason, Message: message}
	now := s.result
	s.mu.Unlock()
	if now == before {
		return
	}
	switch {
	case reason != "" && before.Reason != reason:
		s.log.Warn("MLflow doesn't take the run's record, which waits on the disk", "reason", reason, "error", message)
	case reason == "" && before.Reason != "":
		s.log.Info("MLflow takes the run's record again")
	case now.RunID != before.RunID:
		s.log.Info("Recording in MLflow", "url", now.URL)
	}
	s.changed(now)
}

// reasonOf tells whether a server is in trouble or wants something else.
func reasonOf(err error) string {
	var answer *mlflow.Error
	if errors.Is(err, errGone) {
		return contract.ReasonTrackerUnavailable
	}
	if mlflow.IsFinal(err) || errors.As(err, &answer) && answer.IsAccess() {
		return contract.ReasonTrackerRejected
	}
	return contract.ReasonTrackerUnavailable
}

// retryAfter is how long a server wants to be left alone, if it says so.
func retryAfter(err error) time.Duration {
	var answer *mlflow.Error
	if errors.As(err, &answer) {
		return min(answer.RetryAfter, maxPause)
	}
	return 0
}
