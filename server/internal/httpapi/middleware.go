// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/server/internal/inference"
)

// middleware goes around all routes.
func (s *Server) middleware(next http.Handler) http.Handler {
	return s.nameRevision(s.recoverPanics(s.closeWhileDraining(next)))
}

// nameRevision tells in every answer who gave it.
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
				s.log.ErrorContext(r.Context(), "Handler panicked", "panic", v, "stack", string(debug.Stack()))
				writeProblem(w, r, newProblem(http.StatusInternalServerError, "internal", "the server failed to answer; its log says why"))
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// closeWhileDraining asks clients of a draining server to connect anew, to another pod. Keep-alives
// are not switched off as a whole, since that would cut idle connections under a client's hands.
func (s *Server) closeWhileDraining(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if state(s.state.Load()) == stateDraining {
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

type ticketKey struct{}

// limit admits a request that predicts, bounds its time, and reads its body within bounds.
func (s *Server) limit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), s.requestTimeout())
		defer cancel()
		model, err := s.loaded()
		if err != nil {
			writeProblem(w, r, s.problemOf(ctx, err))
			return
		}
		ticket, err := model.batcher.Admit()
		if err != nil {
			writeProblem(w, r, s.problemOf(ctx, err))
			return
		}
		defer ticket.Release()
		body, err := s.readBody(w, r)
		if err != nil {
			writeProblem(w, r, s.problemOf(ctx, err))
			return
		}
		r = r.WithContext(context.WithValue(ctx, ticketKey{}, ticket))
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}

func ticketOf(ctx context.Context) *inference.Ticket {
	return ctx.Value(ticketKey{}).(*inference.Ticket)
}

// readBody reads a request's body, up to the limit and within the request timeout.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	limit := s.config.Limits.MaxBodyBytes
	tooLarge := newProblem(http.StatusRequestEntityTooLarge, "body_too_large",
		"the request has more than %d bytes: send a smaller image, or raise maxBodyBytes", limit)
	if r.ContentLength > limit {
		return nil, tooLarge
	}
	control := http.NewResponseController(w)
	if err := control.SetReadDeadline(time.Now().Add(s.requestTimeout())); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, err
	}
	var body bytes.Buffer
	if r.ContentLength > 0 {
		body.Grow(int(min(r.ContentLength, 1<<20))) // more only once it has come
	}
	_, err := io.Copy(&body, http.MaxBytesReader(w, r.Body, limit))
	var (
		maxBytes *http.MaxBytesError
		netErr   net.Error
	)
	switch {
	case err == nil:
	case errors.As(err, &maxBytes):
		return nil, tooLarge
	case errors.As(err, &netErr) && netErr.Timeout():
		return nil, newProblem(http.StatusRequestTimeout, "timeout",
			"the request's body did not arrive within %s", s.requestTimeout())
	default: // the client broke off, or sent chunks that are none
		return nil, newProblem(http.StatusBadRequest, "invalid_body", "the request's body could not be read to its end")
	}
	// From here on the request's context keeps the time; a deadline on reading would end it early.
	if err := control.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, err
	}
	return body.Bytes(), nil
}
