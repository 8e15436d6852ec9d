// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package config makes the configuration of a training run: a JSON document of the contract, or the defaults of the
// API, checked before anything is done with it.
package config

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

// Load reads a configuration document: that of the environment variable of the contract, or the file at path if that
// is not empty. Without either it returns the defaults.
func Load(path string) (cfg contract.TrainConfig, err error) {
	data := []byte(os.Getenv(contract.ConfigEnv))
	if path != "" {
		if data, err = os.ReadFile(path); err != nil {
			return cfg, fmt.Errorf("read configuration: %w", err)
		}
	}
	if len(data) == 0 {
		return contract.DefaultTrainConfig(), nil
	}
	if err := contract.DecodeConfig(data, &cfg); err != nil {
		return cfg, err
	}
	return cfg, nil
}

// runName is what the name of a run may be; the operator keeps to the same rule.
var runName = regexp.MustCompile("^[a-z]([-a-z0-9]*[a-z0-9])?$")

// uid is what the UID of a run may be: it becomes part of a folder's name.
var uid = regexp.MustCompile("^[-A-Za-z0-9]{1,64}$")

// Validate reports every field that is out of range, by its name in the document.
func Validate(cfg contract.TrainConfig) error {
	v := &validator{}
	v.check(len(cfg.Run.Name) <= 40 && runName.MatchString(cfg.Run.Name), "run.name",
		"is %q: use at most 40 lower-case letters, digits and '-', with a letter first", cfg.Run.Name)
	v.check(cfg.Run.UID == "" || uid.MatchString(cfg.Run.UID), "run.uid", "is %q: use letters, digits and '-'", cfg.Run.UID)
	v.check(cfg.Output.Path != "", "output.path", "is empty: name a folder")
	v.output(cfg.Output)
	v.check(slices.Contains(contract.Quantizations(), cfg.Output.Quantization), "output.quantization", "is %q: use %s, or leave it out",
		cfg.Output.Quantization, contract.QuantizationInt8)
	v.check(slices.Contains(contract.Calibrations(), cfg.Output.Calibration), "output.calibration", "is %q: use %s, or leave it out",
		cfg.Output.Calibration, contract.CalibrationTemperature)
	v.dataset(cfg.Dataset)
	v.model(cfg.Model)
	v.training(cfg.Training)
	v.gates(cfg)
	v.check(slices.Contains(contract.ReportSamples(), cfg.Report.Samples), "report.samples", "is %q: use %s or %s, or leave it out",
		cfg.Report.Samples, contract.ReportSamplesEnabled, contract.ReportSamplesDisabled)
	v.tracking(cfg.Tracking)
	return errors.Join(v.errs...)
}

type validator struct{ errs []error }

func (v *validator) check(ok bool, field, format string, args ...any) {
	if !ok {
		v.errs = append(v.errs, fmt.Errorf("%s "+format, append([]any{field}, args...)...))
	}
}

// between is written so that NaN fails too.
func (v *validator) between(field string, value, least, most float64) {
	v.check(value >= least && value <= most, field, "is %v: must be between %v and %v", value, least, most)
}

// output checks where the artifact is published; a claim's URI is only its name.
func (v *validator) output(o contract.Output) {
	if o.URI == "" || contract.IsPVCURI(o.URI) {
		return
	}
	if !o.InBucket() {
		v.check(false, "output.uri", "must begin with one of %s://", strings.Join(contract.BucketSchemes(), "://, "))
		return
	}
	if err := contract.CheckRemoteURI(o.URI); err != nil {
		v.errs = append(v.errs, fmt.Errorf("output.uri: %w", err))
	}
}

// Bounds of what MLflow is told, in bytes, and of how long a run may take.
const (
	maxTrackingName  = 250
	maxTrackingTags  = 32
	maxTrackingValue = 2048

	maxDeadlineSeconds = 31_536_000
)

