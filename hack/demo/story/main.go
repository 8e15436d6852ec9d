// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Command story shows Trainyard's main job without a cluster, by the programs that do it in one: the runner trains a
// classifier, the server serves it, and a bad model is smoke-tested beside it and rejected while requests go on. What the
// operator decides in a cluster, this program decides by the same results.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/trainyard-dev/trainyard/hack/demo/internal/effort"
	"github.com/trainyard-dev/trainyard/hack/demo/internal/tell"
	"github.com/trainyard-dev/trainyard/hack/prober/probe"
)

const (
	goodRun = "cats-vs-dogs"
	badRun  = "mislabeled"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "story:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	s := &story{effort: effort.Effort{ImageSize: 64, Epochs: 6}, minAccuracy: 0.90}
	flag.StringVar(&s.programs, "programs", "bin", "folder of the programs runner and server")
	flag.StringVar(&s.dir, "out", "out/story", "folder of models, reports and logs, which is emptied first")
	flag.StringVar(&s.data, "data", "", "folder of class folders to train on instead of drawn pictures")
	flag.DurationVar(&s.limit, "limit", 2*time.Minute, "time that training on --data may take")
	flag.Parse()

	if err := os.RemoveAll(s.dir); err != nil {
		return err
	}
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	defer s.stop()
	err := tell.Steps(ctx, []tell.Step{
		{Title: "Train: runner train", Do: s.train},
		{Title: "Serve: server serve, and its smoke test", Do: s.serve},
		{Title: "Predict, over HTTP", Do: s.predict},
		{Title: "Roll out a bad model while requests go on", Do: s.rollOutBadModel},
	}, s.explain)
	if err != nil {
		return err
	}
	return s.sumUp()
}

// story is told on one machine.
type story struct {
	programs, dir string
	data          string // empty: drawn pictures
	limit         time.Duration

	effort      effort.Effort
	minAccuracy float64 // 0 if it isn't known
	picture     string  // to predict; drawn if empty

	good, bad       model
	live            *server
	reason, message string // of the bad model's rejection
	probed          probe.Report
}

func (s *story) program(name string) string { return filepath.Join(s.programs, name) }

func (s *story) file(name string) string { return filepath.Join(s.dir, name) }

// stop ends what still runs.
func (s *story) stop() {
	if s.live != nil {
		_ = s.live.stop() // the story is over, well or not
	}
}

// explain shows the end of the servers' logs when a step has failed.
func (s *story) explain(context.Context) {
	logs, _ := filepath.Glob(s.file("*.log"))
	for _, log := range logs {
		fmt.Printf("the end of %s:\n%s\n", log, tail(log))
	}
}

// tail is the end of a file.
func tail(file string) string {
	const shown = 2000
	data, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	return string(data[max(0, len(data)-shown):])
}
