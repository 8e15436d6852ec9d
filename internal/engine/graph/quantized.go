// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"slices"

	"github.com/trainyard-dev/trainyard/internal/engine/ops/quantized"
)

// fuseQuantized lets convolutions, products, sums, poolings and global averages between DequantizeLinear and QuantizeLinear (the
// standard's "QDQ" form of quantized models) compute with 8 bits, so that values stay bytes from one to the next. What has
// another form is left as it is, and computed in float32.
func fuseQuantized(g *Graph) {
	for _, node := range g.Nodes {
		// Exporters write equal weights once.
		if node.Op == "Identity" && g.Initializers[node.Inputs[0]] != nil {
			g.Initializers[node.Outputs[0]] = g.Initializers[node.Inputs[0]]
		}
	}
	f := newQuantizedFuser(g)
	// In the order of the graph: whether Flatten can stay in bytes depends on what comes before.
	for _, node := range slices.Clone(g.Nodes) {
		switch node.Op {
		case "Conv":
			f.conv(node)
		case "Gemm", "MatMul":
			f.product(node)
		case "MaxPool", "GlobalAveragePool", "Flatten":
			f.step(node)
		case "Add":
			f.sum(node)
		}
	}
	f.finish()
}

// quantizedFuser finds the parts of a graph that can compute with 8 bits.
type quantizedFuser struct {
	g         *Graph
	producers map[string]*Node
	readers   map[string][]*Node
	outputs   map[string]bool
	// values are those that can be kept as bytes.
	values map[string]ByteScale
	// packed are those that are.
	packed map[string]bool
	// onePixel are those whose images are of one pixel, images those that have four dimensions.
	onePixel map[string]bool
	images   map[string]bool
	fused    map[*Node]*Node
	dropped  map[*Node]bool
}

// quantizedNode is what a fused node needs beside its attributes.
type quantizedNode struct {
	in, out ByteScale
	// kernel is the shape of the weights: outputs, inputs and the kernel's size.
	kernel []int
	conv   quantized.Conv
	sum    quantized.Sum
	// floats says that the output is float32.
	floats   bool
	prepared *quantized.Prepared
}

func newQuantizedFuser(g *Graph) *quantizedFuser {
	f := &quantizedFuser{
		g: g, producers: map[string]*Node{}, readers: map[string][]*Node{}, outputs: map[string]bool{}, values: map[string]ByteScale{},
		packed: map[string]bool{}, onePixel: map[string]bool{}, images: map[string]bool{}, fused: map[*Node]*Node{}, dropped: map[*Node]bool{},
	}
	for _, output := range g.Outputs {
		f.outputs[output.Name] = true
	}
	for _, node := range g.Nodes {
		for _, name := range node.Outputs {
			f.producers[name] = node
		}
		for _, name := range node.Inputs {
			f.readers[name] = append(f.readers[name], node)
		}
	}
	for _, node := range g.Nodes {
		if node.Op != "QuantizeLinear" {
			continue
		}
		name := node.Outputs[0]
		scale, ok := f.byteScale(node)
		other := func(reader *Node) bool {
			s, ok := f.byteScale(reader)
			return reader.Op != "DequantizeLinear" || reader.Inputs[0] != name || !ok || s != scale
		}
		if ok && !f.outputs[name] && !slices.ContainsFunc(f.readers[name], other) {
			f.values[name] = scale
		}
	}
	return f
}

// source returns the quantized value that a name is dequantized from, and its scale.
func (f *quantizedFuser) source(name string) (string, ByteScale, bool) {
	n := f.producers[name]
	if n == nil || n.Op != "DequantizeLinear" {
		return "", ByteScale{}, false
	}
	scale, ok := f.values[n.Inputs[0]]
	return n.Inputs[0], scale, ok
}

// next returns the only reader of a value that is no output, or nil.
func (f *quantizedFuser) next(name string) *Node {
	if readers := f.readers[name]; len(readers) == 1 && !f.outputs[name] {
		return readers[0]
	}
	return nil
}

