// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ModelServer serves a model. A new model is started beside the live one,
// smoke-tested, promoted only if it passes, and rolled back by itself if it fails.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:subresource:scale:specpath=.spec.replicas,statuspath=.status.replicas,selectorpath=.status.selector
// +kubebuilder:resource:shortName=msrv,categories=trainyard
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Status",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Live",type=string,JSONPath=`.status.live.revision`
// +kubebuilder:printcolumn:name="Candidate",type=string,JSONPath=`.status.candidate.revision`
// +kubebuilder:printcolumn:name="Accuracy",type=string,JSONPath=`.status.live.metrics[?(@.name=="accuracy")].value`
// +kubebuilder:printcolumn:name="Replicas",type=integer,JSONPath=`.status.replicas`
// +kubebuilder:printcolumn:name="URL",type=string,JSONPath=`.status.url`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 40 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",message="metadata.name must have at most 40 characters, start with a letter, end with a letter or digit and hold only lower-case letters, digits and '-': the names of its Service and Deployments are made from it",fieldPath=".metadata"
type ModelServer struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec is what to serve and how.
	// +required
	Spec ModelServerSpec `json:"spec,omitzero"`
	// status is what is served and what is on its way.
	// +optional
	Status ModelServerStatus `json:"status,omitzero"`
}

// ModelServerList is a list of ModelServers.
//
// +kubebuilder:object:root=true
type ModelServerList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ModelServer `json:"items"`
}

// ModelServerSpec is what to serve and how.
type ModelServerSpec struct {
	// model is what to serve.
	// +required
	Model ServedModel `json:"model,omitzero"`
	// replicas is how many pods serve the model. Leave it out of Git when autoscaling
	// is set: the HorizontalPodAutoscaler writes it through the scale subresource.
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	// +optional
	Replicas *int32 `json:"replicas,omitempty"`
	// autoscaling makes a HorizontalPodAutoscaler on CPU utilization.
	// +optional
	Autoscaling *Autoscaling `json:"autoscaling,omitempty"`
	// smoke is how a candidate is tested before it gets traffic.
	// +kubebuilder:default={}
	// +optional
	Smoke Smoke `json:"smoke,omitzero"`
	// promotion is what a candidate must reach, and how long it is watched afterwards.
	// +kubebuilder:default={}
	// +optional
	Promotion Promotion `json:"promotion,omitzero"`
	// server are the limits of the inference server.
	// +kubebuilder:default={}
	// +optional
	Server Server `json:"server,omitzero"`
	// service is how the model is reached.
	// +kubebuilder:default={}
	// +optional
	Service Service `json:"service,omitzero"`
	// image is the server's image. Left out, it is the one that the operator was started with.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="self.matches('^[^[:space:]]+$')",message="image must be an image reference without spaces, such as registry.example/team/server:v1"
	// +optional
	Image string `json:"image,omitempty"`
	// podTemplate changes the server's pods.
	// +optional
	PodTemplate PodTemplate `json:"podTemplate,omitzero"`
}

// ServedModel is what to serve.
// +kubebuilder:validation:XValidation:rule="[has(self.trainingRunRef), has(self.source)].exists_one(set, set)",message="model must name exactly one model: set one of trainingRunRef, source"
// +kubebuilder:validation:MinProperties=1
type ServedModel struct {
	// trainingRunRef is a TrainingRun in the same namespace; its model is served once it is Complete.
	// +optional
	TrainingRunRef TrainingRunReference `json:"trainingRunRef,omitzero"`
	// source is a model file that lies elsewhere.
	// +optional
	Source *ModelSource `json:"source,omitempty"`
}

