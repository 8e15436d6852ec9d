// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/runner/internal/config"
	"github.com/trainyard-dev/trainyard/runner/internal/failure"
	"github.com/trainyard-dev/trainyard/runner/internal/progress"
	"github.com/trainyard-dev/trainyard/runner/internal/train"
)

// trainOptions are the flags of train.
type trainOptions struct {
	configFile, splitFile, listen, logFormat string
	// config, dvc and generated are what flags set fields of.
	config    contract.TrainConfig
	dvc       contract.DVC
	generated contract.Generated
	labels    contract.Labels
	folders   contract.SplitFolders
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
	flags.StringVar(&o.splitFile, "split-out", "", "File to write the names of the files in each part of the split to, as JSON.")
	flags.StringVar(&a.resultFile, "result", a.resultFile, "File to write the result to, as JSON.")
	flags.StringVar(&o.listen, "listen", "", "Address to serve progress, health and metrics on, such as :8080, the default in a Job.")
	flags.StringVar(&o.logFormat, "log-format", "", "Format of the log: text, or json, which is the default in a Job.")
	return command
}

func (o *trainOptions) datasetFlags(flags *pflag.FlagSet) {
	d := &o.config.Dataset
	flags.Var((*place)(d), "data", "Folder of class folders to train on, or its URI: s3://, gs:// or azblob:// for a folder or an archive, https:// for an archive.")
	flags.StringVar(&o.dvc.Repo, "dvc", "", "Git repository beside which DVC keeps what to train on, instead of --data: a URL, user@host:path, or a folder.")
	flags.StringVar(&o.dvc.Rev, "rev", "", "Branch, tag, or commit of --dvc. Empty uses its default branch.")
	flags.StringVar(&o.dvc.Path, "dvc-path", "", "Folder of class folders in --dvc. Empty uses all that DVC keeps.")
	flags.StringVar(&o.dvc.Remote, "dvc-remote", "", "Name of DVC's remote to fetch from. Empty uses the one that the configuration of --dvc names.")
	flags.StringVar(&d.Credentials, "data-credentials", "", "Folder with a file for each credential of --data or --dvc. Empty uses those of the environment.")
	flags.StringVar(&d.CABundle, "data-ca-bundle", "", "PEM file with certificates that are trusted for --data or --dvc besides the public ones.")
	labelFlags(flags, &o.labels)
	flags.StringVar(&d.Cache.Path, "cache", "", "Folder that keeps what is fetched for --data or --dvc, for later runs too. Empty keeps it for this run alone.")
	flags.Var((*size)(&d.Cache.MaxBytes), "cache-size", "How much --cache may hold, such as 20Gi. The least recently used goes first. 0 is no limit.")
	flags.IntVar(&o.invalidPercent, "max-invalid-percent", o.invalidPercent, "Share of files that may be broken or no images, and are left out. With more the run fails.")
	generateFlags(flags, &o.generated)
	flags.IntVar(&d.Split.ValidationPercent, "validation-percent", d.Split.ValidationPercent, "Share of images to validate on after each epoch.")
	flags.IntVar(&d.Split.TestPercent, "test-percent", d.Split.TestPercent, "Share of images to measure the published model on.")
	flags.Int64Var(&d.Split.Seed, "split-seed", d.Split.Seed, "Seed of the split.")
	splitFolderFlags(flags, &o.folders)
	flags.IntVar(&d.Augmentation.RotationDegrees, "rotation-degrees", 0, "Maximum rotation of training images in either direction, in degrees.")
	flags.BoolVar(&d.Augmentation.HorizontalFlip, "horizontal-flip", d.Augmentation.HorizontalFlip, "Mirror training images at random, half of them on average.")
	flags.Float64Var(&d.Augmentation.Brightness, "brightness", 0, "Vary the brightness of training images by up to this share.")
	flags.Float64Var(&d.Augmentation.Contrast, "contrast", 0, "Vary the contrast of training images by up to this share.")
	flags.Float64Var(&d.Augmentation.Saturation, "saturation", 0, "Vary the saturation of training images by up to this share.")
}

