// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package onnx

import (
	"bytes"
	"errors"
	"math"
	"runtime"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/trainyard-dev/trainyard/internal/engine/graph"
	"github.com/trainyard-dev/trainyard/internal/onnx/onnxpb"
	"github.com/trainyard-dev/trainyard/internal/onnx/onnxtest"
)

// TestSchemasLiveTogether shows that this binary, which runs at all, has both schemas in protobuf's registry.
func TestSchemasLiveTogether(t *testing.T) {
	for _, name := range []protoreflect.FullName{"onnx.ModelProto", "trainyard.onnx.ModelProto"} {
		if _, err := protoregistry.GlobalTypes.FindMessageByName(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// smallModel is a valid model: y = Relu(x + w) on [N, 2].
func smallModel() *onnxpb.ModelProto {
	return &onnxpb.ModelProto{
		IrVersion:   8,
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Domain: "ai.onnx.ml", Version: 1}, {Version: 17}},
		Graph: &onnxpb.GraphProto{
			Name: "small",
			Node: []*onnxpb.NodeProto{
				{Name: "sum", OpType: "Add", Input: []string{"x", "w"}, Output: []string{"s"}},
				{OpType: "Relu", Input: []string{"s"}, Output: []string{"y"}},
			},
			Input:       []*onnxpb.ValueInfoProto{batchOf("x", []int{2})},
			Output:      []*onnxpb.ValueInfoProto{batchOf("y", []int{2})},
			Initializer: []*onnxpb.TensorProto{floatTensor("w", []float32{1, -3}, 2)},
		},
	}
}

func floatTensor(name string, data []float32, dims ...int64) *onnxpb.TensorProto {
	return &onnxpb.TensorProto{Name: name, DataType: int32(onnxpb.TensorProto_FLOAT), Dims: dims, FloatData: data}
}

// load decodes and compiles a model.
func load(file *onnxpb.ModelProto) (*graph.Program, error) {
	data, err := proto.Marshal(file)
	if err != nil {
		return nil, err
	}
	model, err := Decode(data)
	if err != nil {
		return nil, err
	}
	return graph.Compile(model.Graph, graph.Options{Threads: 1})
}

func TestRepeatedAndOmittedInputs(t *testing.T) {
	file := smallModel()
	file.Graph.Node = []*onnxpb.NodeProto{
		{OpType: "Add", Input: []string{"x", "x"}, Output: []string{"twice"}},
		{OpType: "Clip", Input: []string{"twice", "", "top"}, Output: []string{"low"}},
		{OpType: "Clip", Input: []string{"low", "bottom", ""}, Output: []string{"y"}},
	}
	file.Graph.Initializer = []*onnxpb.TensorProto{floatTensor("top", []float32{5}), floatTensor("bottom", []float32{-2})}
	program, err := load(file)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float32, 4)
	if err := program.Run([]float32{1, 3, -4, 0.5}, 2, got); err != nil {
		t.Fatal(err)
	}
	for i, want := range []float32{2, 5, -2, 1} {
		if got[i] != want {
			t.Errorf("element %d is %v, want %v", i, got[i], want)
		}
	}
}

