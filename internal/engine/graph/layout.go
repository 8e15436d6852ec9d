// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"fmt"
	"slices"
)

// alignment is the granularity of buffers: 16 floats are a cache line.
const alignment = 16

// layout gives each value that is computed at run time its place in memory and returns the size of that memory, in
// floats. A buffer is given to another value once its last reader has run; inputs are there from the start, outputs stay
// to the end. It is an error if more than limit is needed.
func layout(instructions []*instruction, inputs, outputs []*value, limit int64) (int, error) {
	markLastUses(instructions, outputs)
	a := arena{limit: limit}
	for _, v := range inputs {
		if err := a.place(v); err != nil {
			return 0, fmt.Errorf("input %q: %w", v.name, err)
		}
	}
	for i, in := range instructions {
		for _, v := range in.written() {
			if v.viewOf != nil {
				continue
			}
			if err := a.place(v); err != nil {
				return 0, in.node.Errorf("output: %w", err)
			}
		}
		for _, v := range in.buffers() {
			if v.constant == nil && v.owner().lastUse == i {
				a.release(v.owner())
				v.owner().lastUse = released
			}
		}
	}
	return a.size, nil
}

// markLastUses sets lastUse of every buffer: the position of its last reader, or of its producer if nothing reads it.
func markLastUses(instructions []*instruction, outputs []*value) {
	for i, in := range instructions {
		for _, v := range in.buffers() {
			v.owner().lastUse = i
		}
	}
	for _, v := range outputs {
		v.owner().lastUse = len(instructions)
	}
}

// arena hands out places in a stretch of memory that grows as needed.
type arena struct {
	size  int
	limit int64
	// free are the gaps in order, none next to another.
	free []span
}

// span is a stretch of memory from start to before end.
type span struct{ start, end int }

// place gives v the first gap that is large enough, or grows the memory.
func (a *arena) place(v *value) error {
	size := max((v.size()+alignment-1)/alignment*alignment, alignment)
	for i, gap := range a.free {
		if gap.end-gap.start < size {
			continue
		}
		v.offset = gap.start
		if a.free[i].start += size; a.free[i].start == gap.end {
			a.free = slices.Delete(a.free, i, i+1)
		}
		return nil
	}
	start := a.size
	if n := len(a.free); n > 0 && a.free[n-1].end == a.size {
		start = a.free[n-1].start
		a.free = a.free[:n-1]
	}
	if int64(start)+int64(size) > a.limit {
		return fmt.Errorf("an inference takes more than %d bytes of memory", a.limit*floatBytes)
	}
	v.offset, a.size = start, start+size
	return nil
}

// released is the lastUse of a buffer that has been given back, so that an instruction that names it twice does so once.
const released = -1

// release returns the place of v.
func (a *arena) release(v *value) {
	size := max((v.size()+alignment-1)/alignment*alignment, alignment)
	gap := span{start: v.offset, end: v.offset + size}
	i, _ := slices.BinarySearchFunc(a.free, gap, func(x, y span) int { return x.start - y.start })
	a.free = slices.Insert(a.free, i, gap)
	if i+1 < len(a.free) && a.free[i].end == a.free[i+1].start {
		a.free[i].end = a.free[i+1].end
		a.free = slices.Delete(a.free, i+1, i+2)
	}
	if i > 0 && a.free[i-1].end == a.free[i].start {
		a.free[i-1].end = a.free[i].end
		a.free = slices.Delete(a.free, i, i+1)
	}
}
