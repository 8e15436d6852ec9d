// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Labels on the objects that the controllers make.
const (
	// TrainingRunLabel holds the name of the TrainingRun that an object belongs to.
	TrainingRunLabel = "trainyard.dev/training-run"
	// ModelServerLabel holds the name of the ModelServer that an object belongs to.
	ModelServerLabel = "trainyard.dev/model-server"
	// RevisionLabel holds the revision that a pod serves. The Service selects by it,
	// so pods of smoke tests never carry it.
	RevisionLabel = "trainyard.dev/revision"
	// ComponentLabel tells a ModelServer's serving pods from those that test them.
	ComponentLabel = "app.kubernetes.io/component"
)

// Annotations on a ModelServer, by which a person steers its rollout. Each names a revision.
const (
	// PromoteAnnotation gives a candidate the traffic that has passed its smoke test, where
	// spec.promotion.mode is Manual.
	PromoteAnnotation = "trainyard.dev/promote"
	// RejectAnnotation takes a revision back that hasn't passed its bake.
	RejectAnnotation = "trainyard.dev/reject"
)

// Annotations on the objects that the controllers make.
const (
	// RolloutAnnotation holds, on a ModelServer's Service, the record of its rollout.
	RolloutAnnotation = "trainyard.dev/rollout"
	// RevisionAnnotation holds, on a revision's Deployment, what was resolved when it was made.
	RevisionAnnotation = "trainyard.dev/revision-info"
	// AttemptAnnotation holds, on a Job, how many Jobs came before it because their
	// result could not be read.
	AttemptAnnotation = "trainyard.dev/attempt"
	// EndingAnnotation holds, on a run's Job, the status with which the run has ended.
	EndingAnnotation = "trainyard.dev/ending"
	// TestAnnotation holds, on a ModelServer's Job, what it tests: smoke or bake.
	TestAnnotation = "trainyard.dev/test"
	// ComparisonSkippedAnnotation holds, on such a Job, why it doesn't use the samples of
	// the revision that it would be compared with.
	ComparisonSkippedAnnotation = "trainyard.dev/comparison-skipped"
	// TestedRevisionAnnotation holds, on such a Job, the revision that it tests.
	TestedRevisionAnnotation = "trainyard.dev/tested-revision"
	// TestKeyAnnotation holds, on such a Job, a hash of the pods and the policy that a
	// smoke test is about, or the number of the switch that a bake follows.
	TestKeyAnnotation = "trainyard.dev/test-key"
	// TestedDeploymentAnnotation holds, on the Job of a bake, the UID of the Deployment that
	// the tested revision had when it was started.
	TestedDeploymentAnnotation = "trainyard.dev/tested-deployment"
	// TestURLAnnotation holds, on the Job of a bake, the URL of the Service that it asks.
	TestURLAnnotation = "trainyard.dev/test-url"
	// TestMinRequestsAnnotation holds, on the Job of a bake, how many requests of users it waits for, if any.
	TestMinRequestsAnnotation = "trainyard.dev/test-min-requests"
	// TestEndedAnnotation holds, on the Job of a smoke test, how containers of the tested
	// pods had ended before.
	TestEndedAnnotation = "trainyard.dev/test-ended"
	// TestStartedAnnotation holds, on such a Job, when the manager created it, by the
	// manager's clock: pauses between attempts are measured by it.
	TestStartedAnnotation = "trainyard.dev/test-started"
)

// Field managers of the controllers' writes.
const (
	// FieldManager owns what the controllers apply.
	FieldManager = "trainyard"
	// RolloutFieldManager owns what moves traffic.
	RolloutFieldManager = "trainyard-rollout"
)
