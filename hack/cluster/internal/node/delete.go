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

	"github.com/trainyard-dev/trainyard/hack/cluster/internal/config"
)

// Delete ends every process of a cluster and removes all that it has left on this machine. It works just
// as well on what is left of a cluster whose start or end was itself cut off, and for any number of nodes.
func Delete(cfg *config.Config) error {
	for i := range config.MaxNodes {
		if err := New(cfg.Node(i)).Kill(); err != nil {
			return err
		}
	}
	return deleteFolders(cfg)
}

// Kill ends a node as a power cut does: nobody hears from it any more, all its processes end, and what is left is
// what was on its disk.
func (n *Node) Kill() error {
	err := errors.Join(
		n.deleteLink(),
		// Its own processes first: the kubelet would start the pods' again.
		killAll(n.networkProcesses),
		killAll(n.cgroupProcesses),
	)
	if err != nil {
		return err
	}
	return errors.Join(n.deleteCgroups(), n.deleteNetNS())
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

// deleteFolders removes the state, and with the last cluster's the folders that were only made to be mounted
// on: removing one takes away what another cluster has mounted on it. A folder of another cluster is not
// empty, so it stays.
func deleteFolders(cfg *config.Config) error {
	if err := os.RemoveAll(cfg.StateDir()); err != nil {
		return fmt.Errorf("remove the cluster's state: %w", err)
	}
	unlock, err := lockBinds()
	if err != nil {
		return err
	}
	defer unlock()
	others, err := os.ReadDir(filepath.Dir(cfg.StateDir()))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(others) > 0 {
		return nil
	}
	first := cfg.Node(0)
	dirs := []string{filepath.Dir(cfg.StateDir()), filepath.Dir(first.NetNSPath())}
	for _, b := range first.Binds() {
		dirs = append(dirs, b.Path)
	}
	for _, dir := range dirs {
		err := unix.Rmdir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENOTEMPTY) && !errors.Is(err, unix.EBUSY) {
			return fmt.Errorf("remove %s: %w", dir, err)
		}
	}
	return os.Remove(bindsLock)
}

// bindsLock is the file that keeps one cluster from removing the folders that another is mounting on.
const bindsLock = "/run/lock/trainyard"

// lockBinds takes the lock, which ends with the process at the latest.
func lockBinds() (unlock func(), err error) {
	for {
		f, err := os.OpenFile(bindsLock, os.O_CREATE|os.O_RDWR, 0o644)
		if err != nil {
			return nil, err
		}
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", bindsLock, err)
		}
		// Whoever had it may have removed the file: the lock counts only if it is still that one.
		if info, err := f.Stat(); err == nil {
			if now, err := os.Stat(bindsLock); err == nil && os.SameFile(info, now) {
				return func() { f.Close() }, nil
			}
		}
		f.Close()
	}
}
