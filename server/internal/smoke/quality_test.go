// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package smoke

import (
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
		want        string
		says        string
	}{
		"none":                        {want: contract.CheckSkipped, says: "there are no samples"},
		"own":                         {model: colors(t, 64, 0), want: contract.CheckPassed, says: "1.000 of 64 samples of the model itself right, 0.900 wanted (1.000 scored by the model itself, less 0.10)"},
		"live's first":                {model: colors(t, 64, 0), live: colors(t, 20, 4), want: contract.CheckPassed, says: "0.800 of 20 samples of the live model right, 0.700 wanted (0.800 scored by the live model, less 0.10); so few samples say little"},
		"live knows another class":    {model: colors(t, 64, 0), live: renamed, want: contract.CheckPassed, says: "of the model itself"},
		"too few":                     {model: colors(t, 15, 0), want: contract.CheckSkipped, says: "15 samples of the model itself, at least 16"},
		"too few of live's":           {model: colors(t, 64, 0), live: colors(t, 15, 0), want: contract.CheckSkipped, says: "15 samples of the live model, at least 16"},
		"archive without samples":     {model: colors(t, 0, 0), want: contract.CheckSkipped, says: "0 samples"},
		"just enough":                 {model: colors(t, 16, 0), want: contract.CheckPassed, says: "so few samples say little"},
		"no more than a tenth worse":  {live: betterBy(colors(t, 20, 2), 2), want: contract.CheckPassed, says: "0.900 of 20"},
		"more than a tenth worse":     {live: betterBy(colors(t, 20, 3), 3), want: contract.CheckFailed, says: "0.850 of 20 samples of the live model right, at least 0.900 wanted (1.000 scored by the live model, less 0.10); so few samples say little"},
		"live worse than the new one": {live: betterBy(colors(t, 20, 0), -5), want: contract.CheckPassed, says: "1.000 of 20 samples of the live model right, 0.650 wanted"},
	}
	url := serve(t, testModel(), nil)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := newSuite(contract.SmokeConfig{Targets: []string{url}}, tc.model, tc.live)
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
