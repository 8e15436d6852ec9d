// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"text/tabwriter"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/text"
	"github.com/trainyard-dev/trainyard/runner/internal/report"
	"github.com/trainyard-dev/trainyard/runner/internal/train"
)

const (
	// maxClassesShown at the end of a run: the report has all.
	maxClassesShown = 20
	// maxClassShown is how much of a class's name is shown, in bytes.
	maxClassShown = 40
)

// measured keeps what a run was told of the test images, for its last words.
type measured struct{ classes []train.ClassMeasured }

// Observe implements train.Observer.
func (m *measured) Observe(event train.Event) error {
	if e, ok := event.(train.Evaluated); ok {
		m.classes = e.Classes
	}
	return nil
}

// logResult ends the log with the metrics and the classes of a published model, a line for each.
func (a *app) logResult(log *slog.Logger, m *measured) {
	for _, metric := range a.result.Metrics {
		args := []any{"metric", metric.Name, "value", metric.Value}
		if i := metric.Interval; i != (contract.Interval{}) {
			args = append(args, "low", i.Low, "high", i.High)
		}
		log.Info("Result", args...)
	}
	for _, c := range m.classes[:min(len(m.classes), maxClassesShown)] {
		log.Info("Result", "class", text.Clean(c.Name, maxClassShown), "images", c.Support, "precision", c.Precision, "recall", c.Recall, "f1", c.F1)
	}
}

// printResult shows the model that a run of cfg has published to a person.
func (a *app) printResult(cfg contract.TrainConfig, m *measured) {
	digest := ""
	if d := a.result.Dataset; d != nil {
		digest = d.Digest
	}
	dir := filepath.Join(cfg.Output.Path, contract.ArtifactName(train.Identify(cfg, digest)))
	if cfg.Output.InBucket() {
		fmt.Fprintf(a.stdout, "\npublished  %s\n", a.result.Model.URI)
	}
	fmt.Fprintln(a.stdout)
	a.printMetrics(a.result.Metrics)
	a.printClasses(m.classes)
	if recorded := a.result.MLflow; recorded != nil && recorded.URL != "" {
		fmt.Fprintf(a.stdout, "\nmlflow   %s", recorded.URL)
	}
	model := filepath.Join(dir, contract.ModelFile)
	if _, err := os.Stat(model); err != nil && cfg.Output.InBucket() { // another run has published it, and kept the copy
		fmt.Fprintf(a.stdout, "\nmodel    %s\nsha256   %s\n", a.result.Model.URI, a.result.Model.SHA256)
		return
	}
	fmt.Fprintf(a.stdout, "\nmodel    %s\nsha256   %s\nreport   %s\n", model, a.result.Model.SHA256, reportPlace(dir))
}

// reportPlace is the page of an artifact's report, or the folder of one that has no page.
func reportPlace(dir string) string {
	page := filepath.Join(dir, contract.ReportDir, report.PageFile)
	if _, err := os.Stat(page); err != nil {
		return filepath.Dir(page)
	}
	return page
}

func (a *app) printMetrics(metrics []contract.Metric) {
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for _, m := range metrics {
		fmt.Fprintf(table, "%s\t%.4f", m.Name, m.Value)
		if m.Interval != (contract.Interval{}) {
			fmt.Fprintf(table, "\t%.4f to %.4f with 95 %% confidence", m.Interval.Low, m.Interval.High)
		}
		fmt.Fprintln(table)
	}
	_ = table.Flush() // a reader that is gone needs no error
}

func (a *app) printClasses(classes []train.ClassMeasured) {
	if len(classes) == 0 {
		return
	}
	fmt.Fprintln(a.stdout)
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "class\timages\tprecision\trecall\tf1\t\n")
	for _, c := range classes[:min(len(classes), maxClassesShown)] {
		fmt.Fprintf(table, "%s\t%d\t%.4f\t%.4f\t%.4f\t\n", text.Clean(c.Name, maxClassShown), c.Support, c.Precision, c.Recall, c.F1)
	}
	_ = table.Flush() // a reader that is gone needs no error
	if more := len(classes) - maxClassesShown; more > 0 {
		fmt.Fprintf(a.stdout, "and %d more in the report\n", more)
	}
}