// ModelSource is a model file, pinned by its digest.
// +kubebuilder:validation:XValidation:rule="[has(self.uri), has(self.pvc)].exists_one(set, set)",message="source must name exactly one place: set one of uri, pvc"
// +kubebuilder:validation:XValidation:rule="has(self.uri) || !has(self.secretRef) && !has(self.caBundle)",message="source.secretRef and source.caBundle are for source.uri: remove them, a PersistentVolumeClaim needs neither"
type ModelSource struct {
	// uri is where the model file is: s3://BUCKET/KEY, gs://BUCKET/KEY, azblob://CONTAINER/KEY, https://HOST/PATH, or an OCI
	// artifact, oci://REGISTRY/REPOSITORY:TAG or @DIGEST. Each pod fetches it before its server starts.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^(s3|gs|azblob|https|oci)://[^/?#[:space:]]+(/[^#[:space:]]*)?$')",message="uri must begin with s3://, gs://, azblob://, https:// or oci:// and hold no spaces, such as s3://models/pets/model.onnx"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^[a-z0-9]+://[^/?]*@')",message="uri must hold no user name and no password: put them into the Secret of source.secretRef"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^https:[^?]*[?]')",message="an https uri must have no query, which may hold a token: put a token into the Secret of source.secretRef"
	// +optional
	URI string `json:"uri,omitempty"`
	// pvc is a model file in a volume.
	// +optional
	PVC ModelPVC `json:"pvc,omitzero"`
	// sha256 is the model file's SHA-256, 64 hexadecimal digits, as sha256sum prints it. Only a file of this digest is served;
	// another digest is another revision.
	// +kubebuilder:validation:MinLength=64
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9a-f]{64}$')",message="sha256 must be 64 lower-case hexadecimal digits, as sha256sum prints them"
	// +required
	SHA256 string `json:"sha256,omitempty"`
	// secretRef is a Secret with the credentials for uri, in the keys that docs/modelserver.md lists. Left out, the pod's
	// own identity counts, or the place needs none.
	// +optional
	SecretRef SecretReference `json:"secretRef,omitzero"`
	// caBundle are authorities that the place's certificate may be signed by, besides the public ones.
	// +optional
	CABundle CABundle `json:"caBundle,omitzero"`
}

// ModelPVC is a model file in a volume.
type ModelPVC struct {
	// claimName is the PersistentVolumeClaim in the server's namespace. It is mounted read-only.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="claimName must be a PersistentVolumeClaim's name: lower-case letters, digits, '-' and '.', with a letter or digit at both ends, such as models"
	// +required
	ClaimName string `json:"claimName,omitempty"`
	// path is the model file in the volume, relative to its root.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('/') && !self.endsWith('/') && !self.split('/').exists(p, p == '..' || p == '.' || p == '')",message="path must be a file relative to the volume's root, without empty parts, '.' and '..', such as pets/model.onnx"
	// +required
	Path string `json:"path,omitempty"`
}

// TrainingRunReference names a TrainingRun in the same namespace.
type TrainingRunReference struct {
	// name is the TrainingRun's name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	// +required
	Name string `json:"name,omitempty"`
}

// Autoscaling makes a HorizontalPodAutoscaler on CPU utilization.
// +kubebuilder:validation:XValidation:rule="self.minReplicas <= self.maxReplicas",message="autoscaling.minReplicas must not be above maxReplicas: lower minReplicas or raise maxReplicas"
type Autoscaling struct {
	// minReplicas is the least number of pods.
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	// +optional
	MinReplicas int32 `json:"minReplicas,omitempty"`
	// maxReplicas is the greatest number of pods.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	// +required
	MaxReplicas int32 `json:"maxReplicas,omitempty"`
	// targetCPUUtilizationPercentage is the CPU utilization to hold, in percent of the requested CPU.
	// +kubebuilder:default=70
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	// +optional
	TargetCPUUtilizationPercentage int32 `json:"targetCPUUtilizationPercentage,omitempty"`
	// behavior is how fast it scales, as in autoscaling/v2.
	// +optional
	Behavior *AutoscalerBehavior `json:"behavior,omitempty"`
}

// Smoke is how a candidate is tested before it gets traffic.
type Smoke struct {
	// timeout bounds one round of all checks on one replica, a Go duration from 10s to 1h.
	// +kubebuilder:default="2m"
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,6}([.][0-9]{1,3})?(ms|s|m|h))+$') && duration(self) >= duration('10s') && duration(self) <= duration('1h')",message="timeout must be a duration from 10s to 1h, such as 2m"
	// +optional
	Timeout string `json:"timeout,omitempty"`
	// attempts is how often a check is tried before it fails.
	// +kubebuilder:default=5
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=20
	// +optional
	Attempts int32 `json:"attempts,omitempty"`
	// minAgreement is the least share of held-out samples that the candidate must
	// classify as they are labelled, a decimal from 0 to 1; "0" asks for none. Left out,
	// the candidate may be at most 0.10 below the live model.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=10
	// +kubebuilder:validation:XValidation:rule="self.matches('^(0([.][0-9]{1,6})?|1([.]0{1,6})?)$')",message="minAgreement must be a decimal from 0 to 1 in quotes, such as \"0.9\""
	// +optional
	MinAgreement string `json:"minAgreement,omitempty"`
	// maxLatency bounds the median latency of a prediction, a Go duration from 1ms to 1m. Left out, latency is only reported.
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,6}([.][0-9]{1,3})?(ms|s|m|h))+$') && duration(self) >= duration('1ms') && duration(self) <= duration('1m')",message="maxLatency must be a duration from 1ms to 1m, such as 500ms"
	// +optional
	MaxLatency string `json:"maxLatency,omitempty"`
	// resources are the compute resources of the pods that test. What is left out gets a
	// default that fits the namespace's LimitRanges: requests of 50m CPU and 64Mi of
	// memory, limits of 500m and 512Mi.
	// +optional
	Resources ResourceRequirements `json:"resources,omitzero"`
}

