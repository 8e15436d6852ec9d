// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// ONNXRuntime runs a model in ONNX Runtime.
func ONNXRuntime(t *testing.T, file []byte, input []float32, shape ...int) []float32 {
	t.Helper()
	raw := RunModel(t, "onnxruntime_run.py", file, input, shape...)
	output := make([]float32, len(raw)/4)
	if _, err := binary.Decode(raw, binary.NativeEndian, output); err != nil {
		t.Fatal(err)
	}
	return output
}

// RunModel gives a script a model and an input as files and returns the content of the file that it writes.
func RunModel(t *testing.T, script string, file []byte, input []float32, shape ...int) []byte {
	t.Helper()
	dir := t.TempDir()
	args := []string{filepath.Join(dir, "model.onnx"), filepath.Join(dir, "input"), filepath.Join(dir, "output")}
	raw, err := binary.Append(nil, binary.NativeEndian, input)
	if err != nil {
		t.Fatal(err)
	}
	for i, content := range [][]byte{file, raw} {
		if err := os.WriteFile(args[i], content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	result := args[2]
	for _, d := range shape {
		args = append(args, strconv.Itoa(d))
	}
	Run(t, script, args...)
	content, err := os.ReadFile(result)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
