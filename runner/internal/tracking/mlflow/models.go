// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package mlflow

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// LoggedModel is a model as MLflow 3 keeps it beside runs.
type LoggedModel struct {
	ID          string `json:"model_id"`
	ArtifactURI string `json:"artifact_uri"`
	Status      string `json:"status"`
}

// States of a logged model.
const (
	modelReady        = "LOGGED_MODEL_READY"
	modelUploadFailed = "LOGGED_MODEL_UPLOAD_FAILED"
)

// LogModel makes the logged model of a run, or finds the one that the run has made, has upload bring its files to its artifacts
// and says that it is complete. It returns nil of a server that has no logged models, as MLflow 2.
func (c *Client) LogModel(ctx context.Context, run *Run, name string, params []Param, tags []Tag, upload func(*LoggedModel) error) (*LoggedModel, error) {
	model, err := c.ownModel(ctx, run, name, params, tags)
	if model == nil || err != nil || model.Status == modelReady {
		return model, err
	}
	if err := upload(model); err != nil {
		if IsFinal(err) {
			_ = c.setModelStatus(ctx, model.ID, modelUploadFailed) // that it can't be said changes nothing
		}
		return nil, err
	}
	if err := c.setModelStatus(ctx, model.ID, modelReady); err != nil {
		return nil, fmt.Errorf("finish the logged model: %w", err)
	}
	return model, nil
}

// ownModel returns the logged model of a run, which it makes unless the run has one.
func (c *Client) ownModel(ctx context.Context, run *Run, name string, params []Param, tags []Tag) (*LoggedModel, error) {
	var answer struct {
		Model struct {
			Info LoggedModel `json:"info"`
		} `json:"model"`
	}
	if len(run.Models) > 0 {
		if err := c.get(ctx, "logged-models/"+url.PathEscape(run.Models[0]), nil, &answer); err != nil {
			return nil, fmt.Errorf("look for the logged model: %w", err)
		}
		return &answer.Model.Info, nil
	}
	err := c.post(ctx, "logged-models", map[string]any{
		"experiment_id": run.ExperimentID, "name": name, "source_run_id": run.ID, "params": params, "tags": cutTags(tags),
	}, &answer)
	if isMissing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("create the logged model: %w", err)
	}
	model := &answer.Model.Info
	output := map[string]any{"run_id": run.ID, "models": []any{map[string]any{"model_id": model.ID, "step": 0}}}
	if err := c.post(ctx, "runs/outputs", output, nil); err != nil {
		return nil, fmt.Errorf("name the logged model in the run: %w", err)
	}
	run.Models = append(run.Models, model.ID)
	return model, nil
}

func (c *Client) setModelStatus(ctx context.Context, id, status string) error {
	return c.send(ctx, http.MethodPatch, "logged-models/"+url.PathEscape(id), map[string]any{"model_id": id, "status": status}, nil)
}

// Register makes a version of a registered model of a run's model, unless the run has one already. Model is nil where the server
// has no logged models; artifact is the folder of the model among the run's artifacts.
func (c *Client) Register(ctx context.Context, name string, run *Run, model *LoggedModel, artifact string, tags []Tag) error {
	err := c.post(ctx, "registered-models/create", map[string]any{"name": name}, nil)
	if err != nil && !hasCode(err, codeExists) {
		return fmt.Errorf("create registered model %s: %w", name, err)
	}
	var versions struct {
		Versions []struct {
			Name string `json:"name"`
		} `json:"model_versions"`
	}
	query := url.Values{"filter": {fmt.Sprintf("run_id = '%s'", run.ID)}, "max_results": {"100"}}
	if err := c.get(ctx, "model-versions/search", query, &versions); err != nil {
		return fmt.Errorf("look for versions of registered model %s: %w", name, err)
	}
	for _, v := range versions.Versions {
		if v.Name == name {
			return nil
		}
	}
	version := map[string]any{"name": name, "run_id": run.ID, "source": run.ArtifactURI + "/" + artifact, "tags": cutTags(tags)}
	if model != nil {
		version["source"], version["model_id"] = "models:/"+model.ID, model.ID
	}
	if err := c.post(ctx, "model-versions/create", version, nil); err != nil {
		return fmt.Errorf("register the model as a version of %s: %w", name, err)
	}
	return nil
}
