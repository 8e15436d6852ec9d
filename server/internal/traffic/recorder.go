// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/trainyard-dev/trainyard/server/internal/drift"
	"github.com/trainyard-dev/trainyard/server/internal/serving"
)

// Config configures a Recorder.
type Config struct {
	// Name and Revision are those of the model.
	Name, Revision string
	// Endpoints and Codes are those whose series exist from the start.
	Endpoints, Codes []string
}

// Recorder records requests to a service. Its methods may be called concurrently.
type Recorder struct {
	*Log

	service  *serving.Service
	metrics  *metrics
	feedback *feedback
	drift    atomic.Pointer[comparison]
}

// comparison is a window of predictions, which it knows by the names of their classes.
type comparison struct {
	window *drift.Window
	index  map[string]int
}

// NewRecorder returns a Recorder that begins now.
func NewRecorder(service *serving.Service, config Config) *Recorder {
	r := &Recorder{Log: NewLog(time.Now()), service: service, metrics: newMetrics(config.Endpoints, config.Codes), feedback: newFeedback()}
	r.metrics.registry.MustRegister(&state{service: service, name: config.Name, revision: config.Revision}, &shift{recorder: r})
	return r
}

// Add records a request that has ended.
func (r *Recorder) Add(request Request) {
	switch {
	case request.Status < http.StatusBadRequest:
		request.Code = "" // one picture of several may have had it
	case request.Code == "":
		request.Code = codeOf(request.Status)
	}
	r.metrics.add(&request)
	r.feedback.answered(&request)
	if c := r.drift.Load(); c != nil {
		for _, p := range request.Predictions {
			c.window.Add(c.index[p.Class], p.Confidence)
		}
	}
	r.Log.Add(request)
}

// TurnedAway counts a request that was refused before anything was known of it.
func (r *Recorder) TurnedAway(code string) { r.metrics.rejections.WithLabelValues(code).Inc() }

// Expect has predictions compared from now on with what is expected of them. Classes are those of the model, in its order.
func (r *Recorder) Expect(classes []string, expected drift.Expected) {
	index := make(map[string]int, len(classes))
	for i, class := range classes {
		index[class] = i
	}
	r.drift.Store(&comparison{window: drift.NewWindow(expected), index: index})
}

// Label gives the request of an id its label, one of the model's classes, and tells whether the answer was right. Errors are
// ErrUnknownRequest, ErrSeveralImages or ErrLabeled.
func (r *Recorder) Label(id, label string) (predicted string, right bool, err error) {
	if predicted, right, err = r.feedback.label(id, label); err != nil {
		return "", false, err
	}
	result := map[bool]string{true: "right", false: "wrong"}[right]
	r.metrics.feedback.WithLabelValues(label, result).Inc()
	return predicted, right, nil
}

// Stats returns the statistics at a time.
func (r *Recorder) Stats(now time.Time) Stats {
	s := r.Log.Stats(now)
	s.Feedback = r.feedback.stats()
	if shift, ok := r.shift(); ok {
		s.Drift = &DriftStats{
			Index: shift.Index, Images: shift.Images, MeanConfidence: shift.Confidence, TestMeanConfidence: shift.Expected,
		}
	}
	return s
}

func (r *Recorder) shift() (drift.Shift, bool) {
	c := r.drift.Load()
	if c == nil {
		return drift.Shift{}, false
	}
	return c.window.Shift()
}

// Metrics answers all metrics, with a series for each class from the first scrape after the model was loaded.
func (r *Recorder) Metrics() http.Handler {
	handler := r.metrics.handler()
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if model, err := r.service.Model(); err == nil {
			r.metrics.nameClasses(model.Classes)
		}
		handler.ServeHTTP(w, request)
	})
}
