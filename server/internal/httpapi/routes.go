// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/version"
	"github.com/trainyard-dev/trainyard/server/internal/grpcapi"
)

// Paths of the endpoints, as they appear in metrics and logs.
const (
	rootPath      = "/"
	healthPath    = contract.ServerHealthPath
	predictPath   = contract.PredictPath
	metricsPath   = contract.MetricsPath
	logsPath      = contract.LogsPath
	statsPath     = contract.StatsPath
	modelInfoPath = contract.ModelInfoPath
	v2Path        = contract.V2Path
	// openAPIPath is that of the API's description, in each of its forms.
	openAPIPath = "/openapi"
)

// Paths of the one model there is, under the name in the request.
var (
	v2ModelPath = contract.V2ModelPath("{name}")
	v2ReadyPath = v2ModelPath + "/ready"
	v2InferPath = contract.V2InferPath("{name}")

	v2VersionPath      = v2ModelPath + "/versions/{version}"
	v2VersionReadyPath = v2VersionPath + "/ready"
	v2VersionInferPath = v2VersionPath + "/infer"
)

// inferenceEndpoints are those that predict. They alone are counted, timed and kept in /logs.
var inferenceEndpoints = []string{predictPath, v2InferPath, v2VersionInferPath, grpcapi.InferPath}

func isInference(endpoint string) bool { return slices.Contains(inferenceEndpoints, endpoint) }

// probePaths are asked so often that their requests are logged at debug level.
var probePaths = []string{healthPath, metricsPath, contract.LivePath, contract.ReadyPath}

// answerTypes are those of endpoints that answer something else than JSON alone; nil, where the handler itself chooses.
var answerTypes = map[string][]string{
	rootPath:    nil,
	metricsPath: nil,
	docsPath:    {htmlType},

	grpcapi.InferPath: nil,

	v2InferPath:        {jsonType, octetsType},
	v2VersionInferPath: {jsonType, octetsType},
}

// router puts each route's middleware around its handler.
type router struct {
	*http.ServeMux
	server *Server
}

// HandleFunc registers a handler under a pattern such as "GET /health".
func (r *router) HandleFunc(pattern string, handle func(http.ResponseWriter, *http.Request)) {
	_, endpoint, _ := strings.Cut(pattern, " ")
	endpoint = strings.TrimSuffix(endpoint, "{$}")
	var handler http.Handler = http.HandlerFunc(handle)
	switch {
	case endpoint == grpcapi.InferPath:
		handler = r.server.limit(handler, r.server.refuseGRPC)
	case isInference(endpoint), endpoint == explainPath:
		handler = r.server.limit(handler, r.server.refuse)
	}
	if types, ok := answerTypes[endpoint]; !ok && !strings.HasPrefix(endpoint, openAPIPath) {
		handler = negotiate([]string{jsonType}, handler)
	} else if types != nil {
		handler = negotiate(types, handler)
	}
	handler = checkQuery(handler)
	level := slog.LevelInfo
	if slices.Contains(probePaths, endpoint) {
		level = slog.LevelDebug
	}
	r.Handle(pattern, r.server.record(endpoint, level, handler))
}

// ServeHTTP answers what matches no route as a Problem, in place of the mux's plain text.
func (r *router) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	handler, pattern := r.Handler(req)
	if pattern != "" {
		r.ServeMux.ServeHTTP(w, req)
		return
	}
	answer := &discardingWriter{header: http.Header{}}
	handler.ServeHTTP(answer, req)
	if answer.status == http.StatusMethodNotAllowed {
		allow := answer.header.Get("Allow")
		w.Header().Set("Allow", allow+", "+http.MethodOptions)
		if req.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		writeProblem(w, req, newProblem(http.StatusMethodNotAllowed, "method_not_allowed", "use %s here", allow))
		return
	}
	writeProblem(w, req, newProblem(http.StatusNotFound, "not_found", "no such endpoint: /openapi.json lists them"))
}

// discardingWriter keeps the status and the header of an answer.
type discardingWriter struct {
	header http.Header
	status int
}

func (w *discardingWriter) Header() http.Header         { return w.header }
func (w *discardingWriter) WriteHeader(status int)      { w.status = status }
func (w *discardingWriter) Write(p []byte) (int, error) { return len(p), nil }

// routes registers every endpoint. Those that huma knows of are described in /openapi.json.
func (s *Server) routes() http.Handler {
	mux := &router{ServeMux: http.NewServeMux(), server: s}
	config := huma.DefaultConfig("Trainyard inference server", version.String())
	config.OpenAPIPath = openAPIPath
	config.DocsPath = ""     // its pages load scripts from elsewhere
	config.SchemasPath = ""  // the schemas are in /openapi.json
	config.CreateHooks = nil // no $schema in every answer
	api := humago.New(mux, config)

	s.registerPages(mux, api)
	s.registerPredict(api)
	s.registerInfo(api)
	s.registerFeedback(api)
	s.registerExplain(api)
	s.registerV2(api)
	s.registerGRPC(mux)
	return mux
}

// register adds an endpoint whose handler's errors go through problemOf.
func register[I, O any](s *Server, api huma.API, op huma.Operation, handle func(context.Context, *I) (*O, error)) {
	op.Errors = append(op.Errors, http.StatusBadRequest, http.StatusNotAcceptable)
	huma.Register(api, op, func(ctx context.Context, input *I) (*O, error) {
		output, err := handle(ctx, input)
		if err != nil {
			return nil, withV2Error(*s.problemOf(ctx, err), op.Path)
		}
		return output, nil
	})
}
