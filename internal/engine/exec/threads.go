// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package exec

import (
	"runtime"
	"sync/atomic"
)

// An operation may take less time than it takes to wake a sleeping thread, and a model consists of a hundred of them. So the
// goroutines that help with one stay awake for a moment to help with the next, and then end: a workspace that is not in use
// holds no goroutine.

// helper is what another thread of a workspace is doing.
type helper struct {
	state atomic.Int32
	run   func()
	_     [64 - 16]byte // helpers watch their state, each in a line of the cache of its own
}

// The states of a helper. The workspace's caller makes it work, it makes itself wait and end.
const (
	helperEnded int32 = iota
	helperWaits
	helperWorks
)

const (
	// wakefulness is how often a waiting thread looks for work, or for the end of others' work, before it gives up: for
	// some ten microseconds.
	wakefulness = 20_000
	// yieldInterval is how often it looks before it lets other goroutines have their turn.
	yieldInterval = 1_000
)

// Part does one part of an operation. worker is below the number of threads and names the scratch memory to use.
type Part func(ws *Workspace, worker, part int)

// Run calls part for 0 ≤ i < parts, on up to ws.Threads goroutines, and returns when all are done.
func (ws *Workspace) Run(parts int, part Part) {
	helpers := min(len(ws.workers), parts) - 1
	if helpers < 1 {
		for i := range parts {
			part(ws, 0, i)
		}
		return
	}
	ws.part, ws.parts = part, int64(parts)
	ws.nextPart.Store(0)
	ws.working.Store(int64(helpers))
	ws.done.Add(helpers)
	for i := range helpers {
		h := &ws.helpers[i]
		if !h.state.CompareAndSwap(helperWaits, helperWorks) {
			h.state.Store(helperWorks)
			go h.run()
		}
	}
	ws.work(0)
	await(func() bool { return ws.working.Load() == 0 })
	ws.done.Wait()
}

// help is what the goroutine of helper i does.
func (ws *Workspace) help(i int) {
	h := &ws.helpers[i]
	for {
		ws.work(i + 1)
		h.state.Store(helperWaits)
		ws.working.Add(-1)
		ws.done.Done()
		if !await(func() bool { return h.state.Load() == helperWorks }) && h.state.CompareAndSwap(helperWaits, helperEnded) {
			return
		}
	}
}

// await looks at a condition until it holds or the thread has been awake for long enough, and reports whether it holds.
func await(condition func() bool) bool {
	for i := range wakefulness {
		if condition() {
			return true
		}
		if i%yieldInterval == yieldInterval-1 {
			runtime.Gosched()
		}
	}
	return false
}

// work takes parts until none is left.
func (ws *Workspace) work(worker int) {
	for {
		i := ws.nextPart.Add(1) - 1
		if i >= ws.parts {
			return
		}
		ws.part(ws, worker, int(i))
	}
}
