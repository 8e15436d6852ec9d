// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Command torchvision runs an ONNX model on pictures with this project's engine, for compare.py beside it.
//
// usage: torchvision MODEL INPUT OUTPUT COUNT
//
// INPUT and OUTPUT are files of float32 in the machine's byte order, COUNT pictures and their logits. Each picture is
// computed alone, then all together, which must give the same. It prints "run", or "refused: " and the reason.
package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"strconv"

	"github.com/trainyard-dev/trainyard/internal/engine/graph"
	"github.com/trainyard-dev/trainyard/internal/onnx"
)

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: torchvision MODEL INPUT OUTPUT COUNT")
		os.Exit(2)
	}
	count, err := strconv.Atoi(os.Args[4])
	if err == nil {
		err = compute(os.Args[1], os.Args[2], os.Args[3], count)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// compute runs a model. A model that can't be read or compiled is refused, which is no error.
func compute(modelPath, inputPath, outputPath string, count int) error {
	data, err := os.ReadFile(modelPath)
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(inputPath)
	if err != nil {
		return err
	}
	input := make([]float32, len(raw)/4)
	if _, err := binary.Decode(raw, binary.NativeEndian, input); err != nil {
		return err
	}
	program, err := compile(data)
	if err != nil {
		fmt.Println("refused:", err)
		return nil
	}
	size, width := len(input)/count, program.OutputLen()
	output, together := make([]float32, count*width), make([]float32, count*width)
	for i := range count {
		if err := program.Run(input[i*size:(i+1)*size], 1, output[i*width:(i+1)*width]); err != nil {
			return err
		}
	}
	if err := program.Run(input, count, together); err != nil {
		return fmt.Errorf("a batch of %d: %w", count, err)
	}
	for i, v := range together {
		if !(math.Abs(float64(v-output[i])) <= 1e-4*math.Max(1, math.Abs(float64(output[i])))) {
			return fmt.Errorf("number %d is %v alone, in a batch %v", i, output[i], v)
		}
	}
	if raw, err = binary.Append(nil, binary.NativeEndian, output); err != nil {
		return err
	}
	fmt.Println("run")
	return os.WriteFile(outputPath, raw, 0o600)
}

func compile(data []byte) (*graph.Program, error) {
	model, err := onnx.Decode(data)
	if err != nil {
		return nil, err
	}
	return model.Compile(graph.Options{})
}