// Promotion is what a candidate must reach, and how long it is watched afterwards.
type Promotion struct {
	// gates are what the metrics of the model's TrainingRun must reach.
	// +listType=map
	// +listMapKey=metric
	// +kubebuilder:validation:MaxItems=8
	// +optional
	Gates []Gate `json:"gates,omitempty"`
	// bakeTime is how long a promoted revision is watched, with the one before it at
	// hand, before the rollout is over: a Go duration from 1s to 24h.
	// +kubebuilder:default="5m"
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,6}([.][0-9]{1,3})?(ms|s|m|h))+$') && duration(self) >= duration('1s') && duration(self) <= duration('24h')",message="bakeTime must be a duration from 1s to 24h, such as 5m"
	// +optional
	BakeTime string `json:"bakeTime,omitempty"`
}

// Server are the limits of the inference server.
type Server struct {
	// maxBatch is how many images are computed together.
	// +kubebuilder:default=16
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=256
	// +optional
	MaxBatch int32 `json:"maxBatch,omitempty"`
	// maxBatchDelay is how long a request waits for others, a Go duration from 0s to 1s.
	// +kubebuilder:default="2ms"
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,6}([.][0-9]{1,3})?(ms|s|m|h))+$') && duration(self) <= duration('1s')",message="maxBatchDelay must be a duration from 0s to 1s, such as 2ms"
	// +optional
	MaxBatchDelay string `json:"maxBatchDelay,omitempty"`
	// maxBodyBytes is the largest request body, a quantity from 1Ki to 1Gi.
	// +kubebuilder:default="10Mi"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9]{1,12}([.][0-9]{1,3})?(k|M|G|Ki|Mi|Gi)?$') && quantity(self).compareTo(quantity('1Ki')) >= 0 && quantity(self).compareTo(quantity('1Gi')) <= 0",message="maxBodyBytes must be a quantity from 1Ki to 1Gi, such as 10Mi"
	// +optional
	MaxBodyBytes string `json:"maxBodyBytes,omitempty"`
	// maxPixels is the largest image, width times height, that is decoded: a quantity from 1k to 1G.
	// +kubebuilder:default="50M"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9]{1,12}([.][0-9]{1,3})?(k|M|G|Ki|Mi|Gi)?$') && quantity(self).compareTo(quantity('1k')) >= 0 && quantity(self).compareTo(quantity('1G')) <= 0",message="maxPixels must be a quantity from 1k to 1G, such as 50M"
	// +optional
	MaxPixels string `json:"maxPixels,omitempty"`
	// threads is how many CPUs one prediction may use; 0 is all that the pod has.
	// +kubebuilder:default=0
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=256
	// +optional
	Threads *int32 `json:"threads,omitempty"`
	// logRequests writes a structured line per request to the pod's log.
	// +kubebuilder:default=Enabled
	// +optional
	LogRequests SwitchState `json:"logRequests,omitempty"`
}

// Service is how the model is reached.
type Service struct {
	// type is the Service's type.
	// +kubebuilder:default=ClusterIP
	// +kubebuilder:validation:Enum=ClusterIP;NodePort;LoadBalancer
	// +optional
	Type corev1.ServiceType `json:"type,omitempty"`
	// port is the Service's port.
	// +kubebuilder:default=80
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	// +optional
	Port int32 `json:"port,omitempty"`
}

