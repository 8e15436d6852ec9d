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
	// NameConflictReason surfaces when an object that Trainyard needs exists and belongs to another owner.
	NameConflictReason = "NameConflict"
	// WaitingForDeletionReason surfaces while an object of an earlier owner is still being deleted.
	WaitingForDeletionReason = "WaitingForDeletion"
	// ImagePullBackOffReason surfaces when a container's image can't be pulled.
	ImagePullBackOffReason = "ImagePullBackOff"
	// UnschedulableReason surfaces when no node has room for a pod.
	UnschedulableReason = "Unschedulable"
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
	// OOMKilledReason surfaces when a runner or server used more memory than its limit, or than its node had.
	OOMKilledReason = "OOMKilled"
	// DeadlineExceededReason surfaces when spec.activeDeadlineSeconds has passed.
	DeadlineExceededReason = "DeadlineExceeded"
	// ResultMissingReason surfaces when the runner succeeded twice without a readable result.
	ResultMissingReason = "ResultMissing"
	// ArtifactInvalidReason surfaces when the output holds an artifact that can't be trusted or written.
	ArtifactInvalidReason = "ArtifactInvalid"
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
)

// Reasons of a ModelServer's conditions.
const (
	// ServingReason surfaces when the spec's revision is live, baked and available.
	ServingReason = "Serving"
	// StartingReason surfaces while a candidate's replicas start.
	StartingReason = "Starting"
	// SmokingReason surfaces while a candidate is smoke-tested.
	SmokingReason = "Smoking"
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
	// ModelInvalidReason surfaces when the server refuses the model file or its digest.
	ModelInvalidReason = "ModelInvalid"
	// ResolvedReason surfaces when spec.model is resolved.
	ResolvedReason = "Resolved"
	// TrainingRunNotFoundReason surfaces when the TrainingRun doesn't exist.
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
