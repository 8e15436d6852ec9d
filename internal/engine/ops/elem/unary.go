// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package elem

import (
	"math"

	"github.com/trainyard-dev/trainyard/internal/engine/exec"
)

// vectorPart is the number of elements that one part of an elementwise operation handles.
const vectorPart = 1 << 14

// Unary is an elementwise function of one argument. Alpha and beta are the parameters of those that have some.
type Unary int

// The elementwise functions, as the ONNX operators of the same names define them.
const (
	ReLU        Unary = iota // max(0, x)
	LeakyReLU                // x, or alpha·x if x < 0
	ELU                      // x, or alpha·(eˣ-1) if x < 0
	Clip                     // min(max(x, alpha), beta)
	Sigmoid                  // 1/(1+e⁻ˣ)
	HardSigmoid              // min(max(alpha·x+beta, 0), 1)
	HardSwish                // x·min(max(x/6+½, 0), 1)
	SiLU                     // x/(1+e⁻ˣ)
	GELU                     // x·Φ(x), exactly (by erf)
	Tanh
	Exp
	Log
	Sqrt
	Erf
	Softplus // log(1+eˣ)
	Reciprocal
	Negate
	Absolute
	Floor
	Ceil
	Affine // alpha·x + beta
	unaryCount
)

// vectorArgs are the arguments of one elementwise operation.
type vectorArgs struct {
	op          Unary
	x, y, z     []float32
	alpha, beta float32
	seed        uint64
}

// Apply computes y[i] = op(x[i]) for every element of x. y may be x.
func Apply(ws *exec.Workspace, op Unary, alpha, beta float32, x, y []float32) {
	if op < 0 || op >= unaryCount {
		panic("engine: unknown unary operation")
	}
	exec.CheckLength("unary", "y", y, len(x))
	states.Of(ws).vector = vectorArgs{op: op, alpha: alpha, beta: beta, x: x, y: y}
	ws.Run(exec.CeilDiv(len(x), vectorPart), unaryPart)
}

func unaryPart(ws *exec.Workspace, _, part int) {
	v := &states.Of(ws).vector
	x := v.x[part*vectorPart : min(len(v.x), (part+1)*vectorPart)]
	y := v.y[part*vectorPart:][:len(x)]
	switch v.op {
	case ReLU:
		ws.Kernels().ReLU(y, x)
	case Affine:
		ws.Kernels().Affine(y, x, v.alpha, v.beta)
	case Clip:
		ws.Kernels().Clip(y, x, v.alpha, v.beta)
	case LeakyReLU:
		for i, a := range x {
			if a < 0 {
				a *= v.alpha
			}
			y[i] = a
		}
	case HardSigmoid:
		for i, a := range x {
			y[i] = min(max(v.alpha*a+v.beta, 0), 1)
		}
	case HardSwish:
		for i, a := range x {
			y[i] = a * min(max(a*(1.0/6)+0.5, 0), 1)
		}
	case Negate:
		for i, a := range x {
			y[i] = -a
		}
	case Reciprocal:
		for i, a := range x {
			y[i] = 1 / a
		}
	default:
		for i, a := range x {
			y[i] = float32(unaryFloat64(v.op, float64(a), float64(v.alpha)))
		}
	}
}

// unaryFloat64 computes the functions that need the mathematical library.
func unaryFloat64(op Unary, x, alpha float64) float64 {
	switch op {
	case ELU:
		if x < 0 {
			return alpha * math.Expm1(x)
		}
		return x
	case Sigmoid:
		return 1 / (1 + math.Exp(-x))
	case SiLU:
		return x / (1 + math.Exp(-x))
	case GELU:
		return 0.5 * x * (1 + math.Erf(x/math.Sqrt2))
	case Tanh:
		return math.Tanh(x)
	case Exp:
		return math.Exp(x)
	case Log:
		return math.Log(x)
	case Sqrt:
		return math.Sqrt(x)
	case Erf:
		return math.Erf(x)
	case Softplus:
		return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x)))
	case Absolute:
		return math.Abs(x)
	case Floor:
		return math.Floor(x)
	case Ceil:
		return math.Ceil(x)
	}
	panic("engine: unknown unary operation")
}

// ReLUBackward computes dx = dy where the output y of ReLU is positive, else 0. dx may be dy.
func ReLUBackward(ws *exec.Workspace, y, dy, dx []float32) {
	exec.CheckLength("relu backward", "y", y, len(dy))
	exec.CheckLength("relu backward", "dx", dx, len(dy))
	states.Of(ws).vector = vectorArgs{x: y, y: dy, z: dx}
	ws.Run(exec.CeilDiv(len(dy), vectorPart), reluBackwardPart)
}

func reluBackwardPart(ws *exec.Workspace, _, part int) {
	v := &states.Of(ws).vector
	dy := v.y[part*vectorPart : min(len(v.y), (part+1)*vectorPart)]
	ws.Kernels().ReLUBackward(v.z[part*vectorPart:][:len(dy)], v.x[part*vectorPart:][:len(dy)], dy)
}
