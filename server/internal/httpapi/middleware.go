// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/server/internal/serving"
)

// middleware goes around all routes.
func (s *Server) middleware(next http.Handler) http.Handler {
	return s.nameRevision(s.recoverPanics(s.closeWhileDraining(next)))
}

// nameRevision names the revision in every response.
func (s *Server) nameRevision(next http.Handler) http.Handler {
	if s.config.Revision == "" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(contract.RevisionHeader, s.config.Revision)
		next.ServeHTTP(w, r)
	})
}

// recoverPanics answers 500 to a request whose handler panicked.
func (s *Server) recoverPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if v := recover(); v != nil {
				if v == http.ErrAbortHandler { //nolint:errorlint // net/http's own comparison
					panic(v)
				}
				writeProblem(w, r, problemFrom(s.service.Internal(r.Context(), "Handler panicked", "panic", v, "stack", string(debug.Stack()))))
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// closeWhileDraining asks clients of a draining server to connect anew, to another pod. Keep-alives
// are not switched off as a whole, since that would cut idle connections under a client's hands.
func (s *Server) closeWhileDraining(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.service.State() == serving.Draining {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// isSmoke reports whether a request belongs to a smoke test and stays out of statistics.
func isSmoke(r *http.Request) bool { return r.Header.Get(contract.SmokeHeader) != "" }

// statusWriter notes the status that is written.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController through.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// record counts, times and logs the requests of one endpoint.
func (s *Server) record(endpoint string, level slog.Level, next http.Handler) http.Handler {
	inferring := isInference(endpoint)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &RequestRecord{Time: time.Now(), Endpoint: endpoint}
		sw := &statusWriter{ResponseWriter: w}
		defer func() {
			if sw.status == 0 { // the handler panicked: recoverPanics is about to answer
				sw.status = http.StatusInternalServerError
			}
			rec.Status = sw.status
			s.finish(r, rec, inferring, level)
		}()
		next.ServeHTTP(sw, r.WithContext(withRecord(r.Context(), rec)))
	})
}

func (s *Server) finish(r *http.Request, rec *RequestRecord, inferring bool, level slog.Level) {
	latency := time.Since(rec.Time)
	rec.LatencyMillis = float64(latency.Microseconds()) / 1000
	smoke := isSmoke(r)
	if inferring && !smoke {
		s.metrics.requests.WithLabelValues(rec.Endpoint, strconv.Itoa(rec.Status)).Inc()
		s.metrics.latency.WithLabelValues(rec.Endpoint).Observe(latency.Seconds())
		for _, class := range rec.predicted {
			s.metrics.predictions.WithLabelValues(class).Inc()
		}
		s.requests.add(*rec)
	}
	if s.config.LogRequests {
		s.log.LogAttrs(r.Context(), level, "Request", slog.String("endpoint", rec.Endpoint), slog.Int("status", rec.Status),
			slog.Float64("latencyMillis", rec.LatencyMillis), slog.Int("images", len(rec.predicted)), slog.Bool("smoke", smoke))
	}
}
