// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package tell

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/trainyard-dev/trainyard/hack/prober/probe"
)

// Revision is a model that was served, or was to be.
type Revision struct {
	Name string
	Run  string // that made it
}

// Summary is what the story came to.
type Summary struct {
	// Runs is what runs are called: TrainingRun, or run where there is no cluster.
	Runs string
	// Accuracy of the good model, and what it should reach; 0 if that isn't known.
	Accuracy, MinAccuracy float64
	Live, Rejected        Revision
	Reason, Message       string // of the rejection
	Probed                probe.Report
}

// Tell writes the last lines.
func (s *Summary) Tell(out io.Writer) {
	fmt.Fprintf(out, "accuracy  %.4f", s.Accuracy)
	if s.MinAccuracy > 0 {
		fmt.Fprintf(out, " (at least %.2f)", s.MinAccuracy)
	}
	fresh, pooled := s.Probed.Fresh, s.Probed.Pooled
	fmt.Fprintf(out, "\nlive      %s (model of %s %s)\n", s.Live.Name, s.Runs, s.Live.Run)
	fmt.Fprintf(out, "rejected  %s (model of %s %s): %s: %s\n", s.Rejected.Name, s.Runs, s.Rejected.Run, s.Reason, s.Message)
	fmt.Fprintf(out, "requests  %d sent while the bad model was rolled out (%d on fresh, %d on pooled connections), %d failed\n",
		fresh.Requests+pooled.Requests, fresh.Requests, pooled.Requests, fresh.Failed+pooled.Failed)
}

// Check says whether the story held what it promises: the model of goodRun serves, another was rejected, and no request failed.
func (s *Summary) Check(goodRun string) error {
	fresh, pooled := s.Probed.Fresh, s.Probed.Pooled
	switch {
	case s.Accuracy < s.MinAccuracy:
		return fmt.Errorf("accuracy %.4f is below %.2f", s.Accuracy, s.MinAccuracy)
	case s.Live.Run != goodRun:
		return fmt.Errorf("the live model is that of %s %s, want %s", s.Runs, s.Live.Run, goodRun)
	case s.Rejected.Name == "" || s.Reason == "":
		return errors.New("the bad model was not rejected")
	case fresh.Requests == 0 || pooled.Requests == 0:
		return errors.New("the prober has sent no requests")
	case fresh.Failed+pooled.Failed > 0:
		return fmt.Errorf("%d requests failed: %s", fresh.Failed+pooled.Failed, told(slices.Concat(fresh.Failures, pooled.Failures)))
	}
	return nil
}

// told says when each failure was, and what it was.
func told(failures []probe.Failure) string {
	texts := make([]string, 0, len(failures))
	for _, f := range failures {
		texts = append(texts, f.Time.Format(time.TimeOnly)+" "+f.Message)
	}
	return strings.Join(texts, ", ")
}
