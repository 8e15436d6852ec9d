// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"fmt"
	"slices"
)

// TrainConfig configures `runner train`.
type TrainConfig struct {
	Version  int      `json:"version"`
	Run      Run      `json:"run"`
	Dataset  Dataset  `json:"dataset"`
	Model    Model    `json:"model"`
	Training Training `json:"training"`
	Output   Output   `json:"output"`
	// Gates are what the metrics on the test split must reach.
	Gates []Gate `json:"gates,omitempty"`
	// Report is what the report shows.
	Report Report `json:"report,omitzero"`
	// Tracking is where the run is recorded besides.
	Tracking Tracking `json:"tracking,omitzero"`
}

// Report is what a run's report shows.
type Report struct {
	// Samples is ReportSamplesEnabled for a report with pictures of the dataset in it, or ReportSamplesDisabled for one without;
	// empty: pictures that were drawn are shown, others aren't.
	Samples string `json:"samples,omitempty"`
}

// Whether a report shows pictures of the dataset.
const (
	ReportSamplesEnabled  = "Enabled"
	ReportSamplesDisabled = "Disabled"
)

// ReportSamples lists the values of Report.Samples.
func ReportSamples() []string { return []string{"", ReportSamplesEnabled, ReportSamplesDisabled} }

// ShowsSamples tells whether the report shows pictures of the dataset.
func (c TrainConfig) ShowsSamples() bool {
	if c.Report.Samples == "" {
		return c.Dataset.Generated != nil
	}
	return c.Report.Samples == ReportSamplesEnabled
}

// Run identifies the run that a runner works for.
type Run struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace,omitempty"`
	// UID tells two runs of the same name apart. A runner that finds an artifact
	// of its own UID publishes that result again instead of training.
	UID string `json:"uid,omitempty"`
}

// Dataset says where the samples come from; exactly one of its sources is set, see Sources.
type Dataset struct {
	// Path is a folder of class folders.
	Path string `json:"path,omitempty"`
	// URI is a bucket's folder of class folders, an archive in a bucket, or an archive on a web server, see CheckDatasetURI.
	URI string `json:"uri,omitempty"`
	// DVC is a dataset that DVC keeps beside a Git repository.
	DVC *DVC `json:"dvc,omitempty"`
	// Access is for URI and DVC.
	Access
	// Cache is where the files are kept that a source which isn't here fetches.
	Cache     Cache      `json:"cache,omitzero"`
	Generated *Generated `json:"generated,omitempty"`
	// Labels names a manifest in the source. Nil: the names of class folders are the labels.
	Labels *Labels `json:"labels,omitempty"`
	// MaxInvalidPercent is how many of the files that should be images may be none, or none that can be used, 0 to 100. Nil:
	// any number, as long as every class has enough left.
	MaxInvalidPercent *int         `json:"maxInvalidPercent,omitempty"`
	Split             Split        `json:"split"`
	Augmentation      Augmentation `json:"augmentation"`
}

// Cache is a folder of fetched files, by their content. Runs may share it.
type Cache struct {
	// Path is the folder. Empty: scratch space, which goes with the run.
	Path string `json:"path,omitempty"`
	// MaxBytes bounds what the folder holds; 0 is no bound.
	MaxBytes int64 `json:"maxBytes,omitempty"`
}

// Names of the sources of a Dataset: those of its fields.
const (
	SourcePath      = "path"
	SourceURI       = "uri"
	SourceDVC       = "dvc"
	SourceGenerated = "generated"
)

// sources are the members of the union of sources, in the order of Dataset's fields.
var sources = []struct {
	name   string
	remote bool // it is fetched from elsewhere
	set    func(Dataset) bool
	clear  func(*Dataset)
}{
	{SourcePath, false, func(d Dataset) bool { return d.Path != "" }, func(d *Dataset) { d.Path = "" }},
	{SourceURI, true, func(d Dataset) bool { return d.URI != "" }, func(d *Dataset) { d.URI = "" }},
	{SourceDVC, true, func(d Dataset) bool { return d.DVC != nil }, func(d *Dataset) { d.DVC = nil }},
	{SourceGenerated, false, func(d Dataset) bool { return d.Generated != nil }, func(d *Dataset) { d.Generated = nil }},
}

