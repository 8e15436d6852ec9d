// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/runner/internal/config"
	"github.com/trainyard-dev/trainyard/runner/internal/failure"
	"github.com/trainyard-dev/trainyard/runner/internal/logging"
	"github.com/trainyard-dev/trainyard/runner/internal/progress"
	"github.com/trainyard-dev/trainyard/runner/internal/train"
)

// trainOptions are the flags of train.
type trainOptions struct {
	configFile, splitFile, listen, logFormat string
	json                                     bool
	// config, dvc and generated are what flags set fields of.
	config    contract.TrainConfig
	dvc       contract.DVC
	generated contract.Generated
	labels    contract.Labels
	folders   contract.SplitFolders
	mlflow    contract.MLflow
	// invalidPercent is how many files may be invalid; anyInvalidPercent is as many as there are.
	invalidPercent int
}

func (a *app) trainCommand() *cobra.Command {
	o := &trainOptions{config: contract.DefaultTrainConfig(), generated: contract.DefaultGenerated(), invalidPercent: anyInvalidPercent}
	command := &cobra.Command{
		Use:   "train",
		Short: "Train a classifier and publish it",
		Long: "Trains a classifier on a folder of class folders or one with a manifest, here, in an object store or kept by DVC, or on generated\npictures, and publishes it.\n\n" +
			"The configuration is the JSON document in " + contract.ConfigEnv + ", that of --config, or the defaults of the\n" +
			"TrainingRun API; flags override its fields. Started again, a run goes on from its last checkpoint,\n" +
			"and one that has been published says so and ends well.",
		Example: "  runner train --data pets --image-size 64 --epochs 12\n" +
			"  runner train --dvc https://git.example/team/pets.git --rev v1.2 --dvc-path data/raw\n" +
			"  runner train --samples-per-class 400 --image-size 64 --epochs 10 --gate accuracy=0.9",
		Args: cobra.NoArgs,
	}
	flags := command.Flags()
	command.RunE = a.action(func(ctx context.Context) error { return a.train(ctx, flags, o) })
	flags.SortFlags = false
	flags.StringVar(&o.configFile, "config", "", "Configuration document, as JSON.")
	o.datasetFlags(flags)
	o.modelFlags(flags)
	o.outputFlags(flags)
	mlflowFlags(flags, &o.mlflow)
	flags.StringVar(&o.splitFile, "split-out", "", "File to write the names of the files in each part of the split to, as JSON.")
	flags.StringVar(&a.resultFile, "result", a.resultFile, "File to write the result to, as JSON.")
	flags.BoolVar(&o.json, "json", false, "Write progress and result to stdout as JSON, an object a line, instead of a table, and the log as JSON.")
	flags.StringVar(&o.listen, "listen", "", "Address to serve progress, health and metrics on, such as :8080, the default in a Job.")
	flags.StringVar(&o.logFormat, "log-format", "", "Format of the log: text, or json, which is the default in a Job.")
	return command
}

// sourceFlags are the flags that name each kind of source. One of them chooses that kind, whatever was loaded.
var sourceFlags = []struct {
	flags  []string
	choose func(o *trainOptions, d *contract.Dataset)
}{
	{[]string{"data"}, func(_ *trainOptions, d *contract.Dataset) { d.ClearSources(contract.SourcePath, contract.SourceURI) }},
	{[]string{"dvc", "rev", "dvc-path", "dvc-remote"}, func(o *trainOptions, d *contract.Dataset) {
		d.ClearSources()
		d.DVC = &o.dvc
	}},
	{generatedFlags, func(o *trainOptions, d *contract.Dataset) {
		d.ClearSources()
		d.Generated = &o.generated
	}},
}

// resolve puts the configuration document in the place of the defaults and of what the environment says, and the flags that were
// given on top of it.
func (o *trainOptions) resolve(flags *pflag.FlagSet, environment contract.MLflow) error {
	given := map[*pflag.Flag]string{}
	flags.Visit(func(f *pflag.Flag) { given[f] = f.Value.String() })
	loaded, err := config.Load(o.configFile)
	if err != nil {
		return failure.Config(err)
	}
	// The flags point into o.config, o.dvc and the like: set again, they override what was loaded.
	o.config, o.dvc, o.mlflow = loaded, contract.DVC{}, environment
	if loaded.Tracking.MLflow != nil {
		o.mlflow = *loaded.Tracking.MLflow
		o.mlflow.Workspace = cmp.Or(o.mlflow.Workspace, environment.Workspace)
	}
	d := &o.config.Dataset
	if d.DVC != nil {
		o.dvc = *d.DVC
		d.DVC = &o.dvc
	}
	if d.Generated != nil {
		o.generated = *d.Generated
		d.Generated = &o.generated
	}
	if d.MaxInvalidPercent != nil {
		o.invalidPercent = *d.MaxInvalidPercent
	}
	if !flags.Changed("data") && !flags.Changed("dvc") { // else they are those of other data
		if d.Labels != nil {
			o.labels = *d.Labels
		}
		if d.Split.Folders != nil {
			o.folders = *d.Split.Folders
		}
	}
	for f, value := range given {
		if err := f.Value.Set(value); err != nil {
			return failure.Config(err)
		}
	}
	d.MaxInvalidPercent = nil
	if o.invalidPercent != anyInvalidPercent {
		d.MaxInvalidPercent = &o.invalidPercent
	}
	d.Labels, d.Split.Folders = givenLabels(o.labels), givenFolders(o.folders)
	if o.config.Tracking.MLflow, err = givenMLflow(o.mlflow, flags); err != nil {
		return err
	}
	return o.chooseSource(flags)
}

