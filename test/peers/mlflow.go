// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// mlflowStart is how long an MLflow server may take to start: it creates its database first.
const mlflowStart = 2 * time.Minute

// MLflow is a real server of MLflow, 2 or 3, with SQLite, which takes artifacts itself.
type MLflow struct {
	// URI is its address.
	URI string

	t       testing.TB
	venv    string
	dir     string
	address string
	more    []string
	command *exec.Cmd
}

// StartMLflow starts a server of a version, with more arguments. Without that MLflow, and in short mode, the test is skipped.
func StartMLflow(t testing.TB, version string, more ...string) *MLflow {
	t.Helper()
	venv := filepath.Join(root(), ".venv-mlflow"+version)
	if _, err := os.Stat(filepath.Join(venv, "requirements.txt")); err != nil || testing.Short() {
		t.Skipf("MLflow %s is missing, or this is short mode: run `make test-mlflow`", version)
	}
	address := freeAddress(t)
	m := &MLflow{URI: "http://" + address, t: t, venv: venv, dir: t.TempDir(), address: address, more: more}
	m.Start()
	t.Cleanup(m.Stop)
	return m
}

// Start starts the server, again after Stop: it keeps what it has.
func (m *MLflow) Start() {
	m.t.Helper()
	_, port, err := net.SplitHostPort(m.address)
	if err != nil {
		m.t.Fatal(err)
	}
	args := append([]string{
		"server", "--host", "127.0.0.1", "--port", port, "--workers", "1",
		"--backend-store-uri", "sqlite:///" + filepath.Join(m.dir, "mlflow.db"),
		"--artifacts-destination", filepath.Join(m.dir, "artifacts"), "--serve-artifacts",
	}, m.more...)
	m.command = exec.Command(filepath.Join(m.venv, "bin", "mlflow"), args...)
	m.command.Dir = m.dir
	m.command.Env = append(os.Environ(), "PATH="+filepath.Join(m.venv, "bin")+":"+os.Getenv("PATH"), "MLFLOW_DISABLE_TELEMETRY=true", "GIT_PYTHON_REFRESH=quiet")
	m.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // its workers end with it
	log, err := os.OpenFile(filepath.Join(m.dir, "server.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		m.t.Fatal(err)
	}
	defer log.Close()
	m.command.Stdout, m.command.Stderr = log, log
	if err := m.command.Start(); err != nil {
		m.t.Fatal(err)
	}
	for deadline := time.Now().Add(mlflowStart); ; time.Sleep(100 * time.Millisecond) {
		response, err := http.Get(m.URI + "/health")
		if err == nil {
			response.Body.Close()
			return
		}
		if time.Now().After(deadline) {
			said, _ := os.ReadFile(log.Name())
			m.t.Fatalf("MLflow doesn't start: %v\n%s", err, said)
		}
	}
}

// Stop ends the server, if it runs.
func (m *MLflow) Stop() {
	if m.command == nil {
		return
	}
	_ = syscall.Kill(-m.command.Process.Pid, syscall.SIGKILL)
	_ = m.command.Wait() // it was killed
	m.command = nil
}

// Python runs a program of Python with MLflow's own client, and returns what it prints.
func (m *MLflow) Python(program string, args ...string) string {
	m.t.Helper()
	command := exec.Command(filepath.Join(m.venv, "bin", "python"), append([]string{"-c", program}, args...)...)
	command.Env = append(os.Environ(), "MLFLOW_TRACKING_URI="+m.URI, "MLFLOW_DISABLE_TELEMETRY=true", "GIT_PYTHON_REFRESH=quiet")
	said, err := command.Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			said = append(said, failed.Stderr...)
		}
		m.t.Fatalf("%v\n%s", err, said)
	}
	return string(said)
}
