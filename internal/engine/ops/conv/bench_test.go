// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package conv

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/trainyard-dev/trainyard/internal/engine/enginetest"
	"github.com/trainyard-dev/trainyard/internal/engine/exec/exectest"
	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// cpuTime returns the processor time that this process has used: unlike wall time it means something on a busy machine.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano())
}

// BenchmarkConv2D times the convolutions of BaselineCNN at 64 pixels, one thread; GFLOP/s are per second of processor time.
func BenchmarkConv2D(b *testing.B) {
	for _, set := range kernels.Names() {
		for _, size := range []struct{ side, in, out int }{{64, 3, 32}, {32, 32, 64}, {16, 64, 128}, {8, 128, 256}, {224, 3, 32}, {112, 32, 64}, {56, 64, 128}, {28, 128, 256}} {
			s := tensor.ConvShape{Batch: 4, InChannels: size.in, InHeight: size.side, InWidth: size.side, OutChannels: size.out,
				KernelH: 3, KernelW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1}
			ws := exectest.NewWorkspace(b, set, 1)
			x, w, y := enginetest.RandomSlice(s.InLen(), 1), enginetest.RandomSlice(s.WeightLen(), 2), enginetest.RandomSlice(s.OutLen(), 3)
			flops := 2 * float64(s.OutLen()) * float64(s.InChannels*9)
			run := func(name string, pass func()) {
				b.Run(fmt.Sprintf("%s/%s/%dx%d->%d", set, name, size.side, size.in, size.out), func(b *testing.B) {
					pass()
					start := cpuTime()
					for b.Loop() {
						pass()
					}
					b.ReportMetric(flops*float64(b.N)/float64((cpuTime()-start).Nanoseconds()), "GFLOP/s")
				})
			}
			run("forward", func() { Forward(ws, s, x, w, nil, y) })
			run("data", func() { BackwardData(ws, s, y, w, x) })
			run("weights", func() { BackwardWeights(ws, s, x, y, w, nil) })
		}
	}
}
