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
// +kubebuilder:printcolumn:name="TrainingRun",type=string,JSONPath=`.status.live.model.trainingRun`,priority=1
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

	// Without a status, kstatus takes an object that no controller has seen for ready, and so do Flux and Helm.

	// status is what is served and what is on its way.
	// +kubebuilder:default={observedGeneration: 0}
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
	// autoscaling makes a HorizontalPodAutoscaler.
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
	// rollout is how the controller moves from one revision to the next.
	// +kubebuilder:default={}
	// +optional
	Rollout Rollout `json:"rollout,omitzero"`
	// retry is any text: with another value than the one it was rejected under, a rejected revision is tried again.
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Retry string `json:"retry,omitempty"`
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
	// podDisruptionBudget is how many pods a drain may take at a time.
	// +kubebuilder:default={}
	// +optional
	PodDisruptionBudget PodDisruptionBudget `json:"podDisruptionBudget,omitzero"`
}

// Smoke is how a candidate is tested before it gets traffic.
type Smoke struct {
	// timeout bounds one round of all checks on one replica, a Go duration from 10s to 1h.
	// +kubebuilder:default="2m"
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,6}([.][0-9]{1,3})?(ms|s|m|h))+$') && duration(self) >= duration('10s') && duration(self) <= duration('1h')",message="timeout must be a duration from 10s to 1h, such as 2m"
	// +optional
	Timeout GoDuration `json:"timeout,omitempty"`
	// attempts is how often a check is tried before it fails.
	// +kubebuilder:default=5
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=20
	// +optional
	Attempts int32 `json:"attempts,omitempty"`
	// minAgreement is the least share of held-out samples that the candidate must
	// classify as they are labeled, a decimal from 0 to 1; "0" asks for none. Left out,
	// the candidate may be at most 0.10 below the live model, or further where so few samples don't tell.
	// +optional
	MinAgreement Fraction `json:"minAgreement,omitempty"`
	// maxLatency bounds the median latency of a prediction, a Go duration from 1ms to 1m. Left out, latency is only reported.
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,6}([.][0-9]{1,3})?(ms|s|m|h))+$') && duration(self) >= duration('1ms') && duration(self) <= duration('1m')",message="maxLatency must be a duration from 1ms to 1m, such as 500ms"
	// +optional
	MaxLatency GoDuration `json:"maxLatency,omitempty"`
	// samples are labeled pictures of your own to judge quality by, rather than the live model's samples.
	// +optional
	Samples *SmokeSamples `json:"samples,omitempty"`
	// resources are the compute resources of the pods that test. What is left out gets a
	// default that fits the namespace's LimitRanges: requests of 50m CPU and 64Mi of
	// memory, limits of 500m and 512Mi.
	// +optional
	Resources ResourceRequirements `json:"resources,omitzero"`
}

// Promotion is what a candidate must reach, and how long it is watched afterwards.
type Promotion struct {
	// mode is who gives a candidate the traffic that has passed its smoke test: the controller at once, Automatic; or a person,
	// Manual, by the annotation trainyard.dev/promote with the revision's name.
	// +kubebuilder:default=Automatic
	// +optional
	Mode PromotionMode `json:"mode,omitempty"`
	// gates are what the metrics of the model's TrainingRun must reach.
	// +listType=map
	// +listMapKey=metric
	// +kubebuilder:validation:MaxItems=8
	// +optional
	Gates []PromotionGate `json:"gates,omitempty"`
	// chance is what becomes of a model that is no better than always guessing the most frequent class, by the test split of
	// its TrainingRun or by smoke.samples: Reject, or Allow.
	// +kubebuilder:default=Reject
	// +optional
	Chance ChancePolicy `json:"chance,omitempty"`
	// bakeTime is how long a promoted revision is watched, with the one before it at
	// hand, before the rollout is over: a Go duration from 1s to 24h.
	// +kubebuilder:default="5m"
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,6}([.][0-9]{1,3})?(ms|s|m|h))+$') && duration(self) >= duration('1s') && duration(self) <= duration('24h')",message="bakeTime must be a duration from 1s to 24h, such as 5m"
	// +optional
	BakeTime GoDuration `json:"bakeTime,omitempty"`
	// minRequests is how many requests of users the promoted revision must have answered before its bake ends, where there is a
	// revision to roll back to: the bake waits for them as long as it takes. 0 is none.
	// +kubebuilder:default=0
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000
	// +optional
	MinRequests *int32 `json:"minRequests,omitempty"`
	// maxP99IncreasePercent fails a bake at whose end the 99th percentile of the latency of users' requests is higher, by more
	// than this percentage, than with the revision before. It takes 1000 answers of each to tell. By default latencies aren't
	// compared.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000
	// +optional
	MaxP99IncreasePercent int32 `json:"maxP99IncreasePercent,omitempty"`
}

