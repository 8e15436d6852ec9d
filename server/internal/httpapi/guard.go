// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/server/internal/guard"
)

// Guards say who may ask, and how often. Each may be left out.
type Guards struct {
	Tokens *guard.Tokens
	Rate   *guard.Rate
}

// openPaths say only how a server is. A kubelet that asks has no token.
var openPaths = []string{healthPath, contract.LivePath, contract.ReadyPath}

// guard refuses requests without a token, and posts of clients that send too many.
func (s *Server) guard(next http.Handler) http.Handler {
	tokens, rate := s.config.Guards.Tokens, s.config.Guards.Rate
	if tokens == nil && rate == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if tokens != nil && !slices.Contains(openPaths, r.URL.Path) && !tokens.Allow(r.Header.Get("Authorization")) {
			w.Header().Set("Www-Authenticate", `Bearer realm="trainyard"`)
			s.turnAway(w, r, newProblem(http.StatusUnauthorized, "unauthorized", "send a token that this server knows as Authorization: Bearer TOKEN"))
			return
		}
		if rate != nil && r.Method == http.MethodPost {
			if wait, ok := rate.Allow(r.RemoteAddr, time.Now()); !ok {
				problem := newProblem(http.StatusTooManyRequests, "too_many_requests", "this client sends more requests than it may: wait, and send them more slowly")
				problem.retryAfterSeconds = int(math.Ceil(wait.Seconds()))
				s.turnAway(w, r, problem)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) turnAway(w http.ResponseWriter, r *http.Request, problem *Problem) {
	if !isSmoke(r) {
		s.traffic.TurnedAway(problem.Code)
	}
	writeProblem(w, r, problem)
}
