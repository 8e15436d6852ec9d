// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/dataset/fetch"
	"github.com/trainyard-dev/trainyard/internal/dataset/source"
)

// bestJobs pulls once with each of several numbers of jobs.
func (b *bench) bestJobs(ctx context.Context) (int, error) {
	best, least := 0, cost{}
	for _, jobs := range []int{8, 32, 64} {
		took, err := b.pull(ctx, jobs)
		if err != nil {
			return 0, err
		}
		fmt.Printf("dvc pull --jobs %d: %v\n", jobs, took)
		if best == 0 || took.wall < least.wall {
			best, least = jobs, took
		}
	}
	return best, nil
}

// pull measures `dvc pull` in a new clone.
func (b *bench) pull(ctx context.Context, jobs int) (cost, error) {
	clone := filepath.Join(b.dir, "clone")
	if err := b.run(ctx, b.dir, "git", "clone", "--quiet", b.repo, clone); err != nil {
		return cost{}, err
	}
	took, err := measured(b.program(ctx, clone, b.dvc, "pull", "--quiet", "--jobs", strconv.Itoa(jobs)))
	if err == nil {
		var wrong int
		if wrong, err = b.compare(filepath.Join(clone, filepath.FromSlash(keptPath))); err == nil && wrong > 0 {
			err = fmt.Errorf("dvc pull: %d files are wrong", wrong)
		}
	}
	return took, errors.Join(err, os.RemoveAll(clone))
}

// fetchTwice measures a fetch into an empty store, and another process that finds everything there.
func (b *bench) fetchTwice(ctx context.Context) (cold, warm cost, err error) {
	store := filepath.Join(b.dir, "store")
	if cold, err = measured(b.child(ctx, store)); err != nil {
		return cold, warm, err
	}
	if warm, err = measured(b.child(ctx, store)); err != nil {
		return cold, warm, err
	}
	wrong, err := b.compareFetched(ctx, store)
	if err == nil && wrong > 0 {
		err = fmt.Errorf("%d files are wrong", wrong)
	}
	return cold, warm, errors.Join(err, os.RemoveAll(store))
}

// child is a process of this program that fetches.
func (b *bench) child(ctx context.Context, store string) *exec.Cmd {
	c := exec.CommandContext(ctx, os.Args[0], "-fetch", b.repo, "-store", store, "-credentials", b.credentials)
	c.Stderr = os.Stderr
	return c
}

// opened is what this program's own fetch reads from, with its store.
type opened struct {
	dataset.Source
	store *fetch.Store
}

// open opens what a repository keeps as a run does, with a store at a place.
func (o *options) open(ctx context.Context, repo, at string) (*opened, error) {
	store, err := fetch.Open(ctx, filepath.Join(at, "files"), fetch.Options{})
	if err != nil {
		return nil, err
	}
	scratch := filepath.Join(at, "scratch")
	if err := errors.Join(os.RemoveAll(scratch), os.Mkdir(scratch, 0o755)); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	src, _, err := source.Open(ctx, contract.Dataset{
		DVC: &contract.DVC{Repo: repo, Path: keptPath}, Access: contract.Access{Credentials: o.credentials},
	}, source.Options{Store: store, Scratch: scratch})
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return &opened{Source: src, store: store}, nil
}

// fetchOnce fetches as a run does.
func (o *options) fetchOnce(ctx context.Context) error {
	src, err := o.open(ctx, o.fetch, o.storeAt)
	if err != nil {
		return err
	}
	_, err = src.List(ctx)
	return errors.Join(err, src.store.Close())
}

// compareFetched counts the files of a store that a fetch has filled that are missing or not what they should be, as a run
// reads them.
func (b *bench) compareFetched(ctx context.Context, store string) (wrong int, err error) {
	src, err := b.open(ctx, b.repo, store)
	if err != nil {
		return 0, err
	}
	if _, err := src.List(ctx); err != nil {
		return 0, errors.Join(err, src.store.Close())
	}
	for name, content := range b.want {
		if got, err := src.Read(ctx, name, int64(len(content))); err != nil || !bytes.Equal(got, content) {
			wrong++
		}
	}
	return wrong, src.store.Close()
}

// killed is what fetches that were killed have cost.
type killed struct{ twice, wrong int }

// killAndFinish kills fetches at random moments, lets one run to its end, and compares. A whole one takes so many seconds.
func (b *bench) killAndFinish(ctx context.Context, whole float64) (killed, error) {
	store := filepath.Join(b.dir, "killed")
	b.requests.reset()
	random := rand.New(rand.NewPCG(1, 2))
	for range b.kills {
		c := b.child(ctx, store)
		if err := c.Start(); err != nil {
			return killed{}, err
		}
		time.Sleep(time.Duration(random.Float64() * whole / 4 * float64(time.Second)))
		if err := c.Process.Kill(); err != nil {
			return killed{}, err
		}
		_ = c.Wait() // it was killed
	}
	if err := b.child(ctx, store).Run(); err != nil {
		return killed{}, err
	}
	var k killed
	for name, count := range b.requests.byName {
		if filepath.Ext(name) != ".dir" { // each fetch reads the manifest
			k.twice += count - 1
		}
	}
	var err error
	k.wrong, err = b.compareFetched(ctx, store)
	return k, err
}

// compare counts the files of a folder that are missing or not what they should be.
func (b *bench) compare(dir string) (wrong int, err error) {
	for name, content := range b.want {
		got, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return 0, err
		}
		if !bytes.Equal(got, content) {
			wrong++
		}
	}
	return wrong, nil
}
