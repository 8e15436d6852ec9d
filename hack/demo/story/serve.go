// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

const (
	// loading is how long a server may take to load its model.
	loading = time.Minute
	// stopping is how long it may take to finish what it is asked.
	stopping = 35 * time.Second
	host     = "127.0.0.1"
)

// server is a running server of a model.
type server struct {
	model   model
	url     string
	command *exec.Cmd
	ended   chan struct{} // closed when the process has, with err
	err     error
}

// serve serves the good model once its smoke test has passed.
func (s *story) serve(ctx context.Context) error {
	var err error
	if s.live, err = s.start(ctx, s.good, "live"); err != nil {
		return err
	}
	report, err := s.smoke(ctx, s.live, nil)
	if err != nil {
		return err
	}
	if !report.Passed {
		return fmt.Errorf("the good model fails its smoke test: %s", report.Message)
	}
	return nil
}

// start starts the server of a model and waits until it is ready. Its log is in the file of that name.
func (s *story) start(ctx context.Context, m model, name string) (*server, error) {
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	// What is left out is as the server's flags have it.
	config, err := json.MarshalIndent(map[string]any{
		"version": contract.Version, "name": goodRun, "revision": m.revision(), "logRequests": false,
		"model": contract.ServedModel{Path: m.file(contract.ModelFile), SHA256: m.result.Model.SHA256, TrainingRun: m.run},
	}, "", "  ")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(s.file(name+".json"), append(config, '\n'), 0o644); err != nil {
		return nil, err
	}
	log, err := os.Create(s.file(name + ".log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	args := []string{"serve", "--config=" + s.file(name+".json"), "--address=" + host, "--port=" + strconv.Itoa(port)}
	fmt.Println("$", s.program("server"), strings.Join(args, " "), "&")
	command := exec.Command(s.program("server"), args...) // the story ends it, whatever ends the story
	command.Stderr = log
	if err := command.Start(); err != nil {
		return nil, err
	}
	started := &server{model: m, url: "http://" + net.JoinHostPort(host, strconv.Itoa(port)), command: command, ended: make(chan struct{})}
	go func() {
		started.err = command.Wait()
		close(started.ended)
	}()
	if err := started.ready(ctx); err != nil {
		return nil, errors.Join(err, started.stop())
	}
	return started, nil
}

// freePort is one that nobody listens on.
func freePort(ctx context.Context) (int, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// ready waits until the server has loaded its model.
func (s *server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, loading)
	defer cancel()
	for {
		if _, err := s.get(ctx, contract.V2Path+"/health/ready", "*/*"); err == nil {
			return nil
		}
		select {
		case <-s.ended:
			return fmt.Errorf("the server of %s has ended: %w", s.model.revision(), s.err)
		case <-ctx.Done():
			return fmt.Errorf("the server of %s is not ready: %w", s.model.revision(), ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// stop lets the server finish and end.
func (s *server) stop() error {
	select {
	case <-s.ended:
		return nil
	default:
	}
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-s.ended:
		return s.err
	case <-time.After(stopping):
		return errors.Join(fmt.Errorf("the server of %s doesn't end", s.model.revision()), s.command.Process.Kill())
	}
}

// get asks the server for a path.
func (s *server) get(ctx context.Context, path, accept string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", accept)
	return do(request)
}

// do sends a request and returns the answer's body.
func do(request *http.Request) ([]byte, error) {
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s answers %s: %s", request.Method, request.URL, response.Status, body)
	}
	return body, err
}

// smoke tests a server, against the live model's samples if there is one. An error means that there is no verdict.
func (s *story) smoke(ctx context.Context, tested *server, live *model) (contract.SmokeReport, error) {
	var report contract.SmokeReport
	file := s.file("smoke-" + tested.model.revision() + ".json")
	args := []string{
		"smoke", "--url=" + tested.url, "--revision=" + tested.model.revision(), "--sha256=" + tested.model.result.Model.SHA256,
		"--samples=" + tested.model.file(contract.SamplesFile), "--termination-log=" + file,
	}
	if live != nil {
		args = append(args, "--live-samples="+live.file(contract.SamplesFile))
	}
	err := s.show(ctx, "server", args...)
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != contract.ExitSmoke) {
		return report, err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return report, err
	}
	if err := contract.DecodeResult(data, &report); err != nil {
		return report, fmt.Errorf("%s: %w", file, err)
	}
	return report, nil
}

// show runs a program and shows the command and what it says to people.
func (s *story) show(ctx context.Context, program string, args ...string) error {
	fmt.Println("$", s.program(program), strings.Join(args, " "))
	command := exec.CommandContext(ctx, s.program(program), args...)
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = stopping
	command.Stderr = os.Stderr
	if program == "runner" { // a smoke test prints the same again there, for programs
		command.Stdout = os.Stdout
	}
	if err := command.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", program, args[0], err)
	}
	return nil
}
