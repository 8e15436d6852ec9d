// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package measures

import (
	"math"
	"slices"
)

// Temperatures lie between these.
const (
	lowestTemperature  = 0.01
	highestTemperature = 100
)

// Temperature is what logits are best divided by: that which makes the labels most likely, as Guo et al. (2017) calibrate
// networks. Logits have a row of so many classes for each label; all are finite. There is none unless one from 0.01 to 100
// is better than those beside it: answers that are all right would best be given without any doubt.
func Temperature(logits []float32, labels []int32, classes int) (temperature float64, ok bool) {
	slope := func(inverse float64) (slope, curvature float64) { return likelihood(logits, labels, classes, inverse) }
	low, high := 1.0/highestTemperature, 1.0/lowestTemperature
	if s, _ := slope(low); len(labels) == 0 || !(s < 0) {
		return 0, false
	}
	if s, _ := slope(high); !(s > 0) {
		return 0, false
	}
	// The loss is convex in the inverse, so Newton's steps find the least where they stay between the ends, and halving does
	// where they don't.
	at := 1.0
	for range 200 {
		s, c := slope(at)
		if s > 0 {
			high = at
		} else {
			low = at
		}
		next := at - s/c
		if !(low < next && next < high) {
			next = (low + high) / 2
		}
		done := math.Abs(next-at) <= 1e-13*at
		if at = next; done {
			break
		}
	}
	return 1 / at, true
}

// likelihood is the slope and the curvature of the mean cross-entropy of the logits times inverse, over inverse.
func likelihood(logits []float32, labels []int32, classes int, inverse float64) (slope, curvature float64) {
	for i, label := range labels {
		row := logits[i*classes : (i+1)*classes]
		top := float64(slices.Max(row))
		// Sums over the classes of what they are weighed with, of that times their distance from the top, and times its square.
		var sum, first, second float64
		for _, v := range row {
			distance := float64(v) - top
			weight := math.Exp(inverse * distance)
			sum += weight
			first += weight * distance
			second += weight * distance * distance
		}
		mean := first / sum
		slope += mean - (float64(row[label]) - top)
		curvature += second/sum - mean*mean
	}
	n := float64(max(1, len(labels)))
	return slope / n, curvature / n
}
