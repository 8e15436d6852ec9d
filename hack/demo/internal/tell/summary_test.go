// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package tell

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/hack/prober/probe"
)

func kept() Summary {
	return Summary{
		Runs: "run", Accuracy: 0.98, MinAccuracy: 0.9,
		Live: Revision{Name: "pets-1", Run: "pets"}, Rejected: Revision{Name: "bad-1", Run: "bad"},
		Reason: "SmokeFailed", Message: "quality failed",
		Probed: probe.Report{Fresh: probe.Stats{Requests: 3}, Pooled: probe.Stats{Requests: 4}},
	}
}

func TestTell(t *testing.T) {
	want := `accuracy  0.9800 (at least 0.90)
live      pets-1 (model of run pets)
rejected  bad-1 (model of run bad): SmokeFailed: quality failed
requests  7 sent while the bad model was rolled out (3 on fresh, 4 on pooled connections), 0 failed
`
	s := kept()
	var out strings.Builder
	s.Tell(&out)
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

// Whatever the story promises and doesn't hold fails it.
func TestCheck(t *testing.T) {
	s := kept()
	if err := s.Check("pets"); err != nil {
		t.Errorf("a story that held: %v", err)
	}
	for want, spoil := range map[string]func(*Summary){
		"accuracy 0.8900 is below 0.90":                func(s *Summary) { s.Accuracy = 0.89 },
		"the live model is that of run bad, want pets": func(s *Summary) { s.Live.Run = "bad" },
		"the bad model was not rejected":               func(s *Summary) { s.Rejected = Revision{} },
		"the prober has sent no requests":              func(s *Summary) { s.Probed.Pooled.Requests = 0 },
		"2 requests failed: 00:00:00 status 500": func(s *Summary) {
			s.Probed.Fresh.Failed, s.Probed.Fresh.Failures = 1, []probe.Failure{{Message: "status 500"}}
			s.Probed.Pooled.Failed = 1
		},
	} {
		s := kept()
		spoil(&s)
		if err := s.Check("pets"); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
