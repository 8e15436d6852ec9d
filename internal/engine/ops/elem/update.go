// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package elem

import (
	"math"

	"github.com/trainyard-dev/trainyard/internal/engine/exec"
)

// SGD are the constants of a step of stochastic gradient descent.
type SGD struct {
	LearningRate, Momentum, WeightDecay float32
	Nesterov                            bool
}

// Adam are the constants of a step of Adam or AdamW.
type Adam struct {
	LearningRate, Beta1, Beta2, Epsilon, WeightDecay float32
	// Decoupled shrinks the weights by LearningRate·WeightDecay (AdamW) instead of adding WeightDecay·w to the gradient.
	Decoupled bool
	// Step counts from 1.
	Step int
}

// updateArgs are the arguments of one optimizer step on one parameter.
type updateArgs struct {
	sgd                    SGD
	adam                   Adam
	w, g, first, second    []float32
	stepSize, secondFactor float32
}

// UpdateSGD makes one step on the weights w with gradient g, as torch.optim.SGD does: g += weightDecay·w; velocity =
// momentum·velocity + g; w -= learningRate·velocity. velocity starts at zero and is not used if the momentum is 0.
func UpdateSGD(ws *exec.Workspace, constants SGD, w, g, velocity []float32) {
	exec.CheckLength("sgd", "g", g, len(w))
	if constants.Momentum != 0 {
		exec.CheckLength("sgd", "velocity", velocity, len(w))
	}
	states.Of(ws).update = updateArgs{sgd: constants, w: w, g: g, first: velocity}
	ws.Run(exec.CeilDiv(len(w), vectorPart), sgdPart)
}

func sgdPart(ws *exec.Workspace, _, part int) {
	u := &states.Of(ws).update
	c := &u.sgd
	for i := part * vectorPart; i < min(len(u.w), (part+1)*vectorPart); i++ {
		g := u.g[i] + c.WeightDecay*u.w[i]
		if c.Momentum != 0 {
			v := c.Momentum*u.first[i] + g
			u.first[i] = v
			if c.Nesterov {
				g += c.Momentum * v
			} else {
				g = v
			}
		}
		u.w[i] -= c.LearningRate * g
	}
}

// UpdateAverage moves an exponential moving average by a share of its distance to w: average += share·(w - average).
func UpdateAverage(ws *exec.Workspace, share float32, w, average []float32) {
	exec.CheckLength("average", "average", average, len(w))
	states.Of(ws).update = updateArgs{w: w, first: average, stepSize: share}
	ws.Run(exec.CeilDiv(len(w), vectorPart), averagePart)
}

func averagePart(ws *exec.Workspace, _, part int) {
	u := &states.Of(ws).update
	for i := part * vectorPart; i < min(len(u.w), (part+1)*vectorPart); i++ {
		u.first[i] += u.stepSize * (u.w[i] - u.first[i])
	}
}

// UpdateAdam makes one step on the weights w with gradient g, as torch.optim.Adam and AdamW do:
// first = β₁·first + (1-β₁)·g; second = β₂·second + (1-β₂)·g²;
// w -= learningRate/(1-β₁ᵗ) · first / (√second/√(1-β₂ᵗ) + ε). Both moments start at zero.
func UpdateAdam(ws *exec.Workspace, constants Adam, w, g, first, second []float32) {
	exec.CheckLength("adam", "g", g, len(w))
	exec.CheckLength("adam", "first", first, len(w))
	exec.CheckLength("adam", "second", second, len(w))
	step := float64(constants.Step)
	states.Of(ws).update = updateArgs{
		adam: constants, w: w, g: g, first: first, second: second,
		stepSize:     float32(float64(constants.LearningRate) / (1 - math.Pow(float64(constants.Beta1), step))),
		secondFactor: float32(1 / math.Sqrt(1-math.Pow(float64(constants.Beta2), step))),
	}
	ws.Run(exec.CeilDiv(len(w), vectorPart), adamPart)
}

func adamPart(ws *exec.Workspace, _, part int) {
	u := &states.Of(ws).update
	c := &u.adam
	for i := part * vectorPart; i < min(len(u.w), (part+1)*vectorPart); i++ {
		w, g := u.w[i], u.g[i]
		if c.Decoupled {
			w -= c.LearningRate * c.WeightDecay * w
		} else {
			g += c.WeightDecay * w
		}
		m := u.first[i] + (1-c.Beta1)*(g-u.first[i])
		v := c.Beta2*u.second[i] + (1-c.Beta2)*g*g
		u.first[i], u.second[i] = m, v
		u.w[i] = w - u.stepSize*m/(float32(math.Sqrt(float64(v)))*u.secondFactor+c.Epsilon)
	}
}
