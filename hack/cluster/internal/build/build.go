// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package build

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/trainyard-dev/trainyard/hack/cluster/internal/progress"
)

// Ensure builds those of the programs that the cache lacks and returns the folder that holds them all. Two
// builds at a time wait for each other.
func Ensure(ctx context.Context, source *Source, programs []Program, report *progress.Reporter) (string, error) {
	bin, err := source.BinDir()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return "", err
	}
	unlock, err := lock(filepath.Join(filepath.Dir(bin), "lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	todo, err := missing(bin, programs)
	if err != nil || len(todo) == 0 {
		return bin, err
	}
	b := &builder{source: source, report: report}
	listed := b.listAll(ctx, groups(todo))
	for _, l := range listed {
		if err := b.build(ctx, l, bin); err != nil {
			return "", err
		}
	}
	return bin, nil
}

// lock takes an exclusive lock on a file, which ends with the process at the latest.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { f.Close() }, nil
}

type builder struct {
	source *Source
	report *progress.Reporter
}

// listing is a group whose packages are being listed, for which its modules have to be downloaded.
type listing struct {
	group
	downloads atomic.Int64
	done      chan struct{}
	packages  *packages
	err       error
}

// listAll lists the groups' packages one group after another, beside the builds of those already listed: so
// the downloads for one group go on while the one before it compiles.
func (b *builder) listAll(ctx context.Context, gs []group) []*listing {
	out := make([]*listing, 0, len(gs))
	for _, g := range gs {
		out = append(out, &listing{group: g, done: make(chan struct{})})
	}
	go func() {
		for _, l := range out {
			l.packages, l.err = b.list(ctx, l)
			close(l.done)
		}
	}()
	return out
}

func (b *builder) list(ctx context.Context, l *listing) (*packages, error) {
	args := append(b.args("list", l.group), "-deps", "-json=ImportPath,Dir,GoFiles,CgoFiles,Stale")
	var stdout bytes.Buffer
	err := b.run(ctx, l.group, append(args, l.group.packages()...), &stdout, func(line []byte) bool {
		if !bytes.HasPrefix(line, []byte("go: downloading ")) {
			return false
		}
		l.downloads.Add(1)
		return true
	})
	if err != nil {
		return nil, err
	}
	return parsePackages(&stdout, fileSize)
}

// wait returns when the group is listed and meanwhile says how many modules have been asked for.
func (b *builder) wait(l *listing) error {
	select {
	case <-l.done:
		return l.err
	default:
	}
	step := b.report.Step("Download modules")
	for ticks := time.NewTicker(time.Second); ; {
		select {
		case <-l.done:
			ticks.Stop()
			if l.err != nil {
				step.Fail()
				return l.err
			}
			step.Done("%d modules", l.downloads.Load())
			return nil
		case <-ticks.C:
			step.Say("%d modules", l.downloads.Load())
		}
	}
}

// build compiles a group into a folder beside the cache's and moves its programs there.
func (b *builder) build(ctx context.Context, l *listing, bin string) error {
	if err := b.wait(l); err != nil {
		return fmt.Errorf("list the packages of %s: %w", strings.Join(l.names(), ", "), err)
	}
	tmp, err := os.MkdirTemp(filepath.Dir(bin), "build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	step := b.report.Step("Build " + strings.Join(l.names(), ", "))
	count := &counter{packages: l.packages}
	args := append(b.args("build", l.group), "-v", "-ldflags", b.source.ldflags(), "-o", tmp+"/")
	err = b.run(ctx, l.group, append(args, l.group.packages()...), io.Discard, func(line []byte) bool {
		known := count.line(line)
		step.At(count.fraction(), count.detail())
		return known
	})
	if err != nil {
		step.Fail()
		return fmt.Errorf("build %s: %w", strings.Join(l.names(), ", "), err)
	}
	for _, p := range l.programs {
		if err := install(tmp, bin, p); err != nil {
			step.Fail()
			return fmt.Errorf("install %s: %w", p.Name, err)
		}
	}
	step.Done("%d packages compiled", count.seen)
	return nil
}

// args are a go command's name and the settings that decide how a package compiles. They are those of the
// project's images, so that a package that both need compiles once.
func (b *builder) args(verb string, g group) []string {
	args := []string{verb, "-trimpath", "-buildvcs=false", "-mod=readonly"}
	if g.tags != "" {
		args = append(args, "-tags", g.tags)
	}
	return args
}

// run runs a go command in the components' module. note takes each line of its standard error and reports
// whether it has dealt with it; the others become the error's text.
func (b *builder) run(ctx context.Context, g group, args []string, stdout io.Writer, note func(line []byte) bool) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = b.source.Dir
	cgo := "0"
	if g.cgo {
		cgo = "1"
	}
	cmd.Env = append(os.Environ(), "CGO_ENABLED="+cgo, "GOFLAGS=", "GOWORK=off")
	cmd.Stdout = stdout
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	var rest []string
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		if !note(lines.Bytes()) {
			rest = append(rest, lines.Text())
		}
	}
	if err := errors.Join(lines.Err(), cmd.Wait()); err != nil {
		const most = 20
		return fmt.Errorf("go %s: %w\n%s", args[0], err, strings.Join(rest[max(0, len(rest)-most):], "\n"))
	}
	return nil
}
