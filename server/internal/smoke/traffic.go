// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package smoke

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

// Names of what is judged by users' own requests, in a test that goes on for a time.
const (
	checkLiveErrors  = "live-errors"
	checkLiveLatency = "live-latency"
)

const (
	// fewestAnswers is how many live answers tell how many of them fail, and mostFailures the share, in percent, that may.
	fewestAnswers = 100
	mostFailures  = 1
	// trafficPatience is how long a server may take to say what it has counted: one that is gone mustn't hold up a round.
	trafficPatience = 2 * time.Second
	// mostSilences is after how many questions in a row without an answer a pod is taken to be gone.
	mostSilences = 3
	// maxStartTime bounds, in bytes, what a server is known by.
	maxStartTime = 64
)

// traffic is what users' requests have come to while a test goes on, as the servers themselves have counted it. Requests of
// tests aren't among them.
//
// Pods that are there when it begins are asked one by one; those that come later are found through the targets, which lead to
// any. A server is told from another by when it was started.
type traffic struct {
	pods    []*countingPod
	targets []*client
	// before is what servers had counted when the test began, and now what they have counted last.
	before, now map[string]counts
	// countless is why a server doesn't say what it has counted although it answers; empty if none is like that.
	countless string
	latency   *latency // nil if it isn't compared

	mu sync.Mutex
}

// counts are live answers, and those of them with a status of 500 or above.
type counts struct{ requests, failures int64 }

// countingPod is a server that is asked at its own address.
type countingPod struct {
	*client
	silences int
}

// beginTraffic notes what servers have counted before the test.
func (s *suite) beginTraffic(ctx context.Context) {
	if s.config.ForSeconds == 0 {
		return
	}
	t := &traffic{before: map[string]counts{}, now: map[string]counts{}}
	ask := func(base, revision string) *client {
		return &client{base: strings.TrimSuffix(base, "/"), http: s.http, patience: min(trafficPatience, s.patience), revision: revision}
	}
	for _, pod := range s.config.Pods {
		t.pods = append(t.pods, &countingPod{client: ask(pod, s.config.Revision)})
	}
	for _, target := range s.config.Targets {
		t.targets = append(t.targets, ask(target, s.config.Revision))
	}
	if s.config.MaxP99IncreasePercent > 0 {
		t.latency = &latency{increase: s.config.MaxP99IncreasePercent, since: map[*client]time.Time{}}
		t.latency.begin(ctx, t.pods, s.config.PodsBefore, ask)
	}
	t.read(ctx)
	for server, counted := range t.now {
		t.before[server] = counted
	}
	s.traffic = t
}

// read asks all servers for their counts. One that doesn't answer keeps those that are known.
func (t *traffic) read(ctx context.Context) {
	var group errgroup.Group
	group.SetLimit(contract.SmokeTargetsAtATime)
	for _, pod := range t.pods {
		if pod.silences >= mostSilences {
			continue
		}
		group.Go(func() error {
			switch answered := t.readFrom(ctx, pod.client); {
			case answered:
				pod.silences = 0
			case ctx.Err() == nil:
				pod.silences++
			}
			return nil
		})
	}
	for _, target := range t.targets {
		group.Go(func() error {
			t.readFrom(ctx, target)
			return nil
		})
	}
	_ = group.Wait() // never an error
}

// errLiveFailures ends a round in which what users' requests come to has failed the test.
var errLiveFailures = errors.New("too many live answers are 5xx")

// watch goes on reading until ctx ends, and stops the round as soon as the test has failed.
func (t *traffic) watch(ctx context.Context, stop context.CancelCauseFunc) {
	for !t.fails() {
		select {
		case <-ctx.Done():
			return
		case <-time.After(roundInterval):
			t.read(ctx)
		}
	}
	stop(errLiveFailures)
}

// readFrom takes the counts of the server that answers, and tells whether one did.
func (t *traffic) readFrom(ctx context.Context, c *client) bool {
	var stats struct {
		StartTime string `json:"startTime"`
		Requests  *int64 `json:"requests"`
		Failures  *int64 `json:"failures"`
	}
	_, err := c.askJSON(ctx, request{path: contract.StatsPath}, &stats)
	if err == nil && (stats.StartTime == "" || len(stats.StartTime) > maxStartTime || stats.Requests == nil || stats.Failures == nil) {
		err = errors.New(contract.StatsPath + " lacks startTime, requests or failures")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err == nil:
		t.now[stats.StartTime] = counts{*stats.Requests, *stats.Failures}
	case !saysNothing(err):
		t.countless = err.Error()
	default:
		return false
	}
	return true
}

// seen is what was counted since the test began.
func (t *traffic) seen() counts {
	var seen counts
	for server, now := range t.now {
		before := t.before[server]
		seen.requests += now.requests - before.requests
		seen.failures += now.failures - before.failures
	}
	return seen
}

// known tells whether any server has said what it has counted.
func (t *traffic) known() bool { return len(t.now) > 0 }

// awaits tells whether the test has to go on until more requests have come. A server that doesn't count is not waited for.
func (t *traffic) awaits(least int) bool {
	return t.seen().requests < int64(least) && (t.known() || t.countless == "")
}

// errors: live answers aren't 5xx, save few.
func (t *traffic) errors() outcome {
	seen := t.seen()
	switch {
	case !t.known() && t.countless != "":
		return skipped("the server doesn't say what it has answered: %s", t.countless)
	case !t.known():
		return skipped("no server has said what it has answered")
	case seen.requests == 0:
		return skipped("no live request was seen")
	case seen.requests < fewestAnswers:
		return skipped("%d of %d live answers were 5xx; at least %d answers are needed", seen.failures, seen.requests, fewestAnswers)
	case 100*seen.failures > mostFailures*seen.requests:
		return failed("%d of %d live answers were 5xx, more than %d %%", seen.failures, seen.requests, mostFailures)
	}
	return passed(0, "%d of %d live answers were 5xx", seen.failures, seen.requests)
}

// fails tells whether the test has failed by that.
func (t *traffic) fails() bool { return t.errors().result == contract.CheckFailed }

// checks are the results so far.
func (t *traffic) checks() []contract.SmokeCheck {
	results := []contract.SmokeCheck{checkOf(checkLiveErrors, t.errors())}
	if t.latency != nil {
		results = append(results, checkOf(checkLiveLatency, t.latency.outcome))
	}
	return results
}

// report is what a report says of it.
func (t *traffic) report() *contract.SmokeTraffic {
	if t == nil || !t.known() {
		return nil
	}
	seen := t.seen()
	return &contract.SmokeTraffic{Requests: seen.requests, Failures: seen.failures}
}
