// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"
)

// keptRequests is how many of the last requests /logs shows and /stats takes latencies from.
const keptRequests = 1000

// RequestRecord is what is kept of an inference request. Nothing in it says who asked, or what the
// picture or its file was.
type RequestRecord struct {
	Time          time.Time `json:"time"`
	Endpoint      string    `json:"endpoint" example:"/predict"`
	Status        int       `json:"status" example:"200"`
	LatencyMillis float64   `json:"latencyMillis" example:"12.5"`
	Images        int       `json:"images" doc:"Images classified." example:"1"`
	Classes       []string  `json:"classes,omitempty" doc:"Classes predicted, at most 16." example:"[\"cat\"]"`

	predicted []string
}

// maxRecordedClasses bounds what a request of many images takes in memory.
const maxRecordedClasses = 16

type recordKey struct{}

// withRecord makes rec reachable for recordPredictions.
func withRecord(ctx context.Context, rec *RequestRecord) context.Context {
	return context.WithValue(ctx, recordKey{}, rec)
}

// recordPredictions notes the classes predicted for the images of a request.
func recordPredictions(ctx context.Context, classes ...string) {
	if rec, ok := ctx.Value(recordKey{}).(*RequestRecord); ok {
		rec.predicted = append(rec.predicted, classes...)
	}
}

// requestLog counts inference requests and keeps the last of them.
type requestLog struct {
	start time.Time

	mu          sync.Mutex
	ring        []RequestRecord // the oldest at next once it is full
	next        int
	requests    int64
	failures    int64
	endpoints   map[string]map[string]int64 // by endpoint, then status
	predictions map[string]int64            // by class
}

func newRequestLog(start time.Time) *requestLog {
	return &requestLog{start: start, endpoints: map[string]map[string]int64{}, predictions: map[string]int64{}}
}

func (l *requestLog) add(rec RequestRecord) {
	rec.Images = len(rec.predicted)
	rec.Classes = slices.Clone(rec.predicted[:min(len(rec.predicted), maxRecordedClasses)])
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests++
	if rec.Status >= 500 {
		l.failures++
	}
	byStatus := l.endpoints[rec.Endpoint]
	if byStatus == nil {
		byStatus = map[string]int64{}
		l.endpoints[rec.Endpoint] = byStatus
	}
	byStatus[strconv.Itoa(rec.Status)]++
	for _, class := range rec.predicted {
		l.predictions[class]++
	}
	rec.predicted = nil
	if len(l.ring) < keptRequests {
		l.ring = append(l.ring, rec)
		return
	}
	l.ring[l.next] = rec
	l.next = (l.next + 1) % keptRequests
}

// last returns up to n requests, the newest first.
func (l *requestLog) last(n int) []RequestRecord {
	l.mu.Lock()
	defer l.mu.Unlock()
	records := append([]RequestRecord{}, l.ring[l.next:]...) // not nil, which is null in JSON
	records = append(records, l.ring[:l.next]...)
	slices.Reverse(records)
	return records[:min(n, len(records))]
}

// Stats sums up the inference requests since the start.
type Stats struct {
	StartTime     time.Time                   `json:"startTime"`
	UptimeSeconds float64                     `json:"uptimeSeconds"`
	Requests      int64                       `json:"requests"`
	Failures      int64                       `json:"failures" doc:"Requests answered with a status of 500 or above."`
	Endpoints     map[string]map[string]int64 `json:"endpoints" doc:"Requests by endpoint and status."`
	Predictions   map[string]int64            `json:"predictions" doc:"Images by predicted class."`
	Latency       LatencyStats                `json:"latency"`
}

// LatencyStats are quantiles over the last requests.
type LatencyStats struct {
	Requests  int     `json:"requests" doc:"Requests that the quantiles are taken from: the last, at most 1000."`
	P50Millis float64 `json:"p50Millis"`
	P90Millis float64 `json:"p90Millis"`
	P99Millis float64 `json:"p99Millis"`
}

func (l *requestLog) stats(now time.Time) Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := Stats{
		StartTime:     l.start,
		UptimeSeconds: now.Sub(l.start).Seconds(),
		Requests:      l.requests,
		Failures:      l.failures,
		Endpoints:     map[string]map[string]int64{},
		Predictions:   map[string]int64{},
	}
	for endpoint, byStatus := range l.endpoints {
		s.Endpoints[endpoint] = map[string]int64{}
		for status, n := range byStatus {
			s.Endpoints[endpoint][status] = n
		}
	}
	for class, n := range l.predictions {
		s.Predictions[class] = n
	}
	latencies := make([]float64, len(l.ring))
	for i, rec := range l.ring {
		latencies[i] = rec.LatencyMillis
	}
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
