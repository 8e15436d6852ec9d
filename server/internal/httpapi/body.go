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
)

// limit bounds the time of a request that predicts, and reads its body within bounds. The request takes its place
// among those that wait for a prediction only afterwards, in its handler: a body on its way costs nobody a place.
func (s *Server) limit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), s.requestTimeout())
		defer cancel()
		if err := s.admissible(r); err != nil {
			writeProblem(w, r, s.problemOf(ctx, err))
			return
		}
		control := http.NewResponseController(w)
		u, err := s.uploads.begin(ctx, func(answering bool) { // a writer without deadlines has no connection to cut
			if answering {
				_ = control.SetWriteDeadline(time.Unix(1, 0))
			} else {
				_ = control.SetReadDeadline(time.Unix(1, 0))
			}
		})
		if err != nil {
			writeProblem(w, r, s.problemOf(ctx, err))
			return
		}
		defer u.end()
		body, err := s.readBody(ctx, w, r, u)
		if err != nil {
			writeProblem(w, r, s.problemOf(ctx, err))
			return
		}
		r = r.WithContext(ctx)
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(&answerWriter{ResponseWriter: w, upload: u}, r)
	})
}

// admissible refuses a request before its body is read if that would be in vain.
func (s *Server) admissible(r *http.Request) error {
	model, err := s.loaded()
	if err == nil {
		err = checkEncoding(r.Header)
	}
	switch {
	case err != nil:
		return err
	case r.ContentLength > s.config.Limits.MaxBodyBytes:
		return s.bodyTooLarge()
	default:
		return model.batcher.CheckRoom()
	}
}

func (s *Server) bodyTooLarge() *Problem {
	return newProblem(http.StatusRequestEntityTooLarge, "body_too_large",
		"the request has more than %d bytes: send a smaller image, or raise maxBodyBytes", s.config.Limits.MaxBodyBytes)
}

// readBody reads a request's body, up to the limit and within the request timeout.
func (s *Server) readBody(ctx context.Context, w http.ResponseWriter, r *http.Request, u *upload) ([]byte, error) {
	control := http.NewResponseController(w)
	deadline, _ := ctx.Deadline()
	if err := control.SetReadDeadline(deadline); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, err
	}
	body, err := receive(ctx, http.MaxBytesReader(w, r.Body, s.config.Limits.MaxBodyBytes), r.ContentLength, u)
	if err == nil {
		err = u.enter(computing)
	}
	var (
		maxBytes *http.MaxBytesError
		netErr   net.Error
	)
	switch {
	case err == nil:
	case errors.Is(err, errTooSlow), errors.Is(err, errNoRoom):
		return nil, err
	case errors.As(err, &maxBytes):
		return nil, s.bodyTooLarge()
	case errors.As(err, &netErr) && netErr.Timeout():
		if err := u.enter(receiving); err != nil { // it was cut off, and by whom
			return nil, err
		}
		return nil, newProblem(http.StatusRequestTimeout, "timeout",
			"the request's body did not arrive within %s", s.requestTimeout())
	default: // the client broke off, or sent chunks that are none
		return nil, newProblem(http.StatusBadRequest, "invalid_body", "the request's body could not be read to its end")
	}
	// From here on the request's context keeps the time; a deadline on reading would end it early.
	if err := control.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, err
	}
	return body, nil
}

// receive reads a body to its end. Its buffer grows with what has arrived, each time once u has room for it. length is
// the body's, or -1.
func receive(ctx context.Context, r io.Reader, length int64, u *upload) ([]byte, error) {
	const (
		first   = 64 << 10
		unknown = -1
	)
	var body []byte
	for {
		if len(body) == cap(body) {
			more := max(int64(cap(body)), first)
			if length != unknown {
				more = min(more, length+1-int64(cap(body))) // one more, to see the end without growing again
			}
			if err := u.grow(ctx, more); err != nil {
				return nil, err
			}
			body = append(make([]byte, 0, int64(cap(body))+more), body...)
		}
		n, err := r.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		u.transferred(n)
		switch {
		case errors.Is(err, io.EOF):
			return body, nil
		case err != nil:
			return nil, err
		}
	}
}

// answerWriter notes that the answer is being written: a client that is slow to read it gives way like one that is slow to send.
type answerWriter struct {
	http.ResponseWriter
	upload *upload
}

func (w *answerWriter) WriteHeader(status int) {
	_ = w.upload.enter(answering) // while it computed, nothing could cut it off
	w.ResponseWriter.WriteHeader(status)
}

func (w *answerWriter) Write(p []byte) (int, error) {
	if w.upload.enter(answering) != nil {
		return 0, errTooSlow
	}
	n, err := w.ResponseWriter.Write(p)
	w.upload.transferred(n)
	return n, err
}

// Unwrap lets http.ResponseController through.
func (w *answerWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
