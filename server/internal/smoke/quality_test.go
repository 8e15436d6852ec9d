// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package smoke

import (
	"math"
	"strings"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// The live model's classes may come from folders named on macOS, the new one's from Linux.
func TestQualityMatchesClassesByName(t *testing.T) {
	model := testModel()
	model.Classes = []string{"rouge fonc\u00e9", "bleu"}
	live := colors(t, 20, 0)
	live.Classes = []string{"rouge fonce\u0301", "bleu"}
	for i := range live.Items {
		live.Items[i].Label = live.Classes[i%2]
	}
	report, err := newSuite(contract.SmokeConfig{Targets: []string{serve(t, model, nil)}}, nil, live).run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := messageOf(t, report, "quality"); !strings.HasPrefix(got.Message, "1.000 of 20 samples of the live model right") {
		t.Errorf("quality: %s, %q", got.Result, got.Message)
	}
}

// 0 is no bound, other than no bound being given.
func TestNoAgreementIsAskedFor(t *testing.T) {
	for name, tc := range map[string]struct {
		least *float64
		want  string
	}{
		"left out": {want: contract.CheckFailed},
		"0":        {least: new(0.0), want: contract.CheckPassed},
	} {
		t.Run(name, func(t *testing.T) {
			config := contract.SmokeConfig{Targets: []string{serve(t, testModel(), nil)}, MinAgreement: tc.least}
			report, err := newSuite(config, nil, betterBy(colors(t, 20, 20), 20)).run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := messageOf(t, report, "quality"); got.Result != tc.want {
				t.Errorf("quality: %s, %q, want %s", got.Result, got.Message, tc.want)
			}
		})
	}
}

func TestQualitySamples(t *testing.T) {
	renamed := colors(t, 20, 0)
	renamed.Classes = []string{"red", "purple"}
	for i := range renamed.Items {
		renamed.Items[i].Label = "red"
	}
	cases := map[string]struct {
		model, live *artifact.Samples
		margin      *float64
		want        string
		says        string
	}{
		"none":                       {want: contract.CheckSkipped, says: "there are no samples"},
		"own":                        {model: colors(t, 64, 0), want: contract.CheckPassed, says: "1.000 of 64 samples of the model itself right, 0.900 wanted (1.000 scored by the model itself, less 0.10)"},
		"live's first":               {model: colors(t, 64, 0), live: colors(t, 20, 4), want: contract.CheckPassed, says: "0.800 of 20 samples of the live model right, 0.700 wanted (0.800 scored by the live model, less 0.10); so few samples say little"},
		"live knows another class":   {model: colors(t, 64, 0), live: renamed, want: contract.CheckPassed, says: "of the model itself"},
		"too few":                    {model: colors(t, 15, 0), want: contract.CheckSkipped, says: "15 samples of the model itself, at least 16"},
		"too few of live's":          {model: colors(t, 64, 0), live: colors(t, 15, 0), want: contract.CheckSkipped, says: "15 samples of the live model, at least 16"},
		"archive without samples":    {model: colors(t, 0, 0), want: contract.CheckSkipped, says: "0 samples"},
		"just enough":                {model: colors(t, 16, 0), want: contract.CheckPassed, says: "so few samples say little"},
		"no more than a tenth worse": {live: betterBy(colors(t, 20, 2), 2), want: contract.CheckPassed, says: "0.900 of 20"},
		"more than a tenth worse, by chance": {
			live: betterBy(colors(t, 20, 3), 3), want: contract.CheckPassed,
			says: "0.850 of 20 samples of the live model right, 0.900 wanted (1.000 scored by the live model, less 0.10; 3 answers are worse and 0 better, which may be chance, p = 0.12); so few samples say little",
		},
		"more than a tenth worse": {
			live: betterBy(colors(t, 20, 5), 5), want: contract.CheckFailed,
			says: "0.750 of 20 samples of the live model right, at least 0.900 wanted (1.000 scored by the live model, less 0.10; 5 answers are worse and 0 better, which chance doesn't explain, p = 0.031); so few samples say little",
		},
		"significantly worse, within a tenth": {live: betterBy(colors(t, 200, 10), 10), want: contract.CheckPassed, says: "0.950 of 200 samples of the live model right, 0.900 wanted (1.000 scored by the live model, less 0.10)"},
		"significantly worse, by a gate's margin": {
			live: betterBy(colors(t, 200, 10), 10), margin: new(0.005), want: contract.CheckFailed,
			says: "0.950 of 200 samples of the live model right, at least 0.995 wanted (1.000 scored by the live model, less 0.005; 10 answers are worse and 0 better, which chance doesn't explain, p = 0.00098)",
		},
		"a little worse, by a gate's margin": {
			live: betterBy(colors(t, 200, 4), 4), margin: new(0.0), want: contract.CheckPassed,
			says: "0.980 of 200 samples of the live model right, 1.000 wanted (1.000 scored by the live model, less 0.00; 4 answers are worse and 0 better, which may be chance, p = 0.063)",
		},
		"a gate's margin isn't that of own samples": {model: colors(t, 64, 0), margin: new(0.0), want: contract.CheckPassed, says: "less 0.10"},
		"live worse than the new one":               {live: betterBy(colors(t, 20, 0), -5), want: contract.CheckPassed, says: "1.000 of 20 samples of the live model right, 0.650 wanted"},
	}
	url := serve(t, testModel(), nil)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := newSuite(contract.SmokeConfig{Targets: []string{url}, Margin: tc.margin}, tc.model, tc.live)
			report, err := s.run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got := messageOf(t, report, "quality")
			if got.Result != tc.want || !strings.Contains(got.Message, tc.says) {
				t.Errorf("quality: %s, %q; want %s, %q", got.Result, got.Message, tc.want, tc.says)
			}
			if tc.want == contract.CheckSkipped && !strings.Contains(report.Message, "skipped: ") {
				t.Errorf("the report hides what was skipped: %q", report.Message)
			}
		})
	}
}

