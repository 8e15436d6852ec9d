// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"strings"

	"github.com/spf13/pflag"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

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
	partFlags(flags, &d.Augmentation)
}

// partFlags say which parts of training images are cut out and erased, and how they are mixed.
func partFlags(flags *pflag.FlagSet, a *contract.Augmentation) {
	c, e := &a.RandomResizedCrop, &a.RandomErasing
	flags.Float64Var(&c.MinScale, "crop-min-scale", 0, "Train on random parts of images, of at least this share of their area. 0 is whole images.")
	flags.Float64Var(&c.MaxScale, "crop-max-scale", 0, "Maximum share of the area of such parts. 0 is 1.")
	flags.Float64Var(&c.MinRatio, "crop-min-ratio", 0, "Minimum ratio of the width to the height of such parts. 0 is 3/4.")
	flags.Float64Var(&c.MaxRatio, "crop-max-ratio", 0, "Maximum ratio of the width to the height of such parts. 0 is 4/3.")
	flags.Float64Var(&e.Probability, "erasing-probability", 0, "Share of training images of which a random part is erased.")
	flags.Float64Var(&e.MinScale, "erasing-min-scale", 0, "Minimum share of the image's area that is erased. 0 is 0.02.")
	flags.Float64Var(&e.MaxScale, "erasing-max-scale", 0, "Maximum share of the image's area that is erased. 0 is 0.33.")
	flags.Float64Var(&e.MinRatio, "erasing-min-ratio", 0, "Minimum ratio of the height to the width of what is erased. 0 is 0.3.")
	flags.Float64Var(&e.MaxRatio, "erasing-max-ratio", 0, "Maximum ratio of the height to the width of what is erased. 0 is 3.3.")
	flags.Float64Var(&a.MixUp.Alpha, "mix-up-alpha", 0, "Mix the images of a batch in pairs by a share of the beta distribution of this number, such as 0.2. 0 mixes nothing.")
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
	flags.StringVar(&o.config.Output.Calibration, "calibration", "", "Temperature stores in the model what its logits are best divided by, fitted on the validation split.")
	flags.StringVar(&o.config.Report.Samples, "report-samples", "", "Enabled shows pictures of the dataset in the report, Disabled none. Empty shows those that are drawn.")
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
	flags.IntVar(&t.DivergenceRetries, "divergence-retries", 0, "Times that a training whose loss diverges goes back to the last good epoch, with half the learning rate.")
	flags.Float64Var(&t.EMA.Decay, "ema-decay", 0, "Share of a moving average of the weights that each step keeps, such as 0.99; the average is published. 0 is none.")
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
	flags.StringVar(&e.Metric, "early-stopping-metric", "", "Metric on the validation split that has to improve, or training stops: "+strings.Join(contract.ValidationMetrics(), ", ")+".")
	flags.IntVar(&e.Patience, "early-stopping-patience", 0, "Epochs without an improvement after which training stops. 0 is never.")
	flags.StringVar(&o.config.Training.BestMetric, "best-metric", "", "Metric on the validation split that chooses the epoch to publish, one of those of --early-stopping-metric. Empty is accuracy.")
	flags.Float64Var(&e.MinDelta, "early-stopping-min-delta", 0, "Change of the metric up to which it counts as none.")
}
