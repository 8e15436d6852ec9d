// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// mostInFlight is how many requests the open loop has on their way at a time; more wait in it, and their time counts.
	mostInFlight = 512
	// patience is how long a client waits for an answer.
	patience = 15 * time.Second
)

// outcome is what came of a load.
type outcome struct {
	window    time.Duration
	latencies []time.Duration // of answers with 200
	statuses  map[int]int     // 0: none, as the connection failed
	unsent    int             // requests of the open loop whose time had come but for which there was no room
}

// tally gathers what several clients find.
type tally struct {
	mutex sync.Mutex
	outcome
}

func (t *tally) add(latency time.Duration, status int) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.statuses[status]++
	if status == http.StatusOK {
		t.latencies = append(t.latencies, latency)
	}
}

// closedLoop has clients ask without a pause, each on a connection of its own, and counts what is answered within the window.
func closedLoop(address string, request []byte, window time.Duration) outcome {
	t := tally{outcome: outcome{window: window, statuses: map[int]int{}}}
	end := time.Now().Add(window)
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			c := &connection{address: address}
			defer c.close()
			for start := time.Now(); start.Before(end); start = time.Now() {
				status, _, err := c.ask(request, start.Add(patience))
				if err != nil {
					status = 0
				}
				if now := time.Now(); now.Before(end) {
					t.add(now.Sub(start), status)
				}
				if status != http.StatusOK {
					time.Sleep(time.Millisecond) // a refusal costs a server nearly nothing
				}
			}
		})
	}
	group.Wait()
	return t.outcome
}

// openLoop sends a request at each time that a rate prescribes, whether those before are answered or not. A latency counts from
// the time at which the request should have been sent: a server that stops for a while is late for all that fell into it.
func openLoop(address string, request []byte, rate float64, window time.Duration) outcome {
	t := tally{outcome: outcome{window: window, statuses: map[int]int{}}}
	connections := pool{address: address}
	defer connections.close()
	start := time.Now()
	count := int64(rate * window.Seconds())
	end := start.Add(window)
	var (
		next  atomic.Int64
		group sync.WaitGroup
	)
	for range min(mostInFlight, count) {
		group.Go(func() {
			for {
				i := next.Add(1) - 1
				if i >= count {
					return
				}
				intended := start.Add(time.Duration(float64(i) / rate * float64(time.Second)))
				time.Sleep(time.Until(intended))
				if time.Now().After(end) {
					t.mutex.Lock()
					t.unsent++
					t.mutex.Unlock()
					continue
				}
				c := connections.get()
				status, _, err := c.ask(request, time.Now().Add(patience))
				if err != nil {
					status = 0
				}
				t.add(time.Since(intended), status)
				connections.put(c)
			}
		})
	}
	group.Wait()
	return t.outcome
}

// rate is the number of good answers a second.
func (o *outcome) rate() float64 { return float64(len(o.latencies)) / o.window.Seconds() }

// quantile is the latency in milliseconds that a share of the good answers stays below.
func (o *outcome) quantile(share float64) float64 {
	if len(o.latencies) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(o.latencies))
	return sorted[int(share*float64(len(sorted)-1)+0.5)].Seconds() * 1e3
}

// bad is the share of requests without a good answer.
func (o *outcome) bad() float64 {
	all := o.unsent
	for _, n := range o.statuses {
		all += n
	}
	return 1 - float64(len(o.latencies))/float64(max(all, 1))
}

// refusals lists what else came than good answers.
func (o *outcome) refusals() string {
	var words []string
	for _, status := range slices.Sorted(maps.Keys(o.statuses)) {
		switch status {
		case http.StatusOK:
		case 0:
			words = append(words, fmt.Sprintf("%d × no answer", o.statuses[status]))
		default:
			words = append(words, fmt.Sprintf("%d × %d", o.statuses[status], status))
		}
	}
	if o.unsent > 0 {
		words = append(words, fmt.Sprintf("%d unsent", o.unsent))
	}
	if words == nil {
		return "none"
	}
	return strings.Join(words, ", ")
}

// median is the middle of some figures.
func median(figures []float64) float64 {
	if len(figures) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(figures))[len(figures)/2]
}
