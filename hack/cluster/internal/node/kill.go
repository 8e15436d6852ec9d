// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package node

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	killPatience = 20 * time.Second // for processes to end
	// reapPatience is for ended ones to be collected by their parent, which may be one that
	// never does: the first process of a container.
	reapPatience = 5 * time.Second
	killPause    = 20 * time.Millisecond
)

// killAll ends the processes that list returns, again and again until it returns none, and
// waits until they are gone. One that is ending has no command line and no namespaces any
// more, so lists leave it out, and it may take seconds to give its memory back.
func killAll(list func() ([]int, error)) error {
	killed := map[int]string{}
	for start := time.Now(); ; time.Sleep(killPause) {
		pids, err := list()
		if err != nil {
			return err
		}
		for _, pid := range pids {
			born, _, ok := readStat(pid)
			if !ok {
				continue // it is gone
			}
			killed[pid] = born
			if err := unix.Kill(pid, unix.SIGKILL); err != nil && err != unix.ESRCH {
				return fmt.Errorf("kill process %d: %w", pid, err)
			}
		}
		ending, ended := remaining(killed)
		took := time.Since(start)
		switch {
		case len(ending) > 0 && took > killPatience:
			return fmt.Errorf("processes %v outlive SIGKILL", ending)
		case len(pids) == 0 && len(ending) == 0 && (len(ended) == 0 || took > reapPatience):
			return nil
		}
	}
}

// remaining returns those of the killed processes that still run or are ending, and those
// that have ended and wait for their parent.
func remaining(killed map[int]string) (ending, ended []int) {
	for pid, born := range killed {
		now, state, ok := readStat(pid)
		threads, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
		switch {
		case !ok || now != born: // gone, and its number may be another's
			delete(killed, pid)
		case (state == "Z" || state == "X") && len(threads) <= 1:
			ended = append(ended, pid)
		default:
			ending = append(ending, pid)
		}
	}
	return ending, ended
}

// readStat returns when a process was started, in ticks since the machine's start, and its
// state; false if there is none.
func readStat(pid int) (born, state string, ok bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", "", false
	}
	// The name before the state is in parentheses and may hold spaces and parentheses.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	const stateField, bornField = 0, 19
	if len(fields) <= bornField {
		return "", "", false
	}
	return fields[bornField], fields[stateField], true
}
