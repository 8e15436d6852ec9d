// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package onnx

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/trainyard-dev/trainyard/internal/engine/graph"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

// Layout is the order of the dimensions of a network's input: images, channels, height, width.
type Layout string

// Layouts that networks have.
const (
	LayoutNCHW Layout = "NCHW" // PyTorch's
	LayoutNHWC Layout = "NHWC" // TensorFlow's and Keras's
)

// Validate reports whether l is known, or empty.
func (l Layout) Validate() error {
	if l != "" && l != LayoutNCHW && l != LayoutNHWC {
		return fmt.Errorf("%q is not known; it must be %s or %s", l, LayoutNCHW, LayoutNHWC)
	}
	return nil
}

// dims are the positions of channels, height and width.
func (l Layout) dims() (channels, height, width int) {
	if l == LayoutNHWC {
		return 3, 1, 2
	}
	return 1, 2, 3
}

// ImageInput is what a graph says about the images that it takes.
type ImageInput struct {
	Layout Layout
	// Size is the side of the images in pixels; 0: any.
	Size int
	// Pixels says that the network takes pixels from 0 to 255 as they are: its input is of uint8, or the first thing that it
	// does is to scale what comes in.
	Pixels bool
}

// ImageInput finds out what images the graph takes. The layout told, if it is not empty, is only checked.
func (m *Model) ImageInput(told Layout) (ImageInput, error) {
	if err := told.Validate(); err != nil {
		return ImageInput{}, fmt.Errorf("input.layout: %w", err)
	}
	input, err := m.onlyInput()
	if err != nil {
		return ImageInput{}, err
	}
	layout, err := m.layout(told)
	if err != nil {
		return ImageInput{}, err
	}
	_, h, w := layout.dims()
	height, width := input.Shape[h], input.Shape[w]
	if height == graph.Dynamic || width == graph.Dynamic {
		height, width = max(height, width), max(height, width)
	}
	if height != width {
		return ImageInput{}, fmt.Errorf("the input %q takes images of %d×%d pixels: only squares are served; export the model for one", input.Name, width, height)
	}
	return ImageInput{Layout: layout, Size: max(height, 0), Pixels: input.DType == graph.Uint8 || m.rescales()}, nil
}

// onlyInput is the graph's input, of four dimensions.
func (m *Model) onlyInput() (graph.Value, error) {
	inputs := m.Graph.Inputs
	if len(inputs) != 1 {
		names := make([]string, len(inputs))
		for i, input := range inputs {
			names[i] = fmt.Sprintf("%q", input.Name)
		}
		return graph.Value{}, fmt.Errorf("the graph has %d inputs (%s), and a classifier of images has one: export the model with everything else as constants",
			len(inputs), strings.Join(names, ", "))
	}
	if len(inputs[0].Shape) != 4 {
		return graph.Value{}, fmt.Errorf("the input %q is of shape %s: images are of [N 3 H W] or [N H W 3]", inputs[0].Name, shapeText(inputs[0].Shape))
	}
	return inputs[0], nil
}

// layout finds out where the channels are: where a dimension is 3 or, if the file leaves all open, by what reads the input.
func (m *Model) layout(told Layout) (Layout, error) {
	input := m.Graph.Inputs[0]
	fits := func(l Layout) bool {
		channels, height, width := l.dims()
		large := func(d int) bool { return d == graph.Dynamic || d > preprocess.Channels }
		c := input.Shape[channels]
		return (c == preprocess.Channels || c == graph.Dynamic) && large(input.Shape[height]) && large(input.Shape[width])
	}
	first, last := fits(LayoutNCHW), fits(LayoutNHWC)
	switch {
	case told == LayoutNCHW && first, told == LayoutNHWC && last:
		return told, nil
	case told != "":
		return "", fmt.Errorf("input.layout is %s, but the input %q is of shape %s: correct it or leave it out", told, input.Name, shapeText(input.Shape))
	case !first && !last:
		return "", fmt.Errorf("the input %q is of shape %s: color images are served, of shape [N 3 H W] or [N H W 3]", input.Name, shapeText(input.Shape))
	case first != last && first:
		return LayoutNCHW, nil
	case first != last:
		return LayoutNHWC, nil
	}
	return m.layoutByReader()
}

