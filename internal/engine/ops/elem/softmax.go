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
func SoftmaxCrossEntropy(_ *exec.Workspace, batch, classes int, logits []float32, labels []int, smoothing float64, dlogits []float32) float64 {
	exec.CheckLength("softmax cross entropy", "logits", logits, batch*classes)
	exec.CheckLength("softmax cross entropy", "labels", labels, batch)
	if dlogits != nil {
		exec.CheckLength("softmax cross entropy", "dlogits", dlogits, batch*classes)
	}
	var loss float64
	others := smoothing / float64(classes) // the label's share of each class
	for i, label := range labels[:batch] {
		if uint(label) >= uint(classes) {
			panic(fmt.Sprintf("engine: softmax cross entropy: label %d is not in [0, %d)", label, classes))
		}
		row := logits[i*classes:][:classes]
		largest := math.Inf(-1)
		for _, v := range row {
			largest = max(largest, float64(v))
		}
		var sum float64
		for _, v := range row {
			sum += math.Exp(float64(v) - largest)
		}
		wanted := float64(row[label])
		if smoothing > 0 {
			wanted *= 1 - smoothing
			for _, v := range row {
				wanted += others * float64(v)
			}
		}
		loss += math.Log(sum) + largest - wanted
		if dlogits == nil {
			continue
		}
		for c, v := range row {
			p := math.Exp(float64(v)-largest)/sum - others
			if c == label {
				p -= 1 - smoothing
			}
			dlogits[i*classes+c] = float32(p / float64(batch))
		}
	}
	return loss / float64(batch)
}
