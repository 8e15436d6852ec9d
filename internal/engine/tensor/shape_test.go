// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package tensor

import (
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/enginetest"
)

func TestConvShapeValidate(t *testing.T) {
	valid := ConvShape{
		Batch: 2, InChannels: 3, InHeight: 16, InWidth: 16, OutChannels: 32, KernelH: 3, KernelW: 3,
		PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1,
	}
	change := func(f func(*ConvShape)) ConvShape { s := valid; f(&s); return s }
	for name, tc := range map[string]struct {
		shape ConvShape
		want  string
	}{
		"valid":         {valid, ""},
		"no channels":   {change(func(s *ConvShape) { s.InChannels = 0 }), "input channels is 0"},
		"negative pad":  {change(func(s *ConvShape) { s.PadLeft = -1 }), "a pad is negative"},
		"groups":        {change(func(s *ConvShape) { s.Groups = 2 }), "do not divide into 2 groups"},
		"kernel larger": {change(func(s *ConvShape) { s.KernelH = 30 }), "kernel 30×3 is larger than the padded input 18×18"},
	} {
		t.Run(name, func(t *testing.T) { enginetest.ExpectError(t, tc.shape.Validate(), tc.want) })
	}
}

func TestPoolShapeValidate(t *testing.T) {
	for name, tc := range map[string]struct {
		shape PoolShape
		want  string
	}{
		"no height":      {PoolShape{Batch: 1, Channels: 1, InWidth: 1, KernelH: 1, KernelW: 1}, "input height is 0"},
		"negative pad":   {PoolShape{Batch: 1, Channels: 1, InHeight: 1, InWidth: 1, KernelH: 1, KernelW: 1, PadTop: -1}, "a pad is negative"},
		"only padding":   {PoolShape{Batch: 1, Channels: 1, InHeight: 4, InWidth: 4, KernelH: 2, KernelW: 2, PadLeft: 2}, "padding only"},
		"kernel too big": {PoolShape{Batch: 1, Channels: 1, InHeight: 4, InWidth: 4, KernelH: 5, KernelW: 2}, "larger than the padded input 4×4"},
	} {
		t.Run(name, func(t *testing.T) { enginetest.ExpectError(t, tc.shape.Validate(), tc.want) })
	}
}
