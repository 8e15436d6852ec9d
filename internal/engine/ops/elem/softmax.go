// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package elem

import (
	"fmt"
	"math"

	"github.com/trainyard-dev/trainyard/internal/engine/exec"
)

// softmaxArgs are the arguments of one softmax.
type softmaxArgs struct {
	outer, classes, inner int
	x, y                  []float32
	logarithm             bool
}

// Softmax computes y = eˣ/Σeˣ along the middle axis of x seen as [outer, classes, inner]; rows of class scores are
// inner = 1. If logarithm is set, y is the logarithm of that. y may be x.
func Softmax(ws *exec.Workspace, outer, classes, inner int, x, y []float32, logarithm bool) {
	exec.CheckLength("softmax", "x", x, outer*classes*inner)
	exec.CheckLength("softmax", "y", y, outer*classes*inner)
	states.Of(ws).softmax = softmaxArgs{outer: outer, classes: classes, inner: inner, x: x, y: y, logarithm: logarithm}
	ws.Run(outer, softmaxPart)
}

func softmaxPart(ws *exec.Workspace, _, part int) {
	s := &states.Of(ws).softmax
	n := s.classes * s.inner
	for j := range s.inner {
		softmaxRow(s.x[part*n+j:][:n-j], s.y[part*n+j:][:n-j], s.classes, s.inner, s.logarithm)
	}
}

// softmaxRow works on every stride-th element of x and y.
func softmaxRow(x, y []float32, classes, stride int, logarithm bool) {
	largest := math.Inf(-1)
	for c := range classes {
		largest = max(largest, float64(x[c*stride]))
	}
	var sum float64
	for c := range classes {
		sum += math.Exp(float64(x[c*stride]) - largest)
	}
	for c := range classes {
		if logarithm {
			y[c*stride] = float32(float64(x[c*stride]) - largest - math.Log(sum))
			continue
		}
		y[c*stride] = float32(math.Exp(float64(x[c*stride])-largest) / sum)
	}
}

// SoftmaxCrossEntropy returns the mean over the batch of -log softmax(logits)[label]. Smoothing, in [0, 1), is the share of
// each label that all classes get alike instead. Unless dlogits is nil, it receives the gradient of that mean. logits is
// [batch, classes]; each label is in [0, classes).
//
// Unless weights is nil, it has a weight above 0 for each class: what a row says of a class counts as much, and the sum is
// divided by the weights of the labels, as by PyTorch's CrossEntropyLoss.
func SoftmaxCrossEntropy(_ *exec.Workspace, batch, classes int, logits []float32, labels []int, smoothing float64, weights, dlogits []float32) float64 {
	exec.CheckLength("softmax cross entropy", "logits", logits, batch*classes)
	exec.CheckLength("softmax cross entropy", "labels", labels, batch)
	if dlogits != nil {
		exec.CheckLength("softmax cross entropy", "dlogits", dlogits, batch*classes)
	}
	if weights != nil {
		exec.CheckLength("softmax cross entropy", "weights", weights, classes)
	}
	var loss, total float64
	for _, label := range labels[:batch] {
		if uint(label) >= uint(classes) {
			panic(fmt.Sprintf("engine: softmax cross entropy: label %d is not in [0, %d)", label, classes))
		}
		total += weightOf(weights, label)
	}
	others := smoothing / float64(classes) // the label's share of each class
	for i, label := range labels[:batch] {
		row := logits[i*classes:][:classes]
		largest := math.Inf(-1)
		for _, v := range row {
			largest = max(largest, float64(v))
		}
		var sum float64
		for _, v := range row {
			sum += math.Exp(float64(v) - largest)
		}
		target := (1 - smoothing) * weightOf(weights, label)
		mass, wanted := target, target*float64(row[label])
		if smoothing > 0 {
			for c, v := range row {
				share := others * weightOf(weights, c)
				mass += share
				wanted += share * float64(v)
			}
		}
		loss += mass*(math.Log(sum)+largest) - wanted
		if dlogits == nil {
			continue
		}
		for c, v := range row {
			p := mass*(math.Exp(float64(v)-largest)/sum) - others*weightOf(weights, c)
			if c == label {
				p -= target
			}
			dlogits[i*classes+c] = float32(p / total)
		}
	}
	return loss / total
}

// SoftmaxCrossEntropyTargets is SoftmaxCrossEntropy for rows that belong to each class with the probability that targets,
// [batch, classes], give it. With weights it is divided by the number of rows all the same, as by PyTorch's
// CrossEntropyLoss of probabilities.
func SoftmaxCrossEntropyTargets(_ *exec.Workspace, batch, classes int, logits, targets []float32, smoothing float64, weights, dlogits []float32) float64 {
	exec.CheckLength("softmax cross entropy", "logits", logits, batch*classes)
	exec.CheckLength("softmax cross entropy", "targets", targets, batch*classes)
	exec.CheckLength("softmax cross entropy", "dlogits", dlogits, batch*classes)
	if weights != nil {
		exec.CheckLength("softmax cross entropy", "weights", weights, classes)
	}
	var loss float64
	for i := range batch {
		row, target := logits[i*classes:][:classes], targets[i*classes:][:classes]
		share := func(c int) float64 {
			return (float64(target[c])*(1-smoothing) + smoothing/float64(classes)) * weightOf(weights, c)
		}
		largest, sum := math.Inf(-1), 0.0
		for _, v := range row {
			largest = max(largest, float64(v))
		}
		for _, v := range row {
			sum += math.Exp(float64(v) - largest)
		}
		var mass, wanted float64
		for c, v := range row {
			mass += share(c)
			wanted += share(c) * float64(v)
		}
		loss += mass*(math.Log(sum)+largest) - wanted
		for c, v := range row {
			p := mass*(math.Exp(float64(v)-largest)/sum) - share(c)
			dlogits[i*classes+c] = float32(p / float64(batch))
		}
	}
	return loss / float64(batch)
}

// weightOf is the weight of a class, 1 without weights.
func weightOf(weights []float32, class int) float64 {
	if weights == nil {
		return 1
	}
	return float64(weights[class])
}
