// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package kernels holds the inner loops that make a network's input of a picture, for each instruction set. All sets make the
// same bits, whatever their operands: what a model was trained on must not depend on the CPU. The portable one is their
// definition; the assembly is written by the generators of internal/engine/kernels/gen.
package kernels

//go:generate go -C ../../engine/kernels/gen/amd64 run . -pictures -pkg kernels -out ../../../../preprocess/kernels/avx2_amd64.s -stubs ../../../../preprocess/kernels/avx2_amd64.go

import "os"

// EnvironmentVariable forces the portable set, as it does in the engine, if it is "portable".
const EnvironmentVariable = "TRAINYARD_KERNELS"

const (
	// BlockSide is the side of a JPEG's blocks.
	BlockSide = 8
	// BlockLen is the number of a block's coefficients.
	BlockLen = BlockSide * BlockSide

	channels = 3
)

// Set is the loops for one instruction set.
type Set struct {
	Name      string
	Supported func() bool

	// InverseDCT dequantizes a block, in natural order, and writes its 8×8 samples to rows of dst that are stride bytes
	// apart. It is libjpeg's "islow".
	InverseDCT func(dst []uint8, stride int, block *[BlockLen]int16, quant *[BlockLen]int32)

	// InverseDCT4 and InverseDCT2 make 4×4 and 2×2 samples of a block, as libjpeg does for pictures of half and of a quarter of
	// the size.
	InverseDCT4, InverseDCT2 func(dst []uint8, stride int, block *[BlockLen]int16, quant *[BlockLen]int32)

	// SmoothAcross doubles a row of 2 samples or more: each output is 3/4 of the nearer sample and 1/4 of the further one,
	// rounded up and down in turn.
	SmoothAcross func(dst, in []uint8)
	// SmoothRows makes a row of the nearest and the next nearest: (3·nearest + next + bias) / 4.
	SmoothRows func(dst, nearest, next []uint8, bias int)
	// SmoothBoth doubles a row of 3 samples or more and smoothes between rows too: weights of 9, 3, 3 and 1 sixteenth.
	SmoothBoth func(dst, nearest, next []uint8)

	// ConvertYCC makes RGB of a row of YCbCr (JFIF 1.02, section 7), rounded as libjpeg does.
	ConvertYCC func(rgb, luma, cb, cr []uint8)

	// WeighRows adds to each sum its value in each row of rows, whose starts are stride bytes apart, times the row's weight:
	// one row after the other, and rounded in between. The number of sums is a multiple of Lanes.
	WeighRows func(sums []float32, rows []uint8, stride int, weights []float32)
	// FilterRow makes a row of RGB of sums, by a filter with Padding values behind its last pixel.
	FilterRow func(dst []uint8, sums []float32, filter *Filter)
}

// Lanes divides the length of rows that are weighed.
const Lanes = 32

// sets lists the implementations in the order of choice.
var sets = append(architectureSets, &portableSet)

// Sets returns those that this CPU can run, in the order of choice: the portable one comes last.
func Sets() []*Set {
	var supported []*Set
	for _, s := range sets {
		if s.Supported() {
			supported = append(supported, s)
		}
	}
	return supported
}

// Chosen is the set in use.
var Chosen = choose(os.Getenv(EnvironmentVariable))

func choose(name string) *Set {
	if name == portableSet.Name {
		return &portableSet
	}
	return Sets()[0]
}
