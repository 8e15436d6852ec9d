// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package elem

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/engine/enginetest"
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/exec/exectest"
)

func TestUnary(t *testing.T) {
	x := []float32{-3, -0.5, 0, 0.25, 1, 4}
	sigmoid := func(v float64) float64 { return 1 / (1 + math.Exp(-v)) }
	cases := map[string]struct {
		op          Unary
		alpha, beta float32
		want        func(float64) float64
	}{
		"ReLU":        {ReLU, 0, 0, func(v float64) float64 { return max(v, 0) }},
		"LeakyReLU":   {LeakyReLU, 0.1, 0, func(v float64) float64 { return max(v, 0.1*v) }},
		"ELU":         {ELU, 2, 0, func(v float64) float64 { return max(v, 0) + min(2*(math.Exp(v)-1), 0) }},
		"Clip":        {Clip, -1, 3, func(v float64) float64 { return min(max(v, -1), 3) }},
		"Sigmoid":     {Sigmoid, 0, 0, sigmoid},
		"HardSigmoid": {HardSigmoid, 0.2, 0.5, func(v float64) float64 { return min(max(0.2*v+0.5, 0), 1) }},
		"HardSwish":   {HardSwish, 0, 0, func(v float64) float64 { return v * min(max(v/6+0.5, 0), 1) }},
		"SiLU":        {SiLU, 0, 0, func(v float64) float64 { return v * sigmoid(v) }},
		"GELU":        {GELU, 0, 0, func(v float64) float64 { return v * (1 + math.Erf(v/math.Sqrt2)) / 2 }},
		"Tanh":        {Tanh, 0, 0, math.Tanh},
		"Exp":         {Exp, 0, 0, math.Exp},
		"Log":         {Log, 0, 0, math.Log},
		"Sqrt":        {Sqrt, 0, 0, math.Sqrt},
		"Erf":         {Erf, 0, 0, math.Erf},
		"Softplus":    {Softplus, 0, 0, func(v float64) float64 { return math.Log(1 + math.Exp(v)) }},
		"Reciprocal":  {Reciprocal, 0, 0, func(v float64) float64 { return 1 / v }},
		"Negate":      {Negate, 0, 0, func(v float64) float64 { return -v }},
		"Absolute":    {Absolute, 0, 0, math.Abs},
		"Floor":       {Floor, 0, 0, math.Floor},
		"Ceil":        {Ceil, 0, 0, math.Ceil},
		"Affine":      {Affine, 2, -1, func(v float64) float64 { return 2*v - 1 }},
	}
	if len(cases) != int(unaryCount) {
		t.Errorf("%d operations are tested, there are %d: add the others", len(cases), unaryCount)
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			exectest.ForEachSet(t, func(t *testing.T, ws *exec.Workspace) {
				y := make([]float32, len(x))
				Apply(ws, tc.op, tc.alpha, tc.beta, x, y)
				for i, v := range x {
					want := float32(tc.want(float64(v)))
					if same := want != want && y[i] != y[i] || want == y[i]; !same && !(math.Abs(float64(want-y[i])) < 1e-6) {
						t.Errorf("f(%v) = %v, want %v", v, y[i], want)
					}
				}
			})
		})
	}
}

func TestReLUBackward(t *testing.T) {
	exectest.ForEachSet(t, func(t *testing.T, ws *exec.Workspace) {
		const n = 37
		y, dy, dx, want := enginetest.RandomSlice(n, 1), enginetest.RandomSlice(n, 2), make([]float32, n), make([]float32, n)
		for i := range y {
			y[i] = max(y[i], 0)
			if y[i] > 0 {
				want[i] = dy[i]
			}
		}
		ReLUBackward(ws, y, dy, dx)
		enginetest.ExpectClose(t, "dx", dx, want, 0)
	})
}

func TestBinary(t *testing.T) {
	for name, tc := range map[string]struct {
		op             Binary
		shapeA, shapeB []int
		a, b, want     []float32
	}{
		"same shape":         {Add, []int{2, 2}, []int{2, 2}, []float32{1, 2, 3, 4}, []float32{10, 20, 30, 40}, []float32{11, 22, 33, 44}},
		"scalar":             {Multiply, []int{2, 2}, []int{}, []float32{1, 2, 3, 4}, []float32{3}, []float32{3, 6, 9, 12}},
		"row":                {Subtract, []int{2, 3}, []int{3}, []float32{1, 2, 3, 4, 5, 6}, []float32{1, 1, 2}, []float32{0, 1, 1, 3, 4, 4}},
		"column":             {Divide, []int{2, 3}, []int{2, 1}, []float32{2, 4, 6, 9, 12, 15}, []float32{2, 3}, []float32{1, 2, 3, 3, 4, 5}},
		"both repeat":        {Add, []int{2, 1}, []int{1, 3}, []float32{10, 20}, []float32{1, 2, 3}, []float32{11, 12, 13, 21, 22, 23}},
		"channel of images":  {Add, []int{2, 2, 1, 2}, []int{1, 2, 1, 1}, []float32{1, 2, 3, 4, 5, 6, 7, 8}, []float32{10, 20}, []float32{11, 12, 23, 24, 15, 16, 27, 28}},
		"left operand lower": {Power, []int{2}, []int{2, 2}, []float32{2, 3}, []float32{1, 2, 3, 0}, []float32{2, 9, 8, 1}},
		"maximum":            {Maximum, []int{3}, []int{3}, []float32{1, -2, 3}, []float32{0, 0, 4}, []float32{1, 0, 4}},
		"minimum":            {Minimum, []int{3}, []int{1}, []float32{1, -2, 3}, []float32{0}, []float32{0, -2, 0}},
		"empty":              {Add, []int{0, 3}, []int{3}, nil, []float32{1, 2, 3}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			ws := exectest.NewWorkspace(t, "", 2)
			y := make([]float32, len(tc.want))
			Combine(ws, tc.op, tc.shapeA, tc.a, tc.shapeB, tc.b, y)
			enginetest.ExpectClose(t, "y", y, tc.want, 1e-6)
		})
	}
}

