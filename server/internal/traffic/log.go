// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"
)

// keptRequests is how many of the last requests are kept; latencies and confidence are taken from them.
const keptRequests = 1000

// Log counts requests and keeps the last of them.
type Log struct {
	start time.Time

	mu          sync.Mutex
	ring        []Request // the oldest at next once it is full
	next        int
	requests    int64
	failures    int64
	endpoints   map[string]map[string]int64 // by endpoint, then status
	rejections  map[string]int64            // by code
	predictions map[string]int64            // by class
	rate        rate
}

// NewLog returns an empty Log that begins at a time.
func NewLog(start time.Time) *Log {
	return &Log{start: start, endpoints: map[string]map[string]int64{}, rejections: map[string]int64{}, predictions: map[string]int64{}}
}

// Add counts a request that has ended and keeps it.
func (l *Log) Add(r Request) {
	predictions := r.Predictions
	r = r.summarized()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests++
	l.rate.add(time.Now())
	if r.Status >= 500 {
		l.failures++
	}
	if r.Code != "" {
		l.rejections[r.Code]++
	}
	byStatus := l.endpoints[r.Endpoint]
	if byStatus == nil {
		byStatus = map[string]int64{}
		l.endpoints[r.Endpoint] = byStatus
	}
	byStatus[strconv.Itoa(r.Status)]++
	for _, p := range predictions {
		l.predictions[p.Class]++
	}
	if len(l.ring) < keptRequests {
		l.ring = append(l.ring, r)
		return
	}
	l.ring[l.next] = r
	l.next = (l.next + 1) % keptRequests
}

// Last returns the last requests that a filter admits, the newest first.
func (l *Log) Last(f Filter) []Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := []Request{} // not nil, which is null in JSON
	for i := range l.ring {
		r := &l.ring[(l.next+len(l.ring)-1-i)%len(l.ring)]
		if len(found) == f.Limit {
			break
		}
		if f.admits(r) {
			found = append(found, *r)
		}
	}
	return found
}

// Stats sums up the inference requests since the start.
type Stats struct {
	StartTime         time.Time                   `json:"startTime"`
	UptimeSeconds     float64                     `json:"uptimeSeconds"`
	Requests          int64                       `json:"requests"`
	Failures          int64                       `json:"failures" doc:"Requests answered with a status of 500 or above."`
	RequestsPerSecond float64                     `json:"requestsPerSecond" doc:"Over the last minute."`
	Endpoints         map[string]map[string]int64 `json:"endpoints" doc:"Requests by endpoint and status."`
	Rejections        map[string]int64            `json:"rejections" doc:"Requests answered with a problem, by its code."`
	Predictions       map[string]int64            `json:"predictions" doc:"Images by predicted class."`
	MeanConfidence    float64                     `json:"meanConfidence" doc:"Mean probability of the class predicted, over the requests that latency is taken from."`
	Latency           LatencyStats                `json:"latency"`
	Feedback          *FeedbackStats              `json:"feedback,omitempty" doc:"How requests were answered that have been given a label."`
	Drift             *DriftStats                 `json:"drift,omitempty" doc:"How far the last predictions are from those on the test split, where its figures lie beside the model."`
}

// DriftStats is how far the last predictions are from those on the test split.
type DriftStats struct {
	Index              float64 `json:"index" doc:"Population stability index of the predicted classes, less what chance makes of it: from 0.1 on they are shifted, from 0.25 on much."`
	Images             int     `json:"images" doc:"The last predictions, which it is taken from."`
	MeanConfidence     float64 `json:"meanConfidence" doc:"Mean probability of their classes."`
	TestMeanConfidence float64 `json:"testMeanConfidence,omitempty" doc:"The same on the test split."`
}

// LatencyStats are quantiles over the last requests.
type LatencyStats struct {
	Requests  int     `json:"requests" doc:"Requests that the quantiles are taken from: the last, at most 1000."`
	P50Millis float64 `json:"p50Millis"`
	P90Millis float64 `json:"p90Millis"`
	P99Millis float64 `json:"p99Millis"`
}

// Stats returns the statistics at a time.
func (l *Log) Stats(now time.Time) Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := Stats{
		StartTime:         l.start,
		UptimeSeconds:     now.Sub(l.start).Seconds(),
		Requests:          l.requests,
		Failures:          l.failures,
		RequestsPerSecond: l.rate.perSecond(now, l.start),
		Endpoints:         map[string]map[string]int64{},
		Rejections:        maps.Clone(l.rejections),
		Predictions:       maps.Clone(l.predictions),
	}
	for endpoint, byStatus := range l.endpoints {
		s.Endpoints[endpoint] = maps.Clone(byStatus)
	}
	latencies := make([]float64, len(l.ring))
	images := 0
	for i, r := range l.ring {
		latencies[i] = r.LatencyMillis
		images += r.Images
		s.MeanConfidence += r.Confidence * float64(r.Images)
	}
	s.MeanConfidence /= float64(max(images, 1))
	slices.Sort(latencies)
	s.Latency = LatencyStats{
		Requests:  len(latencies),
		P50Millis: quantile(latencies, 0.5),
		P90Millis: quantile(latencies, 0.9),
		P99Millis: quantile(latencies, 0.99),
	}
	return s
}

// quantile is the nearest-rank quantile of sorted values, 0 of none.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}
