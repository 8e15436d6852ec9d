// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package tracking

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/runner/internal/report"
	"github.com/trainyard-dev/trainyard/runner/internal/tracking/mlflow/mlflowtest"
	"github.com/trainyard-dev/trainyard/runner/internal/tracking/spool"
	"github.com/trainyard-dev/trainyard/runner/internal/train"
	"github.com/trainyard-dev/trainyard/test/peers"
)

// server is one that runs are recorded in: in memory or, where it is installed, real.
type server struct {
	uri    string
	logged bool // it has logged models
	// disturb, unless it is nil, answers instead of the server if it returns true.
	disturb atomic.Pointer[func(http.ResponseWriter, *http.Request) bool]
	real    *peers.MLflow
}

func (s *server) around(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if disturb := s.disturb.Load(); disturb != nil && (*disturb)(w, r) {
			return
		}
		h.ServeHTTP(w, r)
	})
}

func (s *server) setDisturb(disturb func(http.ResponseWriter, *http.Request) bool) {
	s.disturb.Store(&disturb)
}

// inMemory starts a server in memory, with logged models or without.
func inMemory(t *testing.T, logged bool) *server {
	s := &server{logged: logged}
	s.uri = mlflowtest.Start(t, logged, s.around).URL
	return s
}

// ofVersion starts a real server.
func ofVersion(t *testing.T, version string) *server {
	s := &server{logged: version == "3", real: peers.StartMLflow(t, version)}
	address, err := url.Parse(s.real.URI)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(s.around(httputil.NewSingleHostReverseProxy(address)))
	t.Cleanup(proxy.Close)
	s.uri = proxy.URL
	return s
}

// recordings are tests of what each kind of server comes to have.
var recordings = map[string]func(*testing.T, *server){
	"a run": testRecord,
}

func TestInMemory(t *testing.T) {
	for name, test := range recordings {
		for _, logged := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, logged models: %v", name, logged), func(t *testing.T) { test(t, inMemory(t, logged)) })
		}
	}
}

// TestWithMLflow holds the servers in memory to what MLflow's own do.
func TestWithMLflow(t *testing.T) {
	for _, version := range []string{"2", "3"} {
		t.Run(version, func(t *testing.T) {
			on := ofVersion(t, version)
			for name, test := range recordings {
				t.Run(name, func(t *testing.T) { test(t, on) })
				on.disturb.Store(nil)
			}
			t.Run("its own client", func(t *testing.T) { testClient(t, on) })
		})
	}
}

// get asks the server past what disturbs it.
func (s *server) get(t *testing.T, endpoint string, query url.Values, out any) {
	t.Helper()
	disturb := s.disturb.Swap(nil)
	defer s.disturb.Store(disturb)
	response, err := http.Get(s.uri + "/api/2.0/mlflow/" + endpoint + "?" + query.Encode())
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %s", endpoint, response.Status, body)
	}
	if err := json.Unmarshal(body, out); err != nil {
		t.Fatal(err)
	}
}

// recorded is what a server has of a run.
type recorded struct {
	Status, Name string
	Params, Tags map[string]string
	Metrics      map[string]float64
	Digest       string // of the dataset
	Models       int
}

func (s *server) run(t *testing.T, id string) recorded {
	t.Helper()
	type pairs []struct{ Key, Value string }
	var answer struct {
		Run struct {
			Info struct {
				Status string
				Name   string `json:"run_name"`
			}
			Data struct {
				Params, Tags pairs
				Metrics      []struct {
					Key   string
					Value float64
				}
			}
			Inputs struct {
				Datasets []struct{ Dataset struct{ Digest string } } `json:"dataset_inputs"`
			}
			Outputs struct {
				Models []any `json:"model_outputs"`
			}
		}
	}
	s.get(t, "runs/get", url.Values{"run_id": {id}}, &answer)
	run := recorded{
		Status: answer.Run.Info.Status, Name: answer.Run.Info.Name, Params: map[string]string{}, Tags: map[string]string{},
		Metrics: map[string]float64{}, Models: len(answer.Run.Outputs.Models),
	}
	for _, p := range answer.Run.Data.Params {
		run.Params[p.Key] = p.Value
	}
	for _, p := range answer.Run.Data.Tags {
		run.Tags[p.Key] = p.Value
	}
	for _, m := range answer.Run.Data.Metrics {
		run.Metrics[m.Key] = m.Value
	}
	for _, d := range answer.Run.Inputs.Datasets {
		run.Digest += d.Dataset.Digest
	}
	return run
}

