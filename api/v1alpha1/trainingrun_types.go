// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TrainingRun trains an image classifier once, in a Job, and publishes the model.
// Its spec is immutable except suspend: a new training is a new TrainingRun.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=trun,categories=trainyard
// +kubebuilder:printcolumn:name="Status",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Progress",type=integer,JSONPath=`.status.progress.percent`
// +kubebuilder:printcolumn:name="Accuracy",type=string,JSONPath=`.status.metrics[?(@.name=="accuracy")].value`
// +kubebuilder:printcolumn:name="Model",type=string,JSONPath=`.status.model.uri`
// +kubebuilder:printcolumn:name="Started",type=date,JSONPath=`.status.startTime`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Stage",type=string,priority=1,JSONPath=`.status.progress.stage`
// +kubebuilder:printcolumn:name="Dataset",type=string,priority=1,JSONPath=`.status.lineage.dataset.digest`
// +kubebuilder:printcolumn:name="Node",type=string,priority=1,JSONPath=`.status.nodeName`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 40 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",message="metadata.name must have at most 40 characters, start with a letter, end with a letter or digit and hold only lower-case letters, digits and '-': the names of its Job and pods are made from it",fieldPath=".metadata"
type TrainingRun struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec is what to train, on what and how.
	// +required
	Spec TrainingRunSpec `json:"spec,omitzero"`
	// status is what has come of it.
	// +optional
	Status TrainingRunStatus `json:"status,omitzero"`
}

// TrainingRunList is a list of TrainingRuns.
//
// +kubebuilder:object:root=true
type TrainingRunList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []TrainingRun `json:"items"`
}

// TrainingRunSpec is what to train, on what and how.
// +kubebuilder:validation:XValidation:rule="self.dataset == oldSelf.dataset && self.model == oldSelf.model && self.training == oldSelf.training && self.output == oldSelf.output && has(self.gates) == has(oldSelf.gates) && (!has(self.gates) || self.gates == oldSelf.gates) && self.backoffLimit == oldSelf.backoffLimit && has(self.activeDeadlineSeconds) == has(oldSelf.activeDeadlineSeconds) && (!has(self.activeDeadlineSeconds) || self.activeDeadlineSeconds == oldSelf.activeDeadlineSeconds) && has(self.image) == has(oldSelf.image) && (!has(self.image) || self.image == oldSelf.image) && has(self.podTemplate) == has(oldSelf.podTemplate) && (!has(self.podTemplate) || self.podTemplate == oldSelf.podTemplate)",message="spec is immutable except suspend: create another TrainingRun to train with other settings"
type TrainingRunSpec struct {
	// dataset is where the samples come from, how they are split and augmented.
	// +required
	Dataset Dataset `json:"dataset,omitzero"`
	// model is the network to train.
	// +kubebuilder:default={}
	// +optional
	Model Model `json:"model,omitzero"`
	// training is how the network is trained.
	// +kubebuilder:default={}
	// +optional
	Training Training `json:"training,omitzero"`
	// output is where the model is published.
	// +required
	Output Output `json:"output,omitzero"`
	// gates are what the metrics must reach. A run that misses one has Failed with
	// reason GateNotMet; its artifact is kept.
	// +listType=map
	// +listMapKey=metric
	// +kubebuilder:validation:MaxItems=8
	// +optional
	Gates []Gate `json:"gates,omitempty"`
	// suspend stops the run: its Job is deleted, its checkpoint stays. Taking it back resumes.
	// +kubebuilder:default=false
	// +optional
	Suspend *bool `json:"suspend,omitempty"`
	// backoffLimit is how many crashed pods are replaced before the run fails.
	// +kubebuilder:default=2
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	// +optional
	BackoffLimit *int32 `json:"backoffLimit,omitempty"`
	// activeDeadlineSeconds is how long the run may take, in seconds, from the
	// start of its Job.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=31536000
	// +optional
	ActiveDeadlineSeconds *int64 `json:"activeDeadlineSeconds,omitempty"`
	// image is the runner's image. Left out, it is the one that the operator was started with.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="self.matches('^[^[:space:]]+$')",message="image must be an image reference without spaces, such as registry.example/team/runner:v1"
	// +optional
	Image string `json:"image,omitempty"`
	// podTemplate changes the runner's pod.
	// +optional
	PodTemplate PodTemplate `json:"podTemplate,omitzero"`
}

