// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package train

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path"
	"slices"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/runner/internal/illustrate"
	"github.com/trainyard-dev/trainyard/runner/internal/report"
	"github.com/trainyard-dev/trainyard/runner/internal/report/page"
)

// details gathers what the report shows besides figures. What can't be had is left out with a warning: a model of hours needs
// not be lost for its report.
func (r *attempt) details(ctx context.Context, t *trainer, data *data, out *exported, result *contract.TrainResult) *report.Details {
	details := &report.Details{Classes: sizesOf(data)}
	details.Measure(out.tally)
	details.Before = r.before(data, result)
	err := illustrate.Run{
		Tally: out.tally, Test: data.split.Test, Train: data.split.Train, Augmentation: augmentationOf(r.cfg.Dataset.Augmentation),
		Network: t.network, Shown: r.cfg.ShowsSamples(),
	}.Fill(ctx, details)
	if err != nil {
		r.log.Warn("The report has no pictures", "error", err)
	}
	return details
}

// before returns the run that was published before this one into the same folder, of the same classes.
func (r *attempt) before(data *data, result *contract.TrainResult) *report.Before {
	classes := data.dataset.Classes
	earlier, err := artifact.Earlier(r.cfg.Output.Path, func(m *contract.Manifest) bool {
		model := m.Result.Model
		return m.Run != r.cfg.Run && model != nil && model.ClassCount == len(classes) && slices.Equal(model.Classes, classes[:min(maxNamedClasses, len(classes))])
	})
	if err != nil {
		r.log.Warn("The report compares with no earlier run", "error", err)
	}
	if earlier == nil {
		return nil
	}
	before := &report.Before{Run: earlier.Run, Metrics: earlier.Result.Metrics}
	if d := earlier.Result.Dataset; d != nil {
		before.DatasetDigest = d.Digest
		before.SameDataset, before.SameTestImages = d.Digest == result.Dataset.Digest, d.TestSplitDigest == result.Dataset.TestSplitDigest
	}
	return before
}

// stageReport writes the report's files.
func (r *attempt) stageReport(staging *artifact.Staging, rep *report.Report, details *report.Details, result contract.TrainResult) error {
	add := func(name string, write func(io.Writer) error) error {
		_, err := staging.Add(path.Join(contract.ReportDir, name), write)
		return err
	}
	if err := rep.Write(add); err != nil {
		return err
	}
	// What can't be drawn is left out; what can't be written fails the run, as any file.
	drawn := func(name string, write func(io.Writer) error) error {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			r.log.Warn("Left out of the report", "file", name, "error", err)
			return nil
		}
		return add(name, func(w io.Writer) error {
			_, err := b.WriteTo(w)
			return err
		})
	}
	if err := rep.WriteDetails(details, drawn); err != nil {
		return err
	}
	return drawn(report.PageFile, func(w io.Writer) error {
		rendered, err := page.Render(page.Run{Run: r.cfg.Run, Result: result, Report: rep, Details: details})
		if err != nil {
			return fmt.Errorf("render: %w", err)
		}
		_, err = w.Write(rendered)
		return err
	})
}
