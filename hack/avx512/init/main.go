// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Command init is the first and only program of the emulated machine of hack/avx512/test.sh: it runs the command lines in
// /commands, one a line, says how each ended, and switches the machine off.
package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"
)

var environment = []string{
	// If the CPU lacks AVX-512 after all, tests must not take the next best set.
	"TRAINYARD_KERNELS=avx512",
	// Where it finds Ice Lake's instructions, Go's garbage collector uses some that Bochs 2.7 gets wrong.
	"GOGC=off", "GOMEMLIMIT=1GiB",
}

func main() {
	if err := runAll(); err != nil {
		fmt.Println("init:", err)
	} else {
		fmt.Println("init: all passed")
	}
	// What the console has not sent yet would be lost.
	if err := unix.IoctlSetInt(int(os.Stdout.Fd()), unix.TCSBRK, 1); err != nil {
		fmt.Println("init: drain the console:", err)
	}
	// Returning would stop the kernel with a panic.
	if err := unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF); err != nil {
		fmt.Println("init: power off:", err)
	}
	select {}
}

// runAll runs the commands until one fails.
func runAll() error {
	// exec opens /dev/null.
	if err := unix.Mount("devtmpfs", "/dev", "devtmpfs", 0, ""); err != nil {
		return fmt.Errorf("mount /dev: %w", err)
	}
	commands, err := os.ReadFile("/commands")
	if err != nil {
		return err
	}
	for line := range bytes.Lines(commands) {
		arguments := bytes.Fields(line)
		if len(arguments) == 0 {
			continue
		}
		fmt.Printf("$ %s", line)
		cmd := exec.Command(string(arguments[0]))
		for _, argument := range arguments[1:] {
			cmd.Args = append(cmd.Args, string(argument))
		}
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		cmd.Env = environment
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("%s: %w", arguments[0], err)
		}
	}
	return nil
}
