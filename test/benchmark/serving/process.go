// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a server that runs, with all processes that it has started.
type process struct {
	command *exec.Cmd
	address string
	log     *os.File
	ended   chan error
	// started is how long it took until the first answer.
	started time.Duration
}

// startPatience is how long a server may take until it answers.
const startPatience = 90 * time.Second

// groups are the process groups of the servers that run.
var groups sync.Map

// endOnSignal ends all servers when the program is asked to end.
func endOnSignal() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-signals
		groups.Range(func(group, _ any) bool {
			_ = syscall.Kill(-group.(int), syscall.SIGKILL)
			return true
		})
		os.Exit(1)
	}()
}

// start starts a server and waits until it answers a request with 200.
func start(command *exec.Cmd, address, log string, request []byte) (*process, error) {
	file, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	command.Stdout, command.Stderr = file, file
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	begin := time.Now()
	if err := command.Start(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	p := &process{command: command, address: address, log: file, ended: make(chan error, 1)}
	groups.Store(command.Process.Pid, true)
	go func() { p.ended <- command.Wait() }()
	c := &connection{address: address}
	defer c.close()
	for time.Since(begin) < startPatience {
		if status, _, err := c.ask(request, time.Now().Add(startPatience)); err == nil && status == 200 {
			p.started = time.Since(begin)
			return p, nil
		}
		select {
		case err := <-p.ended:
			p.ended <- err
			p.stop()
			return nil, fmt.Errorf("ended at its start (%w): see %s", err, log)
		case <-time.After(2 * time.Millisecond):
		}
	}
	p.stop()
	return nil, fmt.Errorf("does not answer: see %s", log)
}

// stop ends the server and all that it has started.
func (p *process) stop() {
	group := -p.command.Process.Pid
	_ = syscall.Kill(group, syscall.SIGTERM)
	select {
	case err := <-p.ended:
		p.ended <- err
	case <-time.After(3 * time.Second):
	}
	_ = syscall.Kill(group, syscall.SIGKILL)
	groups.Delete(p.command.Process.Pid)
	p.ended <- <-p.ended
	p.log.Close()
}

// members are the processes of the server: its own and their children.
func (p *process) members() []int {
	parents := map[int]int{}
	entries, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, entry := range entries {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(entry)))
		if fields := statOf(pid); fields != nil {
			parents[pid], _ = strconv.Atoi(fields[1])
		}
	}
	var members []int
	for pid := range parents {
		for at := pid; at > 1; at = parents[at] {
			if at == p.command.Process.Pid {
				members = append(members, pid)
				break
			}
		}
	}
	return members
}

// statOf returns the fields of a process's stat file that follow its name: the first is its state.
func statOf(pid int) []string {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	return strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
}

// tick is the unit in which Linux counts processor time for programs.
const tick = 10 * time.Millisecond

// processor is the time that all its processes have computed.
func (p *process) processor() time.Duration {
	total := time.Duration(0)
	for _, pid := range p.members() {
		if fields := statOf(pid); len(fields) > 12 {
			user, _ := strconv.Atoi(fields[11])
			system, _ := strconv.Atoi(fields[12])
			total += time.Duration(user+system) * tick
		}
	}
	return total
}

// memory is what is resident of all its processes in bytes; of a page that several have, each counts its share.
func (p *process) memory() int64 {
	total := int64(0)
	for _, pid := range p.members() {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(data)) {
			var kilobytes int64
			if n, _ := fmt.Sscanf(line, "Pss: %d kB", &kilobytes); n == 1 {
				total += kilobytes << 10
			}
		}
	}
	return total
}

// watchMemory returns a function that ends the watch and returns the most that was resident meanwhile.
func (p *process) watchMemory() func() int64 {
	done, most := make(chan struct{}), make(chan int64)
	go func() {
		peak := p.memory()
		ticker := time.NewTicker(500 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				most <- max(peak, p.memory())
				return
			case <-ticker.C:
				peak = max(peak, p.memory())
			}
		}
	}()
	return func() int64 {
		close(done)
		return <-most
	}
}

// freeAddress is an address of this machine that nobody listens on.
func freeAddress() (address, port string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // at once
	if err != nil {
		return "", "", err
	}
	address = listener.Addr().String()
	_, port, err = net.SplitHostPort(address)
	return address, port, errors.Join(err, listener.Close())
}
