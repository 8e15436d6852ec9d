package kernels

import (
	"fmt"
	"testing"
)

func BenchmarkZZDepth(b *testing.B) {
	for _, z := range []struct{ c, h, s int }{{1, 28, 1}, {16, 28, 1}, {64, 28, 1}, {192, 28, 1}, {16, 14, 1}, {384, 14, 1}, {16, 7, 1}, {960, 7, 1}, {16, 28, 2}, {2, 112, 1}, {32, 112, 1}} {
		s := ConvShape{Batch: 1, InChannels: z.c, InHeight: z.h, InWidth: z.h, OutChannels: z.c, KernelH: 3, KernelW: 3, StrideH: z.s, StrideW: z.s, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1, Groups: z.c}
		if z.c == 1 {
			s.Groups, s.InChannels, s.OutChannels = 2, 2, 2
		}
		ws := newWorkspace(b, "", 1)
		x, w, y := randomSlice(s.InLen(), 1), randomSlice(s.WeightLen(), 2), randomSlice(s.OutLen(), 3)
		b.Run(fmt.Sprintf("%v", z), func(b *testing.B) {
			p := ws.PrepareConv2D(s, w, nil, Epilogue{ReLU: true, Ceiling: 6})
			start := cpuTime()
			for b.Loop() {
				ws.RunConv2D(p, 1, x, y)
			}
			b.ReportMetric(float64((cpuTime() - start).Nanoseconds())/float64(b.N)*3.1/float64(s.OutChannels*(s.OutHeight()*((s.OutWidth()+7)/8))), "cycles/vec")
		})
	}
}