// ModelServerStatus is what is served and what is on its way.
type ModelServerStatus struct {
	// observedGeneration is the generation of the spec that this status is about.
	// +kubebuilder:validation:Minimum=0
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// replicas is the number of pods of the live revision.
	// +kubebuilder:default=0
	// +kubebuilder:validation:Minimum=0
	// +optional
	Replicas *int32 `json:"replicas,omitempty"`
	// readyReplicas is the number of ready pods of the live revision.
	// +kubebuilder:validation:Minimum=0
	// +optional
	ReadyReplicas *int32 `json:"readyReplicas,omitempty"`
	// selector selects the pods of the live revision, for the scale subresource.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Selector string `json:"selector,omitempty"`
	// url is where the model is reached from inside the cluster.
	// +kubebuilder:validation:MaxLength=512
	// +optional
	URL string `json:"url,omitempty"`
	// live is what the Service selects.
	// +optional
	Live *LiveRevision `json:"live,omitempty"`
	// fallback is what a failed bake is switched back to.
	// +optional
	Fallback *LiveRevision `json:"fallback,omitempty"`
	// candidate is what is started and tested.
	// +optional
	Candidate *CandidateRevision `json:"candidate,omitempty"`
	// rejected are the revisions that failed, the newest first; they are not tried again.
	// +listType=map
	// +listMapKey=revision
	// +kubebuilder:validation:MaxItems=10
	// +optional
	Rejected []RejectedRevision `json:"rejected,omitempty"`
	// history are the revisions that were live, the newest first.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	// +optional
	History []RetiredRevision `json:"history,omitempty"`
	// conditions are Ready, Reconciling, Stalled, ModelResolved, Available and RolledBack.
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:XValidation:rule="self.message.size() <= 1024",message="message must have at most 1024 characters"
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// RevisionModel is the model of a revision.
type RevisionModel struct {
	// uri is where the model file is.
	// +kubebuilder:validation:MaxLength=2048
	// +optional
	URI string `json:"uri,omitempty"`
	// sha256 is the file's digest, 64 hexadecimal digits.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	SHA256 string `json:"sha256,omitempty"`
	// trainingRun is the run that made it.
	// +kubebuilder:validation:MaxLength=40
	// +optional
	TrainingRun string `json:"trainingRun,omitempty"`
}

// LiveRevision is a revision that has, or had, traffic.
type LiveRevision struct {
	// revision names the revision and its Deployment.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +required
	Revision string `json:"revision,omitempty"`
	// image is the server's image.
	// +kubebuilder:validation:MaxLength=512
	// +optional
	Image string `json:"image,omitempty"`
	// model is the model.
	// +optional
	Model RevisionModel `json:"model,omitzero"`
	// metrics are those of the model's TrainingRun.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	// +optional
	Metrics []Metric `json:"metrics,omitempty"`
	// since is when the revision got the traffic.
	// +optional
	Since *metav1.Time `json:"since,omitempty"`
}

// CandidateStage is how far a candidate has come.
// +kubebuilder:validation:Enum=Starting;Smoking
type CandidateStage string

// The stages of a candidate.
const (
	CandidateStarting CandidateStage = "Starting"
	CandidateSmoking  CandidateStage = "Smoking"
)

// CandidateRevision is a revision on its way.
type CandidateRevision struct {
	// revision names the revision and its Deployment.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +required
	Revision string `json:"revision,omitempty"`
	// model is the model.
	// +optional
	Model RevisionModel `json:"model,omitzero"`
	// stage is how far it has come.
	// +optional
	Stage CandidateStage `json:"stage,omitempty"`
	// startTime is when its Deployment was made.
	// +optional
	StartTime *metav1.Time `json:"startTime,omitempty"`
	// checks are the results of its smoke test.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	// +optional
	Checks []CheckResult `json:"checks,omitempty"`
}

// Results of a smoke check.
const (
	CheckPassed  = "Passed"
	CheckFailed  = "Failed"
	CheckSkipped = "Skipped"
)

// CheckResult is the result of one smoke check.
type CheckResult struct {
	// name is the check's name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +required
	Name string `json:"name,omitempty"`
	// result is Passed, Failed or Skipped.
	// +kubebuilder:validation:Enum=Passed;Failed;Skipped
	// +required
	Result string `json:"result,omitempty"`
	// message says what was seen.
	// +kubebuilder:validation:MaxLength=256
	// +optional
	Message string `json:"message,omitempty"`
	// latency is how long the check's request took, a Go duration.
	// +kubebuilder:validation:MaxLength=32
	// +optional
	Latency string `json:"latency,omitempty"`
}

// RejectedRevision is a revision that failed.
type RejectedRevision struct {
	// revision names the revision.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +required
	Revision string `json:"revision,omitempty"`
	// model is the model.
	// +optional
	Model RevisionModel `json:"model,omitzero"`
	// reason is SmokeFailed, GateNotMet, ModelInvalid or BakeFailed.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	Reason string `json:"reason,omitempty"`
	// message says why.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Message string `json:"message,omitempty"`
	// checks are the smoke checks that failed.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	// +optional
	Checks []CheckResult `json:"checks,omitempty"`
	// time is when it was rejected.
	// +optional
	Time *metav1.Time `json:"time,omitempty"`
}

// RetiredRevision is a revision that was live once.
type RetiredRevision struct {
	// revision names the revision.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +required
	Revision string `json:"revision,omitempty"`
	// model is the model.
	// +optional
	Model RevisionModel `json:"model,omitzero"`
	// promotedTime is when it got the traffic.
	// +optional
	PromotedTime *metav1.Time `json:"promotedTime,omitempty"`
	// retiredTime is when it lost it.
	// +optional
	RetiredTime *metav1.Time `json:"retiredTime,omitempty"`
	// reason is why: Replaced, BakeFailed, Unavailable or Gone.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	Reason string `json:"reason,omitempty"`
}
