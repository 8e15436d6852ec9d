// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package node is one of the cluster's nodes as this machine knows it: a network namespace, mounts of its own,
// cgroups and processes. It keeps no record of what it started: a process belongs to the node if it is in
// the node's network namespace or cgroup, which also finds what a killed run has left.
package node

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/trainyard-dev/trainyard/hack/cluster/internal/config"
)

// Node starts, finds and ends what runs on a node.
type Node struct {
	config.Node
	cfg *config.Config
}

// New returns a node, which need not exist yet.
func New(cfg config.Node) *Node {
	return &Node{Node: cfg, cfg: cfg.Cluster}
}

// errNoNode is returned where a running node is needed.
var errNoNode = errors.New("the cluster is not up: start it with `up`")

// onThread runs a function on a thread of its own, which ends with it: so the function may change the
// thread's namespaces.
func onThread(fn func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		done <- fn()
	}()
	return <-done
}

// Start starts a component in the node's namespaces, detached from this process, its output appended to its log.
func (n *Node) Start(c config.Component) error {
	return onThread(func() error {
		if err := n.enter(); err != nil {
			return err
		}
		logFile, err := n.openLog(c.Name)
		if err != nil {
			return err
		}
		defer logFile.Close()
		path := c.Path
		if c.Name == config.Agent {
			path = "/proc/self/exe"
		}
		cmd := &exec.Cmd{
			Path:        path,
			Args:        append([]string{c.Path}, c.Args...),
			Dir:         "/",
			Env:         []string{n.pathEnv()}, // nothing of the caller's: not its proxies, for one
			Stdout:      logFile,
			Stderr:      logFile,
			SysProcAttr: &syscall.SysProcAttr{Setsid: true},
		}
		if err := cmd.Start(); err != nil {
			return fmt.Errorf("start %s: %w", c.Name, err)
		}
		return cmd.Process.Release()
	})
}

// Run runs a command in the node's namespaces and waits for it.
func (n *Node) Run(stdin io.Reader, name string, args ...string) ([]byte, error) {
	var out []byte
	err := onThread(func() error {
		if err := n.enter(); err != nil {
			return err
		}
		cmd := exec.Command(n.cfg.Bin(name), args...)
		cmd.Stdin = stdin
		cmd.Env = []string{n.pathEnv()}
		var err error
		if out, err = cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", name, err, out)
		}
		return nil
	})
	return out, err
}

// Exec replaces this process by a command in the node's namespaces, with its programs first in PATH and
// KUBECONFIG set. It returns only if that fails.
func (n *Node) Exec(args []string) error {
	if n.keeper() == 0 {
		return errNoNode
	}
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	if err := n.enter(); err != nil {
		return err
	}
	if err := os.Chdir(dir); err != nil {
		return err
	}
	for _, kv := range [][2]string{{"PATH", n.cfg.BinDir + ":" + os.Getenv("PATH")}, {"KUBECONFIG", n.cfg.Kubeconfig()}} {
		if err := os.Setenv(kv[0], kv[1]); err != nil {
			return err
		}
	}
	path, err := exec.LookPath(args[0])
	if err != nil {
		return err
	}
	return fmt.Errorf("exec %s: %w", path, syscall.Exec(path, args, os.Environ()))
}

// pathEnv is the search path of the components: the cluster's programs, then the system's.
func (n *Node) pathEnv() string {
	return "PATH=" + n.cfg.BinDir + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
}

// LogPath is where a component's output goes.
func (n *Node) LogPath(component string) string {
	return n.Path("log", component+".log")
}

func (n *Node) openLog(component string) (*os.File, error) {
	path := n.LogPath(component)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
}

// enter moves the calling thread into the node's network and mounts. The mounts last as long as a process
// is in them, so that they are made anew when there is none.
func (n *Node) enter() error {
	ns, err := netns.GetFromPath(n.NetNSPath())
	if errors.Is(err, fs.ErrNotExist) {
		return errNoNode
	} else if err != nil {
		return err
	}
	defer ns.Close()
	keeper := n.keeper()
	if err := netns.Set(ns); err != nil {
		return fmt.Errorf("enter the network namespace %s: %w", n.NetNS(), err)
	}
	if keeper == 0 {
		if err := n.newMounts(); err != nil {
			return fmt.Errorf("make the node's mounts: %w", err)
		}
		return nil
	}
	mounts, err := os.Open(fmt.Sprintf("/proc/%d/ns/mnt", keeper))
	if err != nil {
		return err
	}
	defer mounts.Close()
	// A thread that shares its working directory with others may not change its mounts.
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return err
	}
	if err := unix.Setns(int(mounts.Fd()), unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("enter the node's mounts: %w", err)
	}
	return nil
}

// newMounts gives the calling thread mounts of its own. Those that the machine makes later reach the node,
// those of the node never reach the machine.
func (n *Node) newMounts() error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return err
	}
	for _, propagation := range []uintptr{unix.MS_SLAVE, unix.MS_SHARED} {
		if err := unix.Mount("", "/", "", unix.MS_REC|propagation, ""); err != nil {
			return err
		}
	}
	unlock, err := lockBinds()
	if err != nil {
		return err
	}
	defer unlock()
	for _, b := range n.Binds() {
		if err := bind(b); err != nil {
			return fmt.Errorf("%s: %w", b.Path, err)
		}
	}
	if err = unix.Mount(n.cfg.ResolvConf(), "/etc/resolv.conf", "", unix.MS_BIND, ""); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("/etc/resolv.conf: %w", err)
	}
	return nil
}

func bind(b config.Bind) error {
	if err := os.MkdirAll(b.Path, 0o755); err != nil {
		return err
	}
	if b.Source == "" {
		return unix.Mount("tmpfs", b.Path, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755")
	}
	if err := os.MkdirAll(b.Source, 0o755); err != nil {
		return err
	}
	return unix.Mount(b.Source, b.Path, "", unix.MS_BIND, "")
}

// MountReadOnly shows a folder of this machine at a path of the node. A read-only flag on the mount would
// not do: the container runtime clears it for a pod that asks to write. An overlay without an upper layer has
// nowhere to write to.
func (n *Node) MountReadOnly(folder, path string) error {
	empty := n.cfg.Path("empty") // an overlay without an upper layer needs two lower ones
	return onThread(func() error {
		if err := n.enter(); err != nil {
			return err
		}
		for _, dir := range []string{path, empty} {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return err
			}
		}
		// One that an earlier call has made; pods that have it keep it.
		if err := unix.Unmount(path, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) {
			return fmt.Errorf("unmount %s: %w", path, err)
		}
		layers := "lowerdir=" + escapeLayer(folder) + ":" + escapeLayer(empty)
		if err := unix.Mount("trainyard", path, "overlay", unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV, layers); err != nil {
			return fmt.Errorf("mount %s: %w", folder, err)
		}
		return nil
	})
}

// escapeLayer escapes what an overlay's options read as a mark.
func escapeLayer(path string) string {
	return strings.NewReplacer(`\`, `\\`, ":", `\:`, ",", `\,`).Replace(path)
}