// destination follows what computes a value to where it is quantized, by way of ReLU or Clip and 2×2 max pooling where they
// are allowed. It returns the quantized value's name, empty if there is none, and the nodes on the way.
func (f *quantizedFuser) destination(n *Node, activation, pool bool) (name string, way []*Node) {
	at := f.next(n.Outputs[0])
	if at != nil && activation && f.isBound(at) {
		way = append(way, at)
		at = f.next(at.Outputs[0])
	}
	if at != nil && pool && isHalving(at) {
		way = append(way, at)
		at = f.next(at.Outputs[0])
	}
	if at == nil || at.Op != "QuantizeLinear" {
		return "", nil
	}
	if _, ok := f.values[at.Outputs[0]]; !ok {
		return "", nil
	}
	return at.Outputs[0], append(way, at)
}

// conv fuses a convolution with the activation and the max pooling after it.
func (f *quantizedFuser) conv(n *Node) {
	x, in, ok := f.source(n.Inputs[0])
	if !ok {
		return
	}
	q := &quantizedNode{in: in}
	scales, ok := f.weights(q, n.Inputs[1], 4, 0)
	groups := n.intAttr("group", 1)
	if !ok || groups != 1 && !IsDepthwise3x3(int(groups), q.kernel) {
		return
	}
	y, way := f.destination(n, true, groups == 1)
	if y == "" {
		return
	}
	q.out = f.values[y]
	for _, node := range way {
		q.conv.MaxPool = q.conv.MaxPool || node.Op == "MaxPool"
	}
	// The pooling may have its own QuantizeLinear with the same scale.
	if dequantize := f.next(y); dequantize != nil && !q.conv.MaxPool && groups == 1 {
		if pool := f.next(dequantize.Outputs[0]); pool != nil && isHalving(pool) {
			if pooled, rest := f.destination(pool, false, false); pooled != "" && f.values[pooled] == q.out {
				q.conv.MaxPool = true
				way = slices.Concat(way, []*Node{dequantize, pool}, rest)
				y = pooled
			}
		}
	}
	if !f.epilogue(q, n, 2, scales, way) {
		return
	}
	f.fuse(n, quantizedConvOperator, q, x, y, way)
	f.images[x], f.images[y] = true, true
}

// IsDepthwise3x3 reports whether a convolution of as many groups, whose weights have a shape, is a depthwise 3×3 one: of
// grouped convolutions those that are computed in 8 bits.
func IsDepthwise3x3(groups int, weights []int) bool {
	return slices.Equal(weights, []int{groups, 1, 3, 3})
}

// product fuses Gemm, or MatMul of rows, with the activation after it.
func (f *quantizedFuser) product(n *Node) {
	x, in, ok := f.source(n.Inputs[0])
	if !ok || n.Op == "MatMul" && !f.isMatrix(x) {
		return
	}
	transposed := n.intAttr("transB", 0) != 0
	if n.intAttr("transA", 0) != 0 || n.floatAttr("alpha", 1) != 1 || n.floatAttr("beta", 1) != 1 {
		return
	}
	axis := 1
	if transposed {
		axis = 0
	}
	q := &quantizedNode{in: in}
	scales, ok := f.weights(q, n.Inputs[1], 2, axis)
	if !ok {
		return
	}
	if !transposed {
		q.conv.Weights = transpose(q.conv.Weights, len(scales))
		slices.Reverse(q.kernel)
	}
	y, way := f.destination(n, true, false)
	if q.floats = y == ""; q.floats {
		y, way, q.out = n.Outputs[0], nil, ByteScale{Scale: 1}
	} else {
		q.out = f.values[y]
	}
	if f.epilogue(q, n, 2, scales, way) {
		f.fuse(n, quantizedProductOperator, q, x, y, way)
	}
}

// isMatrix reports whether a quantized value is known to have two dimensions.
func (f *quantizedFuser) isMatrix(name string) bool {
	for n := f.producers[name]; n != nil; n = f.producers[n.Inputs[0]] {
		switch n.Op {
		case "QuantizeLinear", "DequantizeLinear", "Relu":
		default:
			return n.Op == "Flatten" || n.Op == "Gemm"
		}
	}
	return false
}

