// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Conditions of both kinds. They follow kstatus: Reconciling and Stalled are
// absent unless True and never both True, and one of them is True whenever Ready
// is not.
const (
	// ReadyCondition is True when a TrainingRun has published its model, or a
	// ModelServer serves the revision that its spec asks for, baked and available.
	// Its reason is the STATUS column of kubectl get.
	ReadyCondition = "Ready"
	// ReconcilingCondition is True while the object is on its way or heals by itself.
	ReconcilingCondition = "Reconciling"
	// StalledCondition is True when a person has to act.
	StalledCondition = "Stalled"
)

// Reasons that both kinds share.
const (
	// PendingReason surfaces before anything has started.
	PendingReason = "Pending"
	// InvalidSpecReason surfaces when the spec can't be honored for a reason that the schema can't express.
	InvalidSpecReason = "InvalidSpec"
	// DefaultsInvalidReason surfaces when ConfigMap trainyard-defaults, which holds the namespace's defaults, can't be used.
	DefaultsInvalidReason = "DefaultsInvalid"
	// NameConflictReason surfaces when an object that Trainyard needs exists and belongs to another owner.
	NameConflictReason = "NameConflict"
	// WaitingForDeletionReason surfaces while an object of an earlier owner is still being deleted.
	WaitingForDeletionReason = "WaitingForDeletion"
	// ImagePullBackOffReason surfaces when a container's image can't be pulled.
	ImagePullBackOffReason = "ImagePullBackOff"
	// UnschedulableReason surfaces when no node has room for a pod.
	UnschedulableReason = "Unschedulable"
	// NodeNotReadyReason surfaces when the node of a pod doesn't answer.
	NodeNotReadyReason = "NodeNotReady"
	// VolumeUnavailableReason surfaces when a pod's volume can't be bound, attached or mounted.
	VolumeUnavailableReason = "VolumeUnavailable"
)

// Conditions of a TrainingRun.
const (
	// CompleteCondition is True when the model is published; terminal.
	CompleteCondition = "Complete"
	// FailedCondition is True when the run has failed for good; terminal.
	FailedCondition = "Failed"
	// SuspendedCondition is True while spec.suspend holds the run.
	SuspendedCondition = "Suspended"
	// TrackedCondition is True while the server of spec.tracking takes the run's record, and once it has the whole of it.
	TrackedCondition = "Tracked"
	// PrunedCondition is True when what the run has left in its output was deleted, because spec.output.retention is over.
	PrunedCondition = "Pruned"
)

// Reasons of a TrainingRun's conditions.
const (
	// TrainingReason surfaces while the runner's pod runs.
	TrainingReason = "Training"
	// SuspendedReason surfaces while spec.suspend is true.
	SuspendedReason = "Suspended"
	// ResumedReason surfaces after spec.suspend was set back to false.
	ResumedReason = "Resumed"
	// RunEndedReason surfaces when spec.suspend is set to true after the run has ended.
	RunEndedReason = "RunEnded"
	// ModelPublishedReason surfaces when the model is published.
	ModelPublishedReason = "ModelPublished"
	// RecordedReason surfaces when MLflow takes the run's record or has the whole of it.
	RecordedReason = "Recorded"
	// TrackerUnavailableReason surfaces while MLflow isn't reached, or fails. The run goes on, and its record waits.
	TrackerUnavailableReason = "TrackerUnavailable"
	// TrackerRejectedReason surfaces when MLflow refuses the credentials, or what it is told. The run goes on.
	TrackerRejectedReason = "TrackerRejected"
	// PrunedReason surfaces when what a run has left was deleted.
	PrunedReason = "Pruned"
	// PruningReason surfaces while what a run has left is being deleted. No ModelServer takes its model any more.
	PruningReason = "Pruning"
	// InUseReason surfaces when spec.output.retention is over and a ModelServer serves the run's model, or may go back to it.
	InUseReason = "InUse"
	// PruneFailedReason surfaces when what a run has left can't be deleted.
	PruneFailedReason = "PruneFailed"
	// ConfigInvalidReason surfaces when the runner refuses its configuration.
	ConfigInvalidReason = "ConfigInvalid"
	// LossDivergedReason surfaces when the loss of a training is infinite or no number.
	LossDivergedReason = "LossDiverged"
	// DatasetNotFoundReason surfaces when the dataset isn't where the spec says.
	DatasetNotFoundReason = "DatasetNotFound"
	// DatasetInvalidReason surfaces when the dataset can't be trained on.
	DatasetInvalidReason = "DatasetInvalid"
	// TooManyInvalidFilesReason surfaces when more of the dataset's files can't be used than spec.dataset.maxInvalidPercent allows.
	TooManyInvalidFilesReason = "TooManyInvalidFiles"
	// CredentialsInvalidReason surfaces when a source or destination refuses the credentials.
	CredentialsInvalidReason = "CredentialsInvalid"
	// SourceUnreachableReason surfaces when a TrainingRun can't reach the host of its dataset, and while a ModelServer's pod can't fetch its model from where spec.model, or its TrainingRun, says that it is.
	SourceUnreachableReason = "SourceUnreachable"
	// GateNotMetReason surfaces when a metric misses spec.gates, or spec.promotion.gates. A TrainingRun's artifact is kept.
	GateNotMetReason = "GateNotMet"
	// NoBetterThanChanceReason surfaces when a model is no better than always guessing the most frequent class, and spec.promotion.chance doesn't allow that.
	NoBetterThanChanceReason = "NoBetterThanChance"
	// OOMKilledReason surfaces when a runner or server used more memory than its limit, or than its node had.
	OOMKilledReason = "OOMKilled"
	// DeadlineExceededReason surfaces when spec.activeDeadlineSeconds has passed.
	DeadlineExceededReason = "DeadlineExceeded"
	// ResultMissingReason surfaces when the runner succeeded twice without a readable result.
	ResultMissingReason = "ResultMissing"
	// ArtifactInvalidReason surfaces when the output holds an artifact that can't be trusted or written.
	ArtifactInvalidReason = "ArtifactInvalid"
	// NodeLostReason surfaces when the node of the last pod, or the container runtime there, stopped while the runner ran, and spec.backoffLimit is used up.
	NodeLostReason = "NodeLost"
	// RunnerFailedReason surfaces when the runner failed for any other reason.
	RunnerFailedReason = "RunnerFailed"
)