// Sources returns the names of the sources that are set.
func (d Dataset) Sources() []string {
	var set []string
	for _, source := range sources {
		if source.set(d) {
			set = append(set, source.name)
		}
	}
	return set
}

// DatasetSources lists the names of all sources.
func DatasetSources() []string {
	names := make([]string, len(sources))
	for i, source := range sources {
		names[i] = source.name
	}
	return names
}

// IsRemote tells whether the samples are fetched from elsewhere, which may need an Access.
func (d Dataset) IsRemote() bool {
	for _, source := range sources {
		if source.remote && source.set(d) {
			return true
		}
	}
	return false
}

// ClearSources leaves the dataset without a source, except those that are to be kept.
func (d *Dataset) ClearSources(keep ...string) {
	for _, source := range sources {
		if !slices.Contains(keep, source.name) {
			source.clear(d)
		}
	}
}

// DVC names a dataset that DVC keeps beside a Git repository.
type DVC struct {
	// Repo is an https:// or ssh:// URL, user@host:path or, on the machine that trains, a folder or a file:// URL.
	Repo string `json:"repo"`
	// Rev is a branch, a tag or a whole commit. Empty: the branch that the repository calls its own.
	Rev string `json:"rev,omitempty"`
	// Path is the folder of class folders, relative to the repository's root. Empty: all that DVC keeps.
	Path string `json:"path,omitempty"`
	// Remote is the name of DVC's remote. Empty: the one that the repository's configuration names.
	Remote string `json:"remote,omitempty"`
}

// Labels names a manifest, a table that gives each image its label: CSV or JSON Lines, told by its content.
type Labels struct {
	// File is its path within the source. Paths in it are relative to the source as well.
	File string `json:"file"`
	// PathColumn, LabelColumn and SplitColumn name its columns, or the keys of its objects. Those that are empty are found
	// by the names that such columns usually have, or by their order where there is no header.
	PathColumn  string `json:"pathColumn,omitempty"`
	LabelColumn string `json:"labelColumn,omitempty"`
	SplitColumn string `json:"splitColumn,omitempty"`
}

// Generated asks for synthetic pictures.
type Generated struct {
	SamplesPerClass int      `json:"samplesPerClass"`
	Classes         []string `json:"classes"`
	Seed            int64    `json:"seed"`
	// LabelNoisePercent is the share of samples, 0 to 100, whose label is drawn at random.
	LabelNoisePercent int `json:"labelNoisePercent"`
}

// Split is the share of samples, in percent, held out for validation and test.
// Training gets the rest.
type Split struct {
	ValidationPercent int   `json:"validationPercent"`
	TestPercent       int   `json:"testPercent"`
	Seed              int64 `json:"seed"`
	// Folders are the parts that the source is divided into already. Nil: its folders' names tell.
	Folders *SplitFolders `json:"folders,omitempty"`
}

// SplitFolders are the folders of the parts, by their paths within the source, each with class folders. Validation and Test
// may be empty: that part is divided from the training images. What lies beside is left out.
type SplitFolders struct {
	Train      string `json:"train"`
	Validation string `json:"validation,omitempty"`
	Test       string `json:"test,omitempty"`
}

// Augmentation changes training samples at random, with the meaning of
// torchvision's RandomResizedCrop, RandomRotation, RandomHorizontalFlip, ColorJitter, RandomErasing and MixUp.
type Augmentation struct {
	RotationDegrees int     `json:"rotationDegrees"`
	HorizontalFlip  bool    `json:"horizontalFlip"`
	Brightness      float64 `json:"brightness"` // 0 to 1
	Contrast        float64 `json:"contrast"`   // 0 to 1
	Saturation      float64 `json:"saturation"` // 0 to 1
	// RandomResizedCrop and RandomErasing are off where they are the zero value.
	RandomResizedCrop RandomResizedCrop `json:"randomResizedCrop,omitzero"`
	RandomErasing     RandomErasing     `json:"randomErasing,omitzero"`
	// MixUp is off where it is the zero value.
	MixUp MixUp `json:"mixUp,omitzero"`
}

