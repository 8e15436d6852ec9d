// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package ops

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
)

// Options configures a Workspace. The zero value is the right choice for most callers.
type Options struct {
	// Set names the kernel set. Empty means the value of TRAINYARD_KERNELS, or else the first of Names.
	Set string
	// Threads is the number of goroutines that share the work of one operation; 0 means GOMAXPROCS.
	Threads int
}

// Workspace runs operations with one kernel set and a fixed number of threads, and owns their scratch memory.
// It serves one caller at a time.
type Workspace struct {
	set     *kernels.Set
	threads int

	// One operation runs at a time; its arguments live here so that the parts, which are plain functions, find them
	// without a closure being allocated.
	conv        convArgs
	band        bandArgs
	wino        winogradArgs
	winoWeights winogradWeightsArgs
	column      columnArgs
	plane       planeArgs
	strip       stripArgs
	planes      planeStrips
	expansion   expansionArgs
	gemm        gemmArgs
	norm        normArgs
	normPool    normPoolArgs
	pool        poolArgs
	vector      vectorArgs
	broadcast   broadcastArgs
	softmax     softmaxArgs
	rowNorm     rowNormArgs
	update      updateArgs
	quantized   quantizedArgs
	bytes       quantizedImageArgs
	patch       patchArgs
	byteSum     quantizedSumArgs

	right        Matrix    // the right-hand operand of Gemm
	packed       []float32 // the packed left-hand operand, which all parts read
	partial      []float32 // partial sums of the weights' gradient
	zeros        []float32
	padded       []float32 // a bias with room for missing output channels
	unpooled     []float32
	tileMasks    []int32 // which pixels of a row of tiles are inside the image
	moments      []moments
	sums         []float64 // partial sums of patches' moments and of gradients
	inverse      []float32 // 1/√(variance+eps) per channel
	scale, shift []float32 // of each channel
	workers      []workerState

	part     partFunc
	parts    int64
	nextPart atomic.Int64
	helpers  []helper // of the other threads
	working  atomic.Int64
	done     sync.WaitGroup
}

// workerState is the scratch memory of one worker.
type workerState struct {
	slab    [kBlock * nBlock]float32 // a packed block of the right-hand operand
	row     [max(kBlock, nBlock)]float32
	tile    [kernels.MaxTile]float32 // one tile of the product
	matrix  Matrix                   // the right-hand operand, where each part has its own
	buffer  []float32
	offsets []int
	choice  []uint16
	patch   patchState
}

// partFunc does one part of an operation. worker is below the number of threads and names the scratch memory to use.
type partFunc func(ws *Workspace, worker, part int)

// New returns a Workspace. It fails if the named kernel set is unknown or this CPU lacks its instructions.
func New(options Options) (*Workspace, error) {
	name := options.Set
	if name == "" {
		name = os.Getenv(kernels.EnvironmentVariable)
	}
	chosen, err := kernels.Find(name)
	if err != nil {
		return nil, err
	}
	threads := options.Threads
	if threads < 0 {
		return nil, fmt.Errorf("threads is %d: give a number above 0, or 0 for one thread per CPU", threads)
	}
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	ws := &Workspace{set: chosen, threads: threads, workers: make([]workerState, threads), helpers: make([]helper, threads-1)}
	for i := range ws.helpers {
		ws.helpers[i].run = func() { ws.help(i) }
	}
	return ws, nil
}

// Set returns the name of the kernel set in use.
func (ws *Workspace) Set() string { return ws.set.Name }

// Kernels returns the kernel set in use.
func (ws *Workspace) Kernels() *kernels.Set { return ws.set }

// Threads returns the number of goroutines that share the work of one operation.
func (ws *Workspace) Threads() int { return ws.threads }

// scratch returns n floats of memory private to the worker, with arbitrary contents.
func (w *workerState) scratch(n int) []float32 {
	w.buffer = grow(w.buffer, n)
	return w.buffer[:n]
}

// grow returns s with room for n elements; contents are not kept when it has to be replaced.
func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:cap(s)]
}

// checkLength panics if s has fewer than n elements: kernels index without further checks.
func checkLength[T any](operation, name string, s []T, n int) {
	if len(s) < n {
		panic(fmt.Sprintf("kernels: %s: %s has %d elements, its shape needs %d", operation, name, len(s), n))
	}
}

// ceilDiv returns ⌈a/b⌉ for a ≥ 0, b > 0.
func ceilDiv(a, b int) int { return (a + b - 1) / b }
