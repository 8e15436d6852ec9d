// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
)

// bench is one run of all comparisons.
type bench struct {
	python, script, models string
	rounds                 int
	only                   []string
}

// contestant is one side of a comparison.
type contestant struct {
	name    string
	command []string
	gflop   float64 // of an image, counted by the direct algorithm; 0 means unknown

	input  io.WriteCloser
	output *bufio.Scanner
	cmd    *exec.Cmd

	wall, processor []float64 // milliseconds an image
	peakMemory      int       // MiB
}

// comparison sets us against peers; the ratio under its name is the best peer's median over ours.
type comparison struct {
	name  string
	ours  *contestant
	peers []*contestant
	// memoryPeer is the peer whose peak memory is compared too: the one with batches of our size. It may be nil.
	memoryPeer *contestant
}

// Operations of a forward pass at 224×224 pixels, two per multiplication. Training takes three times as many.
const (
	baselineGFLOP    = 1.48
	resnet50GFLOP    = 8.18
	mobilenetV2GFLOP = 0.60
)

// trainingBatch is the number of images that we train on at a time.
const trainingBatch = 32

// comparisons lists what is measured.
func (b *bench) comparisons() ([]*comparison, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	model := func(name string) string { return filepath.Join(b.models, name+".onnx") }
	infer := func(key, name string, threads, batch int, gflop float64, torch bool) *comparison {
		t, n := strconv.Itoa(threads), strconv.Itoa(batch)
		c := &comparison{name: key,
			ours:  &contestant{name: "trainyard", gflop: gflop, command: []string{self, "worker", "infer", model(name), t, n}},
			peers: []*contestant{{name: "onnxruntime", gflop: gflop, command: []string{b.python, b.script, "ort", model(name), t, n}}},
		}
		if torch {
			c.peers = append(c.peers, &contestant{name: "pytorch", gflop: gflop, command: []string{b.python, b.script, "torch", name, t, n}})
		}
		return c
	}
	train := func(key, dtype string, threads int, batches ...int) *comparison {
		t := strconv.Itoa(threads)
		c := &comparison{name: key, ours: &contestant{
			name: fmt.Sprintf("trainyard, batch %d", trainingBatch), gflop: 3 * baselineGFLOP,
			command: []string{self, "worker", "train", "224", t, strconv.Itoa(trainingBatch)},
		}}
		for _, batch := range batches {
			peer := &contestant{
				name: fmt.Sprintf("pytorch %s, batch %d", dtype, batch), gflop: 3 * baselineGFLOP,
				command: []string{b.python, b.script, "train", "224", t, strconv.Itoa(batch), dtype},
			}
			c.peers = append(c.peers, peer)
			if batch == trainingBatch && dtype == "float32" {
				c.memoryPeer = peer
			}
		}
		return c
	}
	all := []*comparison{
		infer("infer_1t_vs_ort", "baseline", 1, 1, baselineGFLOP, true),
		infer("infer_2t_vs_ort", "baseline", 2, 1, baselineGFLOP, true),
		b.quantized(self, "infer_int8_1t_vs_ort", "baseline", baselineGFLOP, true),
		infer("infer_batch8_2t_vs_ort", "baseline", 2, 8, baselineGFLOP, false),
		infer("resnet50_1t_vs_ort", "resnet50", 1, 1, resnet50GFLOP, false),
		infer("mobilenetv2_1t_vs_ort", "mobilenetv2", 1, 1, mobilenetV2GFLOP, false),
		b.quantized(self, "mobilenetv2_int8_1t_vs_ort", "mobilenetv2", mobilenetV2GFLOP, false),
		train("train_1t_vs_torch_fp32", "float32", 1, 32),
		train("train_2t_vs_torch_fp32", "float32", 2, 16, 32),
	}
	if hasBF16() {
		all = append(all, train("train_2t_vs_torch_bf16", "bfloat16", 2, 32))
	}
	if b.only == nil {
		return all, nil
	}
	return slices.DeleteFunc(all, func(c *comparison) bool { return !slices.Contains(b.only, c.name) }), nil
}

// quantized compares inference with 8 bits and one thread: the first peer runs the same file, the second, if any, one that ONNX
// Runtime's own tool has made, with all 8 bits of the weights.
func (b *bench) quantized(self, key, model string, gflop float64, ownFile bool) *comparison {
	file := filepath.Join(b.models, model+"-int8.onnx")
	ort := func(name, file string) *contestant {
		return &contestant{name: name, gflop: gflop, command: []string{b.python, b.script, "ort", file, "1", "1"}}
	}
	c := &comparison{name: key,
		ours:  &contestant{name: "trainyard", gflop: gflop, command: []string{self, "worker", "infer", file, "1", "1"}},
		peers: []*contestant{ort("onnxruntime", file)},
	}
	if ownFile {
		c.peers = append(c.peers, ort("onnxruntime, its own int8", filepath.Join(b.models, model+"-int8-ort.onnx")))
	}
	return c
}