// anyInvalidPercent allows any number of invalid files.
const anyInvalidPercent = 100

// generatedFlags ask for generated pictures.
var generatedFlags = []string{"samples-per-class", "generated-seed", "label-noise-percent"}

// generateFlags adds generatedFlags to the flags of a command.
func generateFlags(flags *pflag.FlagSet, g *contract.Generated) {
	flags.IntVar(&g.SamplesPerClass, "samples-per-class", g.SamplesPerClass, "Number of pictures to generate of each class, instead of --data.")
	flags.Int64Var(&g.Seed, "generated-seed", g.Seed, "Seed of the generated pictures.")
	flags.IntVar(&g.LabelNoisePercent, "label-noise-percent", 0, "Share of generated pictures whose label is drawn at random.")
}

// labelFlags name a manifest and its columns.
func labelFlags(flags *pflag.FlagSet, l *contract.Labels) {
	flags.StringVar(&l.File, "labels", "", "Manifest in the folder of --data that gives the path and the label of each image, as CSV or JSON Lines, instead of class folders.")
	flags.StringVar(&l.PathColumn, "path-column", "", "Column of --labels with the paths of the images. Empty finds one named path, file, filename or the like, or takes the first.")
	flags.StringVar(&l.LabelColumn, "label-column", "", "Column of --labels with their labels. Empty finds one named label, class, category or target, or takes the second.")
	flags.StringVar(&l.SplitColumn, "split-column", "", "Column of --labels with their parts: train, val or test. Empty finds one named split, subset or partition, or takes the third.")
}

// givenLabels are the manifest that flags name, or nil.
func givenLabels(l contract.Labels) *contract.Labels {
	if l == (contract.Labels{}) {
		return nil
	}
	return &l
}

// splitFolderFlags name the folders of data that are split already.
func splitFolderFlags(flags *pflag.FlagSet, f *contract.SplitFolders) {
	flags.StringVar(&f.Train, "train-folder", "", "Folder in that of --data with the class folders to train on. Empty takes folders that are named as the parts of a split.")
	flags.StringVar(&f.Validation, "validation-folder", "", "Folder with the class folders to validate on. Empty divides --train-folder.")
	flags.StringVar(&f.Test, "test-folder", "", "Folder with the class folders to measure the published model on. Empty divides --train-folder.")
}

// givenFolders are the folders that flags name, or nil.
func givenFolders(f contract.SplitFolders) *contract.SplitFolders {
	if f == (contract.SplitFolders{}) {
		return nil
	}
	return &f
}

func (o *trainOptions) outputFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.config.Run.Name, "name", o.config.Run.Name, "Name of the run.")
	flags.StringVar(&o.config.Output.Path, "output", o.config.Output.Path, "Folder in which the artifact is published.")
	flags.StringVar(&o.config.Output.URI, "out", "", "Bucket to publish the artifact to, such as s3://models/pets; --output keeps a copy.")
	flags.StringVar(&o.config.Output.Credentials, "out-credentials", "", "Folder with a file for each credential of --out. Empty uses those of the environment.")
	flags.StringVar(&o.config.Output.CABundle, "out-ca-bundle", "", "PEM file with certificates that are trusted for --out besides the public ones.")
	flags.StringVar(&o.config.Output.CheckpointsPath, "checkpoints", "", "Folder for checkpoints. Empty is where the artifact is published.")
	flags.StringVar(&o.config.Output.Quantization, "quantization", "", "Int8 publishes a model that computes with 8 bits.")
	flags.Var((*gates)(&o.config.Gates), "gate", "Minimum value of a metric on the test split, such as accuracy=0.9, or maximum where less is better, such as loss=0.3. May be repeated.")
}