// curve is the history of a metric as texts of step and value, in order.
func (s *server) curve(t *testing.T, id, key string) []string {
	t.Helper()
	var answer struct {
		Metrics []struct {
			Step  json.Number
			Value float64
		}
	}
	s.get(t, "metrics/get-history", url.Values{"run_id": {id}, "metric_key": {key}}, &answer)
	var curve []string
	for _, m := range answer.Metrics {
		curve = append(curve, fmt.Sprintf("%s:%.2f", strings.Trim(m.Step.String(), `"`), m.Value))
	}
	return curve
}

// scene is a run that a test goes through.
type scene struct {
	t       *testing.T
	cfg     contract.TrainConfig
	tracker *Tracker
	history []report.Epoch

	mu   sync.Mutex
	told []contract.MLflowResult
}

// newScene prepares a run in a folder with an artifact that it will publish.
func newScene(t *testing.T, uri string) *scene {
	t.Helper()
	cfg := contract.DefaultTrainConfig()
	cfg.Run = contract.Run{Name: "pets", Namespace: "team-a", UID: rand.Text()}
	cfg.Output.Path = t.TempDir()
	cfg.Model.ImageSize = 64
	cfg.Dataset.URI = "s3://datasets/pets?region=x"
	cfg.Tracking.MLflow = &contract.MLflow{
		URI: uri, Experiment: "pets", RegisteredModel: "classifier", Tags: map[string]string{"team": "a", contract.MLflowImageTag: "runner:v1"},
	}
	for name, content := range map[string]string{"model.onnx": "onnx", "report/report.json": "{}", "report/training-curves.png": "png"} {
		at := filepath.Join(cfg.Output.Path, contract.ArtifactName(cfg.Run), name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s := &scene{t: t, cfg: cfg}
	s.process()
	return s
}

// process is another process that works on the run.
func (s *scene) process() {
	s.tracker = New(s.cfg, slog.New(slog.DiscardHandler), func(r contract.MLflowResult) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.told = append(s.told, r)
	})
}

func (s *scene) tell(events ...train.Event) {
	s.t.Helper()
	for _, event := range events {
		if err := s.tracker.Observe(event); err != nil {
			s.t.Errorf("%T: %v", event, err)
		}
	}
}

const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func (s *scene) start() {
	s.tell(train.Started{
		Config: s.cfg, Dataset: contract.DatasetResult{Digest: digest, Samples: 40, Revision: strings.Repeat("ab", 20)},
		Epochs: 4, StepsPerEpoch: 2, Done: int64(2 * len(s.history)), History: s.history, Parameters: 1000, KernelSet: "portable",
	})
}

// epochs trains so many more.
func (s *scene) epochs(n int) {
	for range n {
		s.epoch()
	}
}

// epoch trains another one.
func (s *scene) epoch() {
	n := len(s.history) + 1
	epoch := report.Epoch{TrainLoss: 1 / float64(n), TrainAccuracy: 0.5, ValidationLoss: 2 / float64(n), ValidationAccuracy: 0.6}
	s.history = append(s.history, epoch)
	s.tell(train.Stepped{Epoch: n, Done: int64(2*n - 1), Images: 20, Loss: epoch.TrainLoss},
		train.EpochEnded{Epoch: epoch, Number: n, Epochs: 4, Done: int64(2 * n), Took: time.Second})
}

func (s *scene) result() contract.TrainResult {
	return contract.TrainResult{
		Outcome: contract.OutcomeSucceeded, Metrics: []contract.Metric{{Name: contract.MetricAccuracy, Value: 0.9}},
		Model:   &contract.ModelResult{URI: "pvc://models/pets-01234567/model.onnx", SHA256: strings.Repeat("cd", 32), SizeBytes: 4, ClassCount: 2},
		Dataset: &contract.DatasetResult{Digest: digest, Samples: 40},
	}
}

// publish ends the run well.
func (s *scene) publish() {
	result := s.result()
	s.tell(train.Evaluated{Metrics: result.Metrics}, train.Published{Config: s.cfg, Result: result}, train.Ended{Result: result, History: s.history})
}

func (s *scene) close() contract.MLflowResult {
	s.t.Helper()
	return s.tracker.Close(s.t.Context())
}

func (s *scene) spool() string { return spoolDir(s.cfg) }

var wholeCurve = []string{"1:2.00", "2:1.00", "3:0.67", "4:0.50"}

// checkWhole checks that a server has the whole run, once.
func (s *scene) checkWhole(on *server, result contract.MLflowResult) {
	s.t.Helper()
	if result.RunID == "" || result.Reason != "" || !strings.HasPrefix(result.URL, on.uri+"/#/experiments/") {
		s.t.Fatalf("the recording came to %+v", result)
	}
	run := on.run(s.t, result.RunID)
	if diff := cmp.Diff(wholeCurve, on.curve(s.t, result.RunID, keyValidationLoss)); diff != "" {
		s.t.Errorf("the curve (-want +got):\n%s", diff)
	}
	if run.Status != "FINISHED" || run.Metrics["test_accuracy"] != 0.9 {
		s.t.Errorf("the run is %s with metrics %v", run.Status, run.Metrics)
	}
	if spool.Exists(s.spool()) {
		s.t.Errorf("the spool is still there: %s", s.spool())
	}
}

func testRecord(t *testing.T, on *server) {
	s := newScene(t, on.uri)
	s.start()
	s.epochs(4)
	s.publish()
	result := s.close()
	s.checkWhole(on, result)
	run := on.run(t, result.RunID)
	for key, want := range map[string]string{
		"trainyard.uid": s.cfg.Run.UID, "trainyard.run": "pets", "trainyard.namespace": "team-a", "trainyard.image": "runner:v1", "team": "a",
		"trainyard.dataset.digest": digest, "trainyard.dataset.revision": strings.Repeat("ab", 20),
		"trainyard.model.sha256": strings.Repeat("cd", 32), "trainyard.outcome": contract.OutcomeSucceeded, "mlflow.source.type": "JOB",
	} {
		if run.Tags[key] != want {
			t.Errorf("tag %s is %q, want %q", key, run.Tags[key], want)
		}
	}
	for key, want := range map[string]string{
		"training.epochs": "20", "training.learningRate": "0.001", "model.architecture": "BaselineCNN", "dataset.split.seed": "42", "model.parameters": "1000",
	} {
		if run.Params[key] != want {
			t.Errorf("param %s is %q, want %q", key, run.Params[key], want)
		}
	}
	wantModels := 0
	if on.logged {
		wantModels = 1
	}
	if run.Digest != digest[7:43] || run.Models != wantModels || run.Name != "pets" {
		t.Errorf("dataset %s, %d models, name %s", run.Digest, run.Models, run.Name)
	}
	if got := on.curve(t, result.RunID, keyStepLoss); len(got) == 0 || got[0] != "1:1.00" {
		t.Errorf("the steps are %v", got)
	}
	var versions struct {
		Versions []struct {
			Name  string
			RunID string `json:"run_id"`
		} `json:"model_versions"`
	}
	on.get(t, "model-versions/search", url.Values{"filter": {"run_id = '" + result.RunID + "'"}}, &versions)
	if len(versions.Versions) != 1 || versions.Versions[0].Name != "classifier" {
		t.Errorf("the registered versions are %+v", versions)
	}
}
