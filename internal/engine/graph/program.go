// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"

	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/conv"
)

// Options says how a Program computes.
type Options struct {
	// Threads is the number of threads of one inference; 0 means GOMAXPROCS.
	Threads int
	// Fastest asks for the kernel set that is fastest on this CPU, as in exec.Options.
	Fastest bool
	// MaxMemory bounds the working memory of one inference in bytes; 0 means DefaultMaxMemory. A graph that needs more,
	// or whose constants grow beyond it, is refused by Compile or NewSession before the memory is taken.
	MaxMemory int64
}

// exec returns what a session's workspace is made by.
func (o Options) exec() exec.Options { return exec.Options{Threads: o.Threads, Fastest: o.Fastest} }

// DefaultMaxMemory is the bound on working memory unless Options give another: 1 GiB.
const DefaultMaxMemory = 1 << 30

// maxPlans bounds the number of batch sizes for which a Program keeps a plan.
const maxPlans = 8

// Program is a compiled graph. Its methods are safe for concurrent use.
type Program struct {
	graph   *Graph
	options Options
	// batch is the graph's own batch size, or Dynamic.
	batch int
	// outputLen is the number of elements of the first output for each sample.
	outputLen int
	// sampleMemory is the working memory of a sample in a batch, in bytes.
	sampleMemory int64

	// sessions are those of Run.
	sessions pool

	mu sync.Mutex
	// plans are the plans by batch size; recent lists the sizes, the last used at the end.
	plans  map[int]*plan
	recent []int
}

// Compile checks a graph and prepares it. It does not change g, but shares the content of its constants. Whatever is
// wrong with the graph is found here, for a batch of one or of the graph's own size; an error about a node is a
// *NodeError.
func Compile(g *Graph, options Options) (*Program, error) {
	if options.MaxMemory == 0 {
		options.MaxMemory = DefaultMaxMemory
	}
	if options.MaxMemory < 0 {
		return nil, fmt.Errorf("compile graph: the bound on memory is negative: %d", options.MaxMemory)
	}
	p := &Program{options: options, plans: map[int]*plan{}}
	if err := p.compile(g); err != nil {
		return nil, fmt.Errorf("compile graph %q: %w", g.Name, err)
	}
	return p, nil
}

func (p *Program) compile(g *Graph) error {
	if err := checkGraph(g); err != nil {
		return err
	}
	p.batch = batchOf(g)
	optimized := &Graph{
		Name: g.Name, Inputs: g.Inputs, Outputs: g.Outputs,
		Nodes: slices.Clone(g.Nodes), Initializers: maps.Clone(g.Initializers), prepared: map[preparation]*conv.Prepared{},
	}
	if err := optimize(optimized, p.options); err != nil {
		return err
	}
	p.graph = optimized
	size := max(p.batch, 1)
	pl, err := p.planFor(size)
	if err != nil {
		return err
	}
	p.outputLen = pl.outputs[0].size() / size
	p.sampleMemory = int64(pl.memory) * floatBytes / int64(size)
	return nil
}

// checkGraph checks what does not depend on the size of a batch.
func checkGraph(g *Graph) error {
	if len(g.Inputs) == 0 {
		return errors.New("the graph has no input")
	}
	if len(g.Outputs) == 0 {
		return errors.New("the graph has no output")
	}
	known := map[string]bool{}
	for name, t := range g.Initializers {
		if err := t.validate(); err != nil {
			return fmt.Errorf("initializer %q %w", name, err)
		}
		known[name] = true
	}
	for _, input := range g.Inputs {
		if known[input.Name] {
			return fmt.Errorf("input %q is there twice", input.Name)
		}
		known[input.Name] = true
		if err := checkInput(input); err != nil {
			return fmt.Errorf("input %q: %w", input.Name, err)
		}
	}
	for _, node := range g.Nodes {
		if err := checkNode(node); err != nil {
			return err
		}
		for _, input := range node.Inputs {
			if input != "" && !known[input] {
				return node.Errorf("input %q is not produced by an earlier node", input)
			}
		}
		for _, output := range node.Outputs {
			if known[output] {
				return node.Errorf("output %q is produced twice", output)
			}
			known[output] = true
		}
	}
	for _, output := range g.Outputs {
		if !known[output.Name] {
			return fmt.Errorf("output %q is not produced by any node", output.Name)
		}
	}
	return nil
}