func (o *trainOptions) modelFlags(flags *pflag.FlagSet) {
	m, t := &o.config.Model, &o.config.Training
	flags.StringVar(&m.Architecture, "architecture", m.Architecture, "Network: "+strings.Join(contract.Architectures(), " or ")+".")
	flags.IntVar(&m.ImageSize, "image-size", m.ImageSize, "Side of the images in pixels, a multiple of 16.")
	flags.Float64Var(&m.Dropout, "dropout", m.Dropout, "Probability with which a feature is dropped in training.")
	flags.IntVar(&t.Epochs, "epochs", t.Epochs, "Number of passes over the training images.")
	flags.IntVar(&t.BatchSize, "batch-size", t.BatchSize, "Number of images in a step.")
	flags.Float64Var(&t.LearningRate, "learning-rate", t.LearningRate, "Step size of the optimizer.")
	flags.StringVar(&t.Optimizer, "optimizer", t.Optimizer, "Optimizer: "+strings.Join(contract.Optimizers(), ", ")+".")
	flags.Float64Var(&t.WeightDecay, "weight-decay", t.WeightDecay, "Weight decay of the optimizer.")
	o.scheduleFlags(flags)
	flags.Var(optional{&t.Momentum}, "momentum", "Momentum of the optimizer SGD. Empty is 0.9.")
	flags.BoolVar(&t.Nesterov, "nesterov", false, "Use Nesterov's momentum in the optimizer SGD.")
	flags.Float64Var(&t.GradientClipping, "gradient-clipping", 0, "Maximum norm of all gradients together. 0 is none.")
	flags.Float64Var(&t.LabelSmoothing, "label-smoothing", 0, "Share of a label that all classes get alike, from 0 to 0.9.")
	flags.Int64Var(&t.Seed, "seed", t.Seed, "Seed of weights, order, augmentation and dropout.")
	flags.StringVar(&t.ClassWeights, "class-weights", "", "Balanced counts each class as much as any other in the loss, however many images it has. Empty counts images alike.")
	flags.IntVar(&t.Workers, "workers", 0, "Number of goroutines that decode images. 0 means one per CPU.")
}

func (o *trainOptions) scheduleFlags(flags *pflag.FlagSet) {
	s, e := &o.config.Training.Scheduler, &o.config.Training.EarlyStopping
	flags.StringVar(&s.Type, "scheduler", "", "How the learning rate changes: "+strings.Join(contract.Schedulers(), ", ")+". Empty is "+contract.SchedulerConstant+".")
	flags.IntVar(&s.WarmupEpochs, "warmup-epochs", 0, "Epochs in which the learning rate rises from 0 first.")
	flags.Float64Var(&s.Factor, "scheduler-factor", 0, "What ReduceOnPlateau and Step multiply the learning rate by. 0 is 0.1.")
	flags.IntVar(&s.Patience, "scheduler-patience", 0, "Epochs that ReduceOnPlateau bears without a lower validation loss. 0 is 3.")
	flags.IntVar(&s.StepEpochs, "scheduler-step-epochs", 0, "Epochs after which Step changes the learning rate each time. 0 is 10.")
	flags.Float64Var(&s.MinLearningRate, "min-learning-rate", 0, "Learning rate that Cosine ends with and ReduceOnPlateau never falls below.")
	flags.StringVar(&e.Metric, "early-stopping-metric", "", "Metric on the validation split that has to improve, or training stops: "+strings.Join(contract.EarlyStoppingMetrics(), " or ")+".")
	flags.IntVar(&e.Patience, "early-stopping-patience", 0, "Epochs without an improvement after which training stops. 0 is never.")
	flags.Float64Var(&e.MinDelta, "early-stopping-min-delta", 0, "Change of the metric up to which it counts as none.")
}

