// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package mlflowtest is a tracking server in memory for tests, with the checks of MLflow's own that a client can run into. What
// it answers is compared with the real ones by the same tests, where those are installed.
package mlflowtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Server is a server of MLflow 3 or, without logged models, 2.
type Server struct {
	*httptest.Server

	logged bool // it has logged models

	mu          sync.Mutex
	experiments []string
	runs        []*run
	models      map[string]map[string]any
	registered  map[string][]map[string]any
	files       map[string][]byte
}

type run struct {
	info    map[string]any
	params  map[string]string
	tags    map[string]string
	metrics []metric
	inputs  []any
	models  []any
}

type metric struct {
	Key       string  `json:"key"`
	Value     float64 `json:"value"`
	Timestamp int64   `json:"timestamp"`
	Step      int64   `json:"step"`
}

type pair struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// answer is what a server says that can't do what it is asked.
type answer struct {
	status        int
	code, message string
}

// Start starts a server, of MLflow 3 if it has logged models, that a handler around it may disturb.
func Start(t testing.TB, logged bool, around func(http.Handler) http.Handler) *Server {
	t.Helper()
	s := &Server{
		logged: logged, experiments: []string{"Default"},
		models: map[string]map[string]any{}, registered: map[string][]map[string]any{}, files: map[string][]byte{},
	}
	if around == nil {
		around = func(h http.Handler) http.Handler { return h }
	}
	s.Server = httptest.NewServer(around(s.handler()))
	t.Cleanup(s.Close)
	return s
}

// File returns what was uploaded to a path; false if nothing was.
func (s *Server) File(path string) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	content, ok := s.files[path]
	return content, ok
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, do func(r *http.Request, in map[string]json.RawMessage) any) {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" /api/2.0/mlflow/"+path, func(w http.ResponseWriter, r *http.Request) {
			var in map[string]json.RawMessage
			body, _ := io.ReadAll(r.Body)
			_ = json.Unmarshal(body, &in) // a GET has none
			s.mu.Lock()
			defer s.mu.Unlock()
			reply(w, do(r, in))
		})
	}
	handle("GET experiments/get-by-name", s.findExperiment)
	handle("POST experiments/create", s.createExperiment)
	handle("POST runs/search", s.searchRuns)
	handle("POST runs/create", s.createRun)
	handle("POST runs/update", s.updateRun)
	handle("POST runs/delete", s.deleteRun)
	handle("POST runs/log-batch", s.logBatch)
	handle("POST runs/log-inputs", s.logInputs)
	handle("GET runs/get", s.getRun)
	handle("GET metrics/get-history", s.history)
	handle("POST registered-models/create", s.createRegistered)
	handle("GET model-versions/search", s.searchVersions)
	handle("POST model-versions/create", s.createVersion)
	if s.logged {
		handle("POST logged-models", s.createModel)
		handle("GET logged-models/{id}", s.getModel)
		handle("PATCH logged-models/{id}", s.finishModel)
		handle("POST runs/outputs", s.logOutputs)
	}
	mux.HandleFunc("PUT /api/2.0/mlflow-artifacts/artifacts/{path...}", s.upload)
	return mux
}

func reply(w http.ResponseWriter, out any) {
	w.Header().Set("Content-Type", "application/json")
	if refused, ok := out.(answer); ok {
		w.WriteHeader(refused.status)
		out = map[string]string{"error_code": refused.code, "message": refused.message}
	}
	_ = json.NewEncoder(w).Encode(out)
}

func text(in map[string]json.RawMessage, key string) string {
	var value string
	_ = json.Unmarshal(in[key], &value) // what is missing is empty
	return value
}

func missing(what string) answer {
	return answer{http.StatusNotFound, "RESOURCE_DOES_NOT_EXIST", what + " not found"}
}

func invalid(message string) answer {
	return answer{http.StatusBadRequest, "INVALID_PARAMETER_VALUE", message}
}

func (s *Server) findExperiment(r *http.Request, _ map[string]json.RawMessage) any {
	i := slices.Index(s.experiments, r.URL.Query().Get("experiment_name"))
	if i < 0 {
		return missing("experiment")
	}
	return map[string]any{"experiment": map[string]any{"experiment_id": strconv.Itoa(i), "lifecycle_stage": "active"}}
}

func (s *Server) createExperiment(_ *http.Request, in map[string]json.RawMessage) any {
	name := text(in, "name")
	if slices.Contains(s.experiments, name) {
		return answer{http.StatusBadRequest, "RESOURCE_ALREADY_EXISTS", name + " exists"}
	}
	s.experiments = append(s.experiments, name)
	return map[string]any{"experiment_id": strconv.Itoa(len(s.experiments) - 1)}
}

// find returns a run that isn't deleted.
func (s *Server) find(id string) *run {
	for _, r := range s.runs {
		if r.info["run_id"] == id {
			return r
		}
	}
	return nil
}