func checkInput(input Value) error {
	if input.DType != Float32 {
		return fmt.Errorf("is %s; only float32 is supported", input.DType)
	}
	for i, d := range input.Shape {
		if d == 0 {
			return fmt.Errorf("shape %v is empty", input.Shape)
		}
		if d == Dynamic && i > 0 {
			return fmt.Errorf("dimension %d is not fixed; only the first may be dynamic: export the model with a fixed size", i)
		}
	}
	if len(input.Shape) > 0 && input.Shape[0] == Dynamic {
		_, err := Elements(input.Shape[1:])
		return err
	}
	_, err := Elements(input.Shape)
	return err
}

// batchOf is the graph's own batch size, or Dynamic if the first dimension of an input is.
func batchOf(g *Graph) int {
	for _, input := range g.Inputs {
		if len(input.Shape) > 0 && input.Shape[0] == Dynamic {
			return Dynamic
		}
	}
	if len(g.Inputs[0].Shape) > 0 {
		return g.Inputs[0].Shape[0]
	}
	return 1
}

// BatchSize is the batch size that the graph was made for, or Dynamic if it takes any.
func (p *Program) BatchSize() int { return p.batch }

// planFor returns the plan for a batch size, making it if need be.
func (p *Program) planFor(batch int) (*plan, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	pl := p.plans[batch]
	if pl == nil {
		var err error
		if pl, err = newPlan(p.graph, batch, p.options); err != nil {
			return nil, err
		}
		if len(p.recent) == maxPlans {
			delete(p.plans, p.recent[0])
			p.recent = slices.Delete(p.recent, 0, 1)
		}
		p.plans[batch] = pl
		p.recent = append(p.recent, batch)
		return pl, nil
	}
	if i := slices.Index(p.recent, batch); i < len(p.recent)-1 {
		p.recent = append(slices.Delete(p.recent, i, i+1), batch)
	}
	return pl, nil
}

// OutputLen is the number of elements that the only output of a graph has for each sample.
func (p *Program) OutputLen() int { return p.outputLen }

// Larger batches bring no throughput once each thread has threadMemory bytes of working memory, which leave the caches,
// and threadImages images, so that threads meet rarely beside what else the program does.
const (
	threadMemory = 4 << 20
	threadImages = 2
)

// BatchLimit is the size beyond which batches bring no more throughput, only memory and waiting.
func (p *Program) BatchLimit() int {
	threads := int64(p.options.Threads)
	if threads == 0 {
		threads = int64(runtime.GOMAXPROCS(0))
	}
	limit := threads * max(threadImages, threadMemory/max(p.sampleMemory, 1))
	return max(int(limit), p.batch) // what is missing of a fixed batch is computed as well
}

// Run computes the output of a batch for a graph with one input and one output: input has the elements of batch samples
// one after the other, output receives those of their results. A graph made for a fixed batch size runs as often as
// needed, the last time with zeros after the samples. Once each batch size has been seen, nothing is allocated.
func (p *Program) Run(input []float32, batch int, output []float32) error {
	if len(p.graph.Inputs) != 1 || len(p.graph.Outputs) != 1 {
		return fmt.Errorf("the graph has %d inputs and %d outputs: run it with a session", len(p.graph.Inputs), len(p.graph.Outputs))
	}
	if batch < 1 {
		return fmt.Errorf("batch is %d; it must be at least 1", batch)
	}
	size := p.batch
	if size == Dynamic {
		size = batch
	}
	pl, err := p.planFor(size)
	if err != nil {
		return err
	}
	inLen, outLen := pl.inputs[0].size()/size, pl.outputs[0].size()/size
	if len(input) != batch*inLen || len(output) != batch*outLen {
		return fmt.Errorf("batch %d needs an input of %d and an output of %d elements; they have %d and %d",
			batch, batch*inLen, batch*outLen, len(input), len(output))
	}
	s, err := p.sessions.take(pl)
	if err != nil {
		return err
	}
	defer p.sessions.give(s)
	for first := 0; first < batch; first += size {
		last := min(first+size, batch)
		n := copy(s.Input(0), input[first*inLen:last*inLen])
		clear(s.Input(0)[n:])
		s.Run()
		copy(output[first*outLen:last*outLen], s.Output(0))
	}
	return nil
}

// NewSession returns a session for batches of a size. If the graph is made for a fixed size, batch must be that.
func (p *Program) NewSession(batch int) (*Session, error) {
	if batch < 1 {
		return nil, fmt.Errorf("batch is %d; it must be at least 1", batch)
	}
	if p.batch != Dynamic && batch != p.batch {
		return nil, fmt.Errorf("batch is %d; the graph is made for %d", batch, p.batch)
	}
	pl, err := p.planFor(batch)
	if err != nil {
		return nil, err
	}
	return newSession(pl, p.options.exec())
}
