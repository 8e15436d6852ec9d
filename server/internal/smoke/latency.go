// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package smoke

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

// fewestLatencies is how many live answers of a revision tell its 99th percentile: ten of them are slower.
const fewestLatencies = 1000

// latency compares how long live answers take with how long those of the revision before took. Servers keep their last
// requests, each with when it came and how long it took.
type latency struct {
	// increase is by how much, in percent, the 99th percentile may be higher.
	increase int
	// before are the latencies of the revision before, in milliseconds, sorted.
	before []float64
	// since is when the newest request came to a pod that it had answered before the test, by the pod's own clock.
	since   map[*client]time.Time
	pods    []*countingPod
	outcome outcome
}

// begin takes the latencies of the revision before, whose pods are at these addresses, while its requests are still at hand.
func (l *latency) begin(ctx context.Context, pods []*countingPod, before []string, ask func(base, revision string) *client) {
	l.outcome = skipped("not judged yet: that is done when the time of the bake is over")
	l.pods = pods
	for _, pod := range before {
		took, _ := answersSince(ctx, ask(pod, ""), time.Time{})
		l.before = append(l.before, took...)
	}
	slices.Sort(l.before)
	for _, pod := range pods {
		_, l.since[pod.client] = answersSince(ctx, pod.client, time.Time{})
	}
}

// judge compares, once, when the time is over: who looks again and again would sooner or later take chance for a fault.
func (l *latency) judge(ctx context.Context) {
	var after []float64
	for _, pod := range l.pods {
		took, _ := answersSince(ctx, pod.client, l.since[pod.client])
		after = append(after, took...)
	}
	slices.Sort(after)
	l.outcome = l.compare(after)
}

func (l *latency) compare(after []float64) outcome {
	if len(l.before) < fewestLatencies || len(after) < fewestLatencies {
		return skipped("can't be judged by %d live answers, and %d of the revision before: at least %d of each are needed", len(after), len(l.before), fewestLatencies)
	}
	was, is := percentile99(l.before), percentile99(after)
	most := was * float64(100+l.increase) / 100
	if is > most {
		return failed("the 99th percentile of %d live answers is %.1f ms, more than %.1f ms (%.1f ms of the revision before, and %d %%)", len(after), is, most, was, l.increase)
	}
	return passed(0, "the 99th percentile of %d live answers is %.1f ms, at most %.1f ms wanted (%.1f ms of the revision before, and %d %%)", len(after), is, most, was, l.increase)
}

// percentile99 is the nearest-rank percentile of sorted values: one in a hundred may be greater.
func percentile99(sorted []float64) float64 { return sorted[(len(sorted)*99+99)/100-1] }

// answersSince returns how long, in milliseconds, those of a server's last requests took that came after a time and were
// answered with 200, and when the newest of all came. A server that doesn't tell has none.
func answersSince(ctx context.Context, c *client, after time.Time) (took []float64, newest time.Time) {
	var log struct {
		Requests []struct {
			Time          time.Time `json:"time"`
			Status        int       `json:"status"`
			LatencyMillis float64   `json:"latencyMillis"`
		} `json:"requests"`
	}
	if _, err := c.askJSON(ctx, request{path: contract.LogsPath}, &log); err != nil {
		return nil, after
	}
	newest = after
	for _, r := range log.Requests {
		if r.Time.After(newest) {
			newest = r.Time
		}
		if r.Time.After(after) && r.Status == http.StatusOK {
			took = append(took, r.LatencyMillis)
		}
	}
	return took, newest
}
