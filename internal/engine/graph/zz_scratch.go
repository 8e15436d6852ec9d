// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"fmt"
	"slices"
	"time"

	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
)

// StepTimes prints minimum time per step (scratch).
func (p *Program) StepTimes(repeats int) {
	g := p.graph
	c := newCompiler(p.options)
	c.prepared = g.prepared
	for _, input := range g.Inputs {
		shape := slices.Clone(input.Shape)
		shape[0] = 1
		c.values[input.Name] = &value{name: input.Name, dtype: input.DType, shape: shape}
	}
	c.addConstants(g.Initializers)
	ins, _ := c.specialise(g.Nodes)
	var outs []*value
	for _, o := range g.Outputs {
		outs = append(outs, c.values[o.Name])
	}
	ins = removeUnused(ins, outs)
	var left []*instruction
	for _, in := range ins {
		if !in.view {
			left = append(left, in)
		}
	}
	s, err := p.NewSession(1)
	if err != nil {
		panic(err)
	}
	best := make([]time.Duration, len(s.plan.steps))
	for range repeats {
		for i, step := range s.plan.steps {
			start := time.Now()
			step(&s.machine)
			d := time.Since(start)
			if best[i] == 0 || d < best[i] {
				best[i] = d
			}
		}
	}
	var total time.Duration
	byKind := map[string]time.Duration{}
	flopsKind := map[string]float64{}
	for i, in := range left {
		total += best[i]
		desc := in.node.Op
		var gf float64
		if in.node.Op == "Conv" {
			w := in.inputs[1].shape
			x, y := in.inputs[0].shape, in.outputs[0].shape
			m := -1
			if pr := c.prepared[in.node]; pr != nil {
				m = pr.Method()
			}
			flops := 2 * float64(in.outputs[0].size()) * float64(w[1]*w[2]*w[3])
			gf = flops / float64(best[i].Nanoseconds())
			desc = fmt.Sprintf("Conv %dx%d %v->%v g%d m%d", w[2], w[3], x[1:], y[1:], x[1]/w[1], m)
			k := fmt.Sprintf("Conv%dx%d m%d s%d", w[2], w[3], m, x[2]/y[2])
			byKind[k] += best[i]
			flopsKind[k] += flops
		} else {
			byKind[in.node.Op] += best[i]
		}
		fmt.Printf("%-60s %9.3f us %6.1f GF/s\n", desc, float64(best[i].Nanoseconds())/1e3, gf)
	}
	for k, d := range byKind {
		fmt.Printf("== %-30s %9.1f us  %6.1f GF/s\n", k, float64(d.Nanoseconds())/1e3, flopsKind[k]/float64(d.Nanoseconds()))
	}
	fmt.Println("total", total, kernels.SetNames())
}