func TestHostileModels(t *testing.T) {
	node := func(op string, attributes ...*onnxpb.AttributeProto) func(*onnxpb.ModelProto) {
		return func(f *onnxpb.ModelProto) {
			f.Graph.Node[1] = &onnxpb.NodeProto{Name: "bad", OpType: op, Input: []string{"s"}, Output: []string{"y"}, Attribute: attributes}
		}
	}
	weights := func(t *onnxpb.TensorProto) func(*onnxpb.ModelProto) {
		return func(f *onnxpb.ModelProto) { f.Graph.Initializer[0] = t }
	}
	tests := map[string]struct {
		change func(*onnxpb.ModelProto)
		want   []string
	}{
		"unknown operator":          {node("FancyOp"), []string{`"bad"`, "FancyOp", "not supported"}},
		"operator without its name": {node(""), []string{`"bad"`, "no operator"}},
		"another domain": {func(f *onnxpb.ModelProto) { f.Graph.Node[1].Domain = "com.microsoft" },
			[]string{`"y"`, "Relu", "com.microsoft"}},
		"unknown attribute": {node("Relu", IntAttribute("fancy", 1)), []string{`"bad"`, "Relu", `"fancy"`}},
		"attribute of another type": {node("Elu", IntAttribute("alpha", 1)),
			[]string{`"bad"`, "Elu", `"alpha"`, "float"}},
		"attribute twice": {node("Elu", floatAttribute("alpha", 1), floatAttribute("alpha", 2)), []string{"Elu", `"alpha"`, "twice"}},
		"subgraph": {node("If", &onnxpb.AttributeProto{Name: "then_branch", Type: onnxpb.AttributeProto_GRAPH, G: &onnxpb.GraphProto{}}),
			[]string{`"bad"`, "If", `"then_branch"`, "GRAPH"}},
		"training mode": {func(f *onnxpb.ModelProto) {
			f.Graph.Node[1] = &onnxpb.NodeProto{OpType: "BatchNormalization", Input: []string{"s", "w", "w", "w", "w"}, Output: []string{"y"},
				Attribute: []*onnxpb.AttributeProto{IntAttribute("training_mode", 1)}}
		}, []string{"training_mode", "inference"}},
		"cycle": {func(f *onnxpb.ModelProto) { f.Graph.Node[0].Input[1] = "y" }, []string{`"sum"`, "Add", `"y"`, "cycle"}},
		"output produced twice": {func(f *onnxpb.ModelProto) { f.Graph.Node[1].Output[0] = "s" },
			[]string{`"s"`, "Relu", "twice"}},
		"output of nothing":       {func(f *onnxpb.ModelProto) { f.Graph.Output[0].Name = "z" }, []string{`"z"`, "not computed"}},
		"no output":               {func(f *onnxpb.ModelProto) { f.Graph.Output = nil }, []string{"no output"}},
		"no input":                {func(f *onnxpb.ModelProto) { f.Graph.Input = nil }, []string{`"x"`}},
		"node without outputs":    {func(f *onnxpb.ModelProto) { f.Graph.Node[1].Output = nil }, []string{"Relu", "no output"}},
		"node without inputs":     {func(f *onnxpb.ModelProto) { f.Graph.Node[1].Input = nil }, []string{"Relu", "without an input"}},
		"no graph":                {func(f *onnxpb.ModelProto) { f.Graph = nil }, []string{"no graph"}},
		"old opset":               {func(f *onnxpb.ModelProto) { f.OpsetImport[1].Version = 6 }, []string{"opset 6", "from 7 to 24"}},
		"future opset":            {func(f *onnxpb.ModelProto) { f.OpsetImport[1].Version = 99 }, []string{"opset 99"}},
		"no opset":                {func(f *onnxpb.ModelProto) { f.OpsetImport = nil }, []string{"operator set"}},
		"input without shape":     {func(f *onnxpb.ModelProto) { f.Graph.Input[0].Type.GetTensorType().Shape = nil }, []string{`"x"`, "no shape"}},
		"input of strings":        {func(f *onnxpb.ModelProto) { f.Graph.Input[0].Type.GetTensorType().ElemType = 8 }, []string{`"x"`, "STRING"}},
		"input of another type":   {func(f *onnxpb.ModelProto) { f.Graph.Input[0].Type.GetTensorType().ElemType = 7 }, []string{`"x"`, "int64"}},
		"input that is no tensor": {func(f *onnxpb.ModelProto) { f.Graph.Input[0].Type = nil }, []string{`"x"`, "not a tensor"}},
		"input of huge shape":     {func(f *onnxpb.ModelProto) { f.Graph.Input[0] = batchOf("x", []int{1 << 20, 1 << 20}) }, []string{`"x"`, "elements"}},
		"input of 9 dimensions":   {func(f *onnxpb.ModelProto) { f.Graph.Input[0] = batchOf("x", make([]int, 8)) }, []string{`"x"`, "9 dimensions"}},
		"negative dimension":      {weights(floatTensor("w", []float32{1, 2}, -2)), []string{`"w"`, "negative"}},
		"dimensions that overflow": {weights(floatTensor("w", []float32{1, 2}, 1<<33, 1<<31)),
			[]string{`"w"`, "elements"}},
		"dimensions of most but zero": {weights(floatTensor("w", nil, math.MaxInt64, 0)), []string{`"w"`, "elements"}},
		"shape without its data":      {weights(floatTensor("w", nil, 1<<29)), []string{`"w"`, "bytes"}},
		"data without its shape":      {weights(floatTensor("w", []float32{1, 2})), []string{`"w"`, "2 elements"}},
		"raw data of odd length": {weights(&onnxpb.TensorProto{Name: "w", DataType: 1, Dims: []int64{2}, RawData: make([]byte, 7)}),
			[]string{`"w"`, "7 bytes"}},
		"weights in another file": {weights(&onnxpb.TensorProto{Name: "w", DataType: 1, Dims: []int64{2}, DataLocation: onnxpb.TensorProto_EXTERNAL,
			ExternalData: []*onnxpb.StringStringEntryProto{{Key: "location", Value: "/etc/passwd"}}}), []string{`"w"`, "another file"}},
		"weights of unknown type": {weights(&onnxpb.TensorProto{Name: "w", DataType: 77}), []string{`"w"`, "element type"}},
		"weights without a name":  {weights(floatTensor("", nil)), []string{"no name"}},
		"weights twice": {func(f *onnxpb.ModelProto) { f.Graph.Initializer = append(f.Graph.Initializer, f.Graph.Initializer[0]) },
			[]string{`"w"`, "twice"}},
		"sparse weights":         {func(f *onnxpb.ModelProto) { f.Graph.SparseInitializer = []*onnxpb.SparseTensorProto{{}} }, []string{"sparse"}},
		"shapes that do not fit": {weights(floatTensor("w", []float32{1, 2, 3}, 3)), []string{`"sum"`, "Add", "broadcast"}},
		"constant of gigabytes": {func(f *onnxpb.ModelProto) {
			f.Graph.Initializer[0] = &onnxpb.TensorProto{Name: "w", DataType: 7, Dims: []int64{2}, Int64Data: []int64{1 << 14, 1 << 15}}
			f.Graph.Node[0] = &onnxpb.NodeProto{Name: "big", OpType: "ConstantOfShape", Input: []string{"w"}, Output: []string{"s"}}
		}, []string{`"big"`, "memory"}},
		"result of gigabytes": {func(f *onnxpb.ModelProto) {
			f.Graph.Initializer[0] = &onnxpb.TensorProto{Name: "w", DataType: 7, Dims: []int64{2}, Int64Data: []int64{1 << 14, 1 << 15}}
			f.Graph.Node[0] = &onnxpb.NodeProto{Name: "big", OpType: "Tile", Input: []string{"x", "w"}, Output: []string{"s"}}
		}, []string{`"big"`, "memory"}},
		"range without end": {func(f *onnxpb.ModelProto) {
			f.Graph.Initializer[0] = &onnxpb.TensorProto{Name: "w", DataType: 7, Int64Data: []int64{0}}
			f.Graph.Node[0] = &onnxpb.NodeProto{Name: "count", OpType: "Range", Input: []string{"w", "w", "w"}, Output: []string{"s"}}
		}, []string{`"count"`, "Range"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			file := smallModel()
			tc.change(file)
			var err error
			checkMemory(t, func() { _, err = load(file) })
			if err == nil {
				t.Fatal("the model was accepted")
			}
			for _, part := range tc.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q lacks %q", err, part)
				}
			}
		})
	}
}