// Conditions of a ModelServer.
const (
	// ModelResolvedCondition is True when spec.model names a model that can be served.
	ModelResolvedCondition = "ModelResolved"
	// AvailableCondition is True when enough replicas of the live revision are available.
	AvailableCondition = "Available"
	// RolledBackCondition is True when the spec's revision is rejected and another is live.
	RolledBackCondition = "RolledBack"
	// RequestRefusedCondition is True while an annotation asks for what makes no sense.
	RequestRefusedCondition = "RequestRefused"
	// ScalingActiveCondition is True while the autoscaler of spec.autoscaling reads its metrics, and absent without one.
	ScalingActiveCondition = "ScalingActive"
)

// Reasons of a ModelServer's conditions.
const (
	// ServingReason surfaces when the spec's revision is live, baked and available.
	ServingReason = "Serving"
	// StartingReason surfaces while a candidate's replicas start.
	StartingReason = "Starting"
	// SmokingReason surfaces while a candidate is smoke-tested.
	SmokingReason = "Smoking"
	// AwaitingPromotionReason surfaces while a candidate has passed its smoke test and spec.promotion.mode is Manual.
	AwaitingPromotionReason = "AwaitingPromotion"
	// PausedReason surfaces while spec.rollout.paused holds a rollout up.
	PausedReason = "Paused"
	// ProgressDeadlineExceededReason surfaces while a candidate that didn't start within spec.rollout.progressDeadline waits to be tried again.
	ProgressDeadlineExceededReason = "ProgressDeadlineExceeded"
	// BakingReason surfaces while the live revision is watched after its promotion.
	BakingReason = "Baking"
	// RollbackBlockedReason surfaces when a failed bake can't be switched back, because the fallback has no ready endpoint yet.
	RollbackBlockedReason = "RollbackBlocked"
	// UnavailableReason surfaces when too few replicas of the live revision are ready.
	UnavailableReason = "Unavailable"
	// SmokeFailedReason surfaces when a candidate failed its smoke test.
	SmokeFailedReason = "SmokeFailed"
	// BakeFailedReason surfaces when a promoted revision failed while it was watched.
	BakeFailedReason = "BakeFailed"
	// AbortedReason surfaces when the annotation trainyard.dev/reject has taken a revision back.
	AbortedReason = "Aborted"
	// PromotionRefusedReason surfaces while the annotation trainyard.dev/promote names a revision that can't be promoted.
	PromotionRefusedReason = "PromotionRefused"
	// RejectionRefusedReason surfaces while the annotation trainyard.dev/reject names a revision that can't be rejected.
	RejectionRefusedReason = "RejectionRefused"
	// MetricsAvailableReason surfaces while the autoscaler reads each of its metrics.
	MetricsAvailableReason = "MetricsAvailable"
	// MetricsPendingReason surfaces while the autoscaler has no metrics for so short a time that they may come by themselves, such as those of pods that have just started.
	MetricsPendingReason = "MetricsPending"
	// MetricsUnavailableReason surfaces when the autoscaler has been without a metric for 2 minutes.
	MetricsUnavailableReason = "MetricsUnavailable"
	// AutoscalerConflictReason surfaces when another autoscaler scales the same pods.
	AutoscalerConflictReason = "AutoscalerConflict"
	// ModelInvalidReason surfaces when the server refuses the model file or its digest.
	ModelInvalidReason = "ModelInvalid"
	// ResolvedReason surfaces when spec.model is resolved.
	ResolvedReason = "Resolved"
	// NewerRunRejectedReason surfaces when spec.model.trainingRunSelector has chosen a run, and passed over a newer one that misses a gate or was rejected.
	NewerRunRejectedReason = "NewerRunRejected"
	// TrainingRunNotFoundReason surfaces when the TrainingRun doesn't exist, or none matches spec.model.trainingRunSelector.
	TrainingRunNotFoundReason = "TrainingRunNotFound"
	// TrainingRunNotCompleteReason surfaces while the TrainingRun is on its way.
	TrainingRunNotCompleteReason = "TrainingRunNotComplete"
	// TrainingRunFailedReason surfaces when the TrainingRun has failed.
	TrainingRunFailedReason = "TrainingRunFailed"
	// ArtifactMissingReason surfaces when the TrainingRun's status names no usable model.
	ArtifactMissingReason = "ArtifactMissing"
	// ClassesNotFoundReason surfaces while the ConfigMap, or its key, isn't there that spec.model.source.classesFrom names.
	ClassesNotFoundReason = "ClassesNotFound"
	// ClassesInvalidReason surfaces when what spec.model.source.classesFrom names holds no names of classes.
	ClassesInvalidReason = "ClassesInvalid"
	// MinimumReplicasAvailableReason surfaces when at least three quarters of the desired replicas are available.
	MinimumReplicasAvailableReason = "MinimumReplicasAvailable"
	// MinimumReplicasUnavailableReason surfaces when fewer than three quarters of the desired replicas are available.
	MinimumReplicasUnavailableReason = "MinimumReplicasUnavailable"
	// NoLiveRevisionReason surfaces before the first promotion.
	NoLiveRevisionReason = "NoLiveRevision"
)
