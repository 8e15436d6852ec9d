// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

import "golang.org/x/sys/cpu"

// vnniSet is avx2Set, to the same bits, with avx512Set's products of 8 bits. Those are sums of integers: their bits are the
// same in all sets.
var vnniSet = withProductsByVNNI(avx2Set)

func withProductsByVNNI(s Set) Set {
	s.Name = "vnni"
	s.Supported = func() bool { return avx512Set.Supported() && cpu.X86.HasAVX512VNNI }
	s.Quantized = avx512Set.Quantized
	return s
}
