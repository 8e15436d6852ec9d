// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/trainyard-dev/trainyard/server/internal/grpcapi"
	"github.com/trainyard-dev/trainyard/server/internal/openinference"
	"github.com/trainyard-dev/trainyard/server/internal/serving"
)

// registerGRPC adds gRPC's procedures. To HTTP they are paths like others, on the same connections.
func (s *Server) registerGRPC(mux *router) {
	for path, handler := range grpcapi.Handlers(countedV2{s.v2, s}, s.config.Limits.MaxBodyBytes) {
		if path == grpcapi.InferPath {
			mux.HandleFunc("POST "+path, handler.ServeHTTP)
			continue
		}
		mux.Handle("POST "+path, handler)
	}
}

// countedV2 records what inference requests come to, which HTTP doesn't see: to it, all are answered with 200.
type countedV2 struct {
	*openinference.Server
	server *Server
}

func (c countedV2) Infer(ctx context.Context, name, version string, read func() (openinference.Request, error)) (*openinference.Answer, error) {
	defer c.server.connections.keep(ctx)()
	answer, err := c.Server.Infer(ctx, name, version, read)
	if err != nil {
		recordStatus(ctx, c.server.problemOf(ctx, err).Status)
		return nil, err
	}
	recordAnswer(ctx, answer)
	return answer, nil
}

// refuseGRPC answers a request for an inference whose body isn't read, or not to its end.
func (s *Server) refuseGRPC(w http.ResponseWriter, r *http.Request, err error) {
	problem := s.problemOf(r.Context(), err)
	recordStatus(r.Context(), problem.Status)
	var known *serving.Error
	if !errors.As(err, &known) {
		code := serving.CodeInvalidInput
		if problem.Status == http.StatusRequestTimeout {
			code = serving.CodeSlowBody
		}
		known = serving.NewError(code, "%s", problem.Detail)
	}
	grpcapi.Refuse(w, r, known)
}
