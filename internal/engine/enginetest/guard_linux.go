// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"syscall"
	"testing"
	"unsafe"
)

const floatBytes = 4

// Guarded returns n floats that end exactly where an unreadable page begins, or, if atStart is set, begin exactly where
// one ends: an access beyond kills the test.
func Guarded(t *testing.T, n int, atStart bool) []float32 {
	t.Helper()
	page := syscall.Getpagesize()
	size := (max(n, 1)*floatBytes + page - 1) / page * page
	memory, err := syscall.Mmap(-1, 0, size+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Munmap(memory); err != nil {
			t.Error(err)
		}
	})
	for _, guard := range [][]byte{memory[:page], memory[page+size:]} {
		if err := syscall.Mprotect(guard, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	start := page + size - n*floatBytes
	if atStart {
		start = page
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(&memory[start])), n)
}

// GuardedCopy returns a guarded copy of s.
func GuardedCopy(t *testing.T, s []float32, atStart bool) []float32 {
	t.Helper()
	g := Guarded(t, len(s), atStart)
	copy(g, s)
	return g
}

// GuardedDoubles returns n float64 as guarded does.
func GuardedDoubles(t *testing.T, n int, atStart bool) []float64 {
	t.Helper()
	return unsafe.Slice((*float64)(unsafe.Pointer(unsafe.SliceData(Guarded(t, 2*n, atStart)))), n)
}

// GuardedBytes returns n bytes as guarded does.
func GuardedBytes(t *testing.T, n int, atStart bool) []uint8 {
	t.Helper()
	floats := Guarded(t, (n+floatBytes-1)/floatBytes, atStart)
	bytes := unsafe.Slice((*uint8)(unsafe.Pointer(unsafe.SliceData(floats))), len(floats)*floatBytes)
	if atStart {
		return bytes[:n]
	}
	return bytes[len(bytes)-n:]
}
