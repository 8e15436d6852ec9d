// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package compose

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	prometheus "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/trainyard-dev/trainyard/test/monitoring"
)

// programs are the real programs of the images, by their names there.
func programs(t *testing.T) map[string]string {
	t.Helper()
	venv, err := filepath.Abs(filepath.Join(root, ".venv-mlflow3", "bin"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{
		"trainyard-runner": os.Getenv("RUNNER"), "trainyard-server": os.Getenv("SERVER"),
		"prometheus": os.Getenv("PROMETHEUS"), "promtool": os.Getenv("PROMTOOL"),
		"mlflow": filepath.Join(venv, "mlflow"), "python": filepath.Join(venv, "python"),
	}
	for name, file := range found {
		if _, err := os.Stat(file); err != nil {
			t.Skipf("%s is missing: run `make test-compose`", name)
		}
	}
	return found
}

// TestWiring starts what docker-compose.yml describes, except for Grafana, in its order and with its files.
func TestWiring(t *testing.T) {
	s := newStand(t, programs(t))
	s.start("mlflow", "")
	t.Run("MLflow answers its own names only", func(t *testing.T) {
		for host, want := range map[string]int{
			"mlflow:" + s.ports["mlflow"]: http.StatusOK, "localhost:" + s.ports["mlflow"]: http.StatusOK, "evil.example": http.StatusForbidden,
		} {
			if got := statusFor(t, "http://"+s.address("mlflow")+"/api/2.0/mlflow/experiments/get-by-name?experiment_name=Default", host); got != want {
				t.Errorf("asked as %s, MLflow answers %d, want %d", host, got, want)
			}
		}
	})
	s.run("train", "trainyard-runner")
	t.Run("a model that is there is not trained again", func(t *testing.T) {
		if said := s.run("train", "trainyard-runner"); !strings.Contains(said, "Already published") {
			t.Errorf("the second run says\n%s", said)
		}
	})
	t.Run("MLflow has the run and its model", func(t *testing.T) { expectRecorded(t, "http://"+s.address("mlflow")) })
	s.start("server", "trainyard-server")
	s.start("prometheus", "prometheus")
	t.Run("make smoke passes", func(t *testing.T) {
		command := exec.CommandContext(t.Context(), "make", "smoke", "URL=http://"+s.address("server"))
		command.Dir = root
		said, err := command.CombinedOutput()
		t.Logf("%s", said)
		if err != nil {
			t.Error(err)
		}
	})
	t.Run("every panel of Grafana's dashboard has data", func(t *testing.T) {
		expectPanels(t, "http://"+s.address("prometheus"), "http://"+s.address("server"))
	})
}

// statusFor is the status with which a server answers who asks for it by a name.
func statusFor(t *testing.T, url, host string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = host
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	return response.StatusCode
}

// answer asks MLflow's API. With a body it posts that.
func answer(t *testing.T, url, body string, into any) {
	t.Helper()
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d, %v\n%s", url, response.StatusCode, err, data)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v\n%s", url, err, data)
	}
}

// expectRecorded fails unless MLflow has one run, finished, with its metrics, and one version of its model.
func expectRecorded(t *testing.T, mlflow string) {
	config := trainConfig(t)
	var experiment struct {
		Experiment struct {
			ID string `json:"experiment_id"`
		}
	}
	answer(t, mlflow+"/api/2.0/mlflow/experiments/get-by-name?experiment_name="+config.Tracking.MLflow.Experiment, "", &experiment)
	var runs struct {
		Runs []struct {
			Info struct{ Status string }
			Data struct {
				Metrics []struct {
					Key   string
					Value float64
				}
			}
		}
	}
	answer(t, mlflow+"/api/2.0/mlflow/runs/search", fmt.Sprintf(`{"experiment_ids": [%q]}`, experiment.Experiment.ID), &runs)
	if len(runs.Runs) != 1 || runs.Runs[0].Info.Status != "FINISHED" {
		t.Fatalf("MLflow has %+v, want one run that is FINISHED", runs.Runs)
	}
	metrics := map[string]float64{}
	for _, metric := range runs.Runs[0].Data.Metrics {
		metrics[metric.Key] = metric.Value
	}
	if metrics["test_accuracy"] < config.Gates[0].Min {
		t.Errorf("MLflow's run has the metrics %v", metrics)
	}
	var registered struct {
		Model struct {
			Versions []struct{ Version string } `json:"latest_versions"`
		} `json:"registered_model"`
	}
	answer(t, mlflow+"/api/2.0/mlflow/registered-models/get?name="+config.Tracking.MLflow.RegisteredModel, "", &registered)
	if len(registered.Model.Versions) != 1 || registered.Model.Versions[0].Version != "1" {
		t.Errorf("MLflow has the versions %+v of the model, want one", registered.Model.Versions)
	}
	t.Logf("MLflow's run has %d metrics, test_accuracy %.3f", len(metrics), metrics["test_accuracy"])
}

// expectPanels sends pictures to the server until Prometheus has a number for each expression of the dashboard.
func expectPanels(t *testing.T, prometheusURL, serverURL string) {
	client, err := api.NewClient(api.Config{Address: prometheusURL})
	if err != nil {
		t.Fatal(err)
	}
	asks := prometheus.NewAPI(client)
	open := expressions(t)
	total := len(open)
	picture := picture(t)
	for deadline := time.Now().Add(startLimit); len(open) > 0; {
		if time.Now().After(deadline) {
			t.Fatalf("of %d expressions these have no number:\n%s", total, strings.Join(open, "\n"))
		}
		for range 8 { // drift is measured from 200 on
			predict(t, serverURL, picture)
		}
		open = slices.DeleteFunc(open, func(expression string) bool { return hasNumber(t, asks, expression) })
	}
	t.Logf("%d expressions have numbers", total)
}

// expressions are those of the dashboard that Grafana shows.
func expressions(t *testing.T) []string {
	t.Helper()
	dashboards, err := monitoring.Dashboards(filepath.Join(root, "config", "monitoring"))
	if err != nil {
		t.Fatal(err)
	}
	variables := strings.NewReplacer("$namespace", ".*", "$modelserver", ".*", "$__rate_interval", "1m")
	var all []string
	for _, dashboard := range dashboards {
		if dashboard.UID != "trainyard-serving" {
			continue
		}
		for _, panel := range dashboard.Panels {
			for _, target := range panel.Targets {
				all = append(all, variables.Replace(target.Expr))
			}
		}
	}
	if len(all) == 0 {
		t.Fatal("the dashboard of serving has no expressions")
	}
	return all
}

func hasNumber(t *testing.T, asks prometheus.API, expression string) bool {
	t.Helper()
	value, _, err := asks.Query(t.Context(), expression, time.Now())
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	vector, ok := value.(model.Vector)
	return ok && slices.ContainsFunc(vector, func(s *model.Sample) bool { return !math.IsNaN(float64(s.Value)) })
}

func picture(t *testing.T) []byte {
	t.Helper()
	canvas := image.NewRGBA(image.Rect(0, 0, 64, 64))
	for i := range 64 * 64 {
		canvas.Set(i%64, i/64, color.RGBA{R: uint8(i % 256), G: uint8(i / 64), B: 128, A: 255})
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, canvas, nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func predict(t *testing.T, server string, picture []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, server+"/predict", bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "image/jpeg")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("the server answers %s", response.Status)
	}
}
