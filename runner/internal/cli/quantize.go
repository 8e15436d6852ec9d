// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/onnx"
	"github.com/trainyard-dev/trainyard/internal/quantize"
	"github.com/trainyard-dev/trainyard/runner/internal/evaluate"
	"github.com/trainyard-dev/trainyard/runner/internal/failure"
	"github.com/trainyard-dev/trainyard/runner/internal/images"
)

// quantizeOptions are the flags of quantize.
type quantizeOptions struct {
	model, out, data, result, logFormat string
	labels                              contract.Labels
	folders                             contract.SplitFolders
	generated                           contract.Generated
	split                               contract.Split
	batches                             evaluate.Batches
}

func (a *app) quantizeCommand() *cobra.Command {
	o := &quantizeOptions{generated: contract.DefaultGenerated(), split: contract.DefaultTrainConfig().Dataset.Split}
	command := &cobra.Command{
		Use:   "quantize --model FILE --out FILE",
		Short: "Turn a published model into one that computes with 8 bits",
		Long: "Turns a published float32 model into one that computes with 8 bits, as standard ONNX (QDQ).\n\n" +
			"The data are split as in training: ranges are taken from the validation part, and both models are measured on\n" +
			"the test part. Give the data and the shares that the model was trained with, so that it has seen neither.",
		Example: "  runner quantize --model models/local-1a2b3c4d/model.onnx --out out/model-int8.onnx --data pets",
		Args:    cobra.NoArgs,
	}
	flags := command.Flags()
	command.RunE = a.action(func(ctx context.Context) error {
		if o.data == "" && !slices.ContainsFunc(generatedFlags, flags.Changed) {
			return failure.Config(fmt.Errorf("no images: name a folder with --data, or generate pictures with --samples-per-class"))
		}
		return a.quantize(ctx, o)
	})
	flags.SortFlags = false
	flags.StringVar(&o.model, "model", "", "Model file, model.onnx of a float32 artifact.")
	flags.StringVar(&o.out, "out", "", "File to write the quantized model to.")
	flags.StringVar(&o.data, "data", "", "Folder of class folders.")
	labelFlags(flags, &o.labels)
	generateFlags(flags, &o.generated)
	flags.IntVar(&o.split.ValidationPercent, "validation-percent", o.split.ValidationPercent, "Share of images to take ranges from.")
	flags.IntVar(&o.split.TestPercent, "test-percent", o.split.TestPercent, "Share of images to measure both models on.")
	flags.Int64Var(&o.split.Seed, "split-seed", o.split.Seed, "Seed of the split.")
	splitFolderFlags(flags, &o.folders)
	flags.IntVar(&o.batches.Size, "batch-size", contract.DefaultTrainConfig().Training.BatchSize, "Number of images computed together.")
	flags.IntVar(&o.batches.Workers, "workers", 0, "Number of goroutines that decode images. 0 means one per CPU.")
	flags.StringVar(&o.result, "result", "", "File to write the result to, as JSON.")
	flags.StringVar(&o.logFormat, "log-format", "", "Format of the log: text or json.")
	for _, name := range []string{"model", "out"} {
		_ = command.MarkFlagRequired(name) // fails for unknown flags only
	}
	return command
}

// quantizeResult is what quantize writes as JSON.
type quantizeResult struct {
	Version int `json:"version"`
	// Model is the file that was written.
	Model string `json:"model"`
	// CalibrationSamples is the number of images that ranges were taken from, TestSamples that of those measured on.
	CalibrationSamples int            `json:"calibrationSamples"`
	TestSamples        int            `json:"testSamples"`
	Float32            quantizedModel `json:"float32"`
	Int8               quantizedModel `json:"int8"`
}

// quantizedModel is one side of a comparison.
type quantizedModel struct {
	SizeBytes int               `json:"sizeBytes"`
	Metrics   []contract.Metric `json:"metrics"`
}

