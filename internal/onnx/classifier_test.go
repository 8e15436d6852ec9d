// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package onnx

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/graph"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

// classifierOf is the classifier of a model whose batches are of a size, or graph.Dynamic.
func classifierOf(model *Model, batch int) (*Classifier, error) {
	g := model.Graph
	g.Inputs[0].Shape[0] = batch
	g.Initializers["first"] = &graph.Tensor{DType: graph.Int64, Shape: []int{1}, Ints: []int64{0}}
	g.Initializers["row"] = &graph.Tensor{DType: graph.Int64, Shape: []int{2}, Ints: []int64{1, -1}}
	g.Initializers["unit"] = graph.NewFloats([]float32{1, 0, 0, 0, 1, 0, 0, 0, 1}, 3, 3)
	return model.Classifier(&Metadata{Classes: []string{"a", "b", "c"}, Preprocess: preprocess.DefaultSpec(outputSize)}, Ends{}, graph.Options{Threads: 1})
}

var (
	oneRow   = []step{{op: "Reshape", others: []string{"row"}}, {op: "MatMul", others: []string{"unit"}}}
	centered = []step{{op: "ReduceMean"}, {op: "Sub", others: []string{"z"}}}
	relative = []step{{op: "ReduceMax", others: []string{"first"}}, {op: "Sub", others: []string{"z"}}}
)

// What a network answers to an image is the same in any company.
func TestClassifierInCompany(t *testing.T) {
	cases := map[string]struct {
		model *Model
		batch int
		alone string
	}{
		"any batch":                 {model: outputModel(headWidth, 1), batch: graph.Dynamic},
		"batches of one":            {model: outputModel(headWidth, 1), batch: 1},
		"batches of four":           {model: outputModel(headWidth, 1), batch: 4},
		"one row inside":            {model: outputModel(headWidth, 1, oneRow...), batch: graph.Dynamic, alone: "one image at a time"},
		"one row, and said so":      {model: outputModel(headWidth, 1, oneRow...), batch: 1},
		"less the batch's mean":     {model: outputModel(headWidth, 1, centered...), batch: graph.Dynamic, alone: "mixes the images of a batch"},
		"less the mean of one":      {model: outputModel(headWidth, 1, centered...), batch: 1},
		"less the batch's maximum":  {model: outputModel(headWidth, 1, relative...), batch: graph.Dynamic, alone: "mixes the images of a batch"},
		"outputs of a single image": {model: outputModel(headWidth, 1, step{op: "ReduceMean", others: []string{"first"}, attributes: map[string]any{"keepdims": int64(1)}}), batch: graph.Dynamic, alone: "one image at a time"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c, err := classifierOf(tc.model, tc.batch)
			if err != nil {
				t.Fatal(err)
			}
			if (c.Alone() == nil) != (tc.alone == "") || c.Alone() != nil && !strings.Contains(c.Alone().Error(), tc.alone) {
				t.Errorf("Alone() = %v, want %q", c.Alone(), tc.alone)
			}
			image := outputImage()
			want, err := c.Logits(image, 1)
			if err != nil {
				t.Fatal(err)
			}
			want = slices.Clone(want)
			images := slices.Concat(make([]float32, len(image)), image, slices.Repeat([]float32{3}, len(image)))
			got, err := c.Logits(images, 3)
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range got[headWidth : 2*headWidth] {
				if math.Abs(float64(v-want[i])) > 1e-6 {
					t.Errorf("logit %d is %v alone and %v in company", i, want[i], v)
				}
			}
		})
	}
}

// A network that takes images of any size is computed for those of its metadata.
func TestClassifierOfAnySize(t *testing.T) {
	want, err := classifierOf(outputModel(headWidth, 1), graph.Dynamic)
	if err != nil {
		t.Fatal(err)
	}
	logits, err := want.Logits(outputImage(), 1)
	if err != nil {
		t.Fatal(err)
	}
	for name, shape := range map[string][]int{
		"height and width": {graph.Dynamic, preprocess.Channels, graph.Dynamic, graph.Dynamic},
		"everything":       {graph.Dynamic, graph.Dynamic, graph.Dynamic, graph.Dynamic},
	} {
		t.Run(name, func(t *testing.T) {
			model := outputModel(headWidth, 1)
			model.Graph.Inputs[0].Shape = shape
			c, err := classifierOf(model, graph.Dynamic)
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.Logits(outputImage(), 1)
			if err != nil || !slices.Equal(got, logits) {
				t.Errorf("Logits() = %v, %v, want %v", got, err, logits)
			}
			if model.Graph.Inputs[0].Shape[2] != graph.Dynamic {
				t.Error("the model itself has been changed")
			}
		})
	}
}

// A network is tried with what pictures can be: it need have no answer to anything else.
func TestClassifierIsTriedWithPictures(t *testing.T) {
	model := outputModel(headWidth, 1)
	g := model.Graph
	// Above the least value of a normalized picture, which is -2.12.
	g.Initializers["above"] = graph.NewFloats([]float32{2.2})
	g.Nodes = append([]*graph.Node{
		{Op: "Add", Inputs: []string{"input", "above"}, Outputs: []string{"positive"}},
		{Op: "Sqrt", Inputs: []string{"positive"}, Outputs: []string{"root"}},
	}, g.Nodes...)
	g.Nodes[2].Inputs = []string{"root"}
	if c, err := classifierOf(model, graph.Dynamic); err != nil || c.Alone() != nil {
		t.Errorf("Classifier() = %v, %v, want a network that takes pictures", c, err)
	}
}

func TestClassifierRefuses(t *testing.T) {
	cases := map[string]struct {
		model *Model
		batch int
		says  string
	}{
		"mixed by fours":  {model: outputModel(headWidth, 1, centered...), batch: 4, says: "made for 4 images at a time and answers each by the others"},
		"not a number":    {model: outputModel(headWidth, 1, step{op: "Sub", others: []string{"hundred"}}, step{op: "Sqrt"}), batch: graph.Dynamic, says: "answers an image of noise with NaN"},
		"metadata differ": {model: outputModel(2, 1), batch: graph.Dynamic, says: "the network does not fit its metadata: the network yields 2 numbers"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := classifierOf(tc.model, tc.batch); err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("Classifier() error = %v, want one that says %q", err, tc.says)
			}
		})
	}
}
