// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/memory"
	"github.com/trainyard-dev/trainyard/internal/version"
	"github.com/trainyard-dev/trainyard/runner/internal/evaluate"
	"github.com/trainyard-dev/trainyard/runner/internal/failure"
	"github.com/trainyard-dev/trainyard/runner/internal/images"
	"github.com/trainyard-dev/trainyard/runner/internal/metrics"
	"github.com/trainyard-dev/trainyard/runner/internal/report"
)

// evaluateOptions are the flags of evaluate.
type evaluateOptions struct {
	model, data, report, logFormat string
	labels                         contract.Labels
	batches                        evaluate.Batches
}

func (a *app) evaluateCommand() *cobra.Command {
	o := &evaluateOptions{}
	command := &cobra.Command{
		Use:     "evaluate --model FILE --data FOLDER",
		Short:   "Measure a published model on a folder of class folders",
		Example: "  runner evaluate --model models/local-1a2b3c4d/model.onnx --data pets --report out/report",
		Args:    cobra.NoArgs,
		RunE:    a.action(func(ctx context.Context) error { return a.evaluate(ctx, o) }),
	}
	flags := command.Flags()
	flags.SortFlags = false
	flags.StringVar(&o.model, "model", "", "Model file, model.onnx of an artifact.")
	flags.StringVar(&o.data, "data", "", "Folder of class folders, of the model's classes or some of them; all images in it are used, or the test part if it is split.")
	labelFlags(flags, &o.labels)
	flags.StringVar(&o.report, "report", "", "Folder to write a report to.")
	flags.IntVar(&o.batches.Size, "batch-size", contract.DefaultTrainConfig().Training.BatchSize, "Number of images computed together.")
	flags.IntVar(&o.batches.Workers, "workers", 0, "Number of goroutines that decode images. 0 means one per CPU.")
	flags.StringVar(&o.logFormat, "log-format", "", "Format of the log: text or json.")
	for _, name := range []string{"model", "data"} {
		_ = command.MarkFlagRequired(name) // fails for unknown flags only
	}
	return command
}

func (a *app) evaluate(ctx context.Context, o *evaluateOptions) error {
	log, _, err := a.logger(o.logFormat)
	if err != nil {
		return err
	}
	classifier, err := evaluate.LoadModel(o.model, 0)
	if err != nil {
		return failure.Artifact(err)
	}
	images, err := openImages(ctx, log, classifier, images.Request{
		Dataset: contract.Dataset{Path: o.data, Labels: givenLabels(o.labels)}, AnySize: true, Workers: o.batches.Workers,
	})
	if err != nil {
		return err
	}
	measured := images.HeldOut()
	log.Info("Evaluating", "model", o.model, "architecture", classifier.Metadata.Architecture, "images", measured.Len(),
		"skipped", images.Skipped.Count)
	tally, err := evaluate.Score(ctx, classifier, measured, o.batches)
	if err != nil {
		return failure.Dataset(err)
	}
	rep := &report.Report{Program: version.String(), Dataset: report.DescribeDataset(images), Warnings: images.Warnings}
	rep.Measure(tally)
	rep.Metrics = tally.CalibratedMetrics(classifier.Metadata.Temperature)
	if warning := tally.NoBetterThanChance(images.Classes); warning != "" {
		log.Warn("Model: " + warning)
		rep.Warnings = append(slices.Clone(rep.Warnings), warning)
	}
	a.printMetrics(rep.Metrics)
	fmt.Fprintln(a.stdout)
	a.printConfusion(images.Classes, tally)
	if o.report == "" {
		return nil
	}
	return failure.Output(writeReport(o.report, rep))
}

// openImages opens images with a model's classes and preprocessing.
func openImages(ctx context.Context, log *slog.Logger, model *evaluate.Model, request images.Request) (*dataset.Dataset, error) {
	request.MemoryBytes = memory.Limit()
	memory.BoundHeap(request.MemoryBytes)
	request.Preprocess, request.Classes = model.Metadata.Preprocess, model.Metadata.Classes
	return images.Open(ctx, log, request)
}

// printConfusion shows the confusion matrix: a row for each true class, a column for each predicted one.
func (a *app) printConfusion(classes []string, tally *metrics.Tally) {
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "true \\ predicted\t%s\t\n", strings.Join(classes, "\t"))
	for i, row := range tally.Confusion {
		fmt.Fprintf(table, "%s\t", classes[i])
		for _, n := range row {
			fmt.Fprintf(table, "%d\t", n)
		}
		fmt.Fprintln(table)
	}
	_ = table.Flush() // a reader that is gone needs no error
}

// writeReport writes a report into the folder dir.
func writeReport(dir string, rep *report.Report) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return rep.Write(func(name string, write func(io.Writer) error) (err error) {
		file, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		defer func() {
			if closeErr := file.Close(); err == nil {
				err = closeErr
			}
		}()
		return write(file)
	})
}
