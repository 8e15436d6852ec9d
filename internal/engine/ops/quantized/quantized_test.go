// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package quantized

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/enginetest"
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/exec/exectest"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/conv"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/pooling"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// quantizedShapes are convolutions that take each way, with full and partial tiles.
var quantizedShapes = map[string]tensor.ConvShape{
	"first layer":           {Batch: 2, InChannels: 3, InHeight: 18, InWidth: 37, OutChannels: 32, KernelH: 3, KernelW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
	"Winograd":              {Batch: 2, InChannels: 32, InHeight: 12, InWidth: 20, OutChannels: 48, KernelH: 3, KernelW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
	"Winograd, partial":     {Batch: 3, InChannels: 16, InHeight: 11, InWidth: 14, OutChannels: 16, KernelH: 3, KernelW: 3, PadTop: 1, PadLeft: 0, PadBottom: 0, PadRight: 2},
	"Winograd, many blocks": {Batch: 1, InChannels: 16, InHeight: 40, InWidth: 41, OutChannels: 32, KernelH: 3, KernelW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
	"odd channels":          {Batch: 2, InChannels: 5, InHeight: 9, InWidth: 11, OutChannels: 7, KernelH: 3, KernelW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
	"pointwise":             {Batch: 2, InChannels: 24, InHeight: 7, InWidth: 7, OutChannels: 40, KernelH: 1, KernelW: 1},
	"strided":               {Batch: 2, InChannels: 3, InHeight: 30, InWidth: 23, OutChannels: 20, KernelH: 7, KernelW: 7, StrideH: 2, StrideW: 2, PadTop: 3, PadLeft: 3, PadBottom: 3, PadRight: 3},
	"dilated":               {Batch: 1, InChannels: 9, InHeight: 14, InWidth: 13, OutChannels: 16, KernelH: 3, KernelW: 2, DilationH: 2, DilationW: 3, PadTop: 2, PadLeft: 3},
	"strided, pointwise":    {Batch: 1, InChannels: 16, InHeight: 9, InWidth: 8, OutChannels: 32, KernelH: 1, KernelW: 1, StrideH: 2, StrideW: 2},
	"one pixel":             {Batch: 7, InChannels: 50, InHeight: 1, InWidth: 1, OutChannels: 10, KernelH: 1, KernelW: 1},
	"one pixel, strided":    {Batch: 7, InChannels: 50, InHeight: 1, InWidth: 1, OutChannels: 10, KernelH: 1, KernelW: 1, StrideH: 2, StrideW: 2},
	"one pixel, padded":     {Batch: 3, InChannels: 24, InHeight: 1, InWidth: 1, OutChannels: 7, KernelH: 1, KernelW: 1, StrideW: 2, PadTop: 2, PadRight: 1},
	"depthwise":             {Batch: 2, InChannels: 96, InHeight: 12, InWidth: 9, OutChannels: 96, Groups: 96, KernelH: 3, KernelW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
	"depthwise, strided":    {Batch: 2, InChannels: 40, InHeight: 12, InWidth: 9, OutChannels: 40, Groups: 40, KernelH: 3, KernelW: 3, StrideH: 2, StrideW: 2, PadBottom: 1, PadRight: 1},
	"depthwise, unpadded":   {Batch: 1, InChannels: 60, InHeight: 9, InWidth: 8, OutChannels: 60, Groups: 60, KernelH: 3, KernelW: 3, StrideH: 2},
	"depthwise, dilated":    {Batch: 1, InChannels: 33, InHeight: 9, InWidth: 8, OutChannels: 33, Groups: 33, KernelH: 3, KernelW: 3, DilationH: 2, DilationW: 3, PadTop: 2, PadLeft: 1, PadBottom: 5, PadRight: 3},
	"depthwise, narrow":     {Batch: 2, InChannels: 11, InHeight: 7, InWidth: 5, OutChannels: 11, Groups: 11, KernelH: 3, KernelW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
	"depthwise, 4 channels": {Batch: 2, InChannels: 4, InHeight: 6, InWidth: 5, OutChannels: 4, Groups: 4, KernelH: 3, KernelW: 3},
	"depthwise, many bands": {Batch: 1, InChannels: 72, InHeight: 40, InWidth: 81, OutChannels: 72, Groups: 72, KernelH: 3, KernelW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
	"depthwise 5×5":         {Batch: 1, InChannels: 40, InHeight: 8, InWidth: 9, OutChannels: 40, Groups: 40, KernelH: 5, KernelW: 5, PadTop: 2, PadLeft: 2, PadBottom: 2, PadRight: 2},
	"few outputs":           {Batch: 1, InChannels: 8, InHeight: 5, InWidth: 6, OutChannels: 2, KernelH: 3, KernelW: 3},
}

// randomBytes returns n bytes, whole range.
func randomBytes(n int, seed uint64) []uint8 {
	random := rand.New(rand.NewPCG(seed, 1))
	s := make([]uint8, n)
	for i := range s {
		s[i] = uint8(random.Uint32())
	}
	return s
}

// quantizedConv is a convolution whose outputs use most of their range. The bits of epilogue ask for pooling, for ReLU, and
// for weights of up to ±64 instead of the whole range.
func quantizedConv(s tensor.ConvShape, epilogue int) Conv {
	random := rand.New(rand.NewPCG(4, 2))
	c := Conv{Shape: s, InZero: 119, OutZero: 17, High: 255, MaxPool: epilogue&1 != 0}
	if epilogue&2 != 0 {
		c.Low, c.High = c.OutZero, 240
	}
	for range s.WeightLen() {
		w := int8(random.Uint32())
		if epilogue&4 != 0 { // products of which pairs fit in 16 bits
			w = min(max(w, -64), 64)
		}
		c.Weights = append(c.Weights, w)
	}
	for range s.OutChannels {
		c.Bias = append(c.Bias, int32(random.IntN(20001)-10000))
		c.Scale = append(c.Scale, (0.5+random.Float32())/float32(30*s.WeightLen()/s.OutChannels))
	}
	return c
}

// canPool reports whether a convolution of 8 bits can have max pooling after it.
func canPool(s tensor.ConvShape) bool { return s.Groups <= 1 && min(s.OutHeight(), s.OutWidth()) >= 2 }

// referenceConv computes a convolution by the definition, with the float32 convolution of whole numbers, whose sums are exact.
func referenceConv(t *testing.T, c Conv, x []uint8) []uint8 {
	t.Helper()
	s := c.Shape
	ws := exectest.NewWorkspace(t, "portable", 1)
	numbers, weights, bias := make([]float32, s.InLen()), make([]float32, s.WeightLen()), make([]float32, s.OutChannels)
	ToFloats(ws, tensor.ImageShape{Batch: s.Batch, Channels: s.InChannels, Height: s.InHeight, Width: s.InWidth}, x, 1, c.InZero, numbers)
	for i, w := range c.Weights {
		weights[i] = float32(w)
	}
	for i, b := range c.Bias {
		bias[i] = float32(b)
	}
	sums := make([]float32, s.OutLen())
	conv.Forward(ws, s, numbers, weights, bias, sums)
	height, width := s.OutHeight(), s.OutWidth()
	if c.MaxPool {
		pool := tensor.PoolShape{Batch: s.Batch, Channels: s.OutChannels, InHeight: height, InWidth: width, KernelH: 2, KernelW: 2, StrideH: 2, StrideW: 2}
		pooled := make([]float32, pool.OutLen())
		pooling.Max(ws, pool, sums, pooled, nil)
		sums, height, width = pooled, height/2, width/2
	}
	var y []uint8
	for i := range s.Batch * height * width {
		for k := range s.OutChannels {
			sum := sums[(i/(height*width)*s.OutChannels+k)*height*width+i%(height*width)]
			rounded := math.RoundToEven(float64(sum*c.Scale[k])) + float64(c.OutZero)
			y = append(y, uint8(min(max(rounded, float64(c.Low)), float64(c.High))))
		}
	}
	return y
}

// channels drops the bytes beyond the last channel, which are arbitrary.
func channels(y []uint8, n int) []uint8 {
	var kept []uint8
	for pixel := range slices.Chunk(y, PixelStride(n)) {
		kept = append(kept, pixel[:n]...)
	}
	return kept
}

// expectBytes fails unless got is want.
func expectBytes(t *testing.T, got, want []uint8, channels int) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d bytes, want %d", len(got), len(want))
	}
	for i, w := range want {
		if got[i] != w {
			t.Fatalf("byte %d (pixel %d, channel %d) is %d, want %d", i, i/channels, i%channels, got[i], w)
		}
	}
}

func TestQuantizedConvEqualsReference(t *testing.T) {
	exectest.ForEachSet(t, func(t *testing.T, ws *exec.Workspace) {
		for name, s := range quantizedShapes {
			for epilogue := range 8 {
				if epilogue&1 != 0 && !canPool(s) {
					continue
				}
				t.Run(fmt.Sprintf("%s/%d", name, epilogue), func(t *testing.T) {
					c := quantizedConv(s, epilogue)
					p := Prepare(ws, c)
					x := randomBytes(p.InLen(s.Batch), 5)
					want := referenceConv(t, c, x)
					for _, threads := range []int{1, 2, 3, 8} {
						y := randomBytes(p.OutLen(s.Batch), 6)
						Run(exectest.NewWorkspace(t, ws.Set(), threads), p, s.Batch, x, y)
						expectBytes(t, channels(y, s.OutChannels), want, s.OutChannels)
					}
				})
			}
		}
	})
}

func TestQuantizedLinear(t *testing.T) {
	exectest.ForEachSet(t, func(t *testing.T, ws *exec.Workspace) {
		s := quantizedShapes["one pixel"]
		c := quantizedConv(s, 0)
		p := Prepare(ws, c)
		x, y := randomBytes(p.InLen(s.Batch), 1), make([]float32, s.Batch*s.OutChannels)
		RunLinear(ws, p, s.Batch, x, y)
		for i := range s.Batch {
			for k := range s.OutChannels {
				sum := c.Bias[k]
				for j := range s.InChannels {
					sum += int32(c.Weights[k*s.InChannels+j]) * (int32(x[i*PixelStride(s.InChannels)+j]) - int32(c.InZero))
				}
				if got, want := y[i*s.OutChannels+k], float32(sum)*c.Scale[k]; got != want {
					t.Fatalf("sample %d, output %d is %v, want %v", i, k, got, want)
				}
			}
		}
	})
}

// Winograd's algorithm in integers must refuse weights with which a sum could leave its 26 bits.
func TestQuantizedWinogradBound(t *testing.T) {
	ws := exectest.NewWorkspace(t, "", 1)
	if loops := ws.Kernels().Quantized; loops == nil || loops.WinogradInput == nil {
		t.Skip("the kernel set has no loops of 8 bits for Winograd's algorithm")
	}
	for name, tc := range map[string]struct {
		channels int
		weight   int8
		winograd bool
	}{
		"largest sums that fit": {112, 127, true},
		"smallest that do not":  {128, 127, false},
		"negative":              {128, -128, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := tensor.ConvShape{Batch: 1, InChannels: tc.channels, InHeight: 14, InWidth: 18, OutChannels: 16, KernelH: 3, KernelW: 3}
			c := quantizedConv(s, 0)
			fill(c.Weights, tc.weight)
			for k := range c.Scale {
				c.Scale[k] = 1e-6
			}
			p := Prepare(ws, c)
			if (p.method == byWinograd) != tc.winograd {
				t.Errorf("Winograd's algorithm is used: %t, want %t", !tc.winograd, tc.winograd)
			}
			x := make([]uint8, p.InLen(1))
			fill(x, 255)
			y := make([]uint8, p.OutLen(1))
			Run(ws, p, 1, x, y)
			want := make([]uint8, p.OutLen(1))
			portable := exectest.NewWorkspace(t, "portable", 1)
			Run(portable, Prepare(portable, c), 1, x, want)
			expectBytes(t, y, want, 16)
		})
	}
}

// Sums of bytes must not saturate with the largest weights.
func TestQuantizedDepthwiseExtremes(t *testing.T) {
	s := tensor.ConvShape{Batch: 1, InChannels: 32, InHeight: 5, InWidth: 5, OutChannels: 32, Groups: 32, KernelH: 3, KernelW: 3}
	exectest.ForEachSet(t, func(t *testing.T, ws *exec.Workspace) {
		for _, weight := range []int8{64, -64, 65, 127, -128} {
			c := quantizedConv(s, 0)
			fill(c.Weights, weight)
			for k := range c.Scale {
				c.Scale[k] = 1e-3
			}
			p := Prepare(ws, c)
			x, y := make([]uint8, p.InLen(1)), make([]uint8, p.OutLen(1))
			fill(x, 255)
			Run(ws, p, 1, x, y)
			expectBytes(t, y, referenceConv(t, c, x), s.OutChannels)
		}
	})
}

func TestQuantizeImages(t *testing.T) {
	nan, infinity := float32(math.NaN()), float32(math.Inf(1))
	exectest.ForEachSet(t, func(t *testing.T, ws *exec.Workspace) {
		for _, c := range []int{1, 3, 4, 10} {
			s := tensor.ImageShape{Batch: 2, Channels: c, Height: 7, Width: 21}
			x := enginetest.RandomSlice(s.Len(), 1)
			copy(x, []float32{nan, infinity, -infinity, 0.25, 0.75, nan, -0.25, 1e30, -1e30})
			y := make([]uint8, ImageLen(s))
			const zero = 100
			FromFloats(ws, s, x, 0.5, zero, y)
			plane := s.Height * s.Width
			var want []uint8
			for i := range s.Batch * plane {
				for k := range c {
					v := math.RoundToEven(float64(x[(i/plane*c+k)*plane+i%plane])/0.5) + zero
					if math.IsNaN(v) {
						v = 0
					}
					want = append(want, uint8(min(max(v, 0), 255)))
				}
			}
			expectBytes(t, channels(y, c), want, c)
			back := make([]float32, s.Len())
			ToFloats(ws, s, y, 0.5, zero, back)
			for i, v := range back {
				if want := float32(int(want[i/plane/c*plane*c+i%plane*c+i/plane%c])-zero) * 0.5; v != want {
					t.Fatalf("element %d is %v after the return, want %v", i, v, want)
				}
			}
		}
	})
}

func TestQuantizedPooling(t *testing.T) {
	exectest.ForEachSet(t, func(t *testing.T, ws *exec.Workspace) {
		images := tensor.ImageShape{Batch: 2, Channels: 10, Height: 7, Width: 9}
		x := randomBytes(ImageLen(images), 1)
		numbers := make([]float32, images.Len())
		ToFloats(ws, images, x, 1, 0, numbers)

		pool := tensor.PoolShape{Batch: 2, Channels: 10, InHeight: 7, InWidth: 9, KernelH: 3, KernelW: 3, StrideH: 2, StrideW: 2, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1}
		largest := make([]float32, pool.OutLen())
		pooling.Max(ws, pool, numbers, largest, nil)
		pooled := tensor.ImageShape{Batch: 2, Channels: 10, Height: pool.OutHeight(), Width: pool.OutWidth()}
		want, got := make([]uint8, ImageLen(pooled)), make([]uint8, ImageLen(pooled))
		FromFloats(ws, pooled, largest, 1, 0, want)
		MaxPool(ws, pool, x, got)
		expectBytes(t, channels(got, 10), channels(want, 10), 10)

		mean := make([]uint8, 2*PixelStride(10))
		GlobalAverage(ws, images, x, 3, 0.5/63, 20, mean)
		for i, v := range channels(mean, 10) {
			sum := 0
			for _, n := range numbers[i*63:][:63] {
				sum += int(n) - 3
			}
			if want := math.RoundToEven(float64(float32(sum)*(float32(0.5)/63))) + 20; float64(v) != want {
				t.Errorf("mean %d is %d, want %v", i, v, want)
			}
		}
	})
}

func TestQuantizedSum(t *testing.T) {
	sums := map[string]Sum{
		"plain":  {ScaleA: 0.7, ScaleB: 0.4, Offset: -30.3, OutZero: 9, High: 255},
		"ReLU":   {ScaleA: 1.7, ScaleB: 1.4, Offset: -300, OutZero: 100, Low: 100, High: 220},
		"halves": {ScaleA: 0.5, ScaleB: 1, OutZero: 0, High: 255},
	}
	exectest.ForEachSet(t, func(t *testing.T, ws *exec.Workspace) {
		for name, s := range sums {
			for _, n := range []int{4, 28, 32, 100, 3*sumBytes + 60} {
				a, b, y := randomBytes(n, 1), randomBytes(n, 2), make([]uint8, n)
				Add(ws, s, a, b, y)
				want := make([]uint8, n)
				for i := range want {
					// The conversions keep the compiler from fusing product and sum, as it does for arm64.
					sum := float32(float32(a[i]) * s.ScaleA)
					sum += float32(float32(b[i]) * s.ScaleB)
					sum += s.Offset
					rounded := math.RoundToEven(float64(sum)) + float64(s.OutZero)
					want[i] = uint8(min(max(rounded, float64(s.Low)), float64(s.High)))
				}
				t.Run(fmt.Sprintf("%s/%d", name, n), func(t *testing.T) { expectBytes(t, y, want, n) })
				if allocations := testing.AllocsPerRun(20, func() { Add(ws, s, a, b, y) }); allocations != 0 {
					t.Errorf("%v allocations, want 0", allocations)
				}
			}
		}
	})
}

func TestQuantizedDoesNotAllocate(t *testing.T) {
	exectest.ForEachSet(t, func(t *testing.T, ws *exec.Workspace) {
		for _, name := range []string{"Winograd", "first layer", "pointwise", "depthwise", "depthwise, narrow"} {
			s := quantizedShapes[name]
			epilogue := 7
			if !canPool(s) {
				epilogue = 6
			}
			p := Prepare(ws, quantizedConv(s, epilogue))
			x, y, images := randomBytes(p.InLen(s.Batch), 1), make([]uint8, p.OutLen(s.Batch)), tensor.ImageShape{Batch: s.Batch, Channels: s.InChannels, Height: s.InHeight, Width: s.InWidth}
			numbers := make([]float32, images.Len())
			allocations := testing.AllocsPerRun(20, func() {
				Run(ws, p, s.Batch, x, y)
				ToFloats(ws, images, x, 1, 0, numbers)
				FromFloats(ws, images, numbers, 1, 0, x)
			})
			if allocations != 0 {
				t.Errorf("%s: %v allocations, want 0", name, allocations)
			}
		}
	})
}

func BenchmarkQuantizedConv(b *testing.B) {
	layers := []tensor.ConvShape{
		{InChannels: 3, InHeight: 224, InWidth: 224, OutChannels: 32},
		{InChannels: 32, InHeight: 112, InWidth: 112, OutChannels: 64},
		{InChannels: 64, InHeight: 56, InWidth: 56, OutChannels: 128},
		{InChannels: 128, InHeight: 28, InWidth: 28, OutChannels: 256},
	}
	for _, s := range layers {
		s.Batch, s.KernelH, s.KernelW, s.PadTop, s.PadLeft, s.PadBottom, s.PadRight = 1, 3, 3, 1, 1, 1, 1
		for name, pack := range map[string]func(p *Prepared){
			"chosen": func(*Prepared) {}, "bytes": (*Prepared).packBytes, "widened": (*Prepared).packWidened,
		} {
			b.Run(fmt.Sprintf("%dx%d/%s", s.InChannels, s.OutChannels, name), func(b *testing.B) {
				ws := exectest.NewWorkspace(b, "", 1)
				if loops := ws.Kernels().Quantized; loops == nil || name == "widened" && loops.DotTiles == nil {
					b.Skip("the kernel set has no such loops")
				}
				p := Prepare(ws, quantizedConv(s, 7))
				if name != "chosen" {
					p.runs = nil
				}
				pack(p)
				x, y := randomBytes(p.InLen(1), 1), make([]uint8, p.OutLen(1))
				for b.Loop() {
					Run(ws, p, 1, x, y)
				}
				b.ReportMetric(float64(s.WeightLen()*s.OutHeight()*s.OutWidth())/float64(b.Elapsed().Nanoseconds())*float64(b.N), "GMAC/s")
			})
		}
	}
}
