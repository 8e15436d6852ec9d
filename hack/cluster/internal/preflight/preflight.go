// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package preflight checks what a cluster needs of a machine, mends what it can, and names the remedy of the
// rest.
package preflight

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/trainyard-dev/trainyard/hack/cluster/internal/progress"
)

const (
	giga = 1 << 30
	// minMemory is what the cluster's own processes take, with room for pods.
	minMemory = 3 * giga
	// minDisk is what images, volumes and logs need.
	minDisk = 5 * giga
)

// checks collects what is wrong.
type checks struct {
	report   *progress.Reporter
	problems []error
}

func (c *checks) fail(problem, remedy string) {
	c.problems = append(c.problems, fmt.Errorf("%s: %s", problem, remedy))
}

// Run checks everything and returns an error that names all that is wrong. packageList is the path of the
// list of Debian packages.
func Run(ctx context.Context, packageList string, install bool, report *progress.Reporter) error {
	c := &checks{report: report}
	if os.Geteuid() != 0 {
		// The other checks would only say the same in other words.
		return errors.New("the cluster needs root, for namespaces, mounts and cgroups: run the command with sudo, " +
			"or use a cluster that you have (CLUSTER=current)")
	}
	if err := checkPackages(ctx, c, packageList, install); err != nil {
		return err
	}
	step := report.Step("Check this machine")
	checkNamespaces(c)
	checkCgroups(c)
	checkFileSystems(ctx, c)
	checkDisk(c, "/var/lib")
	checkMemory(c)
	if len(c.problems) > 0 {
		step.Fail()
		return fmt.Errorf("this machine cannot run a cluster yet:\n%w", errors.Join(c.problems...))
	}
	step.Done("")
	return nil
}

func checkNamespaces(c *checks) {
	cmd := exec.Command("/proc/self/exe", "--help")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
	}
	if err := cmd.Run(); err != nil {
		c.fail(fmt.Sprintf("namespaces cannot be made (%v)", err),
			"run on the machine itself or in a privileged container (all of CAP_SYS_ADMIN, CAP_NET_ADMIN)")
	}
}

// controllers are the cgroup controllers that the kubelet needs.
var controllers = []string{"cpu", "cpuset", "memory", "pids"}

// missingControllers returns those that the cgroup file system below root does not offer, in either version.
func missingControllers(root string) []string {
	if list, err := os.ReadFile(filepath.Join(root, "cgroup.controllers")); err == nil { // version 2
		offered := strings.Fields(string(list))
		return slices.DeleteFunc(slices.Clone(controllers), func(name string) bool { return slices.Contains(offered, name) })
	}
	return slices.DeleteFunc(slices.Clone(controllers), func(name string) bool {
		_, err := os.Stat(filepath.Join(root, name, "tasks"))
		return err == nil
	})
}

const cgroupRoot = "/sys/fs/cgroup"

func checkCgroups(c *checks) {
	if missing := missingControllers(cgroupRoot); len(missing) > 0 {
		c.fail(fmt.Sprintf("cgroup controllers are missing below %s: %s", cgroupRoot, strings.Join(missing, ", ")),
			"mount them, or enable them on the kernel's command line (cgroup_enable=memory)")
	}
	if unix.Access(cgroupRoot, unix.W_OK) != nil {
		c.fail(cgroupRoot+" is read-only", "run on the machine itself or in a privileged container")
	}
}

func checkFileSystems(ctx context.Context, c *checks) {
	if hasFileSystem("overlay") {
		return
	}
	_ = exec.CommandContext(ctx, "modprobe", "overlay").Run() // judged by its effect
	if !hasFileSystem("overlay") {
		c.fail("the kernel has no overlay file system", "use a kernel with CONFIG_OVERLAY_FS")
	}
}

func hasFileSystem(name string) bool {
	list, err := os.ReadFile("/proc/filesystems")
	return err == nil && slices.Contains(strings.Fields(string(list)), name)
}

func checkDisk(c *checks, dir string) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		c.fail(fmt.Sprintf("cannot measure the disk at %s (%v)", dir, err), "make the folder")
		return
	}
	if free := st.Bavail * uint64(st.Bsize); free < minDisk {
		c.fail(fmt.Sprintf("only %.1f GiB of disk are free at %s", float64(free)/giga, dir), fmt.Sprintf("free %d GiB", minDisk/giga))
	}
}

func checkMemory(c *checks) {
	info, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		c.fail(fmt.Sprintf("cannot measure the memory (%v)", err), "mount /proc")
		return
	}
	if available := availableMemory(string(info)); available < minMemory {
		c.fail(fmt.Sprintf("only %.1f GiB of memory are available", float64(available)/giga), fmt.Sprintf("free %d GiB", minMemory/giga))
	}
}

// availableMemory reads MemAvailable, in bytes, from the text of /proc/meminfo.
func availableMemory(meminfo string) int64 {
	for line := range strings.Lines(meminfo) {
		var kib int64
		if n, _ := fmt.Sscanf(line, "MemAvailable: %d kB", &kib); n == 1 {
			return kib << 10
		}
	}
	return 0
}