// run makes the comparisons and prints a table and the line of ratios.
func (b *bench) run() error {
	comparisons, err := b.comparisons()
	if err != nil {
		return err
	}
	peak, err := measurePeak()
	if err != nil {
		return err
	}
	fmt.Printf("float32 peak of one core, measured: %.0f GFLOP/s; kernel sets: %s\n", peak, strings.Join(kernels.Names(), ", "))
	var line []string
	for _, c := range comparisons {
		if err := c.measure(b.rounds); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		c.print(peak)
		line = append(line, c.ratios()...)
	}
	inference, err := kernelSet(true)
	if err != nil {
		return err
	}
	training, err := kernelSet(false)
	if err != nil {
		return err
	}
	fmt.Printf("bench-engine: %s isa=%s training_isa=%s\n", strings.Join(line, " "), inference, training)
	return nil
}

// restTime is how long all wait before a measurement: thread pools of the peers go on spinning for a while after their
// turn (OpenMP's for 0.2 s) and would take a core from the next.
const restTime = 400 * time.Millisecond

// measure lets the contestants take turns. The clock runs for one at a time; the others wait for their input.
func (c *comparison) measure(rounds int) error {
	all := append([]*contestant{c.ours}, c.peers...)
	for _, s := range all {
		defer s.stop()
		if err := s.start(); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	for range rounds {
		for _, s := range all {
			time.Sleep(restTime)
			if err := s.sample(); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	for _, s := range all {
		s.peakMemory = peakMemory(s.cmd.Process.Pid)
	}
	return nil
}

// start starts the process and waits until it is ready.
func (s *contestant) start() error {
	s.cmd = exec.Command(s.command[0], s.command[1:]...)
	s.cmd.Stderr = os.Stderr
	var err error
	if s.input, err = s.cmd.StdinPipe(); err != nil {
		return err
	}
	output, err := s.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	s.output = bufio.NewScanner(output)
	if err := s.cmd.Start(); err != nil {
		return err
	}
	if !s.output.Scan() || s.output.Text() != "ready" {
		return fmt.Errorf("did not start: %v", s.output.Text())
	}
	return nil
}

// sample asks for one measurement.
func (s *contestant) sample() error {
	if _, err := fmt.Fprintln(s.input, "run"); err != nil {
		return err
	}
	if !s.output.Scan() {
		return errors.Join(errors.New("ended early"), s.output.Err())
	}
	var wall, processor float64
	if _, err := fmt.Sscan(s.output.Text(), &wall, &processor); err != nil {
		return err
	}
	s.wall, s.processor = append(s.wall, wall), append(s.processor, processor)
	return nil
}

// stop closes the process's input, upon which it ends.
func (s *contestant) stop() {
	if s.cmd == nil || s.cmd.Process == nil {
		return
	}
	s.input.Close()
	s.cmd.Wait() //nolint:errcheck // a worker that fails while ending has already been measured
}

// peakMemory returns the largest resident set of a process so far in MiB, or 0 if it is unknown.
func peakMemory(pid int) int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		var kilobytes int
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kilobytes); n == 1 {
			return kilobytes >> 10
		}
	}
	return 0
}

// quantile returns the value below which a share of the samples lies.
func quantile(samples []float64, share float64) float64 {
	sorted := slices.Sorted(slices.Values(samples))
	return sorted[int(share*float64(len(sorted)-1)+0.5)]
}

func median(samples []float64) float64 { return quantile(samples, 0.5) }

// print writes the table of one comparison.
func (c *comparison) print(peak float64) {
	fmt.Printf("\n%s\n", c.name)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "  \tms/image\tquartiles\tprocessor ms\tGFLOP/s\tof one core's peak\tpeak memory")
	for _, s := range append([]*contestant{c.ours}, c.peers...) {
		rate := s.gflop / median(s.wall) * 1e3
		fmt.Fprintf(w, "  %s\t%.2f\t%.2f–%.2f\t%.2f\t%.0f\t%.0f %%\t%d MiB\n", s.name, median(s.wall), quantile(s.wall, 0.25),
			quantile(s.wall, 0.75), median(s.processor), rate, 100*rate/peak, s.peakMemory)
	}
	w.Flush()
}

// ratios returns key=value of each ratio peer/ours: of wall time and of processor time, for the best peer, and, where it is
// compared, of peak memory, for the one with batches of our size.
func (c *comparison) ratios() []string {
	peers := c.peers
	if strings.HasSuffix(c.name, "_ort") {
		peers = peers[:1]
	}
	best := slices.MinFunc(peers, func(a, b *contestant) int {
		if median(a.wall) < median(b.wall) {
			return -1
		}
		return 1
	})
	line := []string{
		fmt.Sprintf("%s=%.2f", c.name, median(best.wall)/median(c.ours.wall)),
		fmt.Sprintf("%s_processor=%.2f", c.name, median(best.processor)/median(c.ours.processor)),
	}
	if c.memoryPeer != nil && c.ours.peakMemory > 0 {
		ratio := float64(c.memoryPeer.peakMemory) / float64(c.ours.peakMemory)
		line = append(line, fmt.Sprintf("%s=%.2f", strings.Replace(c.name, "_fp32", "_rss", 1), ratio))
	}
	return line
}

// hasBF16 reports whether this CPU computes with bfloat16.
func hasBF16() bool {
	info, err := os.ReadFile("/proc/cpuinfo")
	return err == nil && strings.Contains(string(info), "avx512_bf16")
}