func (s *Server) searchRuns(_ *http.Request, in map[string]json.RawMessage) any {
	var of []string
	_ = json.Unmarshal(in["experiment_ids"], &of)
	filter := strings.FieldsFunc(text(in, "filter"), func(c rune) bool { return c == '`' || c == '\'' })
	if len(of) != 1 || len(filter) != 4 {
		return invalid("filter")
	}
	found := []any{}
	for _, r := range s.runs {
		if r.info["experiment_id"] == of[0] && r.tags[filter[1]] == filter[3] {
			found = append(found, r.document())
		}
	}
	return map[string]any{"runs": found}
}

func (r *run) document() map[string]any {
	pairs := func(values map[string]string) []pair {
		var all []pair
		for key, value := range values {
			all = append(all, pair{key, value})
		}
		return all
	}
	latest := map[string]metric{}
	for _, m := range r.metrics {
		if before, ok := latest[m.Key]; !ok || m.Step >= before.Step {
			latest[m.Key] = m
		}
	}
	var metrics []metric
	for _, m := range latest {
		metrics = append(metrics, m)
	}
	return map[string]any{
		"info": r.info, "data": map[string]any{"params": pairs(r.params), "tags": pairs(r.tags), "metrics": metrics},
		"inputs": map[string]any{"dataset_inputs": r.inputs}, "outputs": map[string]any{"model_outputs": r.models},
	}
}

func (s *Server) createRun(_ *http.Request, in map[string]json.RawMessage) any {
	id, experiment := fmt.Sprintf("%032x", len(s.runs)+1), text(in, "experiment_id")
	r := &run{params: map[string]string{}, tags: map[string]string{}, info: map[string]any{
		"run_id": id, "run_name": text(in, "run_name"), "experiment_id": experiment, "status": "RUNNING", "lifecycle_stage": "active",
		"start_time": in["start_time"], "artifact_uri": fmt.Sprintf("mlflow-artifacts:/%s/%s/artifacts", experiment, id),
	}}
	r.tag(in["tags"])
	s.runs = append(s.runs, r)
	return map[string]any{"run": r.document()}
}

func (r *run) tag(tags json.RawMessage) {
	var pairs []pair
	_ = json.Unmarshal(tags, &pairs)
	for _, p := range pairs {
		r.tags[p.Key] = p.Value
	}
}

func (s *Server) updateRun(_ *http.Request, in map[string]json.RawMessage) any {
	r := s.find(text(in, "run_id"))
	if r == nil {
		return missing("run")
	}
	r.info["status"] = text(in, "status")
	if in["end_time"] != nil {
		r.info["end_time"] = in["end_time"]
	}
	return map[string]any{"run_info": r.info}
}

func (s *Server) deleteRun(_ *http.Request, in map[string]json.RawMessage) any {
	s.runs = slices.DeleteFunc(s.runs, func(r *run) bool { return r.info["run_id"] == text(in, "run_id") })
	return map[string]any{}
}

func (s *Server) getRun(q *http.Request, _ map[string]json.RawMessage) any {
	r := s.find(q.URL.Query().Get("run_id"))
	if r == nil {
		return missing("run")
	}
	return map[string]any{"run": r.document()}
}

func (s *Server) logBatch(_ *http.Request, in map[string]json.RawMessage) any {
	r := s.find(text(in, "run_id"))
	if r == nil {
		return missing("run")
	}
	var metrics []metric
	var params []pair
	if json.Unmarshal(in["metrics"], &metrics) != nil && in["metrics"] != nil || len(metrics) > 1000 {
		return invalid("metrics")
	}
	_ = json.Unmarshal(in["params"], &params)
	for _, p := range params {
		if before, ok := r.params[p.Key]; ok && before != p.Value {
			return invalid("Changing param values is not allowed: " + p.Key)
		}
		r.params[p.Key] = p.Value
	}
	r.tag(in["tags"])
	for _, m := range metrics {
		if !slices.Contains(r.metrics, m) {
			r.metrics = append(r.metrics, m)
		}
	}
	return map[string]any{}
}

func (s *Server) logInputs(_ *http.Request, in map[string]json.RawMessage) any {
	r := s.find(text(in, "run_id"))
	if r == nil {
		return missing("run")
	}
	var inputs []struct {
		Dataset struct{ Digest string } `json:"dataset"`
	}
	_ = json.Unmarshal(in["datasets"], &inputs)
	for _, input := range inputs {
		if len(input.Dataset.Digest) > 36 {
			return invalid("Dataset digest exceeds the maximum length of 36")
		}
	}
	if len(r.inputs) == 0 {
		_ = json.Unmarshal(in["datasets"], &r.inputs)
	}
	return map[string]any{}
}

func (s *Server) history(q *http.Request, _ map[string]json.RawMessage) any {
	r := s.find(q.URL.Query().Get("run_id"))
	if r == nil {
		return missing("run")
	}
	var found []metric
	for _, m := range r.metrics {
		if m.Key == q.URL.Query().Get("metric_key") {
			found = append(found, m)
		}
	}
	return map[string]any{"metrics": found}
}

func (s *Server) upload(w http.ResponseWriter, r *http.Request) {
	content, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[r.PathValue("path")] = content
	reply(w, map[string]any{})
}