// sourceFlags are the flags that name each kind of source. One of them chooses that kind, whatever was loaded.
var sourceFlags = []struct {
	flags  []string
	choose func(o *trainOptions, d *contract.Dataset)
}{
	{[]string{"data"}, func(_ *trainOptions, d *contract.Dataset) { d.DVC, d.Generated = nil, nil }},
	{[]string{"dvc", "rev", "dvc-path", "dvc-remote"}, func(o *trainOptions, d *contract.Dataset) {
		d.Path, d.URI, d.DVC, d.Generated = "", "", &o.dvc, nil
	}},
	{generatedFlags, func(o *trainOptions, d *contract.Dataset) {
		d.Path, d.URI, d.DVC, d.Generated = "", "", nil, &o.generated
	}},
}

// resolve puts the configuration document in the place of the defaults, and the flags that were given on top of it.
func (o *trainOptions) resolve(flags *pflag.FlagSet) error {
	given := map[*pflag.Flag]string{}
	flags.Visit(func(f *pflag.Flag) { given[f] = f.Value.String() })
	loaded, err := config.Load(o.configFile)
	if err != nil {
		return failure.Config(err)
	}
	// The flags point into o.config, o.dvc and o.generated: set again, they override what was loaded.
	o.config, o.dvc = loaded, contract.DVC{}
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
	log, terminal, err := a.logger(o.logFormat)
	if err != nil {
		return err
	}
	if err := o.resolve(flags); err != nil {
		return err
	}
	tracker := progress.NewTracker(time.Now)
	observers := []train.Observer{tracker, progress.NewLog(log, time.Now, terminal == nil)}
	if terminal != nil {
		observers = append(observers, terminal)
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
	if a.result.Model != nil && !a.inJob {
		a.printResult(o.config)
	}
	return err
}

// printResult shows the model that a run of cfg has published to a person.
func (a *app) printResult(cfg contract.TrainConfig) {
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
	fmt.Fprintf(a.stdout, "\nmodel    %s\nsha256   %s\nreport   %s\n", filepath.Join(dir, contract.ModelFile), a.result.Model.SHA256,
		filepath.Join(dir, contract.ReportDir))
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

// place is a flag that names a folder, or by a URI what lies elsewhere.
type place contract.Dataset

// String implements pflag.Value.
func (p *place) String() string { return p.Path + p.URI }

// Set implements pflag.Value.
func (p *place) Set(value string) error {
	p.Path, p.URI = value, ""
	if strings.Contains(value, "://") {
		p.Path, p.URI = "", value
	}
	return nil
}

// Type implements pflag.Value.
func (p *place) Type() string { return "folder|uri" }

// optional is a flag of a number that may be left out.
type optional struct{ number **float64 }

// String implements pflag.Value.
func (o optional) String() string {
	if o.number == nil || *o.number == nil {
		return ""
	}
	return strconv.FormatFloat(**o.number, 'g', -1, 64)
}

// Set implements pflag.Value.
func (o optional) Set(value string) error {
	number, err := strconv.ParseFloat(value, 64)
	if err != nil {
		return fmt.Errorf("%q is no number", value)
	}
	*o.number = &number
	return nil
}

// Type implements pflag.Value.
func (o optional) Type() string { return "float" }

// gates is a flag of metric=bound pairs. Setting it again adds to it; String gives back what Set takes.
type gates []contract.Gate

// String implements pflag.Value.
func (g *gates) String() string {
	pairs := make([]string, len(*g))
	for i, gate := range *g {
		pairs[i] = gate.Metric + "=" + strconv.FormatFloat(gate.Bound(), 'g', -1, 64)
	}
	return strings.Join(pairs, ",")
}

// Set implements pflag.Value.
func (g *gates) Set(value string) error {
	for pair := range strings.SplitSeq(value, ",") {
		metric, value, _ := strings.Cut(pair, "=")
		bound, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return fmt.Errorf("%q: give a metric and its least value, such as accuracy=0.9, or its most, such as loss=0.3", pair)
		}
		gate := contract.Gate{Metric: metric, Min: bound}
		if contract.LessIsBetter(metric) {
			gate.Min, gate.Max = 0, bound
		}
		*g = append(*g, gate)
	}
	return nil
}

// Type implements pflag.Value.
func (g *gates) Type() string { return "metric=bound" }
