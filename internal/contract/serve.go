// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package contract

// Paths of a server's HTTP API that others than its users ask for.
const (
	// MetricsPath is that of a runner's metrics too.
	MetricsPath   = "/metrics"
	PredictPath   = "/predict"
	ModelInfoPath = "/model-info"
	// ServerHealthPath answers 200 as long as the process works, and says whether it is loading, ready or draining.
	ServerHealthPath = "/health"
	// StatsPath answers how many requests of users a server has answered since it was started, and how many with 5xx; LogsPath
	// the last of them, with how long each took.
	StatsPath = "/stats"
	LogsPath  = "/logs"
	// V2Path is the root of the Open Inference Protocol.
	V2Path = "/v2"
)

// V2ModelPath is where the Open Inference Protocol describes a model.
func V2ModelPath(name string) string { return V2Path + "/models/" + name }

// V2InferPath is where the Open Inference Protocol takes inference requests.
func V2InferPath(name string) string { return V2ModelPath(name) + "/infer" }

// Names of a server's metrics, which the smoke test asks for and dashboards rely on.
const (
	ServerRequestsMetric    = "inference_requests_total"
	ServerLatencyMetric     = "inference_request_latency_seconds"
	ServerPredictionsMetric = "predictions_total"
)

// ServerMetrics lists a server's metrics.
func ServerMetrics() []string {
	return []string{ServerRequestsMetric, ServerLatencyMetric, ServerPredictionsMetric}
}

// Codes of a server's problem documents by which it says that it works but didn't answer in time. Those of one that is
// starting or stopping, and those of proxies, say nothing about it.
const (
	ProblemOverloaded = "overloaded"
	ProblemTimeout    = "timeout"
)

// ServeResult is what `server serve` leaves in the termination message when it fails.
type ServeResult struct {
	Version int `json:"version"`
	// Outcome is OutcomeFailed: a server that was stopped leaves nothing.
	Outcome string `json:"outcome"`
	// Reason is ReasonConfigInvalid, ReasonArtifactInvalid, or empty if trying again may help.
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
}

// EncodeServeResult renders r within [MaxTerminationMessage] bytes by cutting the message shorter.
func EncodeServeResult(r ServeResult) ([]byte, error) {
	r.Version = Version
	return encodeWithin(&r, []func(){
		func() { r.Message = head(r.Message, 1024) },
		func() { r.Message = head(r.Message, 256) },
	})
}
