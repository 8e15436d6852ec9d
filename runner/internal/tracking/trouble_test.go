// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package tracking

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/runner/internal/tracking/mlflow/mlflowtest"
	"github.com/trainyard-dev/trainyard/runner/internal/tracking/spool"
	"github.com/trainyard-dev/trainyard/runner/internal/train"
)

func init() {
	// Nobody waits in tests for what never comes.
	endPatience.errors, endPatience.stopped = 1500*time.Millisecond, 100*time.Millisecond
	syncPatience.errors = 500 * time.Millisecond
	gatherTime, firstPause = 50*time.Millisecond, 50*time.Millisecond

	recordings["an outage in the middle third"] = testOutage
	recordings["a server that fails now and then"] = testFlaky
	recordings["a server that answers late"] = testSlow
	recordings["a killed pod"] = testKilled
	recordings["a killed pod whose disk is gone"] = testKilledWithItsDisk
	recordings["an outage at the end"] = testOutageAtTheEnd
	recordings["a run that was deleted"] = testDeleted
	recordings["a wrong token"] = testWrongToken
	recordings["a run that is published already"] = testAgain
	recordings["a refused param"] = testRefused
	recordings["a failed run"] = testFailed
}

// status answers all requests with a status.
func status(code int) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(code)
		return true
	}
}

// hangs answers no request.
func hangs(_ http.ResponseWriter, r *http.Request) bool {
	<-r.Context().Done()
	return true
}

// until waits for something that another goroutine does.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: it doesn't come", what)
		}
	}
}

// lastTold is what the tracker said last of its record.
func (s *scene) lastTold() contract.MLflowResult {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.told) == 0 {
		return contract.MLflowResult{}
	}
	return s.told[len(s.told)-1]
}

func testOutage(t *testing.T, on *server) {
	s := newScene(t, on.uri)
	s.start()
	s.epoch()
	until(t, "the run is there", func() bool { return s.lastTold().RunID != "" })
	on.setDisturb(status(http.StatusBadGateway))
	s.epoch()
	s.epoch()
	until(t, "the outage is told", func() bool { return s.lastTold().Reason == contract.ReasonTrackerUnavailable })
	on.disturb.Store(nil)
	s.epoch()
	s.publish()
	s.checkWhole(on, s.close())
	if s.lastTold().Reason != "" {
		t.Errorf("the last word is %+v", s.lastTold())
	}
}

func testFlaky(t *testing.T, on *server) {
	var asked atomic.Int64
	on.setDisturb(func(w http.ResponseWriter, _ *http.Request) bool {
		switch asked.Add(1) % 9 {
		case 1:
			w.WriteHeader(http.StatusInternalServerError)
			return true
		case 2:
			panic(http.ErrAbortHandler) // the connection is reset
		default:
			return false
		}
	})
	s := newScene(t, on.uri)
	s.start()
	s.epochs(4)
	s.publish()
	result, whole := s.finishPatiently()
	if !whole {
		t.Fatalf("something is left: %+v", result)
	}
	run := on.run(t, result.RunID)
	if diff := cmp.Diff(wholeCurve, on.curve(t, result.RunID, keyValidationLoss)); diff != "" || run.Status != "FINISHED" {
		t.Errorf("the run is %s, its curve (-want +got):\n%s", run.Status, diff)
	}
}

// finishPatiently ends the sending with more patience than tests have elsewhere.
func (s *scene) finishPatiently() (contract.MLflowResult, bool) {
	p := endPatience
	p.errors = time.Minute
	s.tracker.system.stop()
	return s.tracker.sender.finish(s.t.Context(), p)
}

func testSlow(t *testing.T, on *server) {
	on.setDisturb(func(http.ResponseWriter, *http.Request) bool {
		time.Sleep(100 * time.Millisecond)
		return false
	})
	s := newScene(t, on.uri)
	s.start()
	s.epochs(4)
	s.publish()
	s.checkWhole(on, s.close())
}

func testKilled(t *testing.T, on *server) {
	s := newScene(t, on.uri)
	s.start()
	s.epoch()
	until(t, "the run is there", func() bool { return s.lastTold().RunID != "" })
	first := s.lastTold().RunID
	s.epoch()
	s.kill()

	s.process()
	s.start()
	s.epoch()
	s.epoch()
	s.publish()
	result := s.close()
	s.checkWhole(on, result)
	if result.RunID != first {
		t.Errorf("the run became another: %s, then %s", first, result.RunID)
	}
}

// kill ends the process as a signal does: nothing is said any more.
func (s *scene) kill() {
	s.tracker.system.stop()
	s.tracker.sender.cancel()
	<-s.tracker.sender.done
	s.tracker.spool.Close()
}

func testKilledWithItsDisk(t *testing.T, on *server) {
	s := newScene(t, on.uri)
	s.start()
	s.epoch()
	s.epoch()
	until(t, "two epochs are there", func() bool {
		id := s.lastTold().RunID
		return id != "" && len(on.curve(t, id, keyValidationLoss)) == 2
	})
	s.kill()
	if err := os.RemoveAll(s.spool()); err != nil {
		t.Fatal(err)
	}

	s.process()
	s.epoch() // which the checkpoint knows
	s.start()
	s.epoch()
	s.publish()
	s.checkWhole(on, s.close())
}

