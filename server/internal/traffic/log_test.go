// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

func TestLogKeepsTheLast(t *testing.T) {
	l := NewLog(time.Unix(0, 0))
	const extra = 5
	for i := range keptRequests + extra {
		l.Add(Request{ID: strconv.Itoa(i), Endpoint: "/predict", Status: 200 + i%2*300, LatencyMillis: float64(i)})
	}
	last := l.Last(Filter{Limit: keptRequests + extra})
	if len(last) != keptRequests || last[0].LatencyMillis != keptRequests+extra-1 || last[keptRequests-1].LatencyMillis != extra {
		t.Errorf("kept %d requests from %v to %v", len(last), last[len(last)-1].LatencyMillis, last[0].LatencyMillis)
	}
	stats := l.Stats(time.Unix(60, 0))
	if stats.Requests != keptRequests+extra || stats.Failures != (keptRequests+extra)/2 || stats.UptimeSeconds != 60 {
		t.Errorf("stats = %+v", stats)
	}
	if stats.Latency.P50Millis != extra+keptRequests/2 || stats.Latency.P99Millis != extra+keptRequests*0.99 {
		t.Errorf("latency = %+v", stats.Latency)
	}
}

func TestLogBoundsClasses(t *testing.T) {
	l := NewLog(time.Now())
	l.Add(Request{Predictions: slices.Repeat([]Prediction{{Class: "cat", Confidence: 0.75}}, 100)})
	got := l.Last(Filter{Limit: 1})[0]
	if got.Images != 100 || len(got.Classes) != maxRecordedClasses || l.Stats(time.Now()).Predictions["cat"] != 100 {
		t.Errorf("record = %d images, %d classes", got.Images, len(got.Classes))
	}
	if mean := l.Stats(time.Now()).MeanConfidence; mean < 0.749 || mean > 0.751 {
		t.Errorf("mean confidence = %v, want 0.75", mean)
	}
}

func TestRateForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		l := NewLog(start)
		for range 30 {
			l.Add(Request{})
		}
		if got := l.Stats(time.Now()).RequestsPerSecond; got != 30 {
			t.Errorf("at the start: %v a second, want 30", got)
		}
		time.Sleep(59 * time.Second)
		if got := l.Stats(time.Now()).RequestsPerSecond; got != 30./59 {
			t.Errorf("after 59 s: %v a second, want %v", got, 30./59)
		}
		time.Sleep(time.Second)
		l.Add(Request{})
		if got := l.Stats(time.Now()).RequestsPerSecond; got != 1./60 {
			t.Errorf("after a minute: %v a second, want %v", got, 1./60)
		}
	})
}
