// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package report writes what a run or an evaluation found out, for people and for programs.
package report

import (
	"encoding/json"
	"io"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/measures"
	"github.com/trainyard-dev/trainyard/internal/plot"
	"github.com/trainyard-dev/trainyard/runner/internal/metrics"
)

// Files of a report.
const (
	ReportFile      = "report.json"
	ConfusionFile   = "confusion-matrix.png"
	CurvesFile      = "training-curves.png"
	MetricsFile     = "metrics.json"
	DetailsFile     = "details.json"
	PageFile        = "report.html"
	ROCFile         = "roc.png"
	PRFile          = "precision-recall.png"
	CalibrationFile = "calibration.png"
)

// Report is the content of report.json. It holds nothing that differs from one run of the same configuration to the
// next, such as a time.
type Report struct {
	Version int `json:"version"`
	// Program is the version of the program that wrote the report.
	Program string `json:"program"`
	// Config and History are those of a training run; an evaluation has none.
	Config  *contract.TrainConfig `json:"config,omitempty"`
	History *History              `json:"history,omitempty"`
	Dataset Dataset               `json:"dataset"`
	// Warnings say what is odd about the data, the training or the model.
	Warnings []string `json:"warnings,omitempty"`
	// Metrics, PerClass and Confusion were measured on the test split, or on all images in an evaluation.
	Metrics  []contract.Metric         `json:"metrics"`
	PerClass map[string]measures.Class `json:"perClass"`
	// Chance is what the accuracy is compared with; nil where all images are of one class.
	Chance *contract.Chance `json:"chance,omitempty"`
	// Calibration is what the model's temperature does; nil without one.
	Calibration *Calibration `json:"calibration,omitempty"`
	// Float32Metrics were measured before the model was quantized, if it was.
	Float32Metrics []contract.Metric `json:"float32Metrics,omitempty"`
	// Confusion counts images by true class, then predicted class, in the order of Dataset.Classes.
	Confusion [][]int `json:"confusion"`
}

// Calibration is a temperature, and what it does on the validation split, which it was fitted to, and on the test split.
type Calibration struct {
	Temperature float64             `json:"temperature"`
	Validation  metrics.Calibrated  `json:"validation"`
	Test        *metrics.Calibrated `json:"test,omitempty"` // nil beyond the images that can be measured
}

// Dataset describes the images.
type Dataset struct {
	Digest string `json:"digest"`
	// Revision is what the source calls this state of the data, such as a commit.
	Revision string   `json:"revision,omitempty"`
	Classes  []string `json:"classes"`
	Samples  int      `json:"samples"`
	// Train, Validation and Test are the sizes of the split's parts.
	Train      int `json:"train,omitempty"`
	Validation int `json:"validation,omitempty"`
	Test       int `json:"test,omitempty"`
	// Labels is the manifest within the dataset that says what the images show, if there is one.
	Labels string `json:"labels,omitempty"`
	// ClassSizes are those of all classes if they differ in their training images, by those.
	ClassSizes []contract.ClassSize `json:"classSizes,omitempty"`
	// GivenParts are the parts that the folders or the manifest of a dataset decide which is split already.
	GivenParts []string `json:"givenParts,omitempty"`
	// SplitBy says what those are told by, one of contract.SplitByNames and the like.
	SplitBy string `json:"splitBy,omitempty"`
	// Skipped counts files in class folders that are no usable images; the first are named.
	Skipped      int           `json:"skipped"`
	SkippedFiles []SkippedFile `json:"skippedFiles,omitempty"`
	// LeftOut counts everything that is no sample by its cause, those files included.
	LeftOut []LeftOut `json:"leftOut,omitempty"`
}

// LeftOut is what was left out for one cause.
type LeftOut struct {
	Cause string `json:"cause"`
	Count int    `json:"count"`
	// Examples are the first few paths.
	Examples []string `json:"examples"`
}

// SkippedFile is a file that is no usable image, and why.
type SkippedFile struct {
	Name string `json:"name"`
	// Cause is that of LeftOut, Reason what it is in this file.
	Cause  string `json:"cause"`
	Reason string `json:"reason"`
}