// MixUp mixes the images of a batch, and their labels, in pairs by a share that is drawn for each batch.
type MixUp struct {
	// Alpha is both parameters of the beta distribution of the share, above 0; 0: nothing is mixed.
	Alpha float64 `json:"alpha,omitempty"`
}

// RandomResizedCrop scales a random part of each training image to the size of the image. 0 of a number is its default, and
// of MinScale, which has none, that nothing is cut.
type RandomResizedCrop struct {
	// MinScale and MaxScale are the least and the greatest share of the image's area, in (0, 1].
	MinScale float64 `json:"minScale,omitempty"`
	MaxScale float64 `json:"maxScale,omitempty"`
	// MinRatio and MaxRatio are those of width to height.
	MinRatio float64 `json:"minRatio,omitempty"`
	MaxRatio float64 `json:"maxRatio,omitempty"`
}

// RandomErasing replaces a random part of some training images by the mean color. 0 of a number is its default, and of
// Probability, which has none, that nothing is erased.
type RandomErasing struct {
	Probability float64 `json:"probability,omitempty"` // that an image loses a part, (0, 1]
	// MinScale and MaxScale are the least and the greatest share of the image's area, in (0, 1].
	MinScale float64 `json:"minScale,omitempty"`
	MaxScale float64 `json:"maxScale,omitempty"`
	// MinRatio and MaxRatio are those of height to width.
	MinRatio float64 `json:"minRatio,omitempty"`
	MaxRatio float64 `json:"maxRatio,omitempty"`
}

// Model is the network to train.
type Model struct {
	Architecture string  `json:"architecture"` // one of Architectures
	ImageSize    int     `json:"imageSize"`    // pixels, both sides
	Dropout      float64 `json:"dropout"`      // probability, [0, 1)
}

// Architectures of networks.
const (
	ArchitectureBaselineCNN = "BaselineCNN" // four convolution blocks
	ArchitectureSimpleCNN   = "SimpleCNN"   // three smaller ones, without batch normalization
)

// Architectures lists the architectures, sorted.
func Architectures() []string { return []string{ArchitectureBaselineCNN, ArchitectureSimpleCNN} }

// Optimizers of a training.
const (
	OptimizerSGD   = "SGD" // with momentum
	OptimizerAdam  = "Adam"
	OptimizerAdamW = "AdamW"
)

// Optimizers lists the optimizers.
func Optimizers() []string { return []string{OptimizerSGD, OptimizerAdam, OptimizerAdamW} }

// Training is how the network is trained.
type Training struct {
	Epochs       int     `json:"epochs"`
	BatchSize    int     `json:"batchSize"`
	LearningRate float64 `json:"learningRate"`
	Optimizer    string  `json:"optimizer"` // one of Optimizers
	WeightDecay  float64 `json:"weightDecay"`
	Seed         int64   `json:"seed"`
	// Workers decode and augment images; 0 means one per CPU.
	Workers int `json:"workers"`
	// ClassWeights is ClassWeightsBalanced for a loss in which each class counts as much as any other; empty: as each image does.
	ClassWeights string `json:"classWeights,omitempty"`
	// Scheduler changes the learning rate. The zero value keeps it.
	Scheduler Scheduler `json:"scheduler,omitzero"`
	// EarlyStopping ends a training that gets no better. The zero value doesn't.
	EarlyStopping EarlyStopping `json:"earlyStopping,omitzero"`
	// Momentum of SGD, in [0, 1); nil: DefaultMomentum. Nesterov looks ahead by it.
	Momentum *float64 `json:"momentum,omitempty"`
	Nesterov bool     `json:"nesterov,omitempty"`
	// GradientClipping is the greatest norm of all gradients together; 0: none.
	GradientClipping float64 `json:"gradientClipping,omitempty"`
	// LabelSmoothing is the share of a label, in [0, 1), that all classes get alike.
	LabelSmoothing float64 `json:"labelSmoothing,omitempty"`
	// BestMetric, one of ValidationMetrics, is what chooses the epoch whose weights are published; among equals the loss does.
	// Empty: MetricAccuracy.
	BestMetric string `json:"bestMetric,omitempty"`
	// DivergenceRetries is how often a training whose loss is infinite or no number goes back to the end of the last good epoch,
	// with half the learning rate from there on. 0: it fails.
	DivergenceRetries int `json:"divergenceRetries,omitempty"`
	// EMA averages the weights. The zero value doesn't.
	EMA EMA `json:"ema,omitzero"`
}