// tracking checks where the run is recorded.
func (v *validator) tracking(t contract.Tracking) {
	v.check(t.DeadlineSeconds >= 0 && t.DeadlineSeconds <= maxDeadlineSeconds, "tracking.deadlineSeconds", "is %d: must be from 1 to %d, or 0 for none", t.DeadlineSeconds, maxDeadlineSeconds)
	m := t.MLflow
	if m == nil {
		return
	}
	if err := contract.CheckMLflowURI(m.URI); err != nil {
		v.errs = append(v.errs, fmt.Errorf("tracking.mlflow.uri %w", err))
	}
	for field, name := range map[string]string{
		"experiment": m.Experiment, "runName": m.RunName, "registeredModel": m.RegisteredModel, "workspace": m.Workspace,
	} {
		v.check(len(name) <= maxTrackingName, "tracking.mlflow."+field, "has %d bytes: use at most %d", len(name), maxTrackingName)
	}
	v.check(!strings.ContainsAny(m.RegisteredModel, "/:"), "tracking.mlflow.registeredModel", "is %q: use a name without '/' and ':'", m.RegisteredModel)
	v.check(len(m.Tags) <= maxTrackingTags, "tracking.mlflow.tags", "has %d entries: use at most %d", len(m.Tags), maxTrackingTags)
	for _, key := range slices.Sorted(maps.Keys(m.Tags)) {
		v.check(mlflowTag.MatchString(key), "tracking.mlflow.tags", "has the key %q: use at most %d letters, digits, '.', '_', '-', '/' and ' '", key, maxTrackingName)
		v.check(len(m.Tags[key]) <= maxTrackingValue, "tracking.mlflow.tags", "has %d bytes in %q: use at most %d", len(m.Tags[key]), key, maxTrackingValue)
	}
}

// mlflowTag is what the key of a tag may be.
var mlflowTag = regexp.MustCompile(`^[-_./ A-Za-z0-9]{1,250}$`)

// maxGate is the most that a gate may bound a metric by from above: a loss may exceed 1.
const maxGate = 100

func (v *validator) gates(cfg contract.TrainConfig) {
	for i, gate := range cfg.Gates {
		field := fmt.Sprintf("gates[%d]", i)
		v.check(slices.Contains(contract.GateMetrics(), gate.Metric), field+".metric", "is %q: use one of %s", gate.Metric, strings.Join(contract.GateMetrics(), ", "))
		v.between(field+".min", gate.Min, 0, 1)
		v.between(field+".max", gate.Max, 0, maxGate)
		if contract.LessIsBetter(gate.Metric) {
			v.check(gate.Min == 0, field+".min", "is %v: less %s is better, use max", gate.Min, gate.Metric)
		} else {
			v.check(gate.Max == 0, field+".max", "is %v: more %s is better, use min", gate.Max, gate.Metric)
		}
		v.check(gate.Metric != contract.MetricAccuracyLoss || cfg.Output.Quantization != "", field+".metric",
			"is %s, which only output.quantization %s brings: remove the gate", gate.Metric, contract.QuantizationInt8)
	}
}

func (v *validator) dataset(d contract.Dataset) {
	v.check(len(d.Sources()) == 1, "dataset", "must have exactly one of %s", strings.Join(contract.DatasetSources(), ", "))
	if d.URI != "" {
		err := contract.CheckDatasetURI(d.URI)
		v.check(err == nil, "dataset.uri", "can't be used: %v", err)
	}
	v.check(d.DVC == nil || d.DVC.Repo != "", "dataset.dvc.repo", "is empty: name a Git repository")
	v.check(d.IsRemote() || d.Access == contract.Access{}, "dataset", "has credentials or a caBundle, which only a uri and dvc need")
	v.check(d.IsRemote() || d.Cache == contract.Cache{}, "dataset.cache", "is for what is fetched: remove it, or name a uri or dvc")
	v.check(d.Cache.MaxBytes >= 0, "dataset.cache.maxBytes", "is %d: must be a number of bytes, or 0 for no bound", d.Cache.MaxBytes)
	if g := d.Generated; g != nil {
		v.between("dataset.generated.samplesPerClass", float64(g.SamplesPerClass), 10, 100_000)
		v.between("dataset.generated.labelNoisePercent", float64(g.LabelNoisePercent), 0, 100)
		v.check(len(g.Classes) >= 2, "dataset.generated.classes", "has %d entries: name at least 2", len(g.Classes))
	}
	if most := d.MaxInvalidPercent; most != nil {
		v.between("dataset.maxInvalidPercent", float64(*most), 0, 100)
	}
	v.labels(d)
	v.splitFolders(d)
	v.between("dataset.split.validationPercent", float64(d.Split.ValidationPercent), 1, 80)
	v.between("dataset.split.testPercent", float64(d.Split.TestPercent), 1, 80)
	v.check(d.Split.ValidationPercent+d.Split.TestPercent <= 90, "dataset.split", "must leave at least 10 percent for training")
	v.between("dataset.augmentation.rotationDegrees", float64(d.Augmentation.RotationDegrees), 0, 180)
	v.between("dataset.augmentation.brightness", d.Augmentation.Brightness, 0, 1)
	v.between("dataset.augmentation.contrast", d.Augmentation.Contrast, 0, 1)
	v.between("dataset.augmentation.saturation", d.Augmentation.Saturation, 0, 1)
	v.parts(d.Augmentation)
	alpha := d.Augmentation.MixUp.Alpha
	v.check(alpha == 0 || alpha >= 0.01 && alpha <= 10, "dataset.augmentation.mixUp.alpha", "is %v: must be between 0.01 and 10, or 0 for no mixing", alpha)
}

