// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Delete ends every process of the cluster and removes all that it has left on this machine. It works just
// as well on what is left of a cluster whose start or end was itself cut off.
func (n *Node) Delete() error {
	// The node's own processes first: the kubelet would start the pods' again.
	err := errors.Join(
		killAll(n.networkProcesses),
		killAll(n.cgroupProcesses),
	)
	if err != nil {
		return err
	}
	return errors.Join(n.deleteCgroups(), n.deleteNetwork(), n.deleteFolders())
}

func (n *Node) networkProcesses() ([]int, error) {
	ps, err := n.Processes()
	if err != nil {
		return nil, err
	}
	out := make([]int, 0, len(ps))
	for _, p := range ps {
		out = append(out, p.PID)
	}
	return out, nil
}

// deleteFolders removes the state, and the folders that were only made to be mounted on. A folder of
// somebody else's is not empty, so it stays.
func (n *Node) deleteFolders() error {
	if err := os.RemoveAll(n.cfg.StateDir()); err != nil {
		return fmt.Errorf("remove the cluster's state: %w", err)
	}
	dirs := []string{filepath.Dir(n.cfg.StateDir()), filepath.Dir(n.cfg.NetNSPath())}
	for _, b := range n.cfg.Binds() {
		dirs = append(dirs, b.Path)
	}
	for _, dir := range dirs {
		err := unix.Rmdir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENOTEMPTY) && !errors.Is(err, unix.EBUSY) {
			return fmt.Errorf("remove %s: %w", dir, err)
		}
	}
	return nil
}