func TestBroadcastShape(t *testing.T) {
	got, err := BroadcastShape([]int{3, 1}, []int{2, 1, 4})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{2, 3, 4}, got); diff != "" {
		t.Error(diff)
	}
	_, err = BroadcastShape([]int{3, 2}, []int{3})
	enginetest.ExpectError(t, err, "do not broadcast: dimension 1")
}

func TestReduce(t *testing.T) {
	x := []float32{1, 2, 3, 4, 5, 6, 7, 8}
	for name, tc := range map[string]struct {
		op      Reduction
		reduced []bool
		want    []float32
	}{
		"sum of all":      {ReduceSum, []bool{true, true, true}, []float32{36}},
		"mean, last":      {ReduceMean, []bool{false, false, true}, []float32{1.5, 3.5, 5.5, 7.5}},
		"mean, first":     {ReduceMean, []bool{true, false, false}, []float32{3, 4, 5, 6}},
		"max, middle":     {ReduceMax, []bool{false, true, false}, []float32{3, 4, 7, 8}},
		"min, outer two":  {ReduceMin, []bool{true, false, true}, []float32{1, 3}},
		"sum of squares":  {ReduceSumSquare, []bool{true, true, true}, []float32{204}},
		"Euclidean norm":  {ReduceL2, []bool{true, true, false}, []float32{9.16515139, 10.9544512}},
		"product":         {ReduceProd, []bool{true, false, true}, []float32{60, 672}},
		"nothing reduced": {ReduceSum, []bool{false, false, false}, x},
	} {
		t.Run(name, func(t *testing.T) {
			y := make([]float32, len(tc.want))
			Reduce(exectest.NewWorkspace(t, "", 1), tc.op, []int{2, 2, 2}, tc.reduced, x, y)
			enginetest.ExpectClose(t, "y", y, tc.want, 1e-6)
		})
	}
}

func TestSoftmax(t *testing.T) {
	ws := exectest.NewWorkspace(t, "", 1)
	// Large scores must not overflow. The constants are e⁰, e⁻¹ and e⁻² over their sum.
	x := []float32{1000, 999, 998}
	y := make([]float32, 3)
	Softmax(ws, 1, 3, 1, x, y, false)
	enginetest.ExpectClose(t, "softmax", y, []float32{0.66524096, 0.24472847, 0.09003057}, 1e-6)
	Softmax(ws, 1, 3, 1, x, y, true)
	enginetest.ExpectClose(t, "log softmax", y, []float32{-0.40760596, -1.40760596, -2.40760596}, 1e-6)
	strided := make([]float32, 4)
	Softmax(ws, 1, 2, 2, []float32{0, 5, 0, 5}, strided, false)
	enginetest.ExpectClose(t, "along the middle axis", strided, []float32{0.5, 0.5, 0.5, 0.5}, 1e-6)
}

// The constants are those of torch.nn.functional.cross_entropy.
func TestSoftmaxCrossEntropy(t *testing.T) {
	ws := exectest.NewWorkspace(t, "", 1)
	gradient := make([]float32, 4)
	loss := SoftmaxCrossEntropy(ws, 2, 2, []float32{1, 2, 3, 1}, []int{1, 1}, 0, nil, gradient)
	if want := 1.2200949; math.Abs(loss-want) > 1e-6 {
		t.Errorf("loss = %v, want %v", loss, want)
	}
	enginetest.ExpectClose(t, "gradient", gradient, []float32{0.13447071, -0.13447071, 0.44039854, -0.44039854}, 1e-6)
}

func TestDropout(t *testing.T) {
	ws := exectest.NewWorkspace(t, "", 2)
	const n, p = 100_000, 0.3
	x, y, again, other := make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)
	for i := range x {
		x[i] = 1
	}
	Dropout(ws, 1, 7, p, x, y)
	Dropout(ws, 1, 7, p, x, again)
	Dropout(ws, 1, 8, p, x, other)
	kept, same := 0, 0
	for i, v := range y {
		if v != 0 {
			kept++
			if want := float32(1 / (1 - p)); math.Abs(float64(v-want)) > 1e-6 {
				t.Fatalf("kept element is %v, want %v", v, want)
			}
		}
		if v == other[i] {
			same++
		}
	}
	if rate := float64(kept) / n; math.Abs(rate-(1-p)) > 0.01 {
		t.Errorf("%v of the elements are kept, want about %v", rate, 1-p)
	}
	if rate, want := float64(same)/n, p*p+(1-p)*(1-p); math.Abs(rate-want) > 0.01 {
		t.Errorf("masks of two steps agree in %v, want about %v as independent ones do", rate, want)
	}
	if diff := cmp.Diff(y, again); diff != "" {
		t.Error("the same step drew another mask")
	}
}
