// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"encoding/json"

	"github.com/trainyard-dev/trainyard/internal/contract/unknown"
)

// Outcomes of a run.
const (
	OutcomeSucceeded   = "Succeeded"
	OutcomeFailed      = "Failed"
	OutcomeInterrupted = "Interrupted"
)

// Reasons of a failed run. The operator treats any other as ReasonRunnerFailed.
const (
	ReasonConfigInvalid      = "ConfigInvalid"
	ReasonDatasetNotFound    = "DatasetNotFound"
	ReasonDatasetInvalid     = "DatasetInvalid"
	ReasonTooManyInvalid     = "TooManyInvalidFiles" // more than dataset.maxInvalidPercent
	ReasonCredentialsInvalid = "CredentialsInvalid"  // the place of the dataset or of the output refuses the credentials, or needs some
	ReasonGateNotMet         = "GateNotMet"
	ReasonArtifactInvalid    = "ArtifactInvalid"
	ReasonLossDiverged       = "LossDiverged" // the loss is infinite or no number
	ReasonRunnerFailed       = "RunnerFailed"
	// ReasonSourceUnreachable: the host of the dataset isn't reached or, of `runner pull`, a file can't be fetched.
	ReasonSourceUnreachable = "SourceUnreachable"
)

// AboutOutput begins the message of a failure whose reason is about the output in an object store. Without it,
// ReasonCredentialsInvalid is about the dataset.
const AboutOutput = "output: "

// Names of the metrics that a runner reports on the test split.
const (
	MetricAccuracy  = "accuracy"
	MetricPrecision = "precision" // macro average
	MetricRecall    = "recall"    // macro average
	MetricF1        = "f1"        // macro average
	MetricLoss      = "loss"      // mean cross-entropy
	// The same weighted by the classes' numbers of images.
	MetricWeightedPrecision = "weightedPrecision"
	MetricWeightedRecall    = "weightedRecall"
	MetricWeightedF1        = "weightedF1"
	// Means over the classes, of each against all others, by the probabilities of the class.
	MetricROCAUC = "rocAUC"
	MetricPRAUC  = "prAUC" // average precision
	MetricKappa  = "kappa" // Cohen's
	// MetricCalibrationError is the expected one: how far accuracy and confidence are apart.
	MetricCalibrationError = "calibrationError"
	// MetricTemperature is what logits are divided by for calibrated probabilities, and MetricCalibratedError the calibration error
	// of these.
	MetricTemperature     = "temperature"
	MetricCalibratedError = "calibratedError"
	// MetricAccuracyLoss is how much lower the accuracy is than it was before the model was quantized.
	MetricAccuracyLoss = "accuracyLoss"
)

// ModelMetrics returns those of metrics that a model file states, by name. A model is named by the digest of its file: what a
// newer version measures stands in the result and the report alone, and the same training goes on giving the same file.
func ModelMetrics(metrics []Metric) map[string]float64 {
	stated := map[string]float64{}
	for _, m := range metrics {
		switch m.Name {
		case MetricAccuracy, MetricPrecision, MetricRecall, MetricF1, MetricLoss, MetricAccuracyLoss:
			stated[m.Name] = m.Value
		}
	}
	return stated
}

// GateMetrics lists the metrics that a gate may name.
func GateMetrics() []string {
	return []string{
		MetricAccuracy, MetricPrecision, MetricRecall, MetricF1, MetricWeightedPrecision, MetricWeightedRecall, MetricWeightedF1,
		MetricROCAUC, MetricPRAUC, MetricKappa, MetricLoss, MetricCalibrationError, MetricAccuracyLoss,
	}
}

// LessIsBetter tells whether a gate bounds the metric from above.
func LessIsBetter(metric string) bool {
	return metric == MetricLoss || metric == MetricCalibrationError || metric == MetricAccuracyLoss
}

// LogitTolerance is how far the logits of one model for one image may be apart, as a part of the greatest of them, where
// they are computed in two ways: by the network in training and by its export, alone and in a batch, in training and on
// whatever a server runs on. Sums are added up in another order there, and batch normalization is folded.
const LogitTolerance = 1e-3

