// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package train

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// observerFunc is a function as an Observer.
type observerFunc func(Event) error

func (f observerFunc) Observe(event Event) error { return f(event) }

// logBuffer is a log that goroutines write to.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newLog(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

// An observer that takes its time loses steps, then other events, and holds up neither the run nor the other observers.
func TestSlowObserverMissesEvents(t *testing.T) {
	var log logBuffer
	release := make(chan struct{})
	slow, quick := &recorder{}, &recorder{}
	taken := make(chan struct{}, 1)
	e := newEvents(newLog(&log), []Observer{observerFunc(func(event Event) error {
		select {
		case taken <- struct{}{}:
		default:
		}
		<-release
		return slow.Observe(event)
	}), quick})
	e.tell(Started{})
	<-taken // the queue is empty again, and nothing more is taken from it
	tell := func(event Event) {
		for len(e.queues[1].pending) > queueLen/2 { // it is not the quick observer's queue that is to fill up
			runtime.Gosched()
		}
		e.tell(event)
	}
	for i := range int64(queueLen) {
		tell(Stepped{Done: i + 1})
	}
	for i := range queueReserve + 1 {
		tell(EpochEnded{Number: i + 1})
	}
	close(release)
	e.close()

	if got := len(quick.events); got != 1+queueLen+queueReserve+1 {
		t.Errorf("the other observer has %d events", got)
	}
	if got := len(slow.events); got != 1+queueLen {
		t.Errorf("the slow observer has %d events, want the first and a full queue", got)
	}
	if last := slow.events[len(slow.events)-1]; !cmp.Equal(last, Event(EpochEnded{Number: queueReserve})) {
		t.Errorf("the last event it has is %+v, want the %d-th epoch: steps leave room for epochs", last, queueReserve)
	}
	for _, line := range []string{"Observer is slow", "dropped=65"} {
		if strings.Count(log.String(), line) != 1 {
			t.Errorf("the log doesn't say %q once:\n%s", line, log.String())
		}
	}
}

func TestFailingObserverIsToldOn(t *testing.T) {
	for name, fail := range map[string]func() error{
		"error": func() error { return errors.New("tracking server: no route to host") },
		"panic": func() error { panic("tracking server: no route to host") },
	} {
		t.Run(name, func(t *testing.T) {
			var log logBuffer
			seen := 0
			e := newEvents(newLog(&log), []Observer{observerFunc(func(Event) error { seen++; return fail() })})
			for range 3 {
				e.tell(Stepped{})
			}
			e.close()
			if seen != 3 {
				t.Errorf("told %d of 3 events", seen)
			}
			if got := log.String(); strings.Count(got, "no route to host") != 1 || !strings.Contains(got, "failed=3") {
				t.Errorf("the log is\n%s", got)
			}
		})
	}
}

// The end of a run waits for its observers, and not for ever.
func TestObserverThatHangsIsLeftBehind(t *testing.T) {
	var log logBuffer
	hang := make(chan struct{})
	defer close(hang)
	e := newEvents(newLog(&log), []Observer{observerFunc(func(Event) error { <-hang; return nil }), &recorder{}})
	e.drainTime = 0
	e.tell(Started{})
	e.close()
	if !strings.Contains(log.String(), "Observer left behind") {
		t.Errorf("the log is\n%s", log.String())
	}
}

// A run with bad observers publishes what it publishes without.
func TestBadObserversChangeNothing(t *testing.T) {
	cfg := smallConfig(t.TempDir())
	want := mustDo(t, newRun(cfg))
	cfg.Output.Path = t.TempDir()
	got := mustDo(t, newRun(cfg,
		observerFunc(func(Event) error { return errors.New("no") }),
		observerFunc(func(Event) error { panic("no") }),
	))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("result (-without +with observers that fail):\n%s", diff)
	}
}
