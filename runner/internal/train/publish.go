// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package train

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/onnx"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
	"github.com/trainyard-dev/trainyard/internal/version"
	"github.com/trainyard-dev/trainyard/runner/internal/evaluate"
	"github.com/trainyard-dev/trainyard/runner/internal/failure"
	"github.com/trainyard-dev/trainyard/runner/internal/report"
)

const (
	// maxNamedClasses is how many class names a result holds.
	maxNamedClasses = 20
	// maxSampleBytes keeps an image out of the samples that a server with the default limit on requests would refuse.
	maxSampleBytes = 4 << 20
	// maxSamplesBytes bounds the samples in memory and on disk.
	maxSamplesBytes = 64 << 20
)

// publish evaluates the best weights on the test split and publishes model, samples and report. It fills in result.
func (r *attempt) publish(ctx context.Context, staging *artifact.Staging, t *trainer, data *data, result *contract.TrainResult) error {
	if err := t.keepBest(); err != nil {
		return fmt.Errorf("restore the best weights: %w", err)
	}
	tally, err := evaluate.Score(ctx, evaluate.Network{Network: t.network}, data.split.Test, t.batches())
	if err != nil {
		return failure.Dataset(fmt.Errorf("evaluate on the test split: %w", err))
	}
	if err := t.checkMeasured(tally.Loss()); err != nil {
		return err
	}
	out, err := r.export(ctx, t, data, tally)
	if err != nil {
		return err
	}
	published := *result
	published.Checkpoint = nil // checkpoints go with the publication
	trained := t.position()
	published.Trained = &trained
	published.Metrics = out.metrics
	published.Chance = out.tally.Chance(data.dataset.Classes)
	r.events.tell(out.event(data.dataset.Classes))
	published.Warnings = r.warnings(t, data, out)

	samples, err := r.samples(ctx, out, t, data)
	if err != nil {
		return err
	}
	if err := r.stage(staging, out, samples, &published); err != nil {
		return failure.Output(err)
	}
	checkGates(r.cfg.Gates, &published)
	details := r.details(ctx, t, data, out, &published)
	if err := r.stageReport(staging, r.report(t, data, out, published.Warnings), details, published); err != nil {
		return failure.Output(err)
	}
	if err := staging.Publish(published); err != nil {
		return failure.Output(err)
	}
	if err := r.publishToBucket(ctx, staging.Dir()); err != nil {
		return failure.Output(err)
	}
	*result = published
	return nil
}

// metadata is what the model file says about itself.
func (r *attempt) metadata(data *data, measured []contract.Metric) onnx.Metadata {
	return onnx.Metadata{
		Classes: data.dataset.Classes, Preprocess: data.spec, Metrics: contract.ModelMetrics(measured), DatasetDigest: data.dataset.Digest,
		Run: contract.ArtifactName(r.cfg.Run), Architecture: r.cfg.Model.Architecture, Version: version.String(),
	}
}

// report is the run's report.
func (r *attempt) report(t *trainer, data *data, out *exported, warnings []string) *report.Report {
	rep := &report.Report{
		Program:  version.String(),
		Config:   &r.cfg,
		Dataset:  describe(data),
		Warnings: warnings,
		History:  &report.History{KernelSet: t.network.Workspace().Set(), Epochs: t.state.History, BestEpoch: t.state.Best, Divergences: t.state.Divergences},
	}
	rep.Measure(out.tally)
	rep.Metrics = out.metrics
	if out.quantized {
		rep.Float32Metrics = out.floatMetrics
	}
	if c := out.calibration; c != nil {
		rep.Calibrate(c.Temperature, c.Validation, out.tally)
	}
	return rep
}

func describe(d *data) report.Dataset {
	described := report.DescribeDataset(d.dataset)
	described.Train, described.Validation, described.Test = d.split.Train.Len(), d.split.Validation.Len(), d.split.Test.Len()
	described.ClassSizes = d.sizes
	return described
}