// checkMemory checks that f allocates at most 100 MB.
func checkMemory(t *testing.T, f func()) {
	t.Helper()
	const most = 100_000_000
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > most {
		t.Errorf("%d bytes were allocated, more than %d", n, most)
	}
}

func TestErrorsNameTheNode(t *testing.T) {
	file := smallModel()
	file.Graph.Node[1].OpType = "FancyOp"
	_, err := load(file)
	var located *graph.NodeError
	if !errors.As(err, &located) || located.Node != "y" || located.Op != "FancyOp" {
		t.Errorf("error is %#v", err)
	}
}

func TestDamagedFiles(t *testing.T) {
	_, valid := encodeAndDecode(t, onnxtest.Trained(t, "SimpleCNN"))
	tests := map[string]struct {
		data []byte
		says string
	}{
		"nothing":       {nil, "is empty"},
		"a web page":    {[]byte("<html>404 Not Found</html>"), "not an ONNX file but an HTML page"},
		"LFS":           {[]byte("version https://git-lfs.github.com/spec/v1\noid sha256:0"), "not an ONNX file but a Git LFS pointer"},
		"PyTorch":       {[]byte("PK\x03\x04\x00\x00archive/data.pkl"), "not an ONNX file but a ZIP archive"},
		"TFLite":        {[]byte("\x1c\x00\x00\x00TFL3\x14\x00"), "not an ONNX file but a TensorFlow Lite model"},
		"zeros":         {make([]byte, 100), "not an ONNX file, or damaged"},
		"cut in half":   {valid[:len(valid)/2], "cut short"},
		"cut by a byte": {valid[:len(valid)-1], "cut short"},
		"cut to a head": {valid[:20], "cut short"},
		// A graph of empty nodes: two bytes each in the file, hundreds in memory.
		"empty messages": {append([]byte{7<<3 | 2, 0x80, 0x80, 0x80, 0x08}, bytes.Repeat([]byte{1<<3 | 2, 0}, 1<<23)...), "than its size warrants"},
		// A node whose subgraph has a node whose subgraph …
		"deep nesting": {deepModel(1000), "nested more than"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			checkMemory(t, func() {
				if _, err := Decode(tc.data); err == nil || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "proto:") {
					t.Errorf("Decode() error = %v, want one that says %q", err, tc.says)
				}
			})
		})
	}
}