func testOutageAtTheEnd(t *testing.T, on *server) {
	s := newScene(t, on.uri)
	s.start()
	s.epochs(4)
	on.setDisturb(status(http.StatusServiceUnavailable))
	s.publish()
	result := s.close()
	if result.Reason != contract.ReasonTrackerUnavailable || !strings.Contains(result.Message, "runner mlflow sync") {
		t.Fatalf("the result is %+v", result)
	}
	if synced, err := Sync(t.Context(), s.cfg.Output.Path, "", contract.Access{}, slog.New(slog.DiscardHandler)); err != nil || len(synced) != 1 || synced[0].Reason == "" {
		t.Errorf("sync delivers to a server that is away: %+v, %v", synced, err)
	}
	on.disturb.Store(nil)

	// The output may be mounted elsewhere.
	moved := filepath.Join(t.TempDir(), "moved")
	if err := os.Rename(s.cfg.Output.Path, moved); err != nil {
		t.Fatal(err)
	}
	s.cfg.Output.Path = moved
	synced, err := Sync(t.Context(), moved, on.uri, contract.Access{}, slog.New(slog.DiscardHandler))
	if err != nil || len(synced) != 1 || synced[0].Err != nil {
		t.Fatalf("sync: %+v, %v", synced, err)
	}
	s.checkWhole(on, synced[0].MLflowResult)
	if _, err := Sync(t.Context(), moved, "", contract.Access{}, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "no runs wait") {
		t.Errorf("a second sync: %v", err)
	}
}

