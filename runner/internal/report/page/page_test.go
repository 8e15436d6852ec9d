// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package page

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/measures"
	"github.com/trainyard-dev/trainyard/runner/internal/metrics"
	"github.com/trainyard-dev/trainyard/runner/internal/report"
)

// hostile is a name of a class, a file or a run of somebody who means ill.
const hostile = `<script>alert("a' & b")</script>`

// picture is a JPEG of some kilobytes.
func picture(t *testing.T) []byte {
	t.Helper()
	noise := image.NewRGBA(image.Rect(0, 0, 96, 96))
	for i := range noise.Pix {
		noise.Pix[i] = byte(i * i * 31 >> 7)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, noise, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// example is a run with everything in it, of some classes, each with as many images, of which one is mistaken.
func example(t *testing.T, classes, images, epochs int) Run {
	t.Helper()
	tally := metrics.NewTally(classes)
	r := &report.Report{Version: contract.Version, Program: "v1", History: &report.History{KernelSet: "portable", BestEpoch: 1}, Warnings: []string{hostile}}
	cfg := contract.DefaultTrainConfig()
	cfg.Dataset.URI = "s3://pets/raw?region=secret-region"
	cfg.Gates = []contract.Gate{{Metric: contract.MetricAccuracy, Min: 1}}
	r.Config = &cfg
	details := &report.Details{Pictures: report.PicturesShown, Maps: true, Before: &report.Before{
		Run: contract.Run{Name: "earlier", UID: "1234"}, DatasetDigest: "sha256:11", Metrics: []contract.Metric{{Name: contract.MetricAccuracy, Value: 0.25}},
	}}
	jpg := picture(t)
	for class := range classes {
		name := fmt.Sprintf("class %d", class)
		if class == 1 {
			name = hostile
		}
		r.Dataset.Classes = append(r.Dataset.Classes, name)
		details.Classes = append(details.Classes, contract.ClassSize{Class: name, Train: 80, Validation: 10, Test: images, Weight: 1})
		for i := range images {
			logits := make([]float32, classes)
			predicted := class
			if i == 0 {
				predicted = (class + 1) % classes
			}
			logits[predicted] = 1 + float32(i)/float32(images)
			tally.Add(logits, class)
		}
	}
	for i := range 24 {
		p := report.Picture{Name: hostile, Label: 0, Predicted: 1, Confidence: 0.9, Probability: 0.1, Suspect: i == 0, JPEG: jpg, Map: &report.Map{Width: 2, Height: 2, Values: []byte{0, 90, 180, 255}}}
		details.Mistakes, details.Cells = append(details.Mistakes, p), append(details.Cells, p)
	}
	details.Augmentations = []report.Augmentation{{Name: "horizontalFlip", JPEGs: [][]byte{jpg, jpg}}, {JPEGs: [][]byte{jpg, jpg}}}
	for i := range epochs {
		r.History.Epochs = append(r.History.Epochs, report.Epoch{TrainLoss: 1 / float64(i+1), ValidationLoss: 1.1 / float64(i+1), TrainAccuracy: 0.5, ValidationAccuracy: 0.6, LearningRate: 0.001})
	}
	r.Dataset.Samples, r.Dataset.Train, r.Dataset.Digest = classes*images, 80*classes, "sha256:00"
	r.Dataset.LeftOut = []report.LeftOut{{Cause: "Truncated", Count: 3, Examples: []string{hostile}}}
	r.Dataset.Skipped, r.Dataset.SkippedFiles = 3, []report.SkippedFile{{Name: hostile, Cause: "Truncated", Reason: "cut off"}}
	r.Measure(tally)
	details.Measure(tally)
	return Run{
		Run: contract.Run{Name: "pets", Namespace: "team-a", UID: "0123456789"}, Report: r, Details: details,
		Result: contract.TrainResult{
			Outcome: contract.OutcomeFailed, Reason: contract.ReasonGateNotMet, Message: "accuracy is low",
			Dataset: &contract.DatasetResult{Digest: "sha256:00", TestSplitDigest: "sha256:22"},
			Model: &contract.ModelResult{
				URI: "pvc://models/pets-01234567/model.onnx", SHA256: strings.Repeat("ab", 32), SizeBytes: 1 << 20,
				Samples: &contract.SamplesResult{URI: "pvc://models/pets-01234567/samples.tar", SHA256: strings.Repeat("cd", 32), Count: 6},
			},
		},
	}
}

func render(t *testing.T, run Run) string {
	t.Helper()
	rendered, err := Render(run)
	if err != nil {
		t.Fatal(err)
	}
	return string(rendered)
}

var headings = regexp.MustCompile(`<h2 id="([a-z]+)">`)

func sections(page string) []string {
	var found []string
	for _, m := range headings.FindAllStringSubmatch(page, -1) {
		found = append(found, m[1])
	}
	return found
}

func TestEverythingIsShown(t *testing.T) {
	page := render(t, example(t, 3, 10, 5))
	want := []string{"warnings", "metrics", "before", "matrix", "mistakes", "training", "ranking", "threshold", "data", "settings", "lineage", "serve"}
	if got := sections(page); !slices.Equal(got, want) {
		t.Errorf("sections are %q, want %q", got, want)
	}
	for what, shown := range map[string]string{
		"the gate":                 "1 at least: not met",
		"an interval":              "0.7347 to 0.9789",
		"a digest that differs":    "The dataset is not the same (then sha256:11)",
		"a change":                 "&#43;0.6500",
		"what was left out":        "Truncated",
		"the YAML":                 "    trainingRunRef:\n      name: pets\n",
		"the YAML of the file":     "        claimName: &#34;models&#34;\n        path: &#34;pets-01234567/model.onnx&#34;",
		"a heat map":               `class="heat" src="data:image/png;base64,`,
		"a picture":                `<img src="data:image/jpeg;base64,`,
		"a label to look at":       `<span class="badge">label?</span>`,
		"the setting":              "training.learningRate",
		"the table of a chart":     "Recall at 1 % false positives",
		"a threshold":              "The highest F1 is ",
		"the lineage":              "sha256:22",
		"a cell of the matrix":     `data-label="2" data-predicted="2"`,
		"an augmentation":          "horizontalFlip",
		"the verdict":              "a gate is not met: accuracy is low.",
		"the learning rate's line": "Learning rate at the end of each epoch",
	} {
		if !strings.Contains(page, shown) {
			t.Errorf("the page lacks %s, %q", what, shown)
		}
	}
}

// external finds whatever a browser would load from elsewhere, if it were allowed to.
var external = regexp.MustCompile(`(?i)(src|href|srcset|action|data|poster|content)\s*=\s*"?\s*(https?:|//|ftp:)|url\(|@import|<link|<iframe|<object|<base`)

func TestNothingIsLoadedAndNothingIsInjected(t *testing.T) {
	page := render(t, example(t, 3, 10, 5))
	if found := external.FindString(page); found != "" {
		t.Errorf("the page refers to something outside: %q", found)
	}
	for _, m := range regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if to := m[1]; !strings.HasPrefix(to, "#") && !strings.HasPrefix(to, "data:image/") {
			t.Errorf("the page refers to %q", to)
		}
	}
	if n := strings.Count(page, "<script"); n != 1 || strings.Contains(page, "alert(\"") {
		t.Errorf("there are %d scripts; a name is code", n)
	}
	if !strings.Contains(page, "&lt;script&gt;alert(") {
		t.Error("the hostile name is not shown")
	}
	for _, part := range []string{"default-src &#39;none&#39;", "img-src data:", "script-src &#39;sha256-"} {
		if !strings.Contains(page, part) {
			t.Errorf("the policy lacks %q", part)
		}
	}
	if strings.Contains(page, " style=") || strings.Contains(page, " onclick=") {
		t.Error("the page has styles or handlers that its policy doesn't let through")
	}
	if strings.Contains(page, "secret-region") {
		t.Error("the page shows what a URI says besides a place")
	}
}

func TestPagesAreBounded(t *testing.T) {
	many := example(t, 1000, 2, 10_000)
	for i := range many.Report.Dataset.Classes {
		many.Report.Dataset.Classes[i] = strings.Repeat("x", 200) + many.Report.Dataset.Classes[i]
	}
	if got := render(t, many); len(got) > MaxBytes {
		t.Errorf("the page of a thousand classes has %d bytes", len(got))
	}
	heavy := example(t, 3, 10, 5)
	for i := range heavy.Details.Cells {
		heavy.Details.Cells[i].JPEG = make([]byte, 100<<10)
	}
	got := render(t, heavy)
	if len(got) > MaxBytes || !strings.Contains(got, `class="heat"`) {
		t.Errorf("the page has %d bytes, or lost the pictures that count", len(got))
	}
	for i := range heavy.Details.Mistakes {
		heavy.Details.Mistakes[i].JPEG = make([]byte, 100<<10)
	}
	if got := render(t, heavy); len(got) > MaxBytes || strings.Contains(got, "data:image/jpeg") || !strings.Contains(got, "&lt;script&gt;") {
		t.Errorf("the page has %d bytes, or pictures that don't fit, or no names", len(got))
	}
}

func TestLessIsShownOfLess(t *testing.T) {
	old := example(t, 2, 10, 3)
	old.Details = nil
	page := render(t, old)
	if got, want := sections(page), []string{"warnings", "metrics", "matrix", "mistakes", "training", "data", "settings", "lineage", "serve"}; !slices.Equal(got, want) {
		t.Errorf("sections are %q, want %q", got, want)
	}
	if !strings.Contains(page, "kept no pictures for the report") {
		t.Error("the page doesn't say why there are no pictures")
	}
	private := example(t, 2, 10, 3)
	private.Details.Pictures, private.Details.Augmentations, private.Details.Maps = report.PicturesDisabled, nil, false
	private.Details.Mistakes, private.Details.Cells = withoutPictures(private.Details.Mistakes), withoutPictures(private.Details.Cells)
	page = render(t, private)
	if strings.Contains(page, "data:image/") && strings.Contains(page, "<img") || !strings.Contains(page, "since they may be personal") || !strings.Contains(page, "class=\"name\">&lt;script") {
		t.Error("the page has pictures, or no names of files")
	}
	perfect := example(t, 2, 10, 1)
	perfect.Report.Confusion = [][]int{{10, 0}, {0, 10}}
	perfect.Details.Mistakes, perfect.Report.History.Epochs[0].TrainLoss = nil, math.NaN()
	if page := render(t, perfect); !strings.Contains(page, "took every test image for what it is") || !strings.Contains(page, "not finite") {
		t.Error("the page doesn't say that nothing is wrong, or shows a loss that is none")
	}
}

func TestReportsThatContradictThemselvesAreRefused(t *testing.T) {
	for name, confusion := range map[string][][]int{"no rows": nil, "a short row": {{1, 0}, {1}}} {
		run := example(t, 2, 4, 1)
		run.Report.Confusion = confusion
		if _, err := Render(run); err == nil {
			t.Errorf("%s: rendered", name)
		}
	}
	run := example(t, 2, 4, 1)
	run.Details.Mistakes[0].Label, run.Details.Mistakes[0].Map = 7, &report.Map{Width: 1 << 40, Height: 2}
	run.Details.Curves = append(run.Details.Curves, report.Curve{Class: 99, Points: []measures.Point{{}}})
	if _, err := Render(run); err == nil {
		t.Error("a curve of a class that there is not was rendered")
	}
}

func TestPicturesOfTheSameRunAreTheSame(t *testing.T) {
	if a, b := render(t, example(t, 3, 10, 5)), render(t, example(t, 3, 10, 5)); a != b {
		t.Error("the same run gives another page")
	}
}

func TestServe(t *testing.T) {
	for uri, want := range map[string]string{
		"s3://models/pets/model.onnx?region=x": "    source:\n      uri: \"s3://models/pets/model.onnx?region=x\"\n      sha256: \"ab\"",
		"models/it's/model.onnx":               `server serve --name pets --model 'models/it'\''s/model.onnx' --sha256 ab`,
	} {
		var all []string
		for _, s := range snippets(Run{Run: contract.Run{Name: "pets"}, Result: contract.TrainResult{Model: &contract.ModelResult{URI: uri, SHA256: "ab"}}}) {
			all = append(all, s.Text)
		}
		if got := strings.Join(all, "\n"); !strings.Contains(got, want) || strings.Contains(got, "trainingRunRef") {
			t.Errorf("%s: to serve\n%s\nwant\n%s", uri, got, want)
		}
	}
	if got := snippets(Run{}); got != nil {
		t.Errorf("without a model: %v", got)
	}
}
