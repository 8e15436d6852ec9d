// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/trainyard-dev/trainyard/server/internal/openinference"
	"github.com/trainyard-dev/trainyard/server/internal/serving"
	"github.com/trainyard-dev/trainyard/server/internal/traffic"
)

// recording is a request while it is answered.
type recording struct {
	traffic.Request

	// handled is when its handler had the answer.
	handled time.Time
}

type recordKey struct{}

// recordingOf is the record of the request of a context; one that nobody reads where there is none.
func recordingOf(ctx context.Context) *recording {
	if rec, ok := ctx.Value(recordKey{}).(*recording); ok {
		return rec
	}
	return &recording{}
}

// recordPrediction notes what an image of a request was taken for.
func recordPrediction(ctx context.Context, class string, confidence float64) {
	rec := recordingOf(ctx)
	rec.Predictions = append(rec.Predictions, traffic.Prediction{Class: class, Confidence: confidence})
}

// recordAnswer notes what the Open Inference Protocol answers.
func recordAnswer(ctx context.Context, answer *openinference.Answer) {
	rec := recordingOf(ctx)
	rec.Timings, rec.handled = answer.Timings, time.Now()
	for _, p := range answer.Predicted {
		recordPrediction(ctx, p.Class, p.Probability)
	}
}

// recordStatus notes what a request comes to in HTTP's words, where that isn't the status of its answer.
func recordStatus(ctx context.Context, status int) { recordingOf(ctx).Status = status }

// record counts, times and logs the requests of one endpoint.
func (s *Server) record(endpoint string, level slog.Level, next http.Handler) http.Handler {
	inferring := isInference(endpoint)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &recording{Request: traffic.Request{Time: time.Now(), Endpoint: endpoint}}
		rec.ID, rec.TraceID = serving.RequestID(r.Context()), traceID(r.Header)
		// A drain may have begun since the request came: its client would come back on this connection, too late.
		sw := &statusWriter{ResponseWriter: w, before: func() { s.part(w, r) }}
		defer func() {
			if sw.status == 0 { // the handler panicked: recoverPanics is about to answer
				sw.status = http.StatusInternalServerError
			}
			if rec.Status == 0 {
				rec.Status = sw.status
			}
			s.finish(r, rec, inferring, level)
		}()
		next.ServeHTTP(sw, r.WithContext(context.WithValue(r.Context(), recordKey{}, rec)))
	})
}

func (s *Server) finish(r *http.Request, rec *recording, inferring bool, level slog.Level) {
	end := time.Now()
	rec.LatencyMillis = float64(end.Sub(rec.Time).Microseconds()) / 1000
	if !rec.handled.IsZero() {
		rec.Encode = end.Sub(rec.handled)
	}
	smoke := isSmoke(r)
	if inferring && !smoke {
		s.traffic.Add(rec.Request)
	}
	if !s.config.LogRequests {
		return
	}
	attributes := []slog.Attr{
		slog.String("request", rec.ID), slog.String("endpoint", rec.Endpoint), slog.Int("status", rec.Status),
		slog.Float64("latencyMillis", rec.LatencyMillis), slog.Int("images", len(rec.Predictions)), slog.Bool("smoke", smoke),
	}
	if rec.TraceID != "" {
		attributes = append(attributes, slog.String("traceId", rec.TraceID))
	}
	if rec.Code != "" {
		attributes = append(attributes, slog.String("code", rec.Code))
	}
	s.log.LogAttrs(r.Context(), level, "Request", attributes...)
}

// admit gives a request a place and keeps its connection until the function that it returns is called, which records
// how long the stages of the request took.
func (s *Server) admit(ctx context.Context) (serving.Place, func(), error) {
	place, err := s.service.Admit()
	if err != nil {
		return serving.Place{}, nil, err
	}
	release := s.connections.keep(ctx)
	return place, func() {
		rec := recordingOf(ctx)
		rec.Timings, rec.handled = place.Timings(), time.Now()
		release()
		place.Release()
	}, nil
}
