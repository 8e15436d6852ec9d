// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package train

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// queueLen is how many events wait for an observer.
	queueLen = 256
	// queueReserve is the part of the queue that steps leave free for events that are rare and say more.
	queueReserve = 64
	// drainTime is how long the end of a run waits for its observers, all of them together.
	drainTime = 5 * time.Second
)

// events hands what happens in a run to its observers.
type events struct {
	mu        sync.Mutex // a file may be fetched again beside what the run does
	closed    bool
	queues    []*queue
	drainTime time.Duration
}

// newEvents starts a queue for each observer.
func newEvents(log *slog.Logger, observers []Observer) *events {
	e := &events{drainTime: drainTime}
	for _, observer := range observers {
		q := &queue{
			observer: observer, log: log.With("observer", fmt.Sprintf("%T", observer)),
			pending: make(chan Event, queueLen), drained: make(chan struct{}),
		}
		go q.deliver()
		e.queues = append(e.queues, q)
	}
	return e
}

// tell queues an event for every observer. It never waits for one.
func (e *events) tell(event Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return
	}
	for _, q := range e.queues {
		q.add(event)
	}
}

// close waits until the observers have had all events, but no longer than drainTime. Nothing is told afterwards.
func (e *events) close() {
	e.mu.Lock()
	e.closed = true
	for _, q := range e.queues {
		close(q.pending)
	}
	e.mu.Unlock()
	timeout := time.NewTimer(e.drainTime)
	defer timeout.Stop()
	expired := false
	for _, q := range e.queues {
		// What is drained by now counts as such, even if the time is up.
		select {
		case <-q.drained:
			continue
		default:
		}
		if !expired {
			select {
			case <-q.drained:
				continue
			case <-timeout.C:
				expired = true
			}
		}
		q.log.Warn("Observer left behind: it has not taken all events in time", "waiting", len(q.pending))
	}
}

// queue holds the events that an observer has yet to take. When it is full, new events are dropped for that observer alone;
// those that say how far something has come are dropped earlier, so that there is room for what happens once an epoch or once a run. That it happens is logged,
// and how often, at the end. Errors and panics of the observer are logged in the same way: the first at once, all by their
// number.
type queue struct {
	observer Observer
	log      *slog.Logger
	pending  chan Event
	drained  chan struct{} // closed when all events have been taken
	full     sync.Once
	dropped  atomic.Int64
}

func (q *queue) add(event Event) {
	room := cap(q.pending)
	switch event.(type) {
	case Fetching, Scanning, Stepped:
		room -= queueReserve
	}
	// One adds at a time, so what is free stays free.
	if len(q.pending) < room {
		q.pending <- event
		return
	}
	q.dropped.Add(1)
	q.full.Do(func() { q.log.Warn("Observer is slow: events are dropped", "waiting", len(q.pending)) })
}

// deliver hands over events until there are no more.
func (q *queue) deliver() {
	defer close(q.drained)
	failed := 0
	for event := range q.pending {
		err := q.observe(event)
		if err == nil {
			continue
		}
		if failed++; failed == 1 {
			q.log.Warn("Observer failed", "event", fmt.Sprintf("%T", event), "error", err)
		}
	}
	if dropped := q.dropped.Load(); dropped > 0 || failed > 1 {
		q.log.Warn("Observer has missed events", "dropped", dropped, "failed", failed)
	}
}

// observe hands over one event.
func (q *queue) observe(event Event) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errPanic, r)
		}
	}()
	return q.observer.Observe(event)
}
