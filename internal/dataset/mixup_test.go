// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestMixturesAreTorchvisions(t *testing.T) {
	compared := 0
	for _, r := range readAugmentation(t).Mixed {
		got := slices.Clone(r.Images)
		mixUp(got, 3, r.Share, make([]float32, 3))
		for i, want := range r.Mixed {
			if compared++; !(math.Abs(float64(got[i]-want)) <= 1e-6) {
				t.Errorf("by %v, value %d of %v is %v, want %v", r.Share, i, r.Images, got[i], want)
			}
		}
	}
	if compared < 24 {
		t.Errorf("%d values compared: the recording is cut short", compared)
	}
}

// The beta distribution of alpha and alpha has the mean 1/2 and the variance 1/(8·alpha + 4).
func TestSharesAreBetaDistributed(t *testing.T) {
	const count = 20_000
	for _, alpha := range []float64{0.01, 0.2, 1, 4} {
		var sum, squares float64
		for step := range uint64(count) {
			share := float64(mixUpShare(alpha, 1, 2, step))
			if !(share >= 0 && share <= 1) {
				t.Fatalf("with alpha %v a share is %v", alpha, share)
			}
			sum += share
			squares += (share - 0.5) * (share - 0.5)
		}
		variance := 1 / (8*alpha + 4)
		if mean := sum / count; math.Abs(mean-0.5) > 5*math.Sqrt(variance/count) {
			t.Errorf("with alpha %v the mean is %v", alpha, mean)
		}
		if got := squares / count; math.Abs(got/variance-1) > 0.05 {
			t.Errorf("with alpha %v the variance is %v, want %v", alpha, got, variance)
		}
	}
}

func TestSharesFollowFromSeedEpochAndStep(t *testing.T) {
	share := mixUpShare(1, 1, 2, 3)
	if again := mixUpShare(1, 1, 2, 3); again != share {
		t.Errorf("shares of the same step are %v and %v", share, again)
	}
	for name, other := range map[string]float32{"seed": mixUpShare(1, 9, 2, 3), "epoch": mixUpShare(1, 1, 9, 3), "step": mixUpShare(1, 1, 2, 9)} {
		if other == share {
			t.Errorf("another %s gives the same share", name)
		}
	}
	if v := logGamma(rand.New(rand.NewPCG(1, 1)), 0.001); math.IsInf(v, 0) || math.IsNaN(v) {
		t.Errorf("the logarithm of a number of a small shape is %v", v)
	}
}

// A batch says by how much its images are mixed, and is mixed alike wherever an epoch is begun.
func TestLoaderMixes(t *testing.T) {
	d := open(t, classTree(t, 5, "a", "b"), testOptions())
	whole := func(mixUp float64, first int) (images [][]float32, shares []float32) {
		loader, err := NewLoader(d.All(), LoaderConfig{BatchSize: 4, Workers: 2, Shuffle: true, Seed: 7, MixUp: mixUp})
		if err != nil {
			t.Fatal(err)
		}
		for batch, err := range loader.Epoch(t.Context(), 1, first) {
			if err != nil {
				t.Fatal(err)
			}
			images, shares = append(images, slices.Clone(batch.Images)), append(shares, batch.Share)
		}
		return images, shares
	}
	plain, ones := whole(0, 0)
	mixed, shares := whole(1, 0)
	if !slices.Equal(ones, []float32{1, 1, 1}) || slices.Contains(shares, 1) {
		t.Errorf("shares are %v, mixed %v", ones, shares)
	}
	length := d.preprocess.TensorLen()
	for step, images := range mixed {
		want := slices.Clone(plain[step])
		mixUp(want, length, shares[step], make([]float32, length))
		if !slices.Equal(images, want) {
			t.Errorf("batch %d isn't mixed by %v", step, shares[step])
		}
	}
	if later, _ := whole(1, 2); !slices.Equal(later[0], mixed[2]) {
		t.Error("a batch differs where the epoch begins in its midst")
	}
	for _, alpha := range []float64{-1, math.NaN()} {
		if _, err := NewLoader(d.All(), LoaderConfig{BatchSize: 4, MixUp: alpha}); err == nil {
			t.Errorf("alpha %v is accepted", alpha)
		}
	}
}