// chooseSource trains on what flags name, if they do.
func (o *trainOptions) chooseSource(flags *pflag.FlagSet) error {
	d, chosen := &o.config.Dataset, ""
	for _, source := range sourceFlags {
		i := slices.IndexFunc(source.flags, flags.Changed)
		switch {
		case i < 0:
			continue
		case chosen != "":
			return failure.Config(fmt.Errorf("--%s and --%s: train on one of them", chosen, source.flags[i]))
		}
		chosen = source.flags[i]
		source.choose(o, d)
	}
	switch {
	case d.DVC != nil && d.DVC.Repo == "":
		return failure.Config(fmt.Errorf("--%s says more of a repository that --dvc names: name one", chosen))
	case len(d.Sources()) == 0:
		return failure.Config(errors.New("nothing to train on: name a folder or a URI with --data, a repository with --dvc, or generate pictures with --samples-per-class"))
	}
	if chosen != "" && !d.IsRemote() {
		d.Access, d.Cache = contract.Access{}, contract.Cache{} // a folder needs none of what was loaded
	}
	return nil
}

func (a *app) train(ctx context.Context, flags *pflag.FlagSet, o *trainOptions) error {
	if o.json && o.logFormat == "" {
		o.logFormat = logging.JSON
	}
	log, terminal, err := a.logger(o.logFormat)
	if err != nil {
		return err
	}
	if err := o.resolve(flags, a.environmentMLflow()); err != nil {
		return err
	}
	if err := errors.Join(checkToWrite("result", a.resultFile), checkToWrite("split-out", o.splitFile)); err != nil {
		a.resultFile = ""
		return failure.Config(err)
	}
	tracker := progress.NewTracker(time.Now)
	measured := &measured{}
	observers := []train.Observer{tracker, measured, progress.NewLog(log, time.Now, terminal == nil)}
	if terminal != nil {
		observers = append(observers, terminal)
	}
	recorder := a.recorder(o.config, log, tracker)
	if recorder != nil {
		observers = append(observers, recorder)
	}
	switch {
	case o.json:
		observers = append(observers, progress.NewJSON(a.stdout, time.Now))
	case a.inJob:
		observers = append(observers, progress.NewLines(a.stdout, time.Now))
	}
	if o.listen == "" && a.inJob {
		o.listen = fmt.Sprintf(":%d", contract.HTTPPort)
	}
	if o.listen != "" {
		// Progress is served on while a run that was told to stop writes its checkpoint.
		background, stop := context.WithCancel(context.WithoutCancel(ctx))
		defer stop()
		address, err := progress.Serve(background, o.listen, progress.Handler(tracker, log), log)
		if err != nil {
			return failure.Config(err)
		}
		log.Info("Serving progress", "address", address.String())
	}
	run := &train.Run{Config: o.config, Log: log, Observers: observers, SplitFile: o.splitFile}
	a.result, err = run.Do(ctx)
	if recorder != nil {
		recorded := recorder.Close(ctx)
		a.result.MLflow = &recorded
	}
	switch {
	case a.result.Model == nil:
	case a.inJob:
		a.logResult(log, measured)
	case !o.json:
		a.printResult(o.config, measured)
	}
	if a.result.Outcome == contract.OutcomeInterrupted && !a.inJob {
		a.printHowToGoOn()
	}
	return err
}

// printHowToGoOn tells a person who has stopped a run what is left of it.
func (a *app) printHowToGoOn() {
	if c := a.result.Checkpoint; c != nil {
		fmt.Fprintf(a.stderr, "Stopped in epoch %d, after %d steps. The same command goes on from there.\n", c.Epoch+1, c.Step)
		return
	}
	fmt.Fprintln(a.stderr, "Stopped before there was a checkpoint. The same command begins anew.")
}
