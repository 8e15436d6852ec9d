// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package smoke

import (
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/server/internal/serving/servingtest"
)

// pictureFolder writes n pictures of each color into class folders of the names given.
func pictureFolder(t *testing.T, n int, names map[string]color.Color) string {
	t.Helper()
	root := t.TempDir()
	for name, c := range names {
		dir := filepath.Join(root, name)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%03d.png", i)), servingtest.PNG(t, c), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return root
}

func TestQualityByPictures(t *testing.T) {
	cases := map[string]struct {
		folder string
		want   string
		says   string
	}{
		"right": {
			folder: pictureFolder(t, 20, map[string]color.Color{"red": servingtest.Red, "blue": servingtest.Blue}),
			want:   contract.CheckPassed, says: "1.000 of 40 samples of spec.smoke.samples right, 0.700 wanted (0.500 has who always names the most frequent class, and more is to be told from that with a confidence of 99 %)",
		},
		"classes in another order": {
			folder: pictureFolder(t, 20, map[string]color.Color{"red": servingtest.Blue, "blue": servingtest.Red}),
			want:   contract.CheckFailed, says: "0.000 of 40 samples",
		},
		"the test part of a split": {
			folder: pictureFolder(t, 10, map[string]color.Color{
				"train/red": servingtest.Blue, "train/blue": servingtest.Red, "test/red": servingtest.Red, "test/blue": servingtest.Blue,
			}),
			want: contract.CheckPassed, says: "1.000 of 20 samples",
		},
		"too few": {
			folder: pictureFolder(t, 2, map[string]color.Color{"red": servingtest.Red, "blue": servingtest.Blue}),
			want:   contract.CheckSkipped, says: "at least 16 are needed",
		},
		"another class": {
			folder: pictureFolder(t, 20, map[string]color.Color{"red": servingtest.Red, "green": servingtest.Blue}),
			want:   contract.CheckFailed, says: `are of a class "green", which the model doesn't know: its classes are ["red" "blue"]`,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			// The live model's samples would say otherwise of what is right.
			s := newSuite(contract.SmokeConfig{Targets: []string{serve(t, testModel(), nil)}, Pictures: &contract.Samples{Path: tc.folder}}, nil, betterBy(colors(t, 20, 20), 20))
			live := s.live
			if err := s.openSamples(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.live = live
			report, err := s.run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := messageOf(t, report, "quality"); got.Result != tc.want || !strings.Contains(got.Message, tc.says) {
				t.Errorf("quality: %s, %q, want %s and %q", got.Result, got.Message, tc.want, tc.says)
			}
			if got := messageOf(t, report, "integrity"); got.Result != contract.CheckSkipped || !strings.Contains(got.Message, "can't be judged") {
				t.Errorf("integrity: %s, %q, want it to say that it can't be judged", got.Result, got.Message)
			}
		})
	}
}

// An archive of another run's samples has that model's answers, which say what is wanted.
func TestQualityByArchive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "samples.tar")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := artifact.WriteSamples(file, colors(t, 20, 0)); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	s := newSuite(contract.SmokeConfig{Targets: []string{serve(t, testModel(), nil)}, Pictures: &contract.Samples{Path: path}}, nil, nil)
	if err := s.openSamples(t.Context()); err != nil {
		t.Fatal(err)
	}
	report, err := s.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := messageOf(t, report, "quality"); got.Result != contract.CheckPassed || !strings.Contains(got.Message, "1.000 scored by spec.smoke.samples, less 0.10") {
		t.Errorf("quality: %s, %q", got.Result, got.Message)
	}
}

// Pictures that aren't there are no fault of the model's.
func TestPicturesMissing(t *testing.T) {
	config := contract.SmokeConfig{Targets: []string{"http://127.0.0.1:1"}, Pictures: &contract.Samples{Path: filepath.Join(t.TempDir(), "none")}}
	if report, err := Run(t.Context(), config); err == nil || !strings.Contains(err.Error(), "spec.smoke.samples can't be used") || len(report.Checks) > 0 {
		t.Errorf("Run() = %+v, %v, want an error that names the pictures", report, err)
	}
}

// Of many pictures some of each class are taken, however many there are of one.
func TestPicturesAreBounded(t *testing.T) {
	root := pictureFolder(t, maxPictures, map[string]color.Color{"blue": servingtest.Blue})
	for i := range 3 {
		dir := filepath.Join(root, "red")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.png", i)), servingtest.PNG(t, servingtest.Red), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	set, err := openPictures(t.Context(), contract.Samples{Path: root})
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, item := range set.Items {
		count[item.Label]++
	}
	if count["red"] != 3 || count["blue"] != maxPictures-3 {
		t.Errorf("took %v, want 3 red and %d blue", count, maxPictures-3)
	}
}

// What is assumed of a model is said where its test is read.
func TestAssumptionsAreReported(t *testing.T) {
	model := testModel()
	model.Assumed = []string{"input.resize: Crop", "input.channelOrder: RGB"}
	report, err := newSuite(contract.SmokeConfig{Targets: []string{serve(t, model, nil)}}, nil, nil).run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := messageOf(t, report, "model-info"); !strings.Contains(got.Message, "assumed input.resize: Crop; input.channelOrder: RGB") {
		t.Errorf("model-info: %q", got.Message)
	}
}
