// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"errors"
	"fmt"
	"slices"

	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/conv"
)

// plan is a graph compiled for one batch size.
type plan struct {
	options         Options
	inputs, outputs []*value
	steps           []run
	// memory is the number of floats that the values of one inference take.
	memory int
}

// newPlan compiles a checked graph for a batch size.
func newPlan(g *Graph, batch int, options Options) (*plan, error) {
	c := newCompiler(options)
	c.prepared = g.prepared
	pl := &plan{options: options}
	for _, input := range g.Inputs {
		shape := slices.Clone(input.Shape)
		if len(shape) > 0 && shape[0] == Dynamic {
			shape[0] = batch
		}
		if _, err := Elements(shape); err != nil {
			return nil, fmt.Errorf("input %q: %w", input.Name, err)
		}
		v := &value{name: input.Name, dtype: input.DType, shape: shape}
		c.values[input.Name] = v
		pl.inputs = append(pl.inputs, v)
	}
	c.addConstants(g.Initializers)
	instructions, err := c.specialize(g.Nodes)
	if err != nil {
		return nil, err
	}
	for _, output := range g.Outputs {
		v := c.values[output.Name]
		if v.dtype != Float32 {
			return nil, fmt.Errorf("output %q is %s; only float32 is supported", output.Name, v.dtype)
		}
		pl.outputs = append(pl.outputs, v)
	}
	if instructions, err = c.fuseAdditions(removeUnused(instructions, pl.outputs), pl.outputs); err != nil {
		return nil, err
	}
	if instructions, err = c.fuseExpansions(instructions, pl.outputs); err != nil {
		return nil, err
	}
	reuseAddends(instructions, pl.outputs)
	if pl.memory, err = layout(instructions, pl.inputs, pl.outputs, options.MaxMemory/floatBytes); err != nil {
		return nil, err
	}
	for _, in := range instructions {
		if in.view {
			continue
		}
		step, err := in.compile()
		if err != nil {
			return nil, err
		}
		pl.steps = append(pl.steps, step)
	}
	return pl, nil
}

// floatBytes is the size of a float32.
const floatBytes = 4

// compiler gives the nodes of a graph their shapes and computes what is constant.
type compiler struct {
	values map[string]*value
	// budget is the number of elements that constants may still grow by.
	budget  int64
	fastest bool // as in Options
	// workspace computes constants and prepares convolutions.
	workspace *exec.Workspace
	// prepared are the convolutions that the plans of a graph share.
	prepared map[preparation]*conv.Prepared
}

func newCompiler(options Options) *compiler {
	return &compiler{values: map[string]*value{}, budget: options.MaxMemory / floatBytes, fastest: options.Fastest}
}

func (c *compiler) addConstants(tensors map[string]*Tensor) {
	for name, t := range tensors {
		c.values[name] = &value{name: name, dtype: t.DType, shape: t.Shape, constant: t}
	}
}

// specialize returns the instructions that are left to do at run time.
func (c *compiler) specialize(nodes []*Node) ([]*instruction, error) {
	var left []*instruction
	for _, node := range nodes {
		in, err := c.instruction(node)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(in.outputs, func(v *value) bool { return v.constant == nil }) {
			left = append(left, in)
		}
	}
	for _, in := range left {
		for i, output := range in.outputs {
			if output.dtype != Float32 && !in.op.quantized && !in.view {
				return nil, in.node.Errorf("output %d is %s and depends on the model's input; only float32 is supported", i, output.dtype)
			}
		}
	}
	return left, nil
}

// instruction infers the outputs of a node whose inputs are known.
func (c *compiler) instruction(node *Node) (*instruction, error) {
	in := &instruction{node: node, op: lookup(node.Op), compiler: c}
	constant := true
	for _, name := range node.Inputs {
		if name == "" {
			in.inputs = append(in.inputs, nil)
			continue
		}
		v := c.values[name]
		constant = constant && v.constant != nil
		in.inputs = append(in.inputs, v)
	}
	for _, name := range node.Outputs {
		v := &value{name: name}
		c.values[name] = v
		in.outputs = append(in.outputs, v)
	}
	if err := in.op.infer(in); err != nil {
		if located := (*NodeError)(nil); !errors.As(err, &located) {
			err = node.Errorf("%w", err)
		}
		return nil, err
	}
	if constant && !in.op.heavy {
		if err := c.fold(in); err != nil {
			return nil, err
		}
	}
	return in, nil
}

// fold computes the outputs of an instruction whose inputs are constants, unless infer did.
func (c *compiler) fold(in *instruction) error {
	var size int64
	for _, v := range in.outputs {
		if v.constant != nil {
			return nil
		}
	}
	for _, v := range in.written() {
		size += int64(v.size())
	}
	if c.budget -= size; c.budget < 0 {
		return in.node.Errorf("its constant result takes too much memory")
	}
	floats := in.inputs[0].dtype == Float32 && !slices.ContainsFunc(in.outputs, func(v *value) bool { return v.dtype != Float32 })
	if in.op.build == nil || !floats {
		if in.op.fold == nil {
			return in.node.Errorf("is not supported on constants of these types")
		}
		return in.op.fold(in)
	}
	return c.evaluate(in)
}

// evaluate runs an instruction on constants.
func (c *compiler) evaluate(in *instruction) error {
	ws, err := c.kernels()
	if err != nil {
		return err
	}
	step, err := in.compile()
	if err != nil {
		return err
	}
	m := &machine{Workspace: ws}
	size := 0
	for _, v := range in.written() {
		v.offset = size
		size += v.size()
	}
	m.memory = make([]float32, size)
	step(m)
	for _, v := range in.outputs {
		v.constant = NewFloats(m.floats(v), v.shape...)
	}
	return nil
}

// kernels returns the compiler's workspace.
func (c *compiler) kernels() (*exec.Workspace, error) {
	if c.workspace == nil {
		ws, err := exec.New(exec.Options{Threads: 1, Fastest: c.fastest})
		if err != nil {
			return nil, fmt.Errorf("prepare the kernels: %w", err)
		}
		c.workspace = ws
	}
	return c.workspace, nil
}

// compile returns the code of an instruction.
func (in *instruction) compile() (run, error) {
	if in.op.build == nil {
		return nil, in.node.Errorf("is only supported on constants and shapes")
	}
	switch {
	case !slices.ContainsFunc(in.outputs, func(v *value) bool { return v.size() > 0 }):
		return func(*machine) {}, nil
	case in.expansion != nil:
		return buildExpansion(in)
	default:
		return in.op.build(in)
	}
}

// removeUnused drops the instructions that no output depends on.
func removeUnused(instructions []*instruction, outputs []*value) []*instruction {
	used := map[*value]bool{}
	for _, v := range outputs {
		used[v] = true
	}
	var kept []*instruction
	for _, in := range slices.Backward(instructions) {
		if !slices.ContainsFunc(in.outputs, func(v *value) bool { return used[v] }) {
			continue
		}
		for _, v := range in.inputs {
			used[v] = true
		}
		kept = append(kept, in)
	}
	slices.Reverse(kept)
	return kept
}
