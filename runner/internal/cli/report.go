// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/runner/internal/failure"
	"github.com/trainyard-dev/trainyard/runner/internal/report"
	"github.com/trainyard-dev/trainyard/runner/internal/report/page"
)

// maxReportBytes bounds a file that a page is made from.
const maxReportBytes = 64 << 20

func (a *app) reportCommand() *cobra.Command {
	var out string
	command := &cobra.Command{
		Use:   "report FOLDER",
		Short: "Make the page of a published run's report again",
		Long: "Makes report.html of the artifact in a folder, from what the artifact says. It verifies the artifact and leaves it as it is.\n" +
			"One that was published before there were pages gets one too, with less in it.",
		Example: "  runner report models/local-1a2b3c4d --out pets.html\n" +
			"  runner report models/local-1a2b3c4d --out - > pets.html",
		Args: cobra.ExactArgs(1),
	}
	command.RunE = func(cmd *cobra.Command, args []string) error {
		return a.action(func(context.Context) error { return a.report(args[0], out) })(cmd, args)
	}
	command.Flags().StringVar(&out, "out", report.PageFile, "File to write the page to. - is standard output.")
	return command
}

// standardOutput, in the place of a file's name, is where a pipe or a pod's log takes it from.
const standardOutput = "-"

// report writes the page of the artifact in dir to the file out.
func (a *app) report(dir, out string) error {
	if out != standardOutput {
		if err := artifact.CheckNew(out); err != nil {
			return failure.Config(fmt.Errorf("--out: %w", err))
		}
	}
	manifest, err := artifact.ReadManifest(dir)
	if err != nil {
		return failure.Artifact(err)
	}
	run := page.Run{Run: manifest.Run, Result: manifest.Result, Report: &report.Report{}}
	if err := readReport(dir, report.ReportFile, run.Report); err != nil {
		return failure.Artifact(err)
	}
	details := &report.Details{}
	switch err := readReport(dir, report.DetailsFile, details); {
	case err == nil:
		run.Details = details
	case !errors.Is(err, fs.ErrNotExist):
		return failure.Artifact(err)
	}
	rendered, err := page.Render(run)
	if err != nil {
		return failure.Artifact(fmt.Errorf("%s: %w", dir, err))
	}
	if out == standardOutput {
		_, err := a.stdout.Write(rendered)
		return err
	}
	if err := artifact.WriteNew(out, rendered); err != nil {
		return failure.Output(err)
	}
	fmt.Fprintln(a.stdout, out)
	return nil
}

// readReport reads a document of the report of the artifact in dir.
func readReport(dir, name string, document any) error {
	path := filepath.Join(dir, contract.ReportDir, name)
	data, _, err := artifact.ReadVerified(path, "", maxReportBytes)
	if err != nil {
		return err
	}
	if err := contract.DecodeResult(data, document); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
