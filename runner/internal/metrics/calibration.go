// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"math"
	"slices"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/measures"
)

// calibrationBins is how many Guo et al. (2017) sort confidences into.
const calibrationBins = 15

// CalibrationError measures the confidence that each answer was given with, the probability of its class, where logits are
// divided by temperature. There is none without answers, or of more than are kept.
func (t *Tally) CalibrationError(temperature float64) (value float64, ok bool) {
	a := &t.answers
	confidences, right, row := make([]float64, len(a.labels)), make([]bool, len(a.labels)), make([]float64, len(t.Confusion))
	for i, label := range a.labels {
		a.probabilities(i, row, temperature)
		confidences[i] = slices.Max(row)
		right[i] = argmax(a.logits[i*len(row):(i+1)*len(row)]) == int(label)
	}
	return measures.CalibrationError(confidences, right, calibrationBins), len(a.labels) > 0
}

// Temperature is what the logits are best divided by, see measures.Temperature. There is none of more answers than are kept.
func (t *Tally) Temperature() (temperature float64, ok bool) {
	return measures.Temperature(t.answers.logits, t.answers.labels, len(t.Confusion))
}

// MaxCalibrated is how many answers of so many classes a temperature can be fitted to.
func MaxCalibrated(classes int) int { return max(1, maxScores/classes) }

// Calibrated is what answers come to as they are, and with logits divided by a temperature.
type Calibrated struct {
	Images           int     `json:"images"`
	Loss             float64 `json:"loss"`
	CalibratedLoss   float64 `json:"calibratedLoss"`
	CalibrationError float64 `json:"calibrationError"`
	CalibratedError  float64 `json:"calibratedError"`
}

// Calibrated measures the answers with a temperature. There is nothing to measure without answers, or of more than are kept.
func (t *Tally) Calibrated(temperature float64) (c Calibrated, ok bool) {
	if c.CalibrationError, ok = t.CalibrationError(1); !ok {
		return Calibrated{}, false
	}
	c.CalibratedError, _ = t.CalibrationError(temperature)
	c.Images, c.Loss = t.Count(), t.Loss()
	classes := len(t.Confusion)
	for i, label := range t.answers.labels {
		c.CalibratedLoss += scaledCrossEntropy(t.answers.logits[i*classes:(i+1)*classes], int(label), temperature)
	}
	c.CalibratedLoss /= float64(c.Images)
	return c, true
}

// scaledCrossEntropy is crossEntropy of the logits divided by temperature.
func scaledCrossEntropy(logits []float32, label int, temperature float64) float64 {
	top, sum := float64(slices.Max(logits)), 0.0
	for _, v := range logits {
		sum += math.Exp((float64(v) - top) / temperature)
	}
	return math.Log(sum) - (float64(logits[label])-top)/temperature
}

// CalibratedMetrics are Metrics and, of a model with a temperature, that and what is left of the calibration error by it. A
// temperature of 0 is none.
func (t *Tally) CalibratedMetrics(temperature float64) []contract.Metric {
	metrics := t.Metrics()
	if temperature == 0 {
		return metrics
	}
	metrics = append(metrics, contract.Metric{Name: contract.MetricTemperature, Value: temperature})
	if left, ok := t.CalibrationError(temperature); ok {
		metrics = append(metrics, contract.Metric{Name: contract.MetricCalibratedError, Value: left})
	}
	return metrics
}
