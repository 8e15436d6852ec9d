// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/trainyard-dev/trainyard/internal/onnx"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
	"github.com/trainyard-dev/trainyard/internal/version"
	"github.com/trainyard-dev/trainyard/server/internal/traffic"
)

// Summary is what / answers to programs.
type Summary struct {
	Name      string   `json:"name"`
	Revision  string   `json:"revision,omitempty"`
	Status    string   `json:"status"`
	Version   string   `json:"version"`
	Classes   []string `json:"classes,omitempty"`
	Endpoints []string `json:"endpoints"`
}

// root answers a page to browsers and a summary to everyone else.
func (s *Server) root(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Vary", "Accept")
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		page.ServeHTTP(w, r)
		return
	}
	summary := Summary{
		Name:     s.config.Name,
		Revision: s.config.Revision,
		Status:   s.service.State().String(),
		Version:  version.String(),
		Endpoints: []string{
			healthPath, "POST " + predictPath, metricsPath, logsPath, statsPath, modelInfoPath, v2Path, docsPath, "/openapi.json",
		},
	}
	if model, err := s.service.Model(); err == nil {
		summary.Classes = model.Classes
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(summary)
}

// Health is the answer of /health. It is 200 as long as the process works: readiness is another matter.
type Health struct {
	Status   string `json:"status" enum:"loading,ready,draining"`
	Model    string `json:"model"`
	Revision string `json:"revision,omitempty"`
}

// ModelInfo says what is served and where it comes from.
type ModelInfo struct {
	Name        string             `json:"name"`
	Revision    string             `json:"revision,omitempty"`
	TrainingRun string             `json:"trainingRun,omitempty"`
	SHA256      string             `json:"sha256" doc:"Digest of the model file in hex."`
	SizeBytes   int64              `json:"sizeBytes"`
	Classes     []string           `json:"classes" doc:"In the order of the logits."`
	Output      onnx.Output        `json:"output" enum:"logits,probabilities,logProbabilities,sigmoid,logit" doc:"What the network yields: a number per class (logits, probabilities, logProbabilities), or one number, the second class's probability (sigmoid) or what a sigmoid makes that (logit)."`
	Temperature float64            `json:"temperature,omitempty" doc:"What logits are divided by before they become probabilities, where calibrated ones were asked for."`
	Input       preprocess.Spec    `json:"input" doc:"How an image becomes the network's input."`
	Assumed     []string           `json:"assumed,omitempty" doc:"What neither the model file nor the configuration says, and is assumed: a field and its value each."`
	Metrics     map[string]float64 `json:"metrics,omitempty" doc:"On the test split, at training."`
	// Confusion is left out where the run's report doesn't lie beside the model.
	Confusion [][]int `json:"confusion,omitempty" doc:"Images of the test split by true class, then predicted class."`
	// Architecture, Producer and Opset say what made the file.
	Architecture string            `json:"architecture,omitempty"`
	Producer     string            `json:"producer,omitempty"`
	Opset        int               `json:"opset"`
	Lineage      map[string]string `json:"lineage,omitempty" doc:"What the file records of its origin."`
}

type (
	empty           struct{}
	healthOutput    struct{ Body Health }
	modelInfoOutput struct{ Body ModelInfo }
	statsOutput     struct{ Body traffic.Stats }
	logsInput       struct {
		Limit  int       `query:"limit" minimum:"1" maximum:"1000" default:"1000" doc:"Maximum number of requests."`
		Class  string    `query:"class" doc:"Only requests with an image of this class."`
		Status string    `query:"status" pattern:"^[1-5](xx|[0-9]{2})$" patternDescription:"a status such as 404 or a class of them such as 4xx" doc:"Only answers of this status, 404, or of this class, 4xx."`
		Since  time.Time `query:"since" doc:"Only requests from this time on, as RFC 3339 has it."`
		ID     string    `query:"id" doc:"Only the request of this id."`
	}
	logsOutput struct {
		Body struct {
			Requests []traffic.Request `json:"requests" doc:"Newest first."`
		}
	}
)

func (s *Server) registerInfo(api huma.API) {
	get := func(id, path, summary string, errs ...int) huma.Operation {
		return huma.Operation{OperationID: id, Method: http.MethodGet, Path: path, Summary: summary, Errors: errs}
	}
	register(s, api, get("health", healthPath, "Check whether the process works"),
		func(context.Context, *empty) (*healthOutput, error) {
			return &healthOutput{Body: Health{Status: s.service.State().String(), Model: s.config.Name, Revision: s.config.Revision}}, nil
		})
	register(s, api, get("model-info", modelInfoPath, "Describe the model", http.StatusServiceUnavailable), s.modelInfo)
	register(s, api, get("stats", statsPath, "Summarize the requests since the start"),
		func(context.Context, *empty) (*statsOutput, error) {
			return &statsOutput{Body: s.traffic.Stats(time.Now())}, nil
		})
	register(s, api, get("logs", logsPath, "List the last requests"),
		func(_ context.Context, input *logsInput) (*logsOutput, error) {
			output := &logsOutput{}
			output.Body.Requests = s.traffic.Last(traffic.Filter{
				ID: input.ID, Class: input.Class, Status: input.Status, Since: input.Since, Limit: input.Limit,
			})
			return output, nil
		})
}

func (s *Server) modelInfo(context.Context, *empty) (*modelInfoOutput, error) {
	model, err := s.service.Model()
	if err != nil {
		return nil, err
	}
	var confusion [][]int
	if report := s.report.Load(); report != nil {
		confusion = report.Confusion
	}
	return &modelInfoOutput{Body: ModelInfo{
		Confusion:    confusion,
		Name:         s.config.Name,
		Revision:     s.config.Revision,
		TrainingRun:  s.config.TrainingRun,
		SHA256:       model.SHA256,
		SizeBytes:    model.SizeBytes,
		Classes:      model.Classes,
		Output:       model.Output,
		Temperature:  model.Temperature,
		Input:        model.Preprocess,
		Assumed:      model.Assumed,
		Metrics:      model.Metrics,
		Architecture: model.Architecture,
		Producer:     model.Producer,
		Opset:        model.Opset,
		Lineage:      lineage(model.Metadata),
	}}, nil
}

// lineage is what a model's file records of its origin.
func lineage(metadata *onnx.Metadata) map[string]string {
	recorded := map[string]string{"run": metadata.Run, "datasetDigest": metadata.DatasetDigest, "writtenBy": metadata.Version}
	maps.DeleteFunc(recorded, func(_, value string) bool { return value == "" })
	return recorded
}
