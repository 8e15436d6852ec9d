// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/server/internal/serving"
)

// maxRequests is how many requests that predict there may be at a time. HTTP/1.1 has one on each connection; HTTP/2 has many.
const maxRequests = maxConnections

// limit bounds the time of a request that predicts, and reads its body within the service's bounds; refuse answers one that
// breaks them. The request takes its place among those that wait for a prediction only afterwards, in its handler: a body on
// its way costs nobody a place.
func (s *Server) limit(next http.Handler, refuse func(http.ResponseWriter, *http.Request, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), s.service.RequestTimeout())
		defer cancel()
		r = r.WithContext(ctx)
		if n := s.inFlight.Add(1); n > maxRequests {
			s.inFlight.Add(-1)
			refuse(w, r, serving.ErrOverloaded)
			return
		}
		defer s.inFlight.Add(-1)
		if err := checkEncoding(w, r.Header); err != nil {
			refuse(w, r, err)
			return
		}
		control := http.NewResponseController(w)
		upload, err := s.service.Receive(ctx, r.ContentLength, func(answering bool) { // a writer without deadlines has no connection to cut
			if answering {
				_ = control.SetWriteDeadline(time.Unix(1, 0))
			} else {
				_ = control.SetReadDeadline(time.Unix(1, 0))
			}
		})
		if err != nil {
			refuse(w, r, err)
			return
		}
		defer upload.End()
		start := time.Now()
		body, err := s.readBody(ctx, w, r, upload)
		recordingOf(ctx).Read = time.Since(start)
		if err != nil {
			refuse(w, r, err)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(&answerWriter{ResponseWriter: w, upload: upload}, r)
	})
}

// refuse answers a request as a problem.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	writeProblem(w, r, s.problemOf(r.Context(), err))
}

// readBody reads a request's body, up to the limit and within the request timeout.
func (s *Server) readBody(ctx context.Context, w http.ResponseWriter, r *http.Request, upload *serving.Upload) ([]byte, error) {
	control := http.NewResponseController(w)
	deadline, _ := ctx.Deadline()
	if err := control.SetReadDeadline(deadline); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, err
	}
	limit, length := s.config.Limits.MaxBodyBytes, r.ContentLength
	sent := http.MaxBytesReader(w, r.Body, limit)
	if r.Header.Get(encodingHeader) == gzipEncoding {
		sent, length = http.MaxBytesReader(w, &inflating{compressed: sent}, limit), -1
	}
	body, err := upload.Read(ctx, sent, length)
	if err != nil {
		return nil, s.readFailure(err)
	}
	if len(body) == 0 {
		return nil, newProblem(http.StatusBadRequest, "empty_body", "the body is empty: send a picture to %s, an inference request in JSON to %s", predictPath, v2InferPath)
	}
	// From here on the request's context keeps the time; a deadline on reading would end it early.
	if err := control.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, err
	}
	return body, nil
}

// readFailure is why a body was not read.
func (s *Server) readFailure(err error) error {
	var (
		known    *serving.Error
		maxBytes *http.MaxBytesError
		netErr   net.Error
	)
	switch {
	case errors.As(err, &known):
		return err
	case errors.As(err, &maxBytes):
		return s.service.BodyTooLarge()
	case errors.As(err, &netErr) && netErr.Timeout():
		return newProblem(http.StatusRequestTimeout, contract.ProblemTimeout,
			"the request's body did not arrive within %s", s.service.RequestTimeout())
	case isDamagedGzip(err):
		return newProblem(http.StatusBadRequest, "invalid_encoding", "the request's body is said to be compressed with gzip, and is not, or is damaged")
	default: // the client broke off, or sent chunks that are none
		return newProblem(http.StatusBadRequest, "invalid_body", "the request's body could not be read to its end")
	}
}

// answerWriter notes that the answer is being written: a client that is slow to read it gives way like one that is slow to send.
type answerWriter struct {
	http.ResponseWriter
	upload *serving.Upload
}

func (w *answerWriter) WriteHeader(status int) {
	_ = w.upload.Answer() // while it computed, nothing could cut it off
	w.ResponseWriter.WriteHeader(status)
}

func (w *answerWriter) Write(p []byte) (int, error) {
	if err := w.upload.Answer(); err != nil {
		return 0, err
	}
	n, err := w.ResponseWriter.Write(p)
	w.upload.Answered(n)
	return n, err
}

// Unwrap lets http.ResponseController through.
func (w *answerWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
