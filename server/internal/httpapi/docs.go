// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	_ "embed"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/trainyard-dev/trainyard/internal/webpage"
)

const (
	docsPath = "/docs"
	htmlType = "text/html"
	textType = "text/plain"
)

// docsPage shows /openapi.json to people.
var docsPage = webpage.New(docsHTML)

//go:embed docs.html
var docsHTML string

// registerPages adds what is answered by handlers that huma doesn't know, and says so in /openapi.json.
func (s *Server) registerPages(mux *router, api huma.API) {
	mux.HandleFunc("GET /{$}", s.root)
	mux.HandleFunc("GET "+metricsPath, s.traffic.Metrics().ServeHTTP)
	mux.HandleFunc("GET "+docsPath, docsPage.ServeHTTP)

	schemas := api.OpenAPI().Components.Schemas
	text := &huma.Schema{Type: huma.TypeString}
	summary := schemas.Schema(reflect.TypeFor[Summary](), true, "Summary")
	problem := schemas.Schema(reflect.TypeFor[Problem](), true, "Problem")
	add := func(path, id, summary string, content map[string]*huma.MediaType) {
		responses := map[string]*huma.Response{"200": {Description: http.StatusText(http.StatusOK), Content: content}}
		for _, status := range []int{http.StatusBadRequest, http.StatusNotAcceptable} {
			responses[strconv.Itoa(status)] = &huma.Response{
				Description: http.StatusText(status), Content: map[string]*huma.MediaType{problemType: {Schema: problem}},
			}
		}
		api.OpenAPI().AddOperation(&huma.Operation{Method: http.MethodGet, Path: path, OperationID: id, Summary: summary, Responses: responses})
	}
	add(rootPath, "root", "Try a picture on a page, or sum up what is served", map[string]*huma.MediaType{htmlType: {Schema: text}, jsonType: {Schema: summary}})
	add(metricsPath, "metrics", "Measure, for Prometheus", map[string]*huma.MediaType{textType: {Schema: text}})
	add(docsPath, "docs", "Show this description on a page", map[string]*huma.MediaType{htmlType: {Schema: text}})
}
