// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import "slices"

// Attributes, or what stands for them. Their types have been checked.

func (n *Node) intAttr(name string, byDefault int64) int64 {
	if v, ok := n.Attributes[name].(int64); ok {
		return v
	}
	return byDefault
}

func (n *Node) floatAttr(name string, byDefault float32) float32 {
	if v, ok := n.Attributes[name].(float32); ok {
		return v
	}
	return byDefault
}

func (n *Node) stringAttr(name, byDefault string) string {
	if v, ok := n.Attributes[name].(string); ok {
		return v
	}
	return byDefault
}

// intsAttr is a list of length integers from 0 to 2³⁰, or as often byDefault.
func (n *Node) intsAttr(name string, length, byDefault int) ([]int, error) {
	v, ok := n.Attributes[name].([]int64)
	if !ok {
		return slices.Repeat([]int{byDefault}, length), nil
	}
	if len(v) != length {
		return nil, n.AttributeErrorf(name, "has %d numbers; it must have %d", len(v), length)
	}
	out := make([]int, length)
	for i, x := range v {
		if x < 0 || x > maxElements {
			return nil, n.AttributeErrorf(name, "has the number %d; it must be from 0 to 2³⁰", x)
		}
		out[i] = int(x)
	}
	return out, nil
}
