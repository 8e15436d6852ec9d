// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"slices"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/measures"
	"github.com/trainyard-dev/trainyard/runner/internal/metrics"
)

// Details is the content of details.json: what the page shows of a run besides its Report and its result.
type Details struct {
	Version int `json:"version"`
	// Classes are the sizes of all classes.
	Classes []contract.ClassSize `json:"classes,omitempty"`
	// Curves are those of the classes that there are test images of: of more than MaxCurves those that are told apart worst.
	Curves []Curve `json:"curves,omitempty"`
	// Calibration has the bins of the calibration error.
	Calibration []measures.Bin `json:"calibration,omitempty"`
	// Mistakes are test images that were taken for something else, the most confident first: at most MaxMistakes.
	Mistakes []Picture `json:"mistakes,omitempty"`
	// Cells are some test images of each cell of the confusion matrix.
	Cells []Picture `json:"cells,omitempty"`
	// Augmentations show what training sees of some images.
	Augmentations []Augmentation `json:"augmentations,omitempty"`
	// Pictures says whether there are pictures, one of the Pictures constants.
	Pictures string `json:"pictures"`
	// Maps says whether the mistakes have a Map. A network that doesn't end in global average pooling has none.
	Maps bool `json:"maps,omitempty"`
	// Before is the run to compare with, if there is one.
	Before *Before `json:"before,omitempty"`
}

// Whether Details have pictures.
const (
	PicturesShown    = "Shown"
	PicturesDisabled = "Disabled" // report.samples
	PicturesFailed   = "Failed"   // they couldn't be made; the log says why
)

// Bounds of Details.
const (
	MaxCurves   = 50
	MaxMistakes = 24
	// maxPoints of a curve.
	maxPoints = 120
	// Thresholds are those of a Curve's Thresholds: 0, 0.01 and so on up to 1.
	Thresholds = 101
)

// Curve is how the probability of a class tells its images from the others.
type Curve struct {
	Class int `json:"class"`
	// Positives are the images of the class, Negatives the others.
	Positives int `json:"positives"`
	Negatives int `json:"negatives"`
	// Points are thresholds from the highest down, Thresholds what each hundredth comes to.
	Points     []measures.Point `json:"points"`
	Thresholds []measures.Point `json:"thresholds"`
}

// Picture is a test image and the answer to it.
type Picture struct {
	// Name is the file's, within the dataset.
	Name string `json:"name"`
	// Label and Predicted are classes; Confidence is the probability of Predicted, Probability that of Label.
	Label       int     `json:"label"`
	Predicted   int     `json:"predicted"`
	Confidence  float64 `json:"confidence"`
	Probability float64 `json:"probability"`
	// Suspect: the label may be wrong, see Suspects.
	Suspect bool `json:"suspect,omitempty"`
	// JPEG is the image as the network sees it, or smaller; nil if there is none.
	JPEG []byte `json:"jpeg,omitempty"`
	// Map is what spoke for Predicted.
	Map *Map `json:"map,omitempty"`
}

// Map is a class activation map.
type Map struct {
	Width  int `json:"width"`
	Height int `json:"height"`
	// Values are from 0, nothing that speaks for the class, to 255, what speaks for it most; row by row.
	Values []byte `json:"values"`
}

// Augmentation is what one setting makes of an image.
type Augmentation struct {
	// Name is the setting's, or empty for all of them together.
	Name string `json:"name,omitempty"`
	// JPEGs are the image as it is, then some draws.
	JPEGs [][]byte `json:"jpegs"`
}

// Before is an earlier run.
type Before struct {
	Run            contract.Run      `json:"run"`
	DatasetDigest  string            `json:"datasetDigest,omitempty"`
	SameDataset    bool              `json:"sameDataset"`
	SameTestImages bool              `json:"sameTestImages"`
	Metrics        []contract.Metric `json:"metrics"`
}

// Measure fills in what follows from the answers to the test images.
func (d *Details) Measure(tally *metrics.Tally) {
	d.Version = contract.Version
	if bins := tally.Reliability(); slices.ContainsFunc(bins, func(b measures.Bin) bool { return b.Answers > 0 }) {
		d.Calibration = bins
	}
	for _, class := range worst(tally, MaxCurves) {
		ranking := tally.Ranking(class)
		curve := Curve{Class: class, Points: ranking.Points(maxPoints), Thresholds: make([]measures.Point, Thresholds)}
		curve.Positives, curve.Negatives = ranking.Totals()
		for i := range curve.Thresholds {
			curve.Thresholds[i] = ranking.At(float64(i) / (Thresholds - 1))
		}
		d.Curves = append(d.Curves, curve)
	}
}

// worst returns the classes that there are images and figures of, in order: of more than most those of the lowest average
// precision.
func worst(tally *metrics.Tally, most int) []int {
	classes := tally.Classes()
	var ranked []int
	for i, class := range classes {
		if class.ROCAUC != nil && class.AveragePrecision != nil {
			ranked = append(ranked, i)
		}
	}
	slices.SortStableFunc(ranked, func(a, b int) int { return cmp.Compare(*classes[a].AveragePrecision, *classes[b].AveragePrecision) })
	ranked = ranked[:min(most, len(ranked))]
	slices.Sort(ranked)
	return ranked
}

// suspicious is the least probability of another class that casts doubt on a label: a model that is sure of nothing has no say.
const suspicious = 0.9

// Suspects says for each answer whether the image's label may be wrong: another class is given at least the probability
// that images labeled with it are given on average (confident learning: Northcutt et al., 2021), and 0.9 or more.
func Suspects(tally *metrics.Tally) []bool {
	classes := len(tally.Confusion)
	usual, of := make([]float64, classes), make([]int, classes)
	for a := range tally.Answers() {
		usual[a.Label] += a.Probabilities[a.Label]
		of[a.Label]++
	}
	var suspects []bool
	for a := range tally.Answers() {
		suspects = append(suspects, !a.Right() && of[a.Predicted] > 0 && a.Confidence() >= suspicious && a.Confidence() >= usual[a.Predicted]/float64(of[a.Predicted]))
	}
	return suspects
}