// ChancePolicy is what becomes of a model that is no better than guessing.
// +kubebuilder:validation:Enum=Reject;Allow
type ChancePolicy string

// The values of a ChancePolicy.
const (
	RejectChance ChancePolicy = "Reject"
	AllowChance  ChancePolicy = "Allow"
)

// Rollout is how the controller moves from one revision to the next.
type Rollout struct {
	// paused stops a rollout where it is: nothing is started, tested or promoted. What is live is served and repaired, and
	// still rolled back if its bake fails.
	// +kubebuilder:default=false
	// +optional
	Paused *bool `json:"paused,omitempty"`
	// progressDeadline is how long a candidate may take until all its replicas are available, a Go duration from 30s to 24h. Then
	// it is deleted, and tried again 10 minutes later, twice as late each time, 6 hours at most.
	// +kubebuilder:default="10m"
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,6}([.][0-9]{1,3})?(ms|s|m|h))+$') && duration(self) >= duration('30s') && duration(self) <= duration('24h')",message="progressDeadline must be a duration from 30s to 24h, such as 10m"
	// +optional
	ProgressDeadline GoDuration `json:"progressDeadline,omitempty"`
	// revisionHistoryLimit is how many revisions that were live status.history keeps.
	// +kubebuilder:default=10
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=10
	// +optional
	RevisionHistoryLimit *int32 `json:"revisionHistoryLimit,omitempty"`
}

// PromotionMode is who gives a candidate the traffic.
// +kubebuilder:validation:Enum=Automatic;Manual
type PromotionMode string

// The values of a PromotionMode.
const (
	AutomaticPromotion PromotionMode = "Automatic"
	ManualPromotion    PromotionMode = "Manual"
)

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
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,6}([.][0-9]{1,3})?(ms|s|m|h))+$') && duration(self) <= duration('1s')",message="maxBatchDelay must be a duration from 0s to 1s, such as 2ms"
	// +optional
	MaxBatchDelay GoDuration `json:"maxBatchDelay,omitempty"`
	// maxBodyBytes is the largest request body, a quantity from 1Ki to 1Gi.
	// +kubebuilder:default="10Mi"
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9]{1,12}([.][0-9]{1,3})?(k|M|G|Ki|Mi|Gi)?$') && quantity(self).compareTo(quantity('1Ki')) >= 0 && quantity(self).compareTo(quantity('1Gi')) <= 0",message="maxBodyBytes must be a quantity from 1Ki to 1Gi, such as 10Mi"
	// +optional
	MaxBodyBytes Amount `json:"maxBodyBytes,omitempty"`
	// maxPixels is the largest image, width times height, that is decoded: a quantity from 1k to 1G.
	// +kubebuilder:default="50M"
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9]{1,12}([.][0-9]{1,3})?(k|M|G|Ki|Mi|Gi)?$') && quantity(self).compareTo(quantity('1k')) >= 0 && quantity(self).compareTo(quantity('1G')) <= 0",message="maxPixels must be a quantity from 1k to 1G, such as 50M"
	// +optional
	MaxPixels Amount `json:"maxPixels,omitempty"`
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
	// calibration is None, or Temperature: logits are divided by the temperature in the model, which it must have, before they
	// become probabilities. No class changes by that.
	// +kubebuilder:default=None
	// +optional
	Calibration Calibration `json:"calibration,omitempty"`
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