// Dataset is where the samples come from, how they are split and augmented.
// +kubebuilder:validation:XValidation:rule="[has(self.pvc), has(self.uri), has(self.generated)].exists_one(set, set)",message="dataset must name exactly one source: set one of pvc, uri, generated"
// +kubebuilder:validation:XValidation:rule="has(self.uri) || !has(self.secretRef) && !has(self.caBundle)",message="dataset.secretRef and dataset.caBundle are for dataset.uri: remove them, no other source needs them"
// +kubebuilder:validation:MinProperties=1
type Dataset struct {
	// pvc is a volume with a folder of class folders.
	// +optional
	PVC *DatasetPVC `json:"pvc,omitempty"`
	// uri is where a folder of class folders lies in an object store, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or
	// azblob://CONTAINER/PREFIX, or an archive of one there or at https://HOST/PATH: zip, tar, tar.gz or tar.zst. An s3 uri may
	// say more, as ?region=eu-central-1, or ?endpoint=https://HOST&use_path_style=true for a store other than Amazon's.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^(s3|gs|azblob|https)://[^/?#[:space:]]+(/[^#[:space:]]*)?([?][^#[:space:]]*)?$')",message="uri must begin with s3://, gs://, azblob:// or https:// and hold no spaces, such as s3://datasets/pets"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^[a-z0-9]+://[^/?]*@')",message="uri must hold no user name and no password: put them into the Secret of dataset.secretRef"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^https:[^?]*[?]')",message="an https uri must have no query, which may hold a token: put a token into the Secret of dataset.secretRef"
	// +optional
	URI string `json:"uri,omitempty"`
	// secretRef is a Secret with the credentials for uri, in the keys that docs/data.md lists. Left out, the identity of the
	// pod's service account counts, or the place needs none.
	// +optional
	SecretRef SecretReference `json:"secretRef,omitzero"`
	// caBundle are authorities that the place's certificate may be signed by, besides the public ones.
	// +optional
	CABundle CABundle `json:"caBundle,omitzero"`
	// generated are synthetic pictures, for demonstrations and tests.
	// +optional
	Generated *GeneratedDataset `json:"generated,omitempty"`
	// split is what is held out of training. A folder that is split already keeps
	// its parts.
	// +kubebuilder:default={}
	// +optional
	Split Split `json:"split,omitzero"`
	// augmentation changes training samples at random.
	// +kubebuilder:default={}
	// +optional
	Augmentation Augmentation `json:"augmentation,omitzero"`
}

// DatasetPVC is a folder of class folders in a volume.
type DatasetPVC struct {
	// claimName is the PersistentVolumeClaim in the run's namespace. It is mounted read-only.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="claimName must be a PersistentVolumeClaim's name: lower-case letters, digits, '-' and '.', with a letter or digit at both ends, such as models"
	// +required
	ClaimName string `json:"claimName,omitempty"`
	// path is the folder in the volume, relative to its root. Left out, it is the root.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('/') && !self.split('/').exists(p, p == '..')",message="path must be relative to the volume's root and must not contain '..', such as pets/raw"
	// +optional
	Path string `json:"path,omitempty"`
}

// GeneratedDataset are synthetic pictures, drawn by the runner.
type GeneratedDataset struct {
	// samplesPerClass is how many pictures are drawn of each class.
	// +kubebuilder:validation:Minimum=10
	// +kubebuilder:validation:Maximum=100000
	// +required
	SamplesPerClass int32 `json:"samplesPerClass,omitempty"`
	// classes are what is drawn.
	// +listType=set
	// +kubebuilder:validation:MinItems=2
	// +kubebuilder:validation:MaxItems=2
	// +kubebuilder:validation:items:Enum=cat;dog
	// +kubebuilder:default={cat,dog}
	// +optional
	Classes []string `json:"classes,omitempty"`
	// seed makes the same pictures again.
	// +kubebuilder:default=1
	// +optional
	Seed *int64 `json:"seed,omitempty"`
	// labelNoisePercent is the share of samples, in percent, whose label is drawn at
	// random. 100 makes a dataset that nothing can be learned from.
	// +kubebuilder:default=0
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	// +optional
	LabelNoisePercent *int32 `json:"labelNoisePercent,omitempty"`
}

// Split is the share of samples that are held out of training. It is stratified,
// and samples of the same content are never on two sides of it. In a folder that is
// split already, into train, val and test, it holds for the parts that are missing.
// +kubebuilder:validation:XValidation:rule="self.?validationPercent.orValue(10) + self.?testPercent.orValue(10) <= 90",message="split must leave at least 10 percent for training: lower validationPercent or testPercent"
type Split struct {
	// validationPercent is the share, in percent, that chooses the best epoch.
	// +kubebuilder:default=10
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=80
	// +optional
	ValidationPercent int32 `json:"validationPercent,omitempty"`
	// testPercent is the share, in percent, that the metrics are measured on.
	// +kubebuilder:default=10
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=80
	// +optional
	TestPercent int32 `json:"testPercent,omitempty"`
	// seed makes the same split again.
	// +kubebuilder:default=42
	// +optional
	Seed *int64 `json:"seed,omitempty"`
}

