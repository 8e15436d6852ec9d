// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"io"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/server/internal/serving"
)

// middleware goes around all routes.
func (s *Server) middleware(next http.Handler) http.Handler {
	return readOut(s.nameRequest(s.nameRevision(s.recoverPanics(s.partInTime(s.shareOrigins(s.guard(next)))))))
}

const (
	// maxUnread is how much of a body is read that no handler wants, as much as net/http reads of one whose connection is kept.
	maxUnread = 256 << 10
	// unreadPatience is how long what is still on its way may take.
	unreadPatience = 500 * time.Millisecond
)

// readOut reads what a handler has left of the body of a request whose client has asked for its connection to be closed. net/http
// would close it as it is, and the kernel then resets it: the answer may be lost on its way. And a node's connection
// tracking doesn't take a connection for ended that a server has reset: for 10 seconds it goes on leading the client's port to this
// pod, wherever its Service leads by then.
func readOut(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := r.Body
		next.ServeHTTP(w, r)
		// Who waits to be asked for the body has sent none.
		if !r.Close || r.ProtoMajor != 1 || r.Header.Get("Expect") != "" {
			return
		}
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(unreadPatience)) // a writer without deadlines has no connection
		_, _ = io.Copy(io.Discard, http.MaxBytesReader(w, body, maxUnread))
	})
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

// partInTime asks clients of a draining server, and those of old connections, to connect anew, perhaps to another pod.
// Keep-alives are not switched off as a whole, since that would cut idle connections under a client's hands.
func (s *Server) partInTime(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.part(w, r)
		next.ServeHTTP(w, r)
	})
}

// part asks the client of a request to leave, if it should.
func (s *Server) part(w http.ResponseWriter, r *http.Request) {
	if s.service.State() == serving.Draining || isOld(r.Context(), time.Now()) {
		w.Header().Set("Connection", "close")
	}
}

// isSmoke reports whether a request belongs to a smoke test and stays out of statistics.
func isSmoke(r *http.Request) bool { return r.Header.Get(contract.SmokeHeader) != "" }

// statusWriter notes the status that is written.
type statusWriter struct {
	http.ResponseWriter
	status int
	// before is called before the header is written.
	before func()
}

func (w *statusWriter) WriteHeader(status int) {
	w.note(status)
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	w.note(http.StatusOK)
	return w.ResponseWriter.Write(p)
}

func (w *statusWriter) note(status int) {
	if w.status == 0 {
		w.status = status
		w.before()
	}
}

// Unwrap lets http.ResponseController through.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
