// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package train

import (
	"context"
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
}

// export writes the network, whose float32 form scored tally, as the model to publish.
func (r *attempt) export(ctx context.Context, t *trainer, data *data, tally *metrics.Tally) (*exported, error) {
	out := &exported{tally: tally, metrics: tally.Metrics(), floatMetrics: tally.Metrics()}
	metadata := r.metadata(data, out.metrics)
	var err error
	if out.float, err = onnx.Encode(t.network, metadata); err != nil {
		return nil, failure.Artifact(err)
	}
	out.model = out.float
	if r.cfg.Output.Quantization != contract.QuantizationInt8 {
		return out, nil
	}
	// Ranges come from the validation split: the network has not been trained on it, and the test split stays unseen.
	quantized, err := quantize.WithImages(ctx, out.float, data.split.Validation, t.cfg.Workers)
	if err != nil {
		return nil, failure.Artifact(err)
	}
	measured, err := evaluate.MeasureQuantized(ctx, quantized, metadata, data.split.Test, tally, t.batches())
	if err != nil {
		return nil, err
	}
	out.quantized, out.model, out.tally, out.metrics = true, measured.Model, measured.Tally, measured.Metrics
	return out, nil
}

// event is what observers are told of the export.
func (e *exported) event() Evaluated {
	event := Evaluated{Metrics: slices.Clone(e.metrics), SizeBytes: len(e.model)}
	if e.quantized {
		event.Float32 = &Evaluated{Metrics: slices.Clone(e.floatMetrics), SizeBytes: len(e.float)}
	}
	return event
}