// Augmentation changes training samples at random, with the meaning of
// torchvision's RandomRotation, RandomHorizontalFlip and ColorJitter.
type Augmentation struct {
	// rotationDegrees is the largest rotation to either side, in degrees.
	// +kubebuilder:default=0
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=180
	// +optional
	RotationDegrees *int32 `json:"rotationDegrees,omitempty"`
	// horizontalFlip mirrors samples at random, half of them on average.
	// +kubebuilder:default=Enabled
	// +optional
	HorizontalFlip SwitchState `json:"horizontalFlip,omitempty"`
	// brightness is the largest relative change, a decimal from 0 to 1.
	// +kubebuilder:default="0"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=10
	// +kubebuilder:validation:XValidation:rule="self.matches('^(0([.][0-9]{1,6})?|1([.]0{1,6})?)$')",message="brightness must be a decimal from 0 to 1 in quotes, such as \"0.2\""
	// +optional
	Brightness string `json:"brightness,omitempty"`
	// contrast is the largest relative change, a decimal from 0 to 1.
	// +kubebuilder:default="0"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=10
	// +kubebuilder:validation:XValidation:rule="self.matches('^(0([.][0-9]{1,6})?|1([.]0{1,6})?)$')",message="contrast must be a decimal from 0 to 1 in quotes, such as \"0.2\""
	// +optional
	Contrast string `json:"contrast,omitempty"`
	// saturation is the largest relative change, a decimal from 0 to 1.
	// +kubebuilder:default="0"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=10
	// +kubebuilder:validation:XValidation:rule="self.matches('^(0([.][0-9]{1,6})?|1([.]0{1,6})?)$')",message="saturation must be a decimal from 0 to 1 in quotes, such as \"0.2\""
	// +optional
	Saturation string `json:"saturation,omitempty"`
}

// Architecture names a network.
// +kubebuilder:validation:Enum=BaselineCNN;SimpleCNN
type Architecture string

// The networks that the runner knows.
const (
	BaselineCNN Architecture = "BaselineCNN"
	SimpleCNN   Architecture = "SimpleCNN"
)

// Model is the network to train. Its classes come from the dataset.
type Model struct {
	// architecture is the network: BaselineCNN (four convolution blocks) or SimpleCNN (a smaller one).
	// +kubebuilder:default=BaselineCNN
	// +optional
	Architecture Architecture `json:"architecture,omitempty"`
	// imageSize is the width and height, in pixels, that images are scaled to.
	// +kubebuilder:default=224
	// +kubebuilder:validation:Minimum=32
	// +kubebuilder:validation:Maximum=512
	// +kubebuilder:validation:XValidation:rule="self % 16 == 0",message="imageSize must be a multiple of 16, such as 64, 128 or 224: the network halves it four times"
	// +optional
	ImageSize int32 `json:"imageSize,omitempty"`
	// dropout is the probability that a feature is dropped before the last layer, a decimal from 0 to 0.9.
	// +kubebuilder:default="0.5"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=10
	// +kubebuilder:validation:XValidation:rule="self.matches('^0([.][0-9]{1,6})?$') && double(self) <= 0.9",message="dropout must be a decimal from 0 to 0.9 in quotes, such as \"0.5\""
	// +optional
	Dropout string `json:"dropout,omitempty"`
}

// Optimizer names an optimizer.
// +kubebuilder:validation:Enum=SGD;Adam;AdamW
type Optimizer string

// The optimizers that the runner knows.
const (
	SGD   Optimizer = "SGD" // with momentum 0.9
	Adam  Optimizer = "Adam"
	AdamW Optimizer = "AdamW"
)

