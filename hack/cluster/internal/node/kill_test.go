// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package node

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// A process that is ending is in no list any more, but it isn't gone.
func TestKillAllWaitsUntilProcessesAreGone(t *testing.T) {
	child := exec.Command("sleep", "3600")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	pid := child.Process.Pid
	looks := 0
	reaped := make(chan struct{})
	err := killAll(func() ([]int, error) {
		looks++
		switch looks {
		case 1:
			return []int{pid}, nil
		case 5: // until now it is there, dead and not collected
			go func() {
				defer close(reaped)
				_ = child.Wait() // its error says that it was killed
			}()
		}
		return nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); err == nil || looks < 5 {
		t.Errorf("killAll returned after %d looks, and process %d is still there", looks, pid)
	}
	if looks < 5 {
		_ = child.Wait()
		return
	}
	<-reaped
}

func TestKillAllKillsAgain(t *testing.T) {
	var children []*exec.Cmd
	err := killAll(func() ([]int, error) {
		if len(children) == 3 {
			return nil, nil
		}
		child := exec.Command("sleep", "3600") // as the kubelet starts a pod's process again
		if err := child.Start(); err != nil {
			return nil, err
		}
		children = append(children, child)
		go func() { _ = child.Wait() }()
		return []int{child.Process.Pid}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, child := range children {
		if _, err := os.Stat(fmt.Sprintf("/proc/%d", child.Process.Pid)); err == nil {
			t.Errorf("process %d is still there", child.Process.Pid)
		}
	}
}

func TestReadStat(t *testing.T) {
	born, state, ok := readStat(os.Getpid())
	if !ok || born == "" || state == "Z" {
		t.Errorf("readStat of this process = %q, %q, %t", born, state, ok)
	}
	if _, _, ok := readStat(1 << 30); ok {
		t.Error("readStat finds a process that can't be")
	}
}
