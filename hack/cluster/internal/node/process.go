// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package node

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/trainyard-dev/trainyard/hack/cluster/internal/config"
)

// Process is one that runs in a node's network namespace.
type Process struct {
	PID int
	// Args are its command line.
	Args []string
}

// Processes returns those in the node's network namespace, without the calling one.
func (n *Node) Processes() ([]Process, error) {
	want := n.netNSInode()
	if want == 0 {
		return nil, nil
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var out []Process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() || inode(fmt.Sprintf("/proc/%d/ns/net", pid)) != want {
			continue
		}
		cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err != nil || len(cmdline) == 0 {
			continue // it has ended
		}
		out = append(out, Process{PID: pid, Args: splitArgs(cmdline)})
	}
	return out, nil
}

// splitArgs splits the text of /proc/PID/cmdline.
func splitArgs(cmdline []byte) []string {
	return strings.Split(string(bytes.TrimRight(cmdline, "\x00")), "\x00")
}

// Running returns the component's process, if it runs.
func (n *Node) Running(c config.Component) (Process, bool) {
	ps, err := n.Processes()
	if err != nil {
		return Process{}, false
	}
	for _, p := range ps {
		if p.Args[0] == c.Path {
			return p, true
		}
	}
	return Process{}, false
}

// keeper returns a process that is in the node's own mounts, 0 if there is none: one of the cluster's
// programs in the node's network. Where the start of one has been cut off and repeated there may be mounts of two
// generations: those that count are where containerd and the pods are.
func (n *Node) keeper() int {
	ps, err := n.Processes()
	if err != nil {
		return 0
	}
	// Not /proc/self: that is the first thread, which may be one that onThread has moved into the node for good.
	own := inode("/proc/thread-self/ns/mnt")
	ranks := []string{n.cfg.Bin("containerd"), n.cfg.Bin("containerd-shim-runc-v2"), n.cfg.Bin("kubelet")}
	best, bestRank := 0, len(ranks)+1
	for _, p := range ps {
		if !strings.HasPrefix(p.Args[0], n.cfg.BinDir+"/") && p.Args[0] != n.cfg.Path(config.Agent) {
			continue
		}
		mounts := inode(fmt.Sprintf("/proc/%d/ns/mnt", p.PID))
		if mounts == 0 || mounts == own {
			continue
		}
		rank := slices.Index(ranks, p.Args[0])
		if rank < 0 {
			rank = len(ranks)
		}
		if rank < bestRank {
			best, bestRank = p.PID, rank
		}
	}
	return best
}

// Memory returns the process's resident memory in bytes, 0 if it has ended.
func (p Process) Memory() int64 {
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.PID))
	if err != nil {
		return 0
	}
	return residentBytes(string(statm), int64(os.Getpagesize()))
}

// residentBytes reads the second number of /proc/PID/statm, in pages.
func residentBytes(statm string, pageSize int64) int64 {
	fields := strings.Fields(statm)
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * pageSize
}