// Training is how the network is trained.
type Training struct {
	// epochs is how often the training split is gone through.
	// +kubebuilder:default=20
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000
	// +optional
	Epochs int32 `json:"epochs,omitempty"`
	// batchSize is how many samples make one step.
	// +kubebuilder:default=32
	// +kubebuilder:validation:Minimum=2
	// +kubebuilder:validation:Maximum=1024
	// +optional
	BatchSize int32 `json:"batchSize,omitempty"`
	// learningRate is a decimal above 0, at most 10, such as "0.001".
	// +kubebuilder:default="0.001"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9]{1,2}([.][0-9]{1,10})?$') && double(self) > 0.0 && double(self) <= 10.0",message="learningRate must be a decimal above 0 and at most 10 in quotes, such as \"0.001\""
	// +optional
	LearningRate string `json:"learningRate,omitempty"`
	// optimizer is SGD (with momentum 0.9), Adam or AdamW.
	// +kubebuilder:default=AdamW
	// +optional
	Optimizer Optimizer `json:"optimizer,omitempty"`
	// weightDecay is a decimal from 0 to 1, such as "0.0001".
	// +kubebuilder:default="0.0001"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:XValidation:rule="self.matches('^(0([.][0-9]{1,10})?|1([.]0{1,10})?)$')",message="weightDecay must be a decimal from 0 to 1 in quotes, such as \"0.0001\""
	// +optional
	WeightDecay string `json:"weightDecay,omitempty"`
	// seed makes the same model again, whatever the number of threads.
	// +kubebuilder:default=42
	// +optional
	Seed *int64 `json:"seed,omitempty"`
	// workers is how many goroutines decode and augment images; 0 is one per CPU.
	// +kubebuilder:default=0
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=256
	// +optional
	Workers *int32 `json:"workers,omitempty"`
}

// Output is where the model is published.
// +kubebuilder:validation:XValidation:rule="[has(self.pvc), has(self.uri)].exists_one(set, set)",message="output must name exactly one place: set one of pvc, uri"
// +kubebuilder:validation:XValidation:rule="has(self.uri) || !has(self.secretRef) && !has(self.caBundle)",message="output.secretRef and output.caBundle are for output.uri: remove them, a PersistentVolumeClaim needs neither"
// +kubebuilder:validation:MinProperties=1
type Output struct {
	// pvc is a volume for models. The artifact becomes a folder in its root, named after the run.
	// +optional
	PVC OutputPVC `json:"pvc,omitzero"`
	// uri is a bucket, or a folder in one, for models: s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or azblob://CONTAINER/PREFIX. The
	// artifact becomes a folder in it, named after the run.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="self.matches('^(s3|gs|azblob)://[^/?#@[:space:]]+(/[^#[:space:]]*)?([?][^#[:space:]]*)?$')",message="uri must begin with s3://, gs:// or azblob:// and hold no spaces and no user name, such as s3://models/pets"
	// +optional
	URI string `json:"uri,omitempty"`
	// secretRef is a Secret with the credentials for uri, in the keys that docs/training.md lists. Left out, the pod's own
	// identity counts. A ModelServer of the run's model uses the same.
	// +optional
	SecretRef SecretReference `json:"secretRef,omitzero"`
	// caBundle are authorities that the object store's certificate may be signed by, besides the public ones.
	// +optional
	CABundle CABundle `json:"caBundle,omitzero"`
	// checkpoints is where the state of the unfinished run is kept. Left out, that is where the model will be published.
	// +optional
	Checkpoints Checkpoints `json:"checkpoints,omitzero"`
	// quantization is None, or Int8: the published model computes with 8 bits, with ranges taken
	// from the validation split. It is about four times smaller and answers faster; how much less
	// accurate it is stands in status.metrics as accuracyLoss. The float32 model lies beside it.
	// +kubebuilder:default=None
	// +optional
	Quantization Quantization `json:"quantization,omitempty"`
}

// Quantization is how a model computes.
// +kubebuilder:validation:Enum=None;Int8
type Quantization string

// The kinds of quantization.
const (
	NoQuantization   Quantization = "None" // float32
	Int8Quantization Quantization = "Int8"
)

// Checkpoints is where the state of an unfinished run is kept.
type Checkpoints struct {
	// pvc is a volume for checkpoints.
	// +required
	PVC OutputPVC `json:"pvc,omitzero"`
}

// OutputPVC is a volume for models.
type OutputPVC struct {
	// claimName is the PersistentVolumeClaim in the run's namespace.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="claimName must be a PersistentVolumeClaim's name: lower-case letters, digits, '-' and '.', with a letter or digit at both ends, such as models"
	// +required
	ClaimName string `json:"claimName,omitempty"`
}

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
	// conditions are Ready, Reconciling, Stalled, Complete, Failed and Suspended.
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:XValidation:rule="self.message.size() <= 1024",message="message must have at most 1024 characters"
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// TrainingProgress is how far a training has come.
type TrainingProgress struct {
	// stage is what the runner does: LoadingData, Training, Evaluating, Publishing, or a
	// word of its own. It is empty while no pod runs.
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
	// updateTime is when the runner was last heard.
	// +optional
	UpdateTime *metav1.Time `json:"updateTime,omitempty"`
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
}

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
