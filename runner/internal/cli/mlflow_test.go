// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/runner/internal/tracking/mlflow/mlflowtest"
)

func TestTrainRecordsInMLflow(t *testing.T) {
	var unauthorized atomic.Int64
	server := mlflowtest.Start(t, true, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if user, password, _ := r.BasicAuth(); user != "pets" || password != "secret" {
				unauthorized.Add(1)
			}
			h.ServeHTTP(w, r)
		})
	})
	t.Setenv("MLFLOW_TRACKING_URI", server.URL)
	t.Setenv("MLFLOW_TRACKING_USERNAME", "pets")
	t.Setenv("MLFLOW_TRACKING_PASSWORD", "secret")
	dir := t.TempDir()
	code, stdout, stderr := runner(quick(dir, "--mlflow-experiment=pets", "--mlflow-registered-model=pets", "--mlflow-tag=team=a, b", "--mlflow-tag=stage=x=y")...)
	if code != contract.ExitOK {
		t.Fatalf("train exits %d\n%s", code, stderr)
	}
	recorded := readResult(t, dir).MLflow
	if recorded == nil || recorded.RunID == "" || recorded.Reason != "" || !strings.Contains(stdout, "mlflow   "+server.URL+"/#/experiments/1/runs/"+recorded.RunID) {
		t.Fatalf("the record is %+v, stdout\n%s", recorded, stdout)
	}
	if unauthorized.Load() > 0 {
		t.Errorf("%d requests had no credentials", unauthorized.Load())
	}
	published, err := os.ReadFile(filepath.Join(dir, "models", filepath.Base(filepath.Dir(readResult(t, dir).Model.URI)), contract.ModelFile))
	if err != nil {
		t.Fatal(err)
	}
	if uploaded, _ := server.File("1/" + recorded.RunID + "/artifacts/model/model.onnx"); !cmp.Equal(published, uploaded) {
		t.Errorf("another model was uploaded: %d bytes, not %d", len(uploaded), len(published))
	}

	// What an outage has left.
	gone := "http://127.0.0.1:1"
	if code, _, stderr = runner(quick(dir, "--seed=7", "--mlflow-uri="+gone)...); code != contract.ExitOK {
		t.Fatalf("train without its server exits %d\n%s", code, stderr)
	}
	if left := readResult(t, dir).MLflow; left == nil || left.Reason != contract.ReasonTrackerUnavailable {
		t.Errorf("the record is %+v", left)
	}
	t.Setenv("MLFLOW_TRACKING_URI", "")
	if code, stdout, _ = runner("mlflow", "sync", filepath.Join(dir, "models")); code != contract.ExitTemporary || !strings.Contains(stdout, contract.ReasonTrackerUnavailable) {
		t.Errorf("sync without its server exits %d\n%s", code, stdout)
	}
	if code, stdout, stderr = runner("mlflow", "sync", "--uri="+server.URL, filepath.Join(dir, "models")); code != contract.ExitOK || !strings.Contains(stdout, "delivered") {
		t.Errorf("sync exits %d\n%s%s", code, stdout, stderr)
	}
	if code, _, stderr = runner("mlflow", "sync", filepath.Join(dir, "models")); code != contract.ExitConfig || !strings.Contains(stderr, "no runs wait") {
		t.Errorf("a second sync exits %d\n%s", code, stderr)
	}
}

func TestMLflowFlags(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"more of no server": {quick(t.TempDir(), "--mlflow-experiment=pets"), "--mlflow-experiment says more of a server"},
		"a database":        {quick(t.TempDir(), "--mlflow-uri=sqlite:///mlflow.db"), "tracking.mlflow.uri must begin with http"},
		"no tag":            {quick(t.TempDir(), "--mlflow-tag=team"), "give a key and a value"},
		"sync to nowhere":   {[]string{"mlflow", "sync", "--uri=mlflow", t.TempDir()}, "MLflow's URI must begin with http"},
	} {
		if code, _, stderr := runner(tc.args...); code != contract.ExitConfig || !strings.Contains(stderr, tc.want) {
			t.Errorf("%s: exit code %d, want %d\n%s", name, code, contract.ExitConfig, stderr)
		}
	}
}