// EMA asks for an exponential moving average of the weights over the steps, which is what is measured and published.
type EMA struct {
	// Decay is the share of the average that a step keeps, in (0, 1); 0: there is no average.
	Decay float64 `json:"decay,omitempty"`
}

// ClassWeightsBalanced weights each training image by images / (classes × images of its class), of the training part.
const ClassWeightsBalanced = "Balanced"

// ClassWeights lists the values of Training.ClassWeights; with the first all images count alike.
func ClassWeights() []string { return []string{"", ClassWeightsBalanced} }

// Kinds of a Scheduler.
const (
	SchedulerConstant        = "Constant"
	SchedulerReduceOnPlateau = "ReduceOnPlateau"
	SchedulerStep            = "Step"
	SchedulerCosine          = "Cosine"
	SchedulerOneCycle        = "OneCycle"
)

// Schedulers lists the kinds of a Scheduler.
func Schedulers() []string {
	return []string{SchedulerConstant, SchedulerReduceOnPlateau, SchedulerStep, SchedulerCosine, SchedulerOneCycle}
}

// Scheduler changes the learning rate in the course of training. 0 of a number is its default.
type Scheduler struct {
	Type string `json:"type,omitempty"` // one of Schedulers; empty: SchedulerConstant
	// WarmupEpochs are those in which the rate rises from 0, before Type begins. SchedulerOneCycle has a rise of its own.
	WarmupEpochs int `json:"warmupEpochs,omitempty"`
	// Factor is what SchedulerReduceOnPlateau and SchedulerStep multiply the rate by, in (0, 1).
	Factor float64 `json:"factor,omitempty"`
	// Patience is how many epochs SchedulerReduceOnPlateau bears without a lower loss on the validation split.
	Patience int `json:"patience,omitempty"`
	// StepEpochs is after how many epochs SchedulerStep changes the rate, each time.
	StepEpochs int `json:"stepEpochs,omitempty"`
	// MinLearningRate is where SchedulerCosine ends, and SchedulerReduceOnPlateau never falls below.
	MinLearningRate float64 `json:"minLearningRate,omitempty"`
}

// Varies tells whether the rate is ever another than the configured one.
func (s Scheduler) Varies() bool {
	return s.WarmupEpochs > 0 || s.Type != "" && s.Type != SchedulerConstant
}

// EarlyStopping ends a training once Patience epochs on end have not improved Metric on the validation split by more than
// MinDelta. A Patience of 0 turns it off.
type EarlyStopping struct {
	Metric   string  `json:"metric,omitempty"` // one of ValidationMetrics
	Patience int     `json:"patience,omitempty"`
	MinDelta float64 `json:"minDelta,omitempty"`
}

// ValidationMetrics lists the metrics that can be measured after each epoch.
func ValidationMetrics() []string {
	return []string{
		MetricLoss, MetricAccuracy, MetricPrecision, MetricRecall, MetricF1, MetricWeightedPrecision, MetricWeightedRecall, MetricWeightedF1,
		MetricROCAUC, MetricPRAUC, MetricKappa, MetricCalibrationError,
	}
}

// Output is where the artifact is published.
type Output struct {
	// Path is a folder; the artifact becomes <path>/<run>-<first 8 of uid>.
	Path string `json:"path"`
	// URI is what Path is called in results, such as pvc://models. Empty: Path itself. A URI of an object store, see
	// BucketSchemes, is where the artifact is published; Path is then scratch space.
	URI string `json:"uri,omitempty"`
	// Access is how the object store of URI is reached.
	Access
	// CheckpointsPath is a folder for checkpoints. Empty: where the artifact is published.
	CheckpointsPath string `json:"checkpointsPath,omitempty"`
	// Quantization is QuantizationInt8 for a model that computes with 8 bits; empty: float32.
	Quantization string `json:"quantization,omitempty"`
	// Calibration is CalibrationTemperature for a model with the temperature that the validation split is best told by; empty:
	// without one.
	Calibration string `json:"calibration,omitempty"`
}

