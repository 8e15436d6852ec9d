// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/graph"
	"github.com/trainyard-dev/trainyard/internal/engine/nn"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
	"github.com/trainyard-dev/trainyard/internal/model"
	"github.com/trainyard-dev/trainyard/internal/onnx"
	"github.com/trainyard-dev/trainyard/internal/quantize"
)

// work runs our side of a comparison, by the same protocol as peers.py: "infer MODEL THREADS BATCH" or
// "train SIZE THREADS BATCH".
func work(args []string) error {
	if len(args) < 4 {
		return errors.New("usage: engine worker infer|train MODEL|SIZE THREADS BATCH")
	}
	threads, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	batch, err := strconv.Atoi(args[3])
	if err != nil {
		return err
	}
	var step func()
	if args[0] == "train" {
		step, err = training(args[1], threads, batch)
	} else {
		step, err = inference(args[1], threads, batch)
	}
	if err != nil {
		return err
	}
	serve(step, batch)
	return nil
}

// inference returns one inference of a batch by the model in a file.
func inference(path string, threads, batch int) (func(), error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	decoded, err := onnx.Decode(data)
	if err != nil {
		return nil, err
	}
	program, err := graph.Compile(decoded.Graph, graph.Options{Threads: threads, Fastest: true})
	if err != nil {
		return nil, err
	}
	session, err := program.NewSession(batch)
	if err != nil {
		return nil, err
	}
	random := rand.New(rand.NewPCG(1, 0))
	x := make([]float32, len(session.Input(0)))
	for i := range x {
		x[i] = float32(random.NormFloat64())
	}
	return func() {
		copy(session.Input(0), x)
		session.Run()
	}, nil
}

// writeQuantized writes the model in a file with 8 bits, for images of noise.
func writeQuantized(path, target string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(2, 0))
	images := make([]float32, 8*3*224*224)
	for i := range images {
		images[i] = float32(random.NormFloat64())
	}
	quantized, err := quantize.Model(data, func(yield func([]float32, error) bool) { yield(images, nil) })
	if err != nil {
		return err
	}
	return os.WriteFile(target, quantized, 0o644)
}

// training returns one step of training BaselineCNN.
func training(size string, threads, batch int) (func(), error) {
	side, err := strconv.Atoi(size)
	if err != nil {
		return nil, err
	}
	network, err := model.New(model.Config{Architecture: "BaselineCNN", Classes: 2, ImageSize: side, Dropout: 0.2, Seed: 1, Threads: threads})
	if err != nil {
		return nil, err
	}
	optimizer, err := nn.NewAdamW(network.Params(), nn.DefaultAdamConfig())
	if err != nil {
		return nil, err
	}
	random := rand.New(rand.NewPCG(1, 0))
	x, labels := tensor.New(batch, 3, side, side), make([]int, batch)
	for i := range x.Data {
		x.Data[i] = float32(random.NormFloat64())
	}
	for i := range labels {
		labels[i] = i % 2
	}
	var loss nn.CrossEntropy
	return func() {
		loss.Forward(network.Workspace(), network.Forward(x, true), labels)
		network.Backward(loss.Gradient())
		optimizer.Step(network.Workspace(), 1e-3)
	}, nil
}

// serve answers each line on the standard input by the milliseconds of wall and of processor time of an image.
func serve(step func(), batch int) {
	step()
	start := time.Now()
	step()
	repeats := max(1, int(100*time.Millisecond/time.Since(start)))
	fmt.Println("ready")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		processor, wall := processorTime(), time.Now()
		for range repeats {
			step()
		}
		elapsed, used := time.Since(wall), processorTime()-processor
		perImage := func(d time.Duration) float64 { return d.Seconds() * 1e3 / float64(repeats*batch) }
		fmt.Println(perImage(elapsed), perImage(used))
	}
}

// processorTime returns what this process has used.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		fail(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// kernelSet returns the set that the engine chooses on this machine, for inference the fastest.
func kernelSet(fastest bool) (string, error) {
	ws, err := exec.New(exec.Options{Fastest: fastest})
	if err != nil {
		return "", err
	}
	return ws.Set(), nil
}

// measurePeak returns the GFLOP/s of one core in the fastest inner loop of the product, the best of some trials.
func measurePeak() (float64, error) {
	ws, err := exec.New(exec.Options{Threads: 1, Fastest: true})
	if err != nil {
		return 0, err
	}
	best := 0.0
	for range 10 {
		start := processorTime()
		operations := ws.Kernels().TileProducts(20_000)
		best = max(best, float64(operations)/float64((processorTime()-start).Nanoseconds()))
	}
	return best, nil
}
