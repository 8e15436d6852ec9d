// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/trainyard-dev/trainyard/internal/engine/nn"
)

// cpuTime returns the processor time that this process has used: unlike wall time it means something on a busy machine.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkTraining times a training step of BaselineCNN, BenchmarkInference one image.
func BenchmarkTraining(b *testing.B) {
	for _, size := range []int{64, 224} {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("%dpx/%dthreads", size, threads), func(b *testing.B) {
				const batch = 32
				x, labels := syntheticBatch(batch, size)
				n := newTestNetwork(b, Config{Architecture: "BaselineCNN", Classes: 2, ImageSize: size, Dropout: 0.2, Threads: threads})
				o := newAdam(b, n)
				var loss nn.CrossEntropy
				perImage(b, batch, func() {
					loss.Forward(n.Workspace(), n.Forward(x, true), labels)
					n.Backward(loss.Gradient())
					o.Step(n.Workspace(), 1e-3)
				})
			})
		}
	}
}

func BenchmarkInference(b *testing.B) {
	for _, size := range []int{64, 224} {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("%dpx/%dthreads", size, threads), func(b *testing.B) {
				x, _ := syntheticBatch(1, size)
				n := newTestNetwork(b, Config{Architecture: "BaselineCNN", Classes: 2, ImageSize: size, Threads: threads})
				perImage(b, 1, func() { n.Forward(x, false) })
			})
		}
	}
}

// perImage reports the wall and processor time of an image.
func perImage(b *testing.B, batch int, pass func()) {
	pass()
	start := cpuTime()
	for b.Loop() {
		pass()
	}
	images := float64(b.N * batch)
	b.ReportMetric(float64(b.Elapsed().Microseconds())/1e3/images, "ms/image")
	b.ReportMetric(float64((cpuTime()-start).Microseconds())/1e3/images, "cpu-ms/image")
}