func (a *app) quantize(ctx context.Context, o *quantizeOptions) error {
	log, _, err := a.logger(o.logFormat)
	if err != nil {
		return err
	}
	if err := artifact.CheckNew(o.out); err != nil { // before all the work
		return failure.Config(fmt.Errorf("--out: %w", err))
	}
	if err := checkToWrite("result", o.result); err != nil {
		return failure.Config(err)
	}
	float, _, err := artifact.ReadVerified(o.model, "", onnx.MaxFileBytes)
	if err != nil {
		return failure.Artifact(fmt.Errorf("read model: %w", err))
	}
	classifier, err := evaluate.ReadModel(float, 0)
	if err != nil {
		return failure.Artifact(fmt.Errorf("%s: %w", o.model, err))
	}
	split, err := o.images(ctx, log, classifier)
	if err != nil {
		return err
	}
	log.Info("Quantizing", "model", o.model, "architecture", classifier.Metadata.Architecture, "calibration", quantize.Samples(split.Validation).Len(),
		"test", split.Test.Len())
	quantized, err := quantize.WithImages(ctx, float, split.Validation, o.batches.Workers)
	if err != nil {
		return failure.Artifact(fmt.Errorf("%s: %w", o.model, err))
	}
	before, err := evaluate.Score(ctx, classifier, split.Test, o.batches)
	if err != nil {
		return failure.Dataset(err)
	}
	metadata := *classifier.Metadata
	if metadata.Temperature != 0 {
		if metadata.Temperature, err = o.recalibrate(ctx, log, quantized, split); err != nil {
			return err
		}
	}
	after, err := evaluate.MeasureQuantized(ctx, quantized, metadata, split.Test, before, o.batches)
	if err != nil {
		return err
	}
	if err := artifact.WriteNew(o.out, after.Model); err != nil {
		return failure.Output(fmt.Errorf("write model: %w", err))
	}
	result := quantizeResult{
		Version: contract.Version, Model: o.out, CalibrationSamples: quantize.Samples(split.Validation).Len(), TestSamples: split.Test.Len(),
		Float32: quantizedModel{SizeBytes: len(float), Metrics: before.CalibratedMetrics(classifier.Metadata.Temperature)},
		Int8:    quantizedModel{SizeBytes: len(after.Model), Metrics: after.Metrics},
	}
	a.printQuantized(result)
	if o.result == "" {
		return nil
	}
	encoded, err := json.MarshalIndent(result, "", "  ")
	if err != nil {
		return err
	}
	return failure.Output(os.WriteFile(o.result, append(encoded, '\n'), 0o644))
}

// recalibrate is the temperature of the quantized form of a model that has one.
func (o *quantizeOptions) recalibrate(ctx context.Context, log *slog.Logger, quantized []byte, split dataset.Split) (float64, error) {
	model, err := evaluate.ReadModel(quantized, 0)
	if err != nil {
		return 0, failure.Artifact(fmt.Errorf("read the quantized model back: %w", err))
	}
	calibration, err := evaluate.Calibrate(ctx, model, split.Validation, o.batches)
	if err != nil {
		return 0, err
	}
	if calibration.Warning != "" {
		log.Warn("Model: " + calibration.Warning)
	}
	return calibration.Temperature, nil
}

// dataset is the folder that was given, or generated pictures.
func (o *quantizeOptions) dataset() contract.Dataset {
	if o.data != "" {
		return contract.Dataset{Path: o.data, Labels: givenLabels(o.labels), Split: contract.Split{Folders: givenFolders(o.folders)}}
	}
	return contract.Dataset{Generated: &o.generated}
}

// images opens and splits the data, which must have the model's classes.
func (o *quantizeOptions) images(ctx context.Context, log *slog.Logger, model *evaluate.Model) (dataset.Split, error) {
	opened, err := openImages(ctx, log, model, images.Request{Dataset: o.dataset(), Workers: o.batches.Workers})
	if err != nil {
		return dataset.Split{}, err
	}
	split, err := opened.Split(images.SplitConfig(o.split))
	return split, failure.Dataset(err)
}

// printQuantized shows both models side by side.
func (a *app) printQuantized(r quantizeResult) {
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\tfloat32\tint8")
	for i, m := range r.Float32.Metrics {
		fmt.Fprintf(table, "%s\t%.4f\t%.4f\n", m.Name, m.Value, r.Int8.Metrics[i].Value)
	}
	fmt.Fprintf(table, "bytes\t%d\t%d\n", r.Float32.SizeBytes, r.Int8.SizeBytes)
	_ = table.Flush() // a reader that is gone needs no error
	fmt.Fprintf(a.stdout, "\nmodel    %s\n", r.Model)
}
