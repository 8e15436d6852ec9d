// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"net/http"

	"github.com/rs/cors"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

// shareOrigins lets pages of the configured origins read answers, and no others. Without any, browsers keep all others out.
func (s *Server) shareOrigins(next http.Handler) http.Handler {
	if len(s.config.CORSOrigins) == 0 {
		return next
	}
	const preflightSeconds = 600
	return cors.New(cors.Options{
		AllowedOrigins:       s.config.CORSOrigins,
		AllowedMethods:       []string{http.MethodGet, http.MethodHead, http.MethodPost},
		AllowedHeaders:       []string{"*"},
		ExposedHeaders:       []string{"Retry-After", contract.RevisionHeader, contract.RequestIDHeader},
		MaxAge:               preflightSeconds,
		OptionsSuccessStatus: http.StatusNoContent,
	}).Handler(next)
}
