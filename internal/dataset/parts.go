// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dataset

// Part is a part of a split.
type Part uint8

// The parts. PartNone is that of files whose source isn't split.
const (
	PartNone Part = iota
	PartTrain
	PartValidation
	PartTest
)

func (p Part) String() string {
	return [...]string{"none", "training", "validation", "test"}[p]
}