// TrainResult is what `runner train` leaves in the termination message.
type TrainResult struct {
	Version int    `json:"version"`
	Outcome string `json:"outcome"`
	// Reason, Message and LogTail say what went wrong. LogTail is at most 1 kB.
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
	LogTail string `json:"logTail,omitempty"`
	// Warnings say what is odd about the data, the training or the model that is published all the same.
	Warnings []string       `json:"warnings,omitempty"`
	Metrics  []Metric       `json:"metrics,omitempty"`
	Model    *ModelResult   `json:"model,omitempty"`
	Dataset  *DatasetResult `json:"dataset,omitempty"`
	// Chance is what the accuracy on the test split is compared with; nil where all of it is of one class.
	Chance *Chance `json:"chance,omitempty"`
	// Checkpoint is the last one written, if any.
	Checkpoint *Checkpoint `json:"checkpoint,omitempty"`
	// Trained is how far a published model was trained. Without it the reader takes it
	// that all epochs were.
	Trained *Checkpoint `json:"trained,omitempty"`
	// MLflow is the run's record there; nil for a run that is to have none.
	MLflow *MLflowResult `json:"mlflow,omitempty"`
	// Unknown is what a newer runner has written into a result that this one publishes again.
	Unknown *unknown.Fields `json:"-"`
}

// plainResult is a TrainResult that encoding/json decodes field by field.
type plainResult TrainResult

// UnmarshalJSON keeps the fields that this version doesn't have.
func (r *TrainResult) UnmarshalJSON(data []byte) error {
	plain := plainResult(*r)
	err := json.Unmarshal(data, &plain)
	if err == nil {
		plain.Unknown, err = unknown.Of(data, plain)
	}
	*r = TrainResult(plain)
	return err
}

// MarshalJSON is the inverse of UnmarshalJSON.
func (r TrainResult) MarshalJSON() ([]byte, error) {
	return unknown.Encode(plainResult(r), r.Unknown)
}

// Metric is one named figure.
type Metric struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	// Interval is where the value lies with a confidence of 95 %, given how few images it was measured on. Only the accuracy
	// has one.
	Interval Interval `json:"interval,omitzero"`
}

// Interval is a range of a metric's values.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Chance compares a model with one that always guesses the class that most images are of.
type Chance struct {
	Class    string  `json:"class"`    // of most images
	Accuracy float64 `json:"accuracy"` // of always guessing it
	// Better: the model's accuracy is higher, by a one-sided test with a confidence of 99 %.
	Better bool `json:"better"`
}

// ModelResult describes a published model.
type ModelResult struct {
	// URI names the model file, such as pvc://claim/run-1a2b3c4d/model.onnx.
	URI        string `json:"uri"`
	SHA256     string `json:"sha256"` // hex, without a prefix
	SizeBytes  int64  `json:"sizeBytes"`
	ClassCount int    `json:"classCount"`
	// Classes are the first 20 class names, in the order of the logits.
	Classes []string       `json:"classes"`
	Samples *SamplesResult `json:"samples,omitempty"`
}

// SamplesResult describes published samples.
type SamplesResult struct {
	URI    string `json:"uri"`
	SHA256 string `json:"sha256"`
	Count  int    `json:"count"`
}

// DatasetResult describes the data that a model was trained on.
type DatasetResult struct {
	Digest          string `json:"digest"` // sha256:<hex>
	Samples         int    `json:"samples"`
	TestSplitDigest string `json:"testSplitDigest"` // sha256:<hex>
	// Revision is what the place calls this state of the data: the commit of a Git repository.
	Revision string `json:"revision,omitempty"`
	// SplitBy says what divides data that are split already, see SplitByNames and the like; empty: the runner divided them.
	SplitBy string `json:"splitBy,omitempty"`
	// ClassSizes are the sizes of classes that differ in their training images, by those: of more than MaxClassSizes the
	// smallest and, last, the largest.
	ClassSizes []ClassSize `json:"classSizes,omitempty"`
}

// MaxClassSizes bounds the classes in a result.
const MaxClassSizes = 10