func testDeleted(t *testing.T, on *server) {
	if on.real != nil {
		t.Skip("a deleted run of MLflow's is kept until it is collected")
	}
	s := newScene(t, on.uri)
	s.start()
	s.epoch()
	until(t, "the run is there", func() bool { return s.lastTold().RunID != "" })
	response, err := http.Post(on.uri+"/api/2.0/mlflow/runs/delete", "application/json", strings.NewReader(`{"run_id": "`+s.lastTold().RunID+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	s.epochs(3)
	s.publish()
	s.checkWhole(on, s.close())
}

func testWrongToken(t *testing.T, on *server) {
	on.setDisturb(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Authorization") == "Bearer right" {
			return false
		}
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	s := newScene(t, on.uri)
	keys := t.TempDir()
	write := func(token string) {
		if err := os.WriteFile(filepath.Join(keys, "token"), []byte(token+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("wrong")
	s.cfg.Tracking.MLflow.Credentials = keys
	s.process()
	s.start()
	s.epoch()
	until(t, "the refusal is told", func() bool { return s.lastTold().Reason == contract.ReasonTrackerRejected })
	if told := s.lastTold().Message; !strings.Contains(told, "secretRef") || strings.Contains(told, "wrong") {
		t.Errorf("it says %q", told)
	}
	write("right") // the kubelet brings what the Secret becomes
	s.epochs(3)
	s.publish()
	s.checkWhole(on, s.close())
}

func testAgain(t *testing.T, on *server) {
	s := newScene(t, on.uri)
	s.start()
	s.epochs(4)
	s.publish()
	first := s.close()
	s.process()
	result := s.result()
	s.tell(train.Published{Config: s.cfg, Result: result, Before: true}, train.Ended{Result: result})
	again := s.close()
	s.checkWhole(on, again)
	if again.RunID != first.RunID {
		t.Errorf("the run became another: %s, then %s", first.RunID, again.RunID)
	}

	// One that was never recorded is recorded now, as far as it is known.
	s.cfg.Run.UID += "x"
	s.process()
	s.tell(train.Published{Config: s.cfg, Result: result, Before: true}, train.Ended{Result: result})
	late := s.close()
	if run := on.run(t, late.RunID); late.RunID == first.RunID || run.Status != "FINISHED" || run.Tags["trainyard.model.sha256"] == "" {
		t.Errorf("a run that was published unrecorded: %+v %+v", late, run)
	}
}

func testRefused(t *testing.T, on *server) {
	s := newScene(t, on.uri)
	s.start()
	s.epoch()
	until(t, "the run is there", func() bool { return s.lastTold().RunID != "" })
	s.kill()
	s.cfg.Training.Workers = 7 // another value of a param
	s.process()
	s.start()
	s.epochs(3)
	s.publish()
	result := s.close()
	if result.Reason != contract.ReasonTrackerRejected || !strings.Contains(result.Message, "param") {
		t.Errorf("the result is %+v", result)
	}
	if run := on.run(t, result.RunID); run.Status != "FINISHED" || len(on.curve(t, result.RunID, keyValidationLoss)) != 4 {
		t.Errorf("the rest of the run is missing: %+v", run)
	}
	if !spool.Exists(s.spool()) {
		t.Error("the spool is gone though something was refused")
	}
}

func testFailed(t *testing.T, on *server) {
	for outcome, want := range map[string]string{contract.OutcomeFailed: "FAILED", contract.OutcomeInterrupted: "KILLED"} {
		s := newScene(t, on.uri)
		s.start()
		s.epoch()
		s.tell(train.Ended{Result: contract.TrainResult{Outcome: outcome, Reason: contract.ReasonLossDiverged, Message: "the loss is infinite"}, History: s.history})
		result := s.close()
		if run := on.run(t, result.RunID); run.Status != want || run.Tags["trainyard.message"] != "the loss is infinite" {
			t.Errorf("%s: the run is %+v", outcome, run)
		}
	}
}

func TestRefusedHost(t *testing.T) {
	on := inMemory(t, true)
	on.setDisturb(func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte("Invalid Host header - possible DNS rebinding attack detected"))
		return true
	})
	s := newScene(t, on.uri)
	s.start()
	result := s.close()
	address, _ := url.Parse(on.uri)
	if result.Reason != contract.ReasonTrackerRejected || !strings.Contains(result.Message, address.Host) || !strings.Contains(result.Message, "MLFLOW_SERVER_ALLOWED_HOSTS") {
		t.Errorf("the result is %+v", result)
	}
}

// A run that is told to stop has no time for a server.
func TestStopped(t *testing.T) {
	on := inMemory(t, true)
	on.setDisturb(hangs)
	s := newScene(t, on.uri)
	s.start()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if result := s.tracker.Close(ctx); result.Reason != contract.ReasonTrackerUnavailable {
		t.Errorf("the result is %+v", result)
	}
	if err := s.tracker.Observe(train.Stepped{}); err == nil {
		t.Error("a closed tracker takes events")
	}
}

// A run that never began leaves nothing, and one without a disk says so.
func TestNothingToRecord(t *testing.T) {
	on := inMemory(t, true)
	s := newScene(t, on.uri)
	s.tell(train.Ended{Result: contract.TrainResult{Outcome: contract.OutcomeFailed}})
	if result := s.close(); result != (contract.MLflowResult{}) {
		t.Errorf("the result is %+v", result)
	}
	local := newScene(t, on.uri)
	local.cfg.Run.UID = ""
	local.process()
	local.tell(train.Ended{})
	if result := local.close(); result != (contract.MLflowResult{}) {
		t.Errorf("the result of a run without a UID is %+v", result)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	broken := newScene(t, on.uri)
	broken.cfg.Output.Path = file
	broken.process()
	if err := broken.tracker.Observe(train.Stepped{}); err == nil {
		t.Error("a spool in a file was written")
	}
	if result := broken.close(); result.Reason != contract.ReasonTrackerUnavailable {
		t.Errorf("the result is %+v", result)
	}
}

func TestSyncEndsWhatWasKilled(t *testing.T) {
	on := inMemory(t, true)
	s := newScene(t, on.uri)
	s.start()
	s.epoch()
	busy, err := Sync(t.Context(), s.spool(), "", contract.Access{}, slog.New(slog.DiscardHandler))
	if err != nil || len(busy) != 1 || busy[0].Err == nil {
		t.Errorf("a run that is going on was synced: %+v, %v", busy, err)
	}
	s.kill()
	synced, err := Sync(t.Context(), s.spool(), "", contract.Access{}, slog.New(slog.DiscardHandler))
	if err != nil || len(synced) != 1 || synced[0].Reason != "" {
		t.Fatalf("sync: %+v, %v", synced, err)
	}
	if run := on.run(t, synced[0].RunID); run.Status != "KILLED" {
		t.Errorf("the run is %s", run.Status)
	}
	if _, err := Sync(t.Context(), filepath.Join(t.TempDir(), "none"), "", contract.Access{}, slog.New(slog.DiscardHandler)); !os.IsNotExist(err) {
		t.Errorf("a folder that isn't there: %v", err)
	}
}

func TestUploads(t *testing.T) {
	memory := mlflowtest.Start(t, true, nil)
	on := &server{uri: memory.URL, logged: true}
	s := newScene(t, on.uri)
	s.start()
	s.epochs(4)
	s.publish()
	result := s.close()
	s.checkWhole(on, result)
	for _, at := range []string{"1/" + result.RunID + "/artifacts/report/report.json", "1/" + result.RunID + "/artifacts/report/training-curves.png",
		"1/" + result.RunID + "/artifacts/model/model.onnx", "1/models/m-00000000000000000000000000000001/artifacts/model.onnx"} {
		if _, ok := memory.File(at); !ok {
			t.Errorf("%s is missing", at)
		}
	}
	description, _ := memory.File("1/models/m-00000000000000000000000000000001/artifacts/MLmodel")
	for _, want := range []string{`"data": "model.onnx"`, `"model_id": "m-0`, `\"shape\": [-1,3,64,64]`, `"run_id": "` + result.RunID} {
		if !strings.Contains(string(description), want) {
			t.Errorf("MLmodel has no %s:\n%s", want, description)
		}
	}
}
