// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package tracking

import (
	"encoding/pem"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/runner/internal/tracking/mlflow/mlflowtest"
)

// A server whose certificate is of one's own authority is trusted by caBundle alone, as soon as that is there.
func TestCABundle(t *testing.T) {
	memory := mlflowtest.Start(t, true, nil)
	secure := httptest.NewUnstartedServer(memory.Config.Handler)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // of those who don't trust it
	secure.StartTLS()
	t.Cleanup(secure.Close)

	s := newScene(t, secure.URL)
	s.start()
	untrusted := s.close()
	if untrusted.Reason != contract.ReasonTrackerUnavailable || !strings.Contains(untrusted.Message, "certificate") {
		t.Errorf("without a bundle the record comes to %+v", untrusted)
	}

	bundle := filepath.Join(t.TempDir(), "ca.crt")
	s.cfg.Tracking.MLflow.CABundle = bundle
	s.process()
	s.start()
	until(t, "the missing bundle is told", func() bool { return strings.Contains(s.lastTold().Message, bundle) })
	encoded := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	if err := os.WriteFile(bundle, encoded, 0o644); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		s.epoch()
	}
	s.publish()
	result := s.close()
	if result.RunID == "" || result.Reason != "" || !strings.HasPrefix(result.URL, secure.URL+"/#/") {
		t.Fatalf("with its bundle the record comes to %+v", result)
	}
	plain := &server{uri: memory.URL}
	if run := plain.run(t, result.RunID); run.Status != "FINISHED" {
		t.Errorf("the run is %s", run.Status)
	}
	if _, ok := memory.File("1/" + result.RunID + "/artifacts/model/model.onnx"); !ok {
		t.Error("the model wasn't uploaded")
	}
}
