// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"google.golang.org/protobuf/proto"

	"github.com/trainyard-dev/trainyard/internal/onnx/onnxpb"
)

// picture is a PNG of noise around a color. Each seed makes another.
func picture(around color.RGBA, seed uint64) []byte {
	GinkgoHelper()
	random := rand.New(rand.NewPCG(1, seed))
	near := func(v uint8) uint8 { return v - 30 + uint8(random.UintN(61)) }
	img := image.NewRGBA(image.Rect(0, 0, pictureSize, pictureSize))
	for i := range pictureSize * pictureSize {
		img.SetRGBA(i%pictureSize, i/pictureSize, color.RGBA{near(around.R), near(around.G), near(around.B), 255})
	}
	var buf bytes.Buffer
	Expect(png.Encode(&buf, img)).To(Succeed())
	return buf.Bytes()
}

// bgrModel is a classifier as another tool exports one, without names of its classes: it ends as torchvision's networks do,
// and its logits are how red and how blue a picture is, whose channels it expects in the order of OpenCV.
func bgrModel() []byte {
	GinkgoHelper()
	dim := func(n int64) *onnxpb.TensorShapeProto_Dimension {
		return &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: n}}
	}
	batch := &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: "batch"}}
	value := func(name string, dims ...*onnxpb.TensorShapeProto_Dimension) *onnxpb.ValueInfoProto {
		return &onnxpb.ValueInfoProto{Name: name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: &onnxpb.TypeProto_Tensor{
			ElemType: int32(onnxpb.TensorProto_FLOAT), Shape: &onnxpb.TensorShapeProto{Dim: dims},
		}}}}
	}
	file, err := proto.Marshal(&onnxpb.ModelProto{
		IrVersion: 8, ProducerName: "pytorch", OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: 17}},
		Graph: &onnxpb.GraphProto{
			Name:   "main_graph",
			Input:  []*onnxpb.ValueInfoProto{value("input", batch, dim(3), dim(pictureSize), dim(pictureSize))},
			Output: []*onnxpb.ValueInfoProto{value("output", batch, dim(2))},
			Node: []*onnxpb.NodeProto{
				{OpType: "GlobalAveragePool", Input: []string{"input"}, Output: []string{"pooled"}},
				{OpType: "Flatten", Input: []string{"pooled"}, Output: []string{"features"}},
				{OpType: "Gemm", Input: []string{"features", "fc.weight"}, Output: []string{"output"}},
			},
			Initializer: []*onnxpb.TensorProto{{
				Name: "fc.weight", DataType: int32(onnxpb.TensorProto_FLOAT), Dims: []int64{3, 2},
				FloatData: []float32{
					0, 1, // blue
					0, 0, // green
					1, 0, // red
				},
			}},
		},
	})
	Expect(err).NotTo(HaveOccurred())
	return file
}