// deepModel is a model with graphs in graphs.
func deepModel(depth int) []byte {
	g := &onnxpb.GraphProto{}
	for range depth {
		g = &onnxpb.GraphProto{Node: []*onnxpb.NodeProto{{Attribute: []*onnxpb.AttributeProto{{G: g}}}}}
	}
	data, err := proto.Marshal(&onnxpb.ModelProto{Graph: g})
	if err != nil {
		panic(err)
	}
	return data
}

func TestMetadataErrors(t *testing.T) {
	valid := map[string]string{
		keyClasses: `["cat","dog"]`, keyMetrics: `{"accuracy":0.5}`,
		keyPreprocess: `{"size":64,"resize":"bilinear-antialias-stretch","mean":[0,0,0],"std":[1,1,1]}`,
	}
	tests := map[string]struct{ key, value, want string }{
		"classes are no JSON":   {keyClasses, "cat", keyClasses},
		"one class":             {keyClasses, `["cat"]`, "1 classes"},
		"the same class twice":  {keyClasses, `["cat","cat"]`, "distinct"},
		"a class without name":  {keyClasses, `["cat",""]`, "distinct"},
		"temperature of words":  {keyTemperature, "warm", `trainyard.temperature is "warm"; it must be a number above 0`},
		"temperature of 0":      {keyTemperature, "0", "a number above 0"},
		"negative temperature":  {keyTemperature, "-1", "a number above 0"},
		"no temperature":        {keyTemperature, "NaN", "a number above 0"},
		"metrics are no JSON":   {keyMetrics, "", keyMetrics},
		"preprocess is missing": {keyPreprocess, "", keyPreprocess},
		"preprocess is invalid": {keyPreprocess, `{"size":0}`, "size"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			model := &Model{Properties: map[string]string{}}
			for key, value := range valid {
				model.Properties[key] = value
			}
			if _, err := model.Metadata(); err != nil {
				t.Fatalf("the valid metadata is refused: %v", err)
			}
			model.Properties[tc.key] = tc.value
			if _, err := model.Metadata(); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %v, want one with %q", err, tc.want)
			}
		})
	}
	if _, err := (&Model{}).Metadata(); !errors.Is(err, ErrNoMetadata) {
		t.Errorf("without metadata the error is %v", err)
	}
}

func TestEncodeErrors(t *testing.T) {
	network := onnxtest.Trained(t, "SimpleCNN")
	tests := map[string]struct {
		change func(*Metadata)
		want   string
	}{
		"too few classes":    {func(m *Metadata) { m.Classes = m.Classes[:2] }, "2 classes, the network has 3"},
		"class twice":        {func(m *Metadata) { m.Classes[1] = m.Classes[0] }, "distinct"},
		"metric not finite":  {func(m *Metadata) { m.Metrics["loss"] = math.NaN() }, "loss"},
		"invalid preprocess": {func(m *Metadata) { m.Preprocess.Size = 0 }, "size"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			metadata := testMetadata("SimpleCNN")
			tc.change(&metadata)
			if _, err := Encode(network, metadata); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %v, want one with %q", err, tc.want)
			}
		})
	}
}