// CalibrationTemperature divides logits by one number before they become probabilities.
const CalibrationTemperature = "Temperature"

// Calibrations lists the values of Output.Calibration and ServedModel.Calibration; the first is none.
func Calibrations() []string { return []string{"", CalibrationTemperature} }

// QuantizationInt8 asks for a model whose weights and activations are of 8 bits.
const QuantizationInt8 = "Int8"

// Quantizations lists the values of Output.Quantization; the first is float32.
func Quantizations() []string { return []string{"", QuantizationInt8} }

// Gate bounds a metric on the test split: from above where less is better, see LessIsBetter, else from below.
type Gate struct {
	Metric string  `json:"metric"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max,omitempty"`
}

// Bound is the end of the range of values that the gate lets through.
func (g Gate) Bound() float64 {
	if LessIsBetter(g.Metric) {
		return g.Max
	}
	return g.Min
}

// Range says which values the gate lets through.
func (g Gate) Range() string {
	side := "least"
	if LessIsBetter(g.Metric) {
		side = "most"
	}
	return fmt.Sprintf("%v at %s", g.Bound(), side)
}

// Admits tells whether the gate lets a value of its metric through.
func (g Gate) Admits(value float64) bool {
	if LessIsBetter(g.Metric) {
		return value <= g.Max
	}
	return value >= g.Min
}

// ServeConfig configures `server serve`.
type ServeConfig struct {
	Version int `json:"version"`
	// Name is the model's name in the V2 inference protocol.
	Name string `json:"name"`
	// Revision is what /model-info reports; a smoke test compares it.
	Revision string      `json:"revision"`
	Model    ServedModel `json:"model"`
	Limits   Limits      `json:"limits"`
	// DrainDelaySeconds is how long the server goes on serving after SIGTERM.
	DrainDelaySeconds int `json:"drainDelaySeconds"`
	// LogRequests writes a line per request.
	LogRequests bool `json:"logRequests"`
	// CORSOrigins are the origins whose pages may read answers, such as https://pets.example; "*": all. None: only the server's own page.
	CORSOrigins []string `json:"corsOrigins,omitempty"`
}

// ServedModel is the model file that a server loads and what its digest must be.
type ServedModel struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
	// TrainingRun is the run that made the model, for /model-info.
	TrainingRun string `json:"trainingRun,omitempty"`
	// Classes are the names of the classes in the order of the network's numbers. Labels is the content of a file of them, and
	// LabelsPath such a file: a name a line, or JSON. Without any of these the file says it.
	Classes    []string `json:"classes,omitempty"`
	Labels     string   `json:"labels,omitempty"`
	LabelsPath string   `json:"labelsPath,omitempty"`
	// Input says how an image becomes the network's input. What is left out is what the file says, or is assumed.
	Input *ServedInput `json:"input,omitempty"`
	// Output is what the network yields, one of Outputs. Empty: what the file's metadata says, or what is found out.
	Output string `json:"output,omitempty"`
	// OutputName is the output that has a number for each class, where there are several.
	OutputName string `json:"outputName,omitempty"`
	// Calibration is CalibrationTemperature if probabilities are made with the temperature in the file, which it must have.
	Calibration string `json:"calibration,omitempty"`
}

// ServedInput is how an image becomes a network's input: (pixel × scale - mean) / std for each channel.
type ServedInput struct {
	Size          int       `json:"size,omitempty"`          // pixels, both sides
	Resize        string    `json:"resize,omitempty"`        // ResizeStretch or ResizeCrop
	ShorterSide   int       `json:"shorterSide,omitempty"`   // pixels, before ResizeCrop cuts
	Interpolation string    `json:"interpolation,omitempty"` // InterpolationBilinear, as if it is empty, or InterpolationBicubic
	Layout        string    `json:"layout,omitempty"`        // NCHW or NHWC
	ChannelOrder  string    `json:"channelOrder,omitempty"`  // RGB or BGR
	Scale         string    `json:"scale,omitempty"`         // a decimal, or one divided by one: 1/127.5
	Mean          []float64 `json:"mean,omitempty"`          // in the order of the channels, or one for all
	Std           []float64 `json:"std,omitempty"`
}