// channelsFirst are operators whose input is of that layout by the standard.
var channelsFirst = []string{"Conv", "BatchNormalization", "InstanceNormalization", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"}

// layoutByReader tells the layout of an input of open shape by the first operator that depends on it.
func (m *Model) layoutByReader() (Layout, error) {
	input := m.Graph.Inputs[0]
	for value := input.Name; ; {
		i := slices.IndexFunc(m.Graph.Nodes, func(n *graph.Node) bool { return slices.Contains(n.Inputs, value) })
		if i < 0 {
			break
		}
		node := m.Graph.Nodes[i]
		if perm, _ := node.Attributes["perm"].([]int64); node.Op == "Transpose" && slices.Equal(perm, []int64{0, 3, 1, 2}) {
			return LayoutNHWC, nil
		}
		if slices.Contains(channelsFirst, node.Op) {
			return LayoutNCHW, nil
		}
		if !slices.Contains(scalings, node.Op) && !slices.Contains(unchanging, node.Op) {
			break
		}
		value = node.Outputs[0]
	}
	return "", fmt.Errorf("the input %q is of shape %s, which leaves open where the channels are: set input.layout to %s or %s",
		input.Name, shapeText(input.Shape), LayoutNCHW, LayoutNHWC)
}

// scalings are the operators that a rescaling is made of.
var scalings = []string{"Mul", "Div", "Sub", "Add"}

// rescales reports whether the first thing that the graph does is to bring pixels of 0 to 255 to a range such as [0, 1] or
// [-1, 1], as Keras's Rescaling does.
func (m *Model) rescales() bool {
	value := m.Graph.Inputs[0].Name
	for _, node := range m.Graph.Nodes {
		i := slices.Index(node.Inputs, value)
		switch {
		case i < 0:
			continue
		case slices.Contains(unchanging, node.Op):
			value = node.Outputs[0]
			continue
		case len(node.Inputs) != 2:
			return false
		}
		factor := m.Graph.Initializers[node.Inputs[1-i]]
		if factor == nil || len(factor.Floats) == 0 {
			return false
		}
		switch v := float64(slices.Max(factor.Floats)); node.Op {
		case "Mul":
			return isScaleOfPixels(v)
		case "Div":
			return isScaleOfPixels(1 / v)
		case "Sub":
			return v > 32 // a mean of pixels from 0 to 255
		default:
			return false
		}
	}
	return false
}

// isScaleOfPixels reports whether a factor brings pixels of 0 to 255 to at most 4: with a deviation folded in, it may be
// more than 1.
func isScaleOfPixels(v float64) bool {
	const most = 4
	return v > 0 && v*math.MaxUint8 <= most
}

// shapeText is a shape for an error: open dimensions are ?.
func shapeText(shape []int) string {
	return strings.ReplaceAll(fmt.Sprint(shape), strconv.Itoa(graph.Dynamic), "?")
}

// withImages is the model with an input of float32 [N, 3, size, size], whatever the order of its own input's dimensions and
// its type: pixels of uint8 are numbers like others. Its own input is made of that by a Transpose, which the engine takes
// together with the one that such networks begin with.
func (m *Model) withImages(layout Layout, size int) *Model {
	changed, g := *m, *m.Graph
	input := g.Inputs[0]
	shape := []int{input.Shape[0], preprocess.Channels, size, size}
	if input.DType == graph.Uint8 {
		g.Nodes = withoutPixelCasts(g.Nodes, input.Name)
	}
	if layout == LayoutNHWC {
		images := input.Name + "/channels-first"
		g.Nodes = slices.Concat([]*graph.Node{{
			Name: images, Op: "Transpose", Inputs: []string{images}, Outputs: []string{input.Name},
			Attributes: map[string]any{"perm": []int64{0, 2, 3, 1}},
		}}, g.Nodes)
		input.Name = images
	}
	g.Inputs = []graph.Value{{Name: input.Name, DType: graph.Float32, Shape: shape}}
	changed.Graph = &g
	return &changed
}

// withoutPixelCasts are nodes of which none casts an input of uint8 to its own type, as PyTorch's exporter has Keras's networks
// do: what the input holds is float32 here.
func withoutPixelCasts(nodes []*graph.Node, input string) []*graph.Node {
	nodes, pixels := slices.Clone(nodes), map[string]bool{input: true}
	for i, node := range nodes {
		if node.Op == "Cast" && pixels[node.Inputs[0]] && node.Attributes["to"] == graph.Uint8.String() {
			nodes[i] = &graph.Node{Name: node.Name, Op: "Identity", Inputs: node.Inputs, Outputs: node.Outputs}
			pixels[node.Outputs[0]] = true
		}
	}
	return nodes
}

// withOutput is the model with one output: the one of that name or, if it is empty, the only one.
func (m *Model) withOutput(name string) (*Model, error) {
	outputs := m.Graph.Outputs
	i := slices.IndexFunc(outputs, func(v graph.Value) bool { return v.Name == name })
	switch {
	case name == "" && len(outputs) == 1:
		return m, nil
	case name == "":
		return nil, fmt.Errorf("the graph has %d outputs: set output.name to the one with a number for each class, one of %s", len(outputs), outputNames(outputs))
	case i < 0:
		return nil, fmt.Errorf("output.name is %q, but the graph's outputs are %s", name, outputNames(outputs))
	}
	changed, g := *m, *m.Graph
	g.Outputs = outputs[i : i+1]
	g.Nodes = ancestors(&g)
	changed.Graph = &g
	return &changed, nil
}

// ancestors are the nodes that the graph's outputs are computed from.
func ancestors(g *graph.Graph) []*graph.Node {
	needed := map[string]bool{}
	for _, output := range g.Outputs {
		needed[output.Name] = true
	}
	var nodes []*graph.Node
	for _, node := range slices.Backward(g.Nodes) {
		if !slices.ContainsFunc(node.Outputs, func(name string) bool { return needed[name] }) {
			continue
		}
		for _, name := range node.Inputs {
			needed[name] = true
		}
		nodes = append(nodes, node)
	}
	slices.Reverse(nodes)
	return nodes
}

func outputNames(outputs []graph.Value) string {
	names := make([]string, len(outputs))
	for i, output := range outputs {
		names[i] = fmt.Sprintf("%q", output.Name)
	}
	const most = 16
	if len(names) > most {
		names = append(names[:most], "…")
	}
	return strings.Join(names, ", ")
}
