// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package exec

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
)

// Options configures a Workspace. The zero value is the right choice for most callers.
type Options struct {
	// Set names the kernel set. Empty means the value of TRAINYARD_KERNELS, or else the first of kernels.Names, whose bits are the
	// same on all CPUs of an architecture.
	Set string
	// Fastest asks for the set that is fastest on this CPU instead of the first one, if neither Set nor TRAINYARD_KERNELS names one.
	Fastest bool
	// Threads is the number of goroutines that share the work of one operation; 0 means GOMAXPROCS.
	Threads int
}

// Workspace runs operations with one kernel set and a fixed number of threads, and owns their scratch memory.
// It serves one caller at a time.
type Workspace struct {
	kernels *kernels.Set
	workers []Worker
	states  []any // of the packages of operations, by the index of their State

	part     Part
	parts    int64
	nextPart atomic.Int64
	helpers  []helper // of the other threads
	working  atomic.Int64
	done     sync.WaitGroup
}

// New returns a Workspace. It fails if the named kernel set is unknown or this CPU lacks its instructions.
func New(options Options) (*Workspace, error) {
	chosen, err := chooseKernels(options)
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
	ws := &Workspace{kernels: chosen, workers: make([]Worker, threads), helpers: make([]helper, threads-1)}
	for i := range ws.helpers {
		ws.helpers[i].run = func() { ws.help(i) }
	}
	return ws, nil
}

// chooseKernels returns the kernel set that options ask for.
func chooseKernels(options Options) (*kernels.Set, error) {
	name := cmp.Or(options.Set, os.Getenv(kernels.EnvironmentVariable))
	if name == "" && options.Fastest {
		return kernels.Fastest(), nil
	}
	return kernels.Find(name)
}

// Set returns the name of the kernel set in use.
func (ws *Workspace) Set() string { return ws.kernels.Name }

// Kernels returns the kernel set in use.
func (ws *Workspace) Kernels() *kernels.Set { return ws.kernels }

// Threads returns the number of goroutines that share the work of one operation.
func (ws *Workspace) Threads() int { return len(ws.workers) }

// Worker returns the scratch memory of a thread, below Threads, as a Part is told its number.
func (ws *Workspace) Worker(worker int) *Worker { return &ws.workers[worker] }
