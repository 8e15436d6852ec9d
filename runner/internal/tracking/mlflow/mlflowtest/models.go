// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package mlflowtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

func (s *Server) createModel(_ *http.Request, in map[string]json.RawMessage) any {
	id := fmt.Sprintf("m-%032x", len(s.models)+1)
	s.models[id] = map[string]any{
		"model_id": id, "experiment_id": text(in, "experiment_id"), "name": text(in, "name"), "status": "LOGGED_MODEL_PENDING",
		"source_run_id": text(in, "source_run_id"), "artifact_uri": fmt.Sprintf("mlflow-artifacts:/%s/models/%s/artifacts", text(in, "experiment_id"), id),
	}
	return map[string]any{"model": map[string]any{"info": s.models[id]}}
}

func (s *Server) getModel(r *http.Request, _ map[string]json.RawMessage) any {
	model := s.models[r.PathValue("id")]
	if model == nil {
		return missing("model")
	}
	return map[string]any{"model": map[string]any{"info": model}}
}

func (s *Server) finishModel(r *http.Request, in map[string]json.RawMessage) any {
	model := s.models[r.PathValue("id")]
	if model == nil {
		return missing("model")
	}
	model["status"] = text(in, "status")
	return map[string]any{"model": map[string]any{"info": model}}
}

func (s *Server) logOutputs(_ *http.Request, in map[string]json.RawMessage) any {
	r := s.find(text(in, "run_id"))
	if r == nil {
		return missing("run")
	}
	var models []any
	_ = json.Unmarshal(in["models"], &models)
	r.models = append(r.models, models...)
	return map[string]any{}
}

func (s *Server) createRegistered(_ *http.Request, in map[string]json.RawMessage) any {
	name := text(in, "name")
	if _, ok := s.registered[name]; ok {
		return answer{http.StatusBadRequest, "RESOURCE_ALREADY_EXISTS", name + " exists"}
	}
	s.registered[name] = nil
	return map[string]any{"registered_model": map[string]any{"name": name}}
}

func (s *Server) searchVersions(r *http.Request, _ map[string]json.RawMessage) any {
	found := []any{}
	for _, versions := range s.registered {
		for _, v := range versions {
			if strings.Contains(r.URL.Query().Get("filter"), fmt.Sprintf("'%s'", v["run_id"])) {
				found = append(found, v)
			}
		}
	}
	return map[string]any{"model_versions": found}
}

func (s *Server) createVersion(_ *http.Request, in map[string]json.RawMessage) any {
	name := text(in, "name")
	if _, ok := s.registered[name]; !ok {
		return missing("registered model")
	}
	version := map[string]any{
		"name": name, "version": strconv.Itoa(len(s.registered[name]) + 1), "run_id": text(in, "run_id"), "source": text(in, "source"),
	}
	s.registered[name] = append(s.registered[name], version)
	return map[string]any{"model_version": version}
}