// sum fuses the addition of two images, with the activation after it.
func (f *quantizedFuser) sum(n *Node) {
	a, inA, okA := f.source(n.Inputs[0])
	b, inB, okB := f.source(n.Inputs[1])
	y, way := f.destination(n, true, false)
	if !okA || !okB || y == "" || !f.images[a] || !f.images[b] {
		return
	}
	q := &quantizedNode{in: inA, out: f.values[y]}
	offset := -float64(inA.Zero)*float64(inA.Scale) - float64(inB.Zero)*float64(inB.Scale)
	q.sum = quantized.Sum{
		ScaleA: float32(float64(inA.Scale) / float64(q.out.Scale)), ScaleB: float32(float64(inB.Scale) / float64(q.out.Scale)),
		Offset: float32(offset / float64(q.out.Scale)), OutZero: q.out.Zero,
	}
	q.sum.Low, q.sum.High = f.bounds(way, q.out)
	if !usableScale(q.sum.ScaleA) || !usableScale(q.sum.ScaleB) {
		return
	}
	f.fuse(n, quantizedSumOperator, q, a, y, way)
	f.fused[way[len(way)-1]].Inputs = []string{a, b}
	f.packed[b], f.images[y] = true, true
}

// step fuses an operator that has no weights.
func (f *quantizedFuser) step(n *Node) {
	x, in, ok := f.source(n.Inputs[0])
	if !ok || !f.images[x] || len(n.Outputs) != 1 || f.dropped[n] {
		return
	}
	y, way := f.destination(n, false, false)
	if y == "" {
		return
	}
	q := &quantizedNode{in: in, out: f.values[y]}
	op := map[string]string{
		"MaxPool": quantizedMaxPoolOperator, "GlobalAveragePool": quantizedGlobalAverageOperator, "Flatten": quantizedFlattenOperator,
	}[n.Op]
	axis := n.intAttr("axis", 1)
	if n.Op != "GlobalAveragePool" && q.in != q.out || n.Op == "Flatten" && (axis != 1 || !f.onePixel[x]) {
		return
	}
	f.onePixel[y] = n.Op == "GlobalAveragePool"
	f.images[y] = n.Op != "Flatten"
	f.fuse(n, op, q, x, y, way)
}

// fuse replaces a node and those on the way to its quantized result by one.
func (f *quantizedFuser) fuse(n *Node, op string, q *quantizedNode, x, y string, way []*Node) {
	node := &Node{Name: n.Title(), Op: op, Inputs: []string{x}, Outputs: []string{y}, Attributes: n.Attributes, fused: fusion{quantized: q}}
	// The last on the way yields y: what comes before it in the graph's order may be needed by the fused node.
	last := n
	if len(way) > 0 {
		last = way[len(way)-1]
	}
	for _, other := range append([]*Node{n}, way...) {
		f.dropped[other] = true
	}
	delete(f.dropped, last)
	f.fused[last] = node
	f.packed[x] = true
	f.packed[y] = !q.floats
}

// finish puts the fused nodes in place. Other readers and producers of packed values convert them.
func (f *quantizedFuser) finish() {
	for _, node := range f.g.Nodes {
		if f.fused[node] != nil || f.dropped[node] {
			continue
		}
		switch {
		case node.Op == "QuantizeLinear" && f.packed[node.Outputs[0]]:
			f.fused[node] = convert(node, packOperator, node.Inputs[0], f.values[node.Outputs[0]])
		case node.Op == "DequantizeLinear" && f.packed[node.Inputs[0]]:
			f.fused[node] = convert(node, unpackOperator, node.Inputs[0], f.values[node.Inputs[0]])
		}
	}
	replace(f.g, f.fused, f.dropped)
	dropUnread(f.g)
}

// convert returns a node that packs or unpacks a value.
func convert(n *Node, op, input string, scale ByteScale) *Node {
	return &Node{
		Name: n.Title(), Op: op, Inputs: []string{input}, Outputs: n.Outputs,
		fused: fusion{quantized: &quantizedNode{in: scale, out: scale}},
	}
}

// dropUnread drops conversions that nothing reads any more.
func dropUnread(g *Graph) {
	read := map[string]bool{}
	for _, output := range g.Outputs {
		read[output.Name] = true
	}
	var kept []*Node
	for _, node := range slices.Backward(g.Nodes) {
		if (node.Op == unpackOperator || node.Op == "DequantizeLinear") && !read[node.Outputs[0]] {
			continue
		}
		for _, name := range node.Inputs {
			read[name] = true
		}
		kept = append(kept, node)
	}
	slices.Reverse(kept)
	g.Nodes = kept
}
