// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package progress

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/runner/internal/train"
)

func TestSparkline(t *testing.T) {
	for name, tc := range map[string]struct {
		values []float64
		want   string
	}{
		"nothing": {}, "one value": {values: []float64{1}},
		"falls":    {values: []float64{8, 7, 6, 5, 4, 3, 2, 1}, want: "█▇▆▅▄▃▂▁"},
		"constant": {values: []float64{2, 2, 2}, want: "▁▁▁"},
	} {
		var s sparkline
		for _, v := range tc.values {
			s.add(v)
		}
		if got := s.String(); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
	var long sparkline
	for i := range 100_000 {
		long.add(float64(100_000 - i))
	}
	if n := utf8.RuneCountInString(long.String()); n < sparkWidth/2 || n >= sparkWidth || cap(long.means) > 2*sparkWidth {
		t.Errorf("100,000 values are drawn in %d characters, from %d kept", n, cap(long.means))
	}
}

func TestJSONLines(t *testing.T) {
	var out bytes.Buffer
	lines := NewJSON(&out, func() time.Time { return time.Unix(1000, 0) })
	for _, event := range []train.Event{
		started(), train.Stepped{Epoch: 1, Done: 3, Images: 16}, train.EpochEnded{Number: 1}, train.Checkpointed{Checkpoint: contract.Checkpoint{Epoch: 1, Step: 5}},
		train.Ended{Result: contract.TrainResult{Version: 1, Outcome: contract.OutcomeInterrupted}},
	} {
		if err := lines.Observe(event); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for decoder := json.NewDecoder(&out); decoder.More(); {
		var line jsonLine
		if err := decoder.Decode(&line); err != nil {
			t.Fatal(err)
		}
		if line.Result != nil {
			got = append(got, line.Result.Outcome)
			continue
		}
		got = append(got, line.Progress.Stage)
	}
	if diff := cmp.Diff([]string{contract.StageTraining, contract.StageTraining, contract.StageTraining, contract.OutcomeInterrupted}, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestTerminalDrawsTheLoss(t *testing.T) {
	var out bytes.Buffer
	c := &clock{time.Unix(1000, 0)}
	terminal := NewTerminal(&out, c.now)
	for _, event := range []train.Event{
		started(), train.Stepped{Epoch: 1, Done: 3, Loss: 2}, train.Stepped{Epoch: 1, Done: 4, Loss: 1, Accuracy: 0.5},
	} {
		c.Time = c.Add(barInterval)
		if err := terminal.Observe(event); err != nil {
			t.Fatal(err)
		}
	}
	if want := "step 4/10 · loss 1.0000 · accuracy 0.500"; !bytes.Contains(out.Bytes(), []byte(want)) || !bytes.Contains(out.Bytes(), []byte("█▁")) {
		t.Errorf("%q, want %q and the loss drawn", &out, want)
	}
}
