// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package nn

import "math"

// clipGuard keeps a norm of 0 from being divided by, as in torch.nn.utils.clip_grad_norm_.
const clipGuard = 1e-6

// ClipGradients scales the gradients of all parameters, so that their norm together is at most the given one, and returns
// what it was. The sum is of doubles in the order of the parameters: it doesn't depend on the number of threads.
func ClipGradients(params []*Param, most float64) (norm float64) {
	sum := 0.0
	for _, p := range params {
		for _, g := range p.Grad.Data {
			sum += float64(g) * float64(g)
		}
	}
	norm = math.Sqrt(sum)
	scale := most / (norm + clipGuard)
	if !(scale < 1) {
		return norm
	}
	for _, p := range params {
		for i := range p.Grad.Data {
			p.Grad.Data[i] *= float32(scale)
		}
	}
	return norm
}