// stage writes the model and its samples and describes them in result.
func (r *attempt) stage(staging *artifact.Staging, out *exported, samples *artifact.Samples, result *contract.TrainResult) error {
	uri := func(name string) string { return contract.ArtifactURI(r.cfg.Output, r.cfg.Run, name) }

	add := func(name string, model []byte) (contract.File, error) {
		return staging.Add(name, func(w io.Writer) error {
			_, err := bytes.NewReader(model).WriteTo(w)
			return err
		})
	}
	file, err := add(contract.ModelFile, out.model)
	if err != nil {
		return err
	}
	if out.quantized {
		if _, err := add(contract.FloatModelFile, out.float); err != nil {
			return err
		}
	}
	result.Model = &contract.ModelResult{
		URI: uri(contract.ModelFile), SHA256: file.SHA256, SizeBytes: file.SizeBytes, ClassCount: len(samples.Classes),
		Classes: samples.Classes[:min(maxNamedClasses, len(samples.Classes))],
	}
	file, err = staging.Add(contract.SamplesFile, func(w io.Writer) error { return artifact.WriteSamples(w, samples) })
	if err != nil {
		return err
	}
	result.Model.Samples = &contract.SamplesResult{URI: uri(contract.SamplesFile), SHA256: file.SHA256, Count: len(samples.Items)}
	return nil
}

// samples picks images of the test split, every class with its share, and records what the model as published answers.
func (r *attempt) samples(ctx context.Context, out *exported, t *trainer, data *data) (*artifact.Samples, error) {
	float, err := evaluate.ReadModel(out.float, 0)
	if err != nil {
		return nil, failure.Artifact(fmt.Errorf("read the exported model back: %w", err))
	}
	published, err := evaluate.ReadModel(out.model, 0)
	if err != nil {
		return nil, failure.Artifact(fmt.Errorf("read the published model back: %w", err))
	}
	samples := &artifact.Samples{Classes: data.dataset.Classes, Decoding: preprocess.Decoding}
	var changed error
	tensor := make([]float32, data.spec.TensorLen())
	total := 0
	test := data.split.Test.Indices // sorted by class, so even steps give each class its share
	count := min(len(test), artifact.MaxSamples)
	for i := range count {
		sample := test[i*len(test)/count]
		file, err := data.dataset.File(ctx, sample)
		if errors.Is(err, dataset.ErrChanged) {
			// The model was measured on what the digest names, in memory: a run of hours needs not fail for its samples.
			r.log.Warn("Test image left out of the samples", "error", err)
			changed = err
			continue
		}
		if err != nil {
			return nil, failure.Dataset(err)
		}
		if len(file) > maxSampleBytes || total+len(file) > maxSamplesBytes {
			continue
		}
		total += len(file)
		if err := data.dataset.Tensor(ctx, tensor, file); err != nil {
			return nil, failure.Dataset(fmt.Errorf("decode sample %s: %w", dataset.Shown(data.dataset.Samples[sample].Name), err))
		}
		logits, err := agreedLogits(evaluate.Network{Network: t.network}, float, tensor)
		if err == nil && out.quantized {
			logits, err = publishedLogits(published, tensor)
		}
		if err != nil {
			return nil, failure.Artifact(fmt.Errorf("sample %s: %w", dataset.Shown(data.dataset.Samples[sample].Name), err))
		}
		samples.Items = append(samples.Items, artifact.Sample{
			Image: file, Label: data.dataset.Classes[data.dataset.Samples[sample].Label], Logits: logits,
		})
	}
	if changed != nil && len(samples.Items) == 0 {
		return nil, failure.Dataset(changed)
	}
	return samples, nil
}

// agreedLogits returns the exported model's logits for one image if the trained network's agree with them.
func agreedLogits(network, exported evaluate.Classifier, image []float32) ([]float32, error) {
	want, err := network.Logits(image, 1)
	if err != nil {
		return nil, err
	}
	got, err := exported.Logits(image, 1)
	if err != nil {
		return nil, err
	}
	scale := 1.0
	for _, v := range want {
		scale = max(scale, math.Abs(float64(v)))
	}
	for i := range got {
		// Written so that NaN fails too.
		if !(math.Abs(float64(got[i]-want[i])) <= contract.LogitTolerance*scale) {
			return nil, errors.New("the exported model answers otherwise than the trained network")
		}
	}
	return append([]float32(nil), got...), nil
}

// publishedLogits returns a quantized model's logits for one image, which nothing else computes alike.
func publishedLogits(published evaluate.Classifier, image []float32) ([]float32, error) {
	logits, err := published.Logits(image, 1)
	if err != nil {
		return nil, err
	}
	for _, v := range logits {
		if v-v != 0 {
			return nil, errors.New("the quantized model's answer is not finite")
		}
	}
	return append([]float32(nil), logits...), nil
}
