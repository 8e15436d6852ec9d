// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package mlflow

import (
	"encoding/json"
	"fmt"
	"time"
)

// ModelFile is the file of a model's folder that says how MLflow loads it.
const ModelFile = "MLmodel"

// ONNXModel describes a folder with a model in ONNX.
type ONNXModel struct {
	File string // within the folder
	// Input and Output are its tensors, of float32; -1 is any size.
	Input, Output           string
	InputShape, OutputShape []int
	// RunID is the run that made it; ModelID the logged model that the folder belongs to, or empty.
	RunID, ModelID string
	UUID           string // 32 hexadecimal digits that differ among models
	SizeBytes      int64
	Created        time.Time
}

// Describe returns the ModelFile of a model: the flavors onnx, for mlflow.onnx.load_model, and python_function, for
// mlflow.pyfunc.load_model. JSON is YAML.
func (m ONNXModel) Describe() string {
	described := map[string]any{
		"flavors": map[string]any{
			"onnx": map[string]any{
				"data": m.File, "code": nil, "providers": []string{"CUDAExecutionProvider", "CPUExecutionProvider"}, "onnx_session_options": nil,
			},
			"python_function": map[string]any{"loader_module": "mlflow.onnx", "data": m.File, "env": map[string]any{}},
		},
		"model_uuid":       m.UUID,
		"model_size_bytes": m.SizeBytes,
		"run_id":           m.RunID,
		"utc_time_created": m.Created.UTC().Format("2006-01-02 15:04:05.000000"),
		"signature": map[string]any{
			"inputs": tensorSchema(m.Input, m.InputShape), "outputs": tensorSchema(m.Output, m.OutputShape), "params": nil,
		},
	}
	if m.ModelID != "" {
		described["model_id"] = m.ModelID
	}
	text, _ := json.MarshalIndent(described, "", "  ") // texts and numbers can always be encoded
	return string(text) + "\n"
}

// tensorSchema is the schema of one tensor, which MLflow keeps as a text of JSON.
func tensorSchema(name string, shape []int) string {
	dims, _ := json.Marshal(shape)
	return fmt.Sprintf(`[{"name": %q, "type": "tensor", "tensor-spec": {"dtype": "float32", "shape": %s}}]`, name, dims)
}
