// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package build

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// perPackage is what a package costs beside the bytes of its source, in bytes: starting the compiler,
// reading the imports, writing the result.
const perPackage = 20_000

// packages are those that a build has to compile, with the share of the work that each is.
type packages struct {
	weight map[string]int64
	total  int64
}

// listedPackage is the part of go list -json that is asked for.
type listedPackage struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	CgoFiles   []string
	Stale      bool
}

// parsePackages reads what go list -json printed and keeps the packages that Go's build cache does not hold.
func parsePackages(list io.Reader, size func(path string) int64) (*packages, error) {
	out := &packages{weight: map[string]int64{}}
	for dec := json.NewDecoder(list); ; {
		var p listedPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return nil, fmt.Errorf("read the list of packages: %w", err)
		}
		if !p.Stale {
			continue
		}
		weight := int64(perPackage)
		for _, name := range append(p.GoFiles, p.CgoFiles...) {
			weight += size(filepath.Join(p.Dir, name))
		}
		out.weight[p.ImportPath] = weight
		out.total += weight
	}
}

// fileSize returns a file's size, and none for a file that cannot be read: it is only a measure of work.
func fileSize(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// counter counts the packages that go build -v names as it begins them.
type counter struct {
	packages *packages
	seen     int
	weight   int64
}

// line takes a line of go build's standard error. It reports false for one that names no package of the
// build: an error of the compiler or a note.
func (c *counter) line(line []byte) bool {
	name := string(bytes.TrimSpace(line))
	weight, ok := c.packages.weight[name]
	if !ok {
		return false
	}
	delete(c.packages.weight, name)
	c.seen++
	c.weight += weight
	return true
}

// linkShare is the part of the whole work that is left when the last package has begun.
const linkShare = 0.04

func (c *counter) fraction() float64 {
	if c.packages.total == 0 {
		return 1 - linkShare
	}
	return (1 - linkShare) * float64(c.weight) / float64(c.packages.total)
}

// detail says "at most": a package whose dependency is compiled again may turn out to be in Go's cache after
// all, when the dependency gives the same result.
func (c *counter) detail() string {
	total := c.seen + len(c.packages.weight)
	if c.seen == total {
		return "linking"
	}
	return fmt.Sprintf("%d of at most %d packages", c.seen, total)
}