// ClassSize is how many images of a class there are in each part.
type ClassSize struct {
	Class      string `json:"class"`
	Train      int    `json:"train"`
	Validation int    `json:"validation"`
	Test       int    `json:"test"`
	// Weight is that of the class in the loss; left out: all count alike.
	Weight float64 `json:"weight,omitempty"`
}

// What divides data that are split already.
const (
	SplitByNames   = "FolderNames" // folders that are named as parts are
	SplitByFolders = "Folders"     // those of the configuration
	SplitByLabels  = "Labels"      // a column of the manifest
)

// Checkpoint tells how far a saved state had come.
type Checkpoint struct {
	Epoch int   `json:"epoch"`
	Step  int64 `json:"step"`
}

// Stages of a run, as in [Progress]. A runner may say others.
const (
	StageLoading    = "LoadingData" // before anything is known of the data
	StageFetching   = "Fetching"
	StageScanning   = "Scanning"
	StageTraining   = "Training"
	StageEvaluating = "Evaluating"
	StagePublishing = "Publishing"
	StagePublished  = "Published"
)

// Progress is what a runner answers on [ProgressPath].
type Progress struct {
	Version int `json:"version"`
	// Sequence grows with every change; a reader keeps the highest.
	Sequence        int64       `json:"sequence"`
	Stage           string      `json:"stage"`
	Percent         int         `json:"percent"`
	Epoch           int         `json:"epoch"` // the current one, from 1
	Epochs          int         `json:"epochs"`
	Step            int64       `json:"step"` // done so far, over all epochs
	Steps           int64       `json:"steps"`
	ImagesPerSecond float64     `json:"imagesPerSecond,omitempty"`
	RemainingSecs   int64       `json:"remainingSeconds,omitempty"`
	Metrics         []Metric    `json:"metrics,omitempty"`
	Checkpoint      *Checkpoint `json:"checkpoint,omitempty"`
	// Data is how far the dataset has come, in StageFetching and StageScanning.
	Data *DataProgress `json:"data,omitempty"`
	// MLflow is how far the run's record there has come.
	MLflow *MLflowResult `json:"mlflow,omitempty"`
}

// DataProgress is how far fetching or scanning a dataset has come.
type DataProgress struct {
	Files      int64 `json:"files"` // done so far
	TotalFiles int64 `json:"totalFiles"`
	// KeptFiles are those that the cache had already; they are not among the others.
	KeptFiles int64 `json:"keptFiles,omitempty"`
	Bytes     int64 `json:"bytes"`
	// TotalBytes is 0 if that is unknown.
	TotalBytes     int64 `json:"totalBytes,omitempty"`
	BytesPerSecond int64 `json:"bytesPerSecond,omitempty"`
	RemainingSecs  int64 `json:"remainingSeconds,omitempty"`
}

// Results of a smoke check.
const (
	CheckPassed  = "Passed"
	CheckFailed  = "Failed"
	CheckSkipped = "Skipped"
)

// SmokeReport is what `server smoke` leaves in the termination message.
type SmokeReport struct {
	Version int  `json:"version"`
	Passed  bool `json:"passed"`
	// Message sums the report up in one sentence.
	Message string       `json:"message"`
	Rounds  int          `json:"rounds,omitempty"`
	Checks  []SmokeCheck `json:"checks"`
	// Traffic is what users' requests came to meanwhile, as the servers have counted it; nil where none has.
	Traffic *SmokeTraffic `json:"traffic,omitempty"`
}

// SmokeTraffic is what users' requests came to while servers were tested.
type SmokeTraffic struct {
	Requests int64 `json:"requests"`
	// Failures are those answered with a status of 500 or above.
	Failures int64 `json:"failures"`
}

// SmokeCheck is one check's result, the worst over all targets and rounds.
type SmokeCheck struct {
	Name    string `json:"name"`
	Result  string `json:"result"`
	Message string `json:"message,omitempty"` // at most 256 bytes
	// LatencyMillis is how long the check's request took, in milliseconds; the median where it made several.
	LatencyMillis float64 `json:"latencyMillis,omitempty"`
}
