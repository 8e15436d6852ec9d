// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package contract

// Version is the version of every document in this package.
const Version = 1

// ConfigEnv is the environment variable that carries a container's configuration
// as one JSON document: a [TrainConfig], [ServeConfig], [SmokeConfig], [PullConfig] or [PruneConfig].
const ConfigEnv = "TRAINYARD_CONFIG"

// TerminationLog is where a container leaves its result for the kubelet to read.
const TerminationLog = "/dev/termination-log"

// MaxTerminationMessage is the longest result in bytes. The kubelet keeps only
// the last 4096 bytes of a longer one, which would break the JSON.
const MaxTerminationMessage = 3500

// Names and ports of the containers.
const (
	RunnerContainer = "runner"
	ServerContainer = "server"
	SmokeContainer  = "smoke"
	// PullContainer fetches a model, or its samples, before the container that needs them starts; PullLiveContainer the
	// samples of the live model; PullPicturesContainer the user's own.
	PullContainer         = "pull"
	PullLiveContainer     = "pull-live"
	PullPicturesContainer = "pull-pictures"

	// HTTPPort serves progress, health and metrics of a runner, and the whole
	// API of a server.
	HTTPPort = 8080
	// HTTPPortName is the name of HTTPPort in a pod.
	HTTPPortName = "http"
)

// Where volumes are mounted.
const (
	// DataMount holds the dataset, read-only.
	DataMount = "/data"
	// OutputMount is the runner's output volume.
	OutputMount = "/output"
	// CheckpointsMount is a volume for checkpoints, where they don't lie in the output.
	CheckpointsMount = "/checkpoints"
	// CacheMount is a volume for fetched files of the dataset.
	CacheMount = "/cache"
	// ModelMount holds the artifacts of the model that is served or tested, read-only.
	ModelMount = "/model"
	// LiveMount holds the artifacts of the live model, read-only, while a candidate is tested.
	LiveMount = "/live"
	// PicturesMount holds labeled pictures of the user's own, read-only, while a candidate is tested.
	PicturesMount = "/pictures"
)

// Files of an artifact directory.
const (
	ManifestFile = "MANIFEST.json"
	ModelFile    = "model.onnx"
	// FloatModelFile is the model before it was quantized, beside one that was.
	FloatModelFile = "model-float32.onnx"
	SamplesFile    = "samples.tar"
	ReportDir      = "report"
	// WritableFile is written to a bucket, and removed again, to find out whether the artifact can be published there.
	WritableFile = ".writable"
)

// CheckpointsDir is the folder of the output volume that holds the checkpoints of
// unfinished runs, in a folder each that is named as the run's artifact is.
const CheckpointsDir = ".checkpoints"

// CacheDir is the folder of a volume that holds fetched files, so that the volume may hold models or data besides.
const CacheDir = ".cache"

// Paths of the HTTP APIs that the operator itself asks for.
const (
	ProgressPath = "/progress"
	HealthPath   = "/healthz"
	// ReadyPath answers 200 once the server accepts predictions and 503 while it drains.
	ReadyPath = "/v2/health/ready"
	LivePath  = "/v2/health/live"
)

// SmokeTargetsAtATime is how many targets a smoke test asks at once.
const SmokeTargetsAtATime = 8

// SmokeHeader marks a request of a smoke test: it is answered as any other but
// stays out of statistics, the request log and the prediction counters.
const SmokeHeader = "X-Trainyard-Smoke"

// RequestIDHeader has the id of a request: the client's own, or the server's.
const RequestIDHeader = "X-Request-Id"

// DecodingHeader asks a server to make of a picture what the given version of decoding made of it: a smoke test holds a model
// to answers that were recorded then. Only requests with SmokeHeader are heard.
const DecodingHeader = "X-Trainyard-Decoding"

// RevisionHeader names the revision in every response of a server.
const RevisionHeader = "X-Trainyard-Revision"

// Exit codes of the runner, the server and the smoke test. Any code that is not
// listed is a crash: the Job retries it and counts the retry.
const (
	ExitOK         = 0
	ExitConfig     = 3   // the configuration can't be used
	ExitDataset    = 4   // the dataset is missing or can't be used, or its source refuses the credentials
	ExitGate       = 5   // trained and published, but a gate is not met
	ExitArtifact   = 6   // the artifact is invalid or has another digest; one that isn't there is ExitTemporary
	ExitSmoke      = 7   // a smoke check failed; the report is written
	ExitTemporary  = 75  // something outside failed for longer than the program's own retries
	ExitTerminated = 143 // stopped by SIGTERM after a checkpoint newer than the one it started from
)
