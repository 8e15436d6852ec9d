// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/trainyard-dev/trainyard/internal/artifact/prune"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/objectstore"
	"github.com/trainyard-dev/trainyard/runner/internal/failure"
)

// pruneOptions are what the flags of runner prune say.
type pruneOptions struct {
	output contract.Output
	names  []string
	yes    bool
	json   bool
}

func (a *app) pruneCommand() *cobra.Command {
	var options pruneOptions
	command := &cobra.Command{
		Use:   "prune PLACE [NAME...]",
		Short: "List what runs have left in an output, and remove it",
		Long: "Lists the artifacts and the checkpoints that runs have left in a folder, or below s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or\n" +
			"azblob://CONTAINER/PREFIX. Those named are removed with --yes; without it, nothing is.\n\n" +
			"Only what a run has written is removed. What still uses an artifact isn't known here: name none that is served.\n\n" +
			"In a pod, " + contract.ConfigEnv + " names one run whose artifact and checkpoints are removed.",
		Example: "  runner prune models\n" +
			"  runner prune models cats-vs-dogs-1a2b3c4d --yes\n" +
			"  runner prune s3://models/pets --json",
	}
	flags := command.Flags()
	flags.SortFlags = false
	flags.BoolVar(&options.yes, "yes", false, "Remove what is named, instead of listing it.")
	flags.BoolVar(&options.json, "json", false, "Print one JSON document instead of a table.")
	accessFlags(flags, &options.output.Access)
	command.RunE = func(cmd *cobra.Command, args []string) error {
		a.started = true
		if document := os.Getenv(contract.ConfigEnv); len(args) == 0 && document != "" {
			return a.pruneRun(cmd.Context(), []byte(document))
		}
		if len(args) == 0 {
			return failure.Config(errors.New("name the folder or the bucket to look at, such as runner prune models"))
		}
		options.names = args[1:]
		if options.output.Path = args[0]; strings.Contains(args[0], "://") {
			options.output.Path, options.output.URI = "", args[0]
		}
		if options.yes && len(options.names) == 0 {
			return failure.Config(errors.New("--yes removes what is named: name artifacts, as runner prune lists them"))
		}
		return a.prune(cmd.Context(), options)
	}
	return command
}

// openPlace opens the output that is to be looked at.
func openPlace(ctx context.Context, output contract.Output) (place *prune.Place, closePlace func() error, err error) {
	if output.Path != "" && !output.InBucket() {
		place, err = prune.InFolder(output.Path)
		return place, func() error { return nil }, pruneError(err)
	}
	opened, err := objectstore.Open(ctx, output.URI, output.Access)
	if err != nil {
		return nil, nil, failure.Output(err)
	}
	return prune.InBucket(opened), opened.Close, nil
}

// pruneError classifies an error of what is looked at or removed.
func pruneError(err error) error {
	switch {
	case errors.Is(err, prune.ErrForeign):
		return failure.Artifact(err)
	case errors.Is(err, prune.ErrName), errors.Is(err, os.ErrNotExist):
		return failure.Config(err)
	default:
		return failure.Output(err)
	}
}

// prune lists or removes what a person asks for.
func (a *app) prune(ctx context.Context, options pruneOptions) (err error) {
	place, closePlace, err := openPlace(ctx, options.output)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closePlace()) }()
	all, err := findLeft(ctx, place, options)
	if err != nil {
		return err
	}
	var failed []error
	if options.yes {
		for i := range all {
			if err := place.Remove(ctx, all[i].Name, all[i].Run); err != nil {
				all[i].Refused = err.Error()
				failed = append(failed, fmt.Errorf("%s: %w", all[i].Name, err))
			}
		}
	}
	return errors.Join(printLeft(a.stdout, all, options), pruneError(errors.Join(failed...)))
}

// findLeft finds what is named, or all.
func findLeft(ctx context.Context, place *prune.Place, options pruneOptions) ([]prune.Left, error) {
	if len(options.names) == 0 {
		all, err := place.List(ctx)
		return all, pruneError(err)
	}
	var all []prune.Left
	for _, name := range options.names {
		left, there, err := place.Find(ctx, name)
		if err != nil {
			return nil, pruneError(err)
		}
		if !there {
			return nil, failure.Config(fmt.Errorf("%s holds nothing of %q: runner prune %[1]s lists what there is", cmp.Or(options.output.Path, options.output.URI), name))
		}
		all = append(all, left)
	}
	return all, nil
}

// printLeft prints what was found, and what has become of it.
func printLeft(out io.Writer, all []prune.Left, options pruneOptions) error {
	if options.json {
		document, err := prune.Encode(all, options.yes)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "%s\n", document)
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tRUN\tARTIFACT\tCHECKPOINTS\tWRITTEN\t")
	for _, left := range all {
		note := left.Refused
		if options.yes && note == "" {
			note = "removed"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", left.Name, nameOf(left.Run), sizeOf(left.Artifact), sizeOf(left.Checkpoints), left.Written.Format(time.DateTime), note)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if !options.yes && len(options.names) > 0 {
		fmt.Fprintln(out, "nothing is removed without --yes")
	}
	return nil
}

// nameOf names a run as kubectl does with all namespaces.
func nameOf(run contract.Run) string {
	if run.Namespace == "" {
		return cmp.Or(run.Name, "-")
	}
	return run.Namespace + "/" + run.Name
}

func sizeOf(e prune.Extent) string {
	if e.Files == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f MB", float64(e.SizeBytes)/1e6)
}

// pruneRun removes what the run has left that a Job's configuration names. To find nothing is as good: a pod before has
// removed it.
func (a *app) pruneRun(ctx context.Context, document []byte) (err error) {
	var config contract.PruneConfig
	if err := contract.DecodeConfig(document, &config); err != nil {
		return failure.Config(err)
	}
	if config.Run.UID == "" {
		return failure.Config(errors.New("run.uid is empty: it tells the run's artifact from others"))
	}
	outputs := []contract.Output{config.Output}
	if config.Output.CheckpointsPath != "" {
		outputs = append(outputs, contract.Output{Path: config.Output.CheckpointsPath})
	}
	for _, output := range outputs {
		place, closePlace, err := openPlace(ctx, output)
		if err != nil {
			return err
		}
		err = place.Remove(ctx, contract.ArtifactName(config.Run), config.Run)
		if err = errors.Join(err, closePlace()); err != nil {
			return pruneError(err)
		}
	}
	return nil
}