// parts checks how large the parts of images are that are cut out or erased.
func (v *validator) parts(a contract.Augmentation) {
	crop, erasing := a.RandomResizedCrop, a.RandomErasing
	v.check(crop.MinScale > 0 || crop == contract.RandomResizedCrop{}, "dataset.augmentation.randomResizedCrop.minScale",
		"is %v: say the least share of the image, above 0, or leave the crop out", crop.MinScale)
	v.check(erasing.Probability > 0 || erasing == contract.RandomErasing{}, "dataset.augmentation.randomErasing.probability",
		"is %v: say the share of images that lose a part, above 0, or leave the erasing out", erasing.Probability)
	v.between("dataset.augmentation.randomErasing.probability", erasing.Probability, 0, 1)
	def, defErasing := contract.DefaultRandomResizedCrop(), contract.DefaultRandomErasing()
	for _, r := range []struct {
		of, name          string
		least, most       float64
		from, to          float64
		leastDef, mostDef float64
	}{
		{"randomResizedCrop", "Scale", crop.MinScale, crop.MaxScale, 0, 1, 0, def.MaxScale},
		{"randomResizedCrop", "Ratio", crop.MinRatio, crop.MaxRatio, 0.1, 10, def.MinRatio, def.MaxRatio},
		{"randomErasing", "Scale", erasing.MinScale, erasing.MaxScale, 0, 1, defErasing.MinScale, defErasing.MaxScale},
		{"randomErasing", "Ratio", erasing.MinRatio, erasing.MaxRatio, 0.1, 10, defErasing.MinRatio, defErasing.MaxRatio},
	} {
		field, least, most := "dataset.augmentation."+r.of, cmp.Or(r.least, r.leastDef), cmp.Or(r.most, r.mostDef)
		v.between(field+".min"+r.name, cmp.Or(r.least, r.from), r.from, r.to)
		v.between(field+".max"+r.name, cmp.Or(r.most, r.from), r.from, r.to)
		v.check(least <= most, field+".min"+r.name, "is %v: must be at most max%s (%v)", least, r.name, most)
	}
}

// labels checks which manifest is meant; what it says is checked when it is read.
func (v *validator) labels(d contract.Dataset) {
	l := d.Labels
	if l == nil {
		return
	}
	v.check(filepath.IsLocal(filepath.FromSlash(l.File)), "dataset.labels.file", "is %q: name a file within the dataset, such as labels.csv", l.File)
	v.check(d.Generated == nil, "dataset.labels", "is for a folder or an archive; generated pictures have their labels: leave it out")
}

// splitFolders checks the names of the parts' folders; what is in them is checked when they are read.
func (v *validator) splitFolders(d contract.Dataset) {
	f := d.Split.Folders
	if f == nil {
		return
	}
	v.check(f.Train != "", "dataset.split.folders.train", "is empty: name the folder of the images to train on")
	for field, name := range map[string]string{"train": f.Train, "validation": f.Validation, "test": f.Test} {
		v.check(name == "" || filepath.IsLocal(filepath.FromSlash(name)), "dataset.split.folders."+field, "is %q: name a folder within the dataset", name)
	}
	v.check(d.Generated == nil && d.Labels == nil, "dataset.split.folders",
		"divides class folders; generated pictures are divided by percentages, and a manifest by its column: leave it out")
}

func (v *validator) model(m contract.Model) {
	known := contract.Architectures()
	v.check(slices.Contains(known, m.Architecture), "model.architecture", "is %q: use one of %s", m.Architecture, strings.Join(known, ", "))
	v.check(m.ImageSize >= 32 && m.ImageSize <= 512 && m.ImageSize%16 == 0, "model.imageSize",
		"is %d: must be a multiple of 16 from 32 to 512", m.ImageSize)
	v.between("model.dropout", m.Dropout, 0, 0.9)
}