// betterBy makes the recorded logits of n samples right that were wrong, or of -n samples wrong that
// were right, from the first sample on.
func betterBy(set *artifact.Samples, n int) *artifact.Samples {
	for i := range max(n, -n) {
		logits := set.Items[i].Logits
		logits[0], logits[1] = logits[1], logits[0]
	}
	return set
}

// A model of 0.500 that replaces one of 0.617 on 60 pictures is told from it by which answers changed, not by one answer more
// or less.
func TestCompareByWhatChanged(t *testing.T) {
	for name, tc := range map[string]struct {
		lost, gained, kept int // of 60 answers; kept were right and are
		good               bool
		says               string
	}{
		"a new seed":                      {lost: 15, gained: 8, kept: 22, good: true, says: "15 answers are worse and 8 better, which may be chance, p = 0.11"},
		"one more":                        {lost: 15, gained: 7, kept: 22, good: true, says: "which may be chance, p = 0.067"},
		"what was learned is lost":        {lost: 15, gained: 5, kept: 22, says: "15 answers are worse and 5 better, which chance doesn't explain, p = 0.021"},
		"every label swapped":             {lost: 37, gained: 23, says: "p = 0.046"},
		"as many right, of other answers": {lost: 23, gained: 23, kept: 14, good: true, says: "0.617 scored by the live model, less 0.10"},
	} {
		t.Run(name, func(t *testing.T) {
			const red, blue = 0, 1
			set := &artifact.Samples{Classes: []string{"red", "blue"}}
			var right []bool
			add := func(n, answered int, now bool) {
				for range n {
					logits := make([]float32, 2)
					logits[answered] = 1
					set.Items = append(set.Items, artifact.Sample{Label: "red", Logits: logits})
					right = append(right, now)
				}
			}
			add(tc.lost, red, false)
			add(tc.gained, blue, true)
			add(tc.kept, red, true)
			add(60-tc.lost-tc.gained-tc.kept, blue, false)
			v := compare(set, right, "the live model", qualityMargin)
			if v.good != tc.good || !strings.HasSuffix(v.because, tc.says) {
				t.Errorf("good %t because %q, want %t because %q", v.good, v.because, tc.good, tc.says)
			}
		})
	}
}

// Where nothing says how good the model should be, it must be better than guessing.
func TestBeyondGuessing(t *testing.T) {
	for name, tc := range map[string]struct {
		right, of int
		guess     float64
		allow     bool
		good      bool
		least     float64
		says      string
	}{
		"as guessing":                  {right: 30, of: 60, guess: 0.5, least: 40.0 / 60, says: "more is to be told from that with a confidence of 99 %"},
		"a hair better":                {right: 39, of: 60, guess: 0.5, least: 40.0 / 60},
		"better":                       {right: 40, of: 60, guess: 0.5, good: true, least: 40.0 / 60},
		"as guessing, where allowed":   {right: 30, of: 60, guess: 0.5, allow: true, good: true, least: 0.5, says: "0.500 has who always names the most frequent class"},
		"worse, though that's allowed": {right: 29, of: 60, guess: 0.5, allow: true, least: 0.5},
		"one class":                    {right: 60, of: 60, guess: 1, good: true, least: 1, says: "so few samples can't tell a model from that"},
		"one class, and one is wrong":  {right: 59, of: 60, guess: 1, least: 1},
		"hardly another class":         {right: 58, of: 60, guess: 0.95, good: true, least: 0.95, says: "so few samples can't tell a model from that"},
	} {
		t.Run(name, func(t *testing.T) {
			set := &artifact.Samples{}
			right := make([]bool, tc.of)
			for i := range right {
				label := "red"
				if float64(i) >= tc.guess*float64(tc.of) {
					label = "blue"
				}
				set.Items, right[i] = append(set.Items, artifact.Sample{Label: label}), i < tc.right
			}
			s := newSuite(contract.SmokeConfig{AllowChance: tc.allow}, nil, nil)
			v := s.judge(set, right, "spec.smoke.samples")
			if v.good != tc.good || math.Abs(v.least-tc.least) > 1e-9 || !strings.HasSuffix(v.because, tc.says) {
				t.Errorf("%+v, want good %t, at least %g, because %q", v, tc.good, tc.least, tc.says)
			}
		})
	}
}
