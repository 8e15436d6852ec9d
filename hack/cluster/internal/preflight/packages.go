// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package preflight

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// A debPackage is one that the cluster needs.
type debPackage struct {
	name, purpose string
}

// parsePackages reads a list of packages: a name and its purpose on each line, comments after #.
func parsePackages(list io.Reader) ([]debPackage, error) {
	var out []debPackage
	lines := bufio.NewScanner(list)
	for lines.Scan() {
		line, _, _ := strings.Cut(lines.Text(), "#")
		name, purpose, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name != "" {
			out = append(out, debPackage{name: name, purpose: strings.TrimSpace(purpose)})
		}
	}
	return out, lines.Err()
}

// isDebian reports whether an os-release file is Debian's or that of a system made from it.
func isDebian(osRelease string) bool {
	for line := range strings.Lines(osRelease) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if key != "ID" && key != "ID_LIKE" {
			continue
		}
		for word := range strings.FieldsSeq(strings.Trim(value, `"'`)) {
			if word == "debian" || word == "ubuntu" {
				return true
			}
		}
	}
	return false
}

// missingPackages returns those that dpkg-query's output, a name and a status on each line, does not show
// as installed.
func missingPackages(wanted []debPackage, query string) []debPackage {
	installed := map[string]bool{}
	for line := range strings.Lines(query) {
		if f := strings.Fields(line); len(f) == 2 && f[1] == "installed" {
			installed[f[0]] = true
		}
	}
	var out []debPackage
	for _, p := range wanted {
		if !installed[p.name] {
			out = append(out, p)
		}
	}
	return out
}

// checkPackages installs missing packages, or lists them if it may not.
func checkPackages(ctx context.Context, c *checks, path string, install bool) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	wanted, err := parsePackages(f)
	if err != nil {
		return err
	}
	osRelease, err := os.ReadFile("/etc/os-release")
	if err != nil || !isDebian(string(osRelease)) {
		checkCommands(c)
		return nil
	}
	names := make([]string, 0, len(wanted))
	for _, p := range wanted {
		names = append(names, p.name)
	}
	// dpkg-query fails if it does not know one of the names, and prints the others all the same.
	query, _ := exec.CommandContext(ctx, "dpkg-query",
		append([]string{"--show", "--showformat=${Package} ${db:Status-Status}\n"}, names...)...).Output()
	missing := missingPackages(wanted, string(query))
	if len(missing) == 0 {
		return nil
	}
	if !install {
		for _, p := range missing {
			c.fail(fmt.Sprintf("package %s is missing (%s)", p.name, p.purpose), "apt-get install "+p.name)
		}
		return nil
	}
	return installPackages(ctx, c, missing)
}

func installPackages(ctx context.Context, c *checks, missing []debPackage) error {
	names := make([]string, 0, len(missing))
	for _, p := range missing {
		names = append(names, p.name)
	}
	step := c.report.Step("Install " + strings.Join(names, ", ") + " (INSTALL=no only lists them)")
	for _, args := range [][]string{
		{"apt-get", "update", "-q"},
		append([]string{"apt-get", "install", "-q", "-y", "--no-install-recommends"}, names...),
	} {
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := cmd.CombinedOutput(); err != nil {
			step.Fail()
			return fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out)
		}
	}
	step.Done("")
	return nil
}

// checkCommands looks for what the packages would bring where there is no dpkg.
func checkCommands(c *checks) {
	for _, name := range []string{"gcc", "pkg-config", "nft", "modprobe"} {
		if _, err := exec.LookPath(name); err != nil {
			c.fail("the command "+name+" is missing", "install the package of your distribution that brings it")
		}
	}
	if err := exec.Command("pkg-config", "--exists", "libseccomp").Run(); err != nil {
		c.fail("the development files of libseccomp are missing", "install libseccomp-devel or what your distribution calls it")
	}
}
