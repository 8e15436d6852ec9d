// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package train

import (
	"context"
	"fmt"
	"slices"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/onnx"
	"github.com/trainyard-dev/trainyard/internal/quantize"
	"github.com/trainyard-dev/trainyard/runner/internal/evaluate"
	"github.com/trainyard-dev/trainyard/runner/internal/failure"
	"github.com/trainyard-dev/trainyard/runner/internal/metrics"
)

// exported is a trained network as files, with what was measured on the test split.
type exported struct {
	// model is the one to publish, float the network as it was trained; they are the same unless the model is quantized.
	model, float []byte
	quantized    bool
	// tally and metrics are those of model.
	tally                 *metrics.Tally
	metrics, floatMetrics []contract.Metric
	// calibration is that of model, nil if it has none.
	calibration *evaluate.Calibration
}

// export writes the network, whose float32 form scored tally, as the model to publish.
func (r *attempt) export(ctx context.Context, t *trainer, data *data, tally *metrics.Tally) (*exported, error) {
	out := &exported{tally: tally}
	metadata := r.metadata(data, tally.Metrics())
	var err error
	if metadata.Temperature, err = r.calibrate(ctx, out, evaluate.Network{Network: t.network}, t, data); err != nil {
		return nil, err
	}
	out.metrics, out.floatMetrics = tally.CalibratedMetrics(metadata.Temperature), tally.CalibratedMetrics(metadata.Temperature)
	if out.float, err = onnx.Encode(t.network, metadata); err != nil {
		return nil, failure.Artifact(err)
	}
	out.model = out.float
	if r.cfg.Output.Quantization != contract.QuantizationInt8 {
		return out, nil
	}
	return out, r.quantize(ctx, out, metadata, t, data)
}

// quantize makes a model of 8 bits of the float32 one to be published in its place, with a temperature of its own.
func (r *attempt) quantize(ctx context.Context, out *exported, metadata onnx.Metadata, t *trainer, data *data) error {
	// Ranges come from the validation split: the network has not been trained on it, and the test split stays unseen.
	quantized, err := quantize.WithImages(ctx, out.float, data.split.Validation, t.cfg.Workers)
	if err != nil {
		return failure.Artifact(err)
	}
	read, err := evaluate.ReadModel(quantized, 0)
	if err != nil {
		return failure.Artifact(fmt.Errorf("read the quantized model back: %w", err))
	}
	if metadata.Temperature, err = r.calibrate(ctx, out, read, t, data); err != nil {
		return err
	}
	measured, err := evaluate.MeasureQuantized(ctx, quantized, metadata, data.split.Test, out.tally, t.batches())
	if err != nil {
		return err
	}
	out.quantized, out.model, out.tally, out.metrics = true, measured.Model, measured.Tally, measured.Metrics
	return nil
}

// calibrate fits a temperature to a classifier, if the run asks for one, and returns it, or 0.
func (r *attempt) calibrate(ctx context.Context, out *exported, classifier evaluate.Classifier, t *trainer, data *data) (float64, error) {
	if r.cfg.Output.Calibration != contract.CalibrationTemperature {
		return 0, nil
	}
	calibration, err := evaluate.Calibrate(ctx, classifier, data.split.Validation, t.batches())
	if err != nil {
		return 0, err
	}
	out.calibration = calibration
	return calibration.Temperature, nil
}

// event is what observers are told of the export, whose classes have the given names.
func (e *exported) event(classes []string) Evaluated {
	event := Evaluated{Metrics: slices.Clone(e.metrics), SizeBytes: len(e.model)}
	if e.quantized {
		event.Float32 = &Evaluated{Metrics: slices.Clone(e.floatMetrics), SizeBytes: len(e.float)}
	}
	for i, class := range e.tally.Classes() {
		event.Classes = append(event.Classes, ClassMeasured{Name: classes[i], Class: class})
	}
	return event
}
