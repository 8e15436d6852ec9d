// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"
)

const takeoverNamespace = "takeover"

// measureTakeover has leaders end, told to and killed, and measures after what time
// another manager works: a run created once the leader is gone has its Job.
func (b *bench) measureTakeover(ctx context.Context, program string, kubeconfig []byte, times int) (err error) {
	if err := b.createNamespace(ctx, takeoverNamespace); err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "takeover")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	config := filepath.Join(folder, "kubeconfig")
	if err := os.WriteFile(config, kubeconfig, 0o600); err != nil {
		return fmt.Errorf("write the kubeconfig: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	leader, err := startProcess(ctx, program, config)
	if err != nil {
		return err
	}
	defer func() { leader.end(syscall.SIGKILL) }()
	probes := 0
	if _, err := b.probe(ctx, takeoverNamespace, probes); err != nil {
		return err
	}
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		var took []time.Duration
		for range times {
			next, err := startProcess(ctx, program, config)
			if err != nil {
				return err
			}
			begin := time.Now()
			leader.end(signal)
			leader = next
			probes++
			if _, err := b.probe(ctx, takeoverNamespace, probes); err != nil {
				return err
			}
			took = append(took, time.Since(begin))
		}
		slices.Sort(took)
		fmt.Printf("the leader is gone (%s): another works after %.1f s (median of %d), %.1f s (slowest)\n",
			signal, took[len(took)/2].Seconds(), len(took), took[len(took)-1].Seconds())
	}
	return nil
}

// process is a manager of its own, as a pod runs it.
type process struct {
	command *exec.Cmd
	ended   chan struct{}
}

// startProcess starts a manager and waits until it asks for the lease.
func startProcess(ctx context.Context, program, kubeconfig string) (*process, error) {
	log := &awaitedLog{want: []byte("leader lease"), seen: make(chan struct{})}
	command := exec.CommandContext(ctx, program, "--runner-image=runner", "--server-image=server",
		"--leader-elect", "--leader-elect-namespace="+takeoverNamespace, "--metrics-bind-address=0", "--health-probe-bind-address=0")
	command.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start a manager: %w", err)
	}
	p := &process{command: command, ended: make(chan struct{})}
	go func() {
		_ = command.Wait() // how a manager ends that is killed is of no interest
		close(p.ended)
	}()
	select {
	case <-log.seen:
		return p, nil
	case <-p.ended:
		return nil, fmt.Errorf("a manager ended before it asked for the lease: %s", log.text.Bytes())
	}
}

// end sends a signal and waits until the process is gone.
func (p *process) end(signal syscall.Signal) {
	_ = p.command.Process.Signal(signal) // an error says that it has ended
	<-p.ended
}

// awaitedLog keeps what is written until it has what is wanted.
type awaitedLog struct {
	want []byte
	seen chan struct{}

	mu   sync.Mutex
	text bytes.Buffer
}

func (l *awaitedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if bytes.Contains(l.text.Bytes(), l.want) {
		return len(p), nil
	}
	l.text.Write(p)
	if bytes.Contains(l.text.Bytes(), l.want) {
		close(l.seen)
	}
	return len(p), nil
}
