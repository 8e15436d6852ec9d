// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package onnx

import (
	"fmt"
	"slices"

	"github.com/trainyard-dev/trainyard/internal/engine/graph"
)

// FindOutput finds out what the model's output means, by how its graph ends and by what program, which is compiled of it,
// answers to probes. What the metadata says is only checked against the probes. The error says what is contradictory or
// remains unknown.
func (m *Model) FindOutput(program *graph.Program, metadata *Metadata) (Output, error) {
	classes, width := len(metadata.Classes), program.OutputLen()
	if width != classes && (width != 1 || classes != 2) {
		return "", fmt.Errorf("the network yields %d numbers for an image, but there are names of %d classes%s", width, classes, hintOfCount(width, classes))
	}
	probes, err := probe(program, metadata.Preprocess.TensorLen(), width)
	if err != nil {
		return "", err
	}
	end := endOf(m.Graph)
	switch {
	case metadata.Output != "":
		return metadata.Output, checkTold(metadata.Output, end, probes)
	case width == 1:
		return findSingle(end, probes)
	default:
		return findMany(end, probes)
	}
}

// hintOfCount says what is often missing among the names of classes.
func hintOfCount(width, classes int) string {
	if width == classes+1 {
		return ": if one more stands for the background, name it too, at its place"
	}
	return ": name one for each number, in their order"
}

// checkTold checks what the metadata says, or who loads the model, against the probes.
func checkTold(told Output, end ending, probes answers) error {
	if told.single() != (len(probes[0]) == 1) {
		return fmt.Errorf("%s is %q, but the network yields %d numbers for an image", keyOutput, told, len(probes[0]))
	}
	if !probes.fit(told, end.loose) {
		return fmt.Errorf("%s is %q, but the network answers a probe with %s: correct it or leave it out", keyOutput, told, shown(probes[0]))
	}
	return nil
}

// findSingle finds out what one number for two classes means.
func findSingle(end ending, probes answers) (Output, error) {
	switch {
	case end.op == "Softmax" || end.op == "LogSoftmax":
		return "", fmt.Errorf("the network ends in %s of a single number, which is always the same: end it in Sigmoid, or in one output per class", end.op)
	case end.op == "Sigmoid" || end.op == "HardSigmoid":
		return OutputSigmoid, nil
	case end.linear:
		return OutputLogit, nil
	case end.activation != "" && !probes.fit(OutputSigmoid, false):
		return "", computesOn(end, probes)
	case !probes.fit(OutputSigmoid, false):
		return OutputLogit, nil
	case probes.differ():
		return OutputSigmoid, nil
	}
	return "", fmt.Errorf("the network yields one number for two classes; neither its graph nor probes show what it means: set %s to %q or %q",
		keyOutput, OutputSigmoid, OutputLogit)
}

// findMany finds out what one number per class means.
func findMany(end ending, probes answers) (Output, error) {
	const wrongAxis = "the network ends in %[1]s, but answers a probe with %[2]s, which are not the probabilities of one image: apply %[1]s along the classes"
	switch end.op {
	case "Softmax":
		if !probes.fit(OutputProbabilities, end.loose) {
			return "", fmt.Errorf(wrongAxis, end.op, shown(probes[0]))
		}
		return OutputProbabilities, nil
	case "LogSoftmax":
		if !probes.fit(OutputLogProbabilities, end.loose) {
			return "", fmt.Errorf(wrongAxis, end.op, shown(probes[0]))
		}
		return OutputLogProbabilities, nil
	case "Sigmoid", "HardSigmoid":
		return "", fmt.Errorf("the network ends in one %[1]s per class, which makes classes independent; only classifiers that choose one class are supported: export it without the %[1]s", end.op)
	}
	switch {
	case end.linear:
		return OutputLogits, nil
	case probes.differ() && probes.fit(OutputProbabilities, false):
		return OutputProbabilities, nil
	case probes.differ() && probes.fit(OutputLogProbabilities, false):
		return OutputLogProbabilities, nil
	case end.activation != "":
		return "", computesOn(end, probes)
	}
	return OutputLogits, nil
}

// computesOn refuses what is made of probabilities and is none.
func computesOn(end ending, probes answers) error {
	return fmt.Errorf("the network computes on after its %[1]s and answers a probe with %[2]s, which are not probabilities: end it in %[1]s, or set %[3]s",
		end.activation, shown(probes[0]), keyOutput)
}

// ending is what the last operators of a graph are.
type ending struct {
	// op is the last operator that changes numbers; "" if that is an input.
	op string
	// linear says that it is a product with weights, or a sum of one and a constant, which yields any numbers.
	linear bool
	// loose says that numbers are rounded to 8 bits after it.
	loose bool
	// activation is the operator that yields probabilities, such as Softmax, if op computes on with nothing but these.
	activation string
}

var (
	// unchanging are the operators that leave the numbers as they are, nearly.
	unchanging = []string{"Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Cast", "QuantizeLinear", "DequantizeLinear"}
	products   = []string{"Gemm", "MatMul", "Conv"}
	// activations are the operators that yield probabilities.
	activations = []string{"Softmax", "LogSoftmax", "Sigmoid", "HardSigmoid"}
)

func endOf(g *graph.Graph) ending {
	producers := map[string]*graph.Node{}
	for _, node := range g.Nodes {
		for _, output := range node.Outputs {
			producers[output] = node
		}
	}
	end := ending{}
	node := producers[g.Outputs[0].Name]
	for node != nil && slices.Contains(unchanging, node.Op) {
		end.loose = end.loose || node.Op == "QuantizeLinear"
		node = producers[node.Inputs[0]]
	}
	if node == nil {
		return end
	}
	end.op = node.Op
	end.linear = slices.Contains(products, node.Op)
	if node.Op == "Add" {
		for i, input := range node.Inputs {
			product, constant := producers[input], g.Initializers[node.Inputs[len(node.Inputs)-1-i]]
			end.linear = end.linear || product != nil && constant != nil && slices.Contains(products, product.Op)
		}
	}
	end.activation = (&ancestry{g: g, producers: producers, known: map[*graph.Node]string{}}).activation(node)
	return end
}

// ancestry finds out what values are computed from.
type ancestry struct {
	g         *graph.Graph
	producers map[string]*graph.Node
	known     map[*graph.Node]string
}

// activation returns the activation whose probabilities a node computes with, if with nothing but these and constants:
// one that weighs other values by them, as gates and attention do, has others among its inputs. A product with weights
// makes any numbers of probabilities.
func (a *ancestry) activation(node *graph.Node) string {
	if node == nil {
		return ""
	}
	if slices.Contains(activations, node.Op) {
		return node.Op
	}
	if known, ok := a.known[node]; ok {
		return known
	}
	found := ""
	if !slices.Contains(products, node.Op) {
		for _, input := range node.Inputs {
			if input == "" || a.g.Initializers[input] != nil {
				continue
			}
			if found = a.activation(a.producers[input]); found == "" {
				break
			}
		}
	}
	a.known[node] = found
	return found
}
