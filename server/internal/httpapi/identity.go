// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"crypto/rand"
	"net/http"
	"regexp"
	"strings"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/server/internal/serving"
)

// wellFormedID is an id that a client may give its request. Anything else could be made to look like another line of the log.
var wellFormedID = regexp.MustCompile(`^[A-Za-z0-9._~+/=-]{1,128}$`)

// requestID is the id of a request: the client's, or a new one.
func requestID(header http.Header) string {
	if id := header.Get(contract.RequestIDHeader); wellFormedID.MatchString(id) {
		return id
	}
	const length = 16
	return rand.Text()[:length]
}

// nameRequest gives a request its id, in its answer and for the log.
func (s *Server) nameRequest(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := requestID(r.Header)
		w.Header().Set(contract.RequestIDHeader, id)
		next.ServeHTTP(w, r.WithContext(serving.WithRequest(r.Context(), id)))
	})
}

// traceparent is the header of W3C's Trace Context: version, trace, parent and flags. Later versions may have more.
var traceparent = regexp.MustCompile(`^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$`)

// traceID is the trace that a request belongs to, or empty.
func traceID(header http.Header) string {
	match := traceparent.FindStringSubmatch(header.Get("Traceparent"))
	if match == nil {
		return ""
	}
	version, trace, parent, more := match[1], match[2], match[3], match[4]
	invalid := version == "ff" || version == "00" && more != "" || strings.Trim(trace, "0") == "" || strings.Trim(parent, "0") == ""
	if invalid {
		return ""
	}
	return trace
}