// History is what happened epoch by epoch.
type History struct {
	// KernelSet names the engine's inner loops that computed it.
	KernelSet string  `json:"kernelSet"`
	Epochs    []Epoch `json:"epochs"`
	// BestEpoch, from 1, is the one whose weights were kept: that of the best training.bestMetric on the validation split,
	// the accuracy unless another is asked for, and among equals of the lowest loss.
	BestEpoch int `json:"bestEpoch"`
	// Divergences are when training went back, each time to half the learning rate.
	Divergences []Divergence `json:"divergences,omitempty"`
}

// Divergence is a loss that was infinite or no number, in an epoch, from 1, after a number of steps over all epochs. Training
// went back to the end of epoch To; 0 is the beginning.
type Divergence struct {
	Epoch int   `json:"epoch"`
	Step  int64 `json:"step"`
	To    int   `json:"to"`
}

// Epoch is one epoch. The training figures are means over the epoch, with augmentation and dropout at work.
type Epoch struct {
	TrainLoss          float64 `json:"trainLoss"`
	TrainAccuracy      float64 `json:"trainAccuracy"`
	ValidationLoss     float64 `json:"validationLoss"`
	ValidationAccuracy float64 `json:"validationAccuracy"`
	// LearningRate is that of the epoch's last step, where a scheduler or a divergence may change it.
	LearningRate float64 `json:"learningRate,omitempty"`
	// Metrics are those on the validation split that the settings ask for besides loss and accuracy.
	Metrics map[string]float64 `json:"metrics,omitempty"`
}

// Validation is a metric on the validation split: loss, accuracy or one of Metrics.
func (e Epoch) Validation(metric string) float64 {
	switch metric {
	case contract.MetricLoss:
		return e.ValidationLoss
	case contract.MetricAccuracy:
		return e.ValidationAccuracy
	default:
		return e.Metrics[metric]
	}
}

// Gain is by how much a metric on the validation split is better than in another epoch.
func (e Epoch) Gain(metric string, other Epoch) float64 {
	if contract.LessIsBetter(metric) {
		e, other = other, e
	}
	return e.Validation(metric) - other.Validation(metric)
}

// Measure fills in what a tally found out.
func (r *Report) Measure(tally *metrics.Tally) {
	r.Metrics = tally.Metrics()
	r.Confusion = tally.Confusion
	r.Chance = tally.Chance(r.Dataset.Classes)
	r.PerClass = map[string]measures.Class{}
	for i, class := range tally.Classes() {
		r.PerClass[r.Dataset.Classes[i]] = class
	}
}

// Calibrate fills in what a temperature does on the validation split and for the answers on the test split.
func (r *Report) Calibrate(temperature float64, validation metrics.Calibrated, test *metrics.Tally) {
	r.Calibration = &Calibration{Temperature: temperature, Validation: validation}
	if measured, ok := test.Calibrated(temperature); ok {
		r.Calibration.Test = &measured
	}
}

// Write writes the report's files by way of add, which is told each file's name.
func (r *Report) Write(add func(name string, write func(io.Writer) error) error) error {
	r.Version = contract.Version
	err := add(ReportFile, func(w io.Writer) error { return encode(w, r) })
	if err != nil {
		return err
	}
	if err := add(MetricsFile, func(w io.Writer) error { return encode(w, r.figures()) }); err != nil {
		return err
	}
	err = add(ConfusionFile, func(w io.Writer) error {
		return plot.ConfusionMatrix(w, r.Dataset.Classes, r.Confusion)
	})
	if err != nil || r.History == nil {
		return err
	}
	return add(CurvesFile, func(w io.Writer) error {
		epochs := make([]plot.Epoch, len(r.History.Epochs))
		for i, e := range r.History.Epochs {
			epochs[i] = plot.Epoch{
				TrainLoss: e.TrainLoss, TrainAccuracy: e.TrainAccuracy,
				ValidationLoss: e.ValidationLoss, ValidationAccuracy: e.ValidationAccuracy, LearningRate: e.LearningRate,
			}
		}
		return plot.TrainingCurves(w, epochs, r.History.BestEpoch)
	})
}

// encode writes v as JSON that people can read.
func encode(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}
