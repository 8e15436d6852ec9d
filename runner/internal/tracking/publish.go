// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package tracking

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/onnx"
	"github.com/trainyard-dev/trainyard/runner/internal/tracking/mlflow"
)

// modelFolder is the model's folder among the artifacts of a run, and the name of its logged model.
const modelFolder = "model"

// publish uploads the report and the model, and registers that.
func (d *delivery) publish(ctx context.Context, p *publication) error {
	if err := d.open(ctx); err != nil || d.over {
		return err
	}
	folder := p.Folder
	if _, err := os.Stat(folder); err != nil && d.root != "" {
		folder = filepath.Join(d.root, p.Name) // mounted elsewhere
	}
	files, err := reportFiles(folder)
	if err == nil {
		var model []mlflow.File
		if model, err = d.modelFiles(folder, p, ""); err == nil {
			for _, f := range model {
				f.Path = path.Join(modelFolder, f.Path)
				files = append(files, f)
			}
		}
	}
	if err != nil { // it was removed, or can't be read: the rest of the record is worth having
		return d.note(fmt.Errorf("%w: %w", mlflow.ErrArtifacts, err))
	}
	if err := d.note(d.upload(ctx, d.run.ArtifactURI, files)); err != nil {
		return err
	}
	if err := d.note(d.client.SetTags(ctx, d.run.ID, p.Tags)); err != nil {
		return err
	}
	return d.logModel(ctx, folder, p)
}

// logModel keeps the model as MLflow 3 does, where the server can, and registers it.
func (d *delivery) logModel(ctx context.Context, folder string, p *publication) error {
	model, err := d.client.LogModel(ctx, d.run, modelFolder, d.start.Params, p.Tags, func(m *mlflow.LoggedModel) error {
		files, err := d.modelFiles(folder, p, m.ID)
		if err != nil {
			return fmt.Errorf("%w: %w", mlflow.ErrArtifacts, err)
		}
		return d.upload(ctx, m.ArtifactURI, files)
	})
	if err != nil {
		return d.note(err)
	}
	d.progress()
	if d.start.RegisteredModel == "" || !p.Register {
		return nil
	}
	return d.note(d.client.Register(ctx, d.start.RegisteredModel, d.run, model, modelFolder, p.Tags))
}

// upload brings files to artifacts that haven't been.
func (d *delivery) upload(ctx context.Context, to string, files []mlflow.File) error {
	for _, f := range files {
		uri := to + "/" + f.Path
		if d.uploaded[uri] {
			continue
		}
		if err := d.client.Upload(ctx, to, []mlflow.File{f}); err != nil {
			return err
		}
		d.progress()
		d.uploaded[uri] = true
	}
	return nil
}

// reportFiles are the report and its pictures.
func reportFiles(folder string) ([]mlflow.File, error) {
	entries, err := os.ReadDir(filepath.Join(folder, contract.ReportDir))
	if err != nil {
		return nil, err
	}
	var files []mlflow.File
	for _, entry := range entries {
		if !entry.Type().IsRegular() {
			continue
		}
		f, err := mlflow.LocalFile(path.Join(contract.ReportDir, entry.Name()), filepath.Join(folder, contract.ReportDir, entry.Name()))
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// modelFiles are the files of a folder that MLflow loads the model from: of the run, or of a logged model.
func (d *delivery) modelFiles(folder string, p *publication, modelID string) ([]mlflow.File, error) {
	model, err := mlflow.LocalFile(contract.ModelFile, filepath.Join(folder, contract.ModelFile))
	if err != nil {
		return nil, err
	}
	description := mlflow.ONNXModel{
		File: contract.ModelFile, RunID: d.run.ID, ModelID: modelID, UUID: p.Model.SHA256[:min(len(p.Model.SHA256), 32)],
		SizeBytes: p.Model.SizeBytes, Created: time.UnixMilli(p.Time),
		Input: onnx.InputName, InputShape: []int{-1, 3, p.ImageSize, p.ImageSize},
		Output: onnx.OutputName, OutputShape: []int{-1, p.Model.ClassCount},
	}
	return []mlflow.File{mlflow.TextFile(mlflow.ModelFile, description.Describe()), model}, nil
}
