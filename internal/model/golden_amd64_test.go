// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"math"
	"slices"
	"testing"

	"golang.org/x/sys/cpu"

	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
	"github.com/trainyard-dev/trainyard/internal/engine/nn"
)

// A checkpoint goes on to the same bits only while training computes what it always has: weights, statistics and the
// optimizer's moments after three steps, and the logits of inference with them.
func TestTrainingDigests(t *testing.T) {
	if !cpu.X86.HasFMA {
		t.Skip("math.Exp rounds differently on CPUs without FMA")
	}
	avx2 := map[string]string{
		"BaselineCNN": "f266753f33e3fa05a0063b36ce0b84f97a365c60dfd168f8286693ef141a751c",
		"SimpleCNN":   "9052d945e604cc591dba92aab11abf70b4ffd485ba312d4ea0a6b75497c8f6a9",
	}
	for set, want := range map[string]map[string]string{
		"portable": {
			"BaselineCNN": "61504a73dd36e1ea33b71feae5ebb429eca440aadc8d414631805f48ddf62285",
			"SimpleCNN":   "aaf7b15b02c580b49df582acb50e2903798ae5fee0615862661c98b151cc5d5c",
		},
		"avx2": avx2,
		"vnni": avx2,
	} {
		if !slices.Contains(kernels.Names(), set) {
			continue
		}
		t.Run(set, func(t *testing.T) {
			t.Setenv(kernels.EnvironmentVariable, set)
			for architecture, digest := range want {
				if got := trainingDigest(t, architecture); got != digest {
					t.Errorf("%s: digest is %s, want %s", architecture, got, digest)
				}
			}
		})
	}
}

// trainingDigest returns a digest of what three steps of training leave.
func trainingDigest(t *testing.T, architecture string) string {
	t.Helper()
	x, labels := syntheticBatch(6, 44) // odd sizes after pooling
	n := newTestNetwork(t, Config{Architecture: architecture, Classes: 2, ImageSize: 44, Dropout: 0.2, Seed: 3, Threads: 2})
	o := newAdam(t, n)
	trainSteps(n, o, x, labels, 3)
	state := nn.NewState()
	n.Save(state)
	o.Save(state)
	state.Save("logits", n.Forward(x, false))
	hash := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(state.Tensors)) {
		hash.Write([]byte(name))
		for _, v := range state.Tensors[name].Data {
			hash.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(v)))
		}
	}
	return hex.EncodeToString(hash.Sum(nil))
}
