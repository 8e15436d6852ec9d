// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TrainingRunStatus is what has come of a TrainingRun.
type TrainingRunStatus struct {
	// observedGeneration is the generation of the spec that this status is about.
	// +kubebuilder:validation:Minimum=0
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// startTime is when the first pod of the run started.
	// +optional
	StartTime *metav1.Time `json:"startTime,omitempty"`
	// completionTime is when the run ended, well or badly.
	// +optional
	CompletionTime *metav1.Time `json:"completionTime,omitempty"`
	// jobName is the Job that runs, or ran, the training.
	// +kubebuilder:validation:MaxLength=63
	// +optional
	JobName string `json:"jobName,omitempty"`
	// podName is the newest pod of that Job.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	PodName string `json:"podName,omitempty"`
	// nodeName is where that pod runs, or ran.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	NodeName string `json:"nodeName,omitempty"`
	// progress is how far the training has come.
	// +optional
	Progress *TrainingProgress `json:"progress,omitempty"`
	// metrics are the figures that metricsSplit says: of the training until it is done,
	// of the finished model once it is published.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	// +optional
	Metrics []Metric `json:"metrics,omitempty"`
	// metricsSplit is the split that metrics were measured on: Validation while the run
	// trains, Test for the finished model.
	// +optional
	MetricsSplit MetricsSplit `json:"metricsSplit,omitempty"`
	// lineage is what the model was made from.
	// +optional
	Lineage *Lineage `json:"lineage,omitempty"`
	// model is the published model.
	// +optional
	Model *PublishedModel `json:"model,omitempty"`
	// checkpoint is the newest state that a restarted pod would resume from.
	// +optional
	Checkpoint *CheckpointStatus `json:"checkpoint,omitempty"`
	// lastFailure is the newest failure of a pod.
	// +optional
	LastFailure *Failure `json:"lastFailure,omitempty"`
	// conditions are Ready, Reconciling, Stalled, Complete, Failed, Suspended, Tracked and Pruned.
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:XValidation:rule="self.message.size() <= 1024",message="message must have at most 1024 characters"
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// TrainingProgress is how far a training has come.
type TrainingProgress struct {
	// stage is what the runner does: LoadingData, Fetching, Scanning, Training, Evaluating,
	// Publishing, or a word of its own. It is empty while no pod runs.
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Stage string `json:"stage,omitempty"`
	// percent is the share of all steps that are done, 0 to 100. While no pod trains, it
	// is what the next pod goes on from.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	// +required
	Percent *int32 `json:"percent,omitempty"`
	// epoch is the current epoch, from 1. While no pod trains, it is the checkpoint's; of
	// an ended run, the last that was trained.
	// +kubebuilder:validation:Minimum=0
	// +optional
	Epoch int32 `json:"epoch,omitempty"`
	// epochs is how many there are.
	// +kubebuilder:validation:Minimum=0
	// +optional
	Epochs int32 `json:"epochs,omitempty"`
	// step is the number of steps done.
	// +kubebuilder:validation:Minimum=0
	// +optional
	Step int64 `json:"step,omitempty"`
	// steps is how many there are.
	// +kubebuilder:validation:Minimum=0
	// +optional
	Steps int64 `json:"steps,omitempty"`
	// imagesPerSecond is the training's speed, a decimal.
	// +kubebuilder:validation:MaxLength=32
	// +optional
	ImagesPerSecond string `json:"imagesPerSecond,omitempty"`
	// estimatedCompletionTime is when the training will be done at that speed.
	// +optional
	EstimatedCompletionTime *metav1.Time `json:"estimatedCompletionTime,omitempty"`
	// data is how far the dataset has come, in the stages Fetching and Scanning.
	// +optional
	Data *DataProgress `json:"data,omitempty"`
	// updateTime is when the runner was last heard.
	// +optional
	UpdateTime *metav1.Time `json:"updateTime,omitempty"`
}

// DataProgress is how far fetching a dataset, or reading all of its images, has come.
type DataProgress struct {
	// files is the number of files done.
	// +kubebuilder:validation:Minimum=0
	// +optional
	Files int64 `json:"files,omitempty"`
	// totalFiles is how many there are to do.
	// +kubebuilder:validation:Minimum=0
	// +optional
	TotalFiles int64 `json:"totalFiles,omitempty"`
	// keptFiles is the number of files that the cache had already. They are not among the others.
	// +kubebuilder:validation:Minimum=0
	// +optional
	KeptFiles int64 `json:"keptFiles,omitempty"`
	// bytes is what has been read.
	// +kubebuilder:validation:Minimum=0
	// +optional
	Bytes int64 `json:"bytes,omitempty"`
	// totalBytes is how many there are to read. It is missing where the source doesn't say it.
	// +kubebuilder:validation:Minimum=0
	// +optional
	TotalBytes int64 `json:"totalBytes,omitempty"`
	// bytesPerSecond is the speed.
	// +kubebuilder:validation:Minimum=0
	// +optional
	BytesPerSecond int64 `json:"bytesPerSecond,omitempty"`
	// estimatedCompletionTime is when the stage will be done at that speed.
	// +optional
	EstimatedCompletionTime *metav1.Time `json:"estimatedCompletionTime,omitempty"`
}

// MetricsSplit is a split of the dataset that metrics are measured on.
// +kubebuilder:validation:Enum=Validation;Test
type MetricsSplit string

const (
	// MetricsOfValidation are of the training, after its last epoch.
	MetricsOfValidation MetricsSplit = "Validation"
	// MetricsOfTest are of the finished model, on images that it has never seen.
	MetricsOfTest MetricsSplit = "Test"
)

// Lineage is what a model was made from.
type Lineage struct {
	// dataset is the data.
	// +optional
	Dataset *DatasetLineage `json:"dataset,omitempty"`
	// image is the runner's image, with its digest where the node reports one.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Image string `json:"image,omitempty"`
	// mlflow is the run's record there.
	// +optional
	MLflow MLflowLineage `json:"mlflow,omitzero"`
}

// MLflowLineage is the record of a run in MLflow.
type MLflowLineage struct {
	// runID is the run's id there.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +required
	RunID string `json:"runID,omitempty"`
	// url is the run's page.
	// +kubebuilder:validation:MaxLength=2048
	// +optional
	URL string `json:"url,omitempty"`
}

// DatasetLineage is the data that a model was made from.
type DatasetLineage struct {
	// digest is the sha256 of the dataset's content, whatever its file names and order.
	// +kubebuilder:validation:MaxLength=128
	// +optional
	Digest string `json:"digest,omitempty"`
	// samples is the number of usable samples.
	// +kubebuilder:validation:Minimum=0
	// +optional
	Samples int64 `json:"samples,omitempty"`
	// testSplitDigest is the sha256 of the test split's content.
	// +kubebuilder:validation:MaxLength=128
	// +optional
	TestSplitDigest string `json:"testSplitDigest,omitempty"`
	// location is where the data lay: pvc://CLAIM/PATH, the uri without its parameters, or REPO//PATH of what DVC keeps.
	// +kubebuilder:validation:MaxLength=4096
	// +optional
	Location string `json:"location,omitempty"`
	// revision is what the place called this state of the data: the commit of a Git repository, all its digits.
	// +kubebuilder:validation:MaxLength=128
	// +optional
	Revision string `json:"revision,omitempty"`
}

// PublishedModel is a model file that can be served.
type PublishedModel struct {
	// uri is where the model file is, such as pvc://models/pets-1a2b3c4d/model.onnx.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +required
	URI string `json:"uri,omitempty"`
	// sha256 is the file's digest, 64 hexadecimal digits.
	// +kubebuilder:validation:MinLength=64
	// +kubebuilder:validation:MaxLength=64
	// +required
	SHA256 string `json:"sha256,omitempty"`
	// sizeBytes is the file's size.
	// +kubebuilder:validation:Minimum=0
	// +optional
	SizeBytes int64 `json:"sizeBytes,omitempty"`
	// classCount is the number of classes.
	// +kubebuilder:validation:Minimum=0
	// +optional
	ClassCount int32 `json:"classCount,omitempty"`
	// classes are the first 20 classes, in the order of the model's output.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	// +kubebuilder:validation:items:MaxLength=256
	// +optional
	Classes []string `json:"classes,omitempty"`
	// samples are the held-out images published with the model.
	// +optional
	Samples *PublishedSamples `json:"samples,omitempty"`
	// chance says whether the model is more accurate on the test split than always guessing the most frequent class:
	// BetterThanChance with a confidence of 99 %, else NoBetterThanChance.
	// +optional
	Chance Chance `json:"chance,omitempty"`
	// chanceAccuracy is the accuracy of always guessing the most frequent class of the test split, a decimal.
	// +kubebuilder:validation:MaxLength=32
	// +optional
	ChanceAccuracy string `json:"chanceAccuracy,omitempty"`
}

// Chance compares a model with always guessing.
// +kubebuilder:validation:Enum=BetterThanChance;NoBetterThanChance
type Chance string

// The values of a Chance.
const (
	BetterThanChance   Chance = "BetterThanChance"
	NoBetterThanChance Chance = "NoBetterThanChance"
)

// PublishedSamples are held-out images with their labels and the model's output.
type PublishedSamples struct {
	// uri is where the file is.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +required
	URI string `json:"uri,omitempty"`
	// sha256 is the file's digest, 64 hexadecimal digits.
	// +kubebuilder:validation:MinLength=64
	// +kubebuilder:validation:MaxLength=64
	// +required
	SHA256 string `json:"sha256,omitempty"`
}

// CheckpointStatus is a saved state of a training.
type CheckpointStatus struct {
	// epoch is the epoch that the checkpoint was written in.
	// +kubebuilder:validation:Minimum=0
	// +optional
	Epoch int32 `json:"epoch,omitempty"`
	// step is the number of steps done when it was written.
	// +kubebuilder:validation:Minimum=0
	// +optional
	Step int64 `json:"step,omitempty"`
	// uri is the folder that it is in.
	// +kubebuilder:validation:MaxLength=2048
	// +optional
	URI string `json:"uri,omitempty"`
}

// Failure is why a pod failed.
type Failure struct {
	// reason is the cause in one word, such as OOMKilled.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +required
	Reason string `json:"reason,omitempty"`
	// message is the cause in a sentence.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Message string `json:"message,omitempty"`
	// exitCode is the container's exit code, where it has one.
	// +optional
	ExitCode *int32 `json:"exitCode,omitempty"`
	// podName is the pod.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	PodName string `json:"podName,omitempty"`
	// time is when it happened.
	// +optional
	Time *metav1.Time `json:"time,omitempty"`
	// logTail is the end of the container's log, at most 2 kB.
	// +kubebuilder:validation:MaxLength=2048
	// +optional
	LogTail string `json:"logTail,omitempty"`
}
