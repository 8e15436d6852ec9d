// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package kernels is a table of the engine's inner loops for each instruction set, and what the loops and the operations
// that call them must agree on. It is the only place with assembly, which the generators in gen write.
//
// "portable" is plain Go, runs everywhere and is the reference that the other sets are tested against. The first set that
// the CPU supports is chosen at run time, or the fastest one where that is asked for; TRAINYARD_KERNELS=portable|avx2|vnni|avx512|neon forces one.
package kernels