// What networks yield.
const (
	OutputLogits           = "logits"
	OutputProbabilities    = "probabilities"
	OutputLogProbabilities = "logProbabilities"
	OutputSigmoid          = "sigmoid" // one number for two classes: the probability of the second
	OutputLogit            = "logit"   // one number for two classes, before its sigmoid
)

// Outputs lists the values of ServedModel.Output besides the empty one.
func Outputs() []string {
	return []string{OutputLogits, OutputProbabilities, OutputLogProbabilities, OutputSigmoid, OutputLogit}
}

// How images are brought to a square.
const (
	ResizeStretch = "Stretch" // the aspect ratio is not kept
	ResizeCrop    = "Crop"    // by the shorter side, and the middle is cut out
)

// By which filter images are resized.
const (
	InterpolationBilinear = "Bilinear"
	InterpolationBicubic  = "Bicubic"
)

// Limits bound what a request may cost.
type Limits struct {
	MaxBatch             int   `json:"maxBatch"`             // images computed together
	MaxBatchDelayMillis  int   `json:"maxBatchDelayMillis"`  // how long a request waits for others
	MaxBodyBytes         int64 `json:"maxBodyBytes"`         // of a request
	MaxPixels            int64 `json:"maxPixels"`            // of an image, before it is decoded
	RequestTimeoutMillis int   `json:"requestTimeoutMillis"` // from the first byte to the answer
	Threads              int   `json:"threads"`              // 0: one per CPU
}

// SmokeConfig configures `server smoke`.
type SmokeConfig struct {
	Version int `json:"version"`
	// Targets are base URLs. Every one must pass every check.
	Targets []string `json:"targets"`
	// Revision and SHA256 are what /model-info must report.
	Revision string `json:"revision"`
	SHA256   string `json:"sha256"`
	// Model are the samples published with the model under test.
	Model *Samples `json:"model,omitempty"`
	// Live are the samples published with the live model, if there is one.
	Live *Samples `json:"live,omitempty"`
	// Pictures are labeled pictures of the user's own, by which quality is judged rather than by samples: a samples.tar, or
	// a folder of class folders.
	Pictures *Samples `json:"pictures,omitempty"`
	// MinAgreement is the least share of ground-truth labels predicted, 0 to 1.
	// Left out: no more than 0.10 below what the samples' own model scores on them, unless so few samples don't tell; and
	// where that isn't known, better than always guessing their most frequent class. 0 asks for none.
	MinAgreement *float64 `json:"minAgreement,omitempty"`
	// Margin is by how much the share of right answers for Live's samples may be below that of the live model, 0 to 1. Left out: 0.10.
	Margin *float64 `json:"margin,omitempty"`
	// AllowChance asks of samples without a model's answers for no more than what guessing has right.
	AllowChance bool `json:"allowChance,omitempty"`
	// MaxLatencyMillis bounds the median latency of a prediction; 0 is off.
	MaxLatencyMillis int `json:"maxLatencyMillis,omitempty"`
	// Attempts are tries per check.
	Attempts int `json:"attempts"`
	// TimeoutSeconds bounds one round of all checks.
	TimeoutSeconds int `json:"timeoutSeconds"`
	// DelaySeconds are waited before the first check.
	DelaySeconds int `json:"delaySeconds,omitempty"`
	// ForSeconds repeats the checks for that long; 0 runs them once.
	ForSeconds int `json:"forSeconds,omitempty"`
	// Pods are base URLs of the servers behind the targets, while the checks are repeated: each is asked what users' requests
	// have come to. Those that come later are found through the targets.
	Pods []string `json:"pods,omitempty"`
	// MinRequests has the checks repeated until the servers have answered so many requests of users.
	MinRequests int `json:"minRequests,omitempty"`
	// MaxP99IncreasePercent bounds by how much the 99th percentile of the latency of users' requests may be higher than it was
	// with the revision before, whose servers are at PodsBefore. 0 is off.
	MaxP99IncreasePercent int      `json:"maxP99IncreasePercent,omitempty"`
	PodsBefore            []string `json:"podsBefore,omitempty"`
}

// Samples is a samples.tar and what its digest must be; empty: any.
type Samples struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
}