func (v *validator) training(t contract.Training) {
	v.between("training.epochs", float64(t.Epochs), 1, 10_000)
	v.between("training.batchSize", float64(t.BatchSize), 2, 1024)
	v.check(t.LearningRate > 0 && t.LearningRate <= 10, "training.learningRate", "is %g: must be above 0 and at most 10", t.LearningRate)
	v.check(slices.Contains(contract.Optimizers(), t.Optimizer), "training.optimizer", "is %q: use one of %s", t.Optimizer, strings.Join(contract.Optimizers(), ", "))
	v.between("training.weightDecay", t.WeightDecay, 0, 1)
	v.check(slices.Contains(contract.ClassWeights(), t.ClassWeights), "training.classWeights", "is %q: use %s, or leave it out",
		t.ClassWeights, contract.ClassWeightsBalanced)
	v.between("training.workers", float64(t.Workers), 0, 256)
	if t.Momentum != nil {
		v.check(*t.Momentum >= 0 && *t.Momentum < 1, "training.momentum", "is %v: must be at least 0 and below 1", *t.Momentum)
	}
	v.check(t.Optimizer == contract.OptimizerSGD || t.Momentum == nil && !t.Nesterov, "training.momentum", "and training.nesterov are for %s: remove them, or use that optimizer", contract.OptimizerSGD)
	v.check(!t.Nesterov || t.Momentum == nil || *t.Momentum > 0, "training.nesterov", "needs a momentum above 0")
	v.between("training.gradientClipping", t.GradientClipping, 0, 1000)
	v.between("training.labelSmoothing", t.LabelSmoothing, 0, 0.9)
	v.between("training.divergenceRetries", float64(t.DivergenceRetries), 0, 10)
	metrics := contract.ValidationMetrics()
	v.check(t.BestMetric == "" || slices.Contains(metrics, t.BestMetric), "training.bestMetric", "is %q: use one of %s", t.BestMetric, strings.Join(metrics, ", "))
	v.check(t.EMA.Decay >= 0 && t.EMA.Decay < 1, "training.ema.decay", "is %v: must be above 0 and below 1, or 0 for no average", t.EMA.Decay)
	v.scheduler(t)
	v.earlyStopping(t.EarlyStopping)
}

// schedulerFields are the fields of a scheduler, and the types that each is for.
var schedulerFields = []struct {
	name  string
	set   func(contract.Scheduler) bool
	types []string
}{
	{"factor", func(s contract.Scheduler) bool { return s.Factor != 0 }, []string{contract.SchedulerReduceOnPlateau, contract.SchedulerStep}},
	{"patience", func(s contract.Scheduler) bool { return s.Patience != 0 }, []string{contract.SchedulerReduceOnPlateau}},
	{"stepEpochs", func(s contract.Scheduler) bool { return s.StepEpochs != 0 }, []string{contract.SchedulerStep}},
	{"minLearningRate", func(s contract.Scheduler) bool { return s.MinLearningRate != 0 }, []string{contract.SchedulerReduceOnPlateau, contract.SchedulerCosine}},
}

func (v *validator) scheduler(t contract.Training) {
	s, known := t.Scheduler, contract.Schedulers()
	v.check(s.Type == "" || slices.Contains(known, s.Type), "training.scheduler.type", "is %q: use one of %s", s.Type, strings.Join(known, ", "))
	for _, field := range schedulerFields {
		v.check(!field.set(s) || slices.Contains(field.types, s.Type), "training.scheduler."+field.name, "is for %s: remove it, or change type (%q)",
			strings.Join(field.types, " and "), s.Type)
	}
	v.check(s.WarmupEpochs >= 0 && s.WarmupEpochs < max(t.Epochs, 1), "training.scheduler.warmupEpochs", "is %d: must be at least 0 and below training.epochs (%d)", s.WarmupEpochs, t.Epochs)
	v.check(s.Type != contract.SchedulerOneCycle || s.WarmupEpochs == 0, "training.scheduler.warmupEpochs", "is %d: remove it, as %s has a warm-up of its own", s.WarmupEpochs, s.Type)
	v.check(s.Factor >= 0 && s.Factor < 1, "training.scheduler.factor", "is %v: must be above 0 and below 1", s.Factor)
	v.between("training.scheduler.patience", float64(s.Patience), 0, 1000)
	v.between("training.scheduler.stepEpochs", float64(s.StepEpochs), 0, 10_000)
	v.check(s.MinLearningRate >= 0 && s.MinLearningRate <= t.LearningRate, "training.scheduler.minLearningRate", "is %v: must be at least 0 and at most training.learningRate (%v)", s.MinLearningRate, t.LearningRate)
}

func (v *validator) earlyStopping(s contract.EarlyStopping) {
	v.between("training.earlyStopping.patience", float64(s.Patience), 0, 1000)
	v.between("training.earlyStopping.minDelta", s.MinDelta, 0, 1)
	known := contract.ValidationMetrics()
	v.check(s.Patience == 0 || slices.Contains(known, s.Metric), "training.earlyStopping.metric", "is %q: use one of %s", s.Metric, strings.Join(known, ", "))
	v.check(s.Patience > 0 || s == contract.EarlyStopping{}, "training.earlyStopping.patience", "is 0: say after how many epochs without an improvement to stop")
}
