// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package progress

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fakeClock moves on by a step with every look at it.
type fakeClock struct {
	now  time.Time
	step time.Duration
}

func (c *fakeClock) Now() time.Time {
	c.now = c.now.Add(c.step)
	return c.now
}

func newReporter(out *bytes.Buffer, terminal bool, step time.Duration) *Reporter {
	clock := &fakeClock{now: time.Unix(0, 0), step: step}
	return &Reporter{out: out, terminal: terminal, width: func() int { return 60 }, now: clock.Now}
}

func TestStep(t *testing.T) {
	tests := map[string]struct {
		terminal bool
		step     time.Duration
		do       func(*Reporter)
		want     string
	}{
		"plain": {
			step: 31 * time.Second,
			do: func(r *Reporter) {
				s := r.Step("Build kube")
				s.Say("%d modules", 7)
				s.At(0.5, "3 of 6 packages")
				s.Done("6 packages")
			},
			want: "  Build kube  7 modules\n" +
				"  Build kube  50 %  3 of 6 packages, about 62 s left\n" +
				"✓ Build kube: 6 packages (93 s)\n",
		},
		"plain, too soon to say more": {
			step: time.Second,
			do: func(r *Reporter) {
				s := r.Step("Build kube")
				s.At(0.5, "3 of 6 packages")
				s.Fail()
			},
			want: "✗ Build kube: failed (2.0 s)\n",
		},
		"terminal": {
			terminal: true,
			step:     time.Second,
			do: func(r *Reporter) {
				s := r.Step("Build")
				s.At(0.5, "3 of 6")
				s.Done("")
			},
			want: "\r\x1b[KBuild …" +
				"\r\x1b[KBuild [████████████░░░░░░░░░░░░]  50 %  3 of 6, about 1.0 s" +
				"\r\x1b[K✓ Build (2.0 s)\n",
		},
		"a line of its own": {
			do:   func(r *Reporter) { r.Printf("up: %s", "yes") },
			want: "up: yes\n",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			tc.do(newReporter(&out, tc.terminal, tc.step))
			if diff := cmp.Diff(tc.want, out.String()); diff != "" {
				t.Errorf("printed (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRound(t *testing.T) {
	tests := map[time.Duration]string{
		1234 * time.Millisecond: "1.2 s",
		42 * time.Second:        "42 s",
		125 * time.Second:       "2 min 05 s",
		20*time.Minute + 10:     "20 min",
	}
	for in, want := range tests {
		if got := Round(in); got != want {
			t.Errorf("Round(%v) = %q, want %q", in, got, want)
		}
	}
}
