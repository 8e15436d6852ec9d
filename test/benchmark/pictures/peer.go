// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// peer is a process that decodes and resizes with Pillow.
type peer struct {
	name    string
	command *exec.Cmd
	input   io.WriteCloser
	output  *bufio.Reader
}

func startPeer(python string) (*peer, error) {
	command := exec.Command(python, "test/benchmark/pictures/pillow.py") //nolint:gosec // the interpreter that was asked for
	command.Stderr = os.Stderr
	input, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	output, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	p := &peer{command: command, input: input, output: bufio.NewReader(output)}
	name, err := p.output.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("pillow.py: %w", err)
	}
	p.name = strings.TrimSpace(name)
	return p, nil
}

// measure decodes and resizes pictures.
func (p *peer) measure(paths []string) (timing, error) {
	if _, err := fmt.Fprintf(p.input, "%d\t%s\n", networkSize, strings.Join(paths, "\t")); err != nil {
		return timing{}, err
	}
	var decoded, resized int64
	if _, err := fmt.Fscanln(p.output, &decoded, &resized); err != nil {
		return timing{}, fmt.Errorf("pillow.py: %w", err)
	}
	return timing{decoded: time.Duration(decoded), resized: time.Duration(resized)}, nil
}

func (p *peer) stop() {
	_ = p.input.Close()
	_ = p.command.Wait()
}
