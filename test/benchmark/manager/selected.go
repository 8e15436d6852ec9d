// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/repeat"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

const (
	// Every run has this label.
	selectedLabel, benchApp = "app", "bench"
	newRuns                 = 20 // that end while a server selects them
)

// measureSelected has a ModelServer select among the runs that have ended, and measures how soon it has chosen the newest, how soon
// one that ends later, and the manager's requests for that.
func (b *bench) measureSelected(ctx context.Context, count int) error {
	server := wrappers.MakeModelServer("newest", endedNamespace, "").Selector(selectedLabel, benchApp).Obj()
	before, begin := b.requests.snapshot(), time.Now()
	if err := b.client.Create(ctx, server); err != nil {
		return fmt.Errorf("create a ModelServer: %w", err)
	}
	newest, err := b.untilSelected(ctx, server, func(run string) bool { return run != "" })
	if err != nil {
		return err
	}
	took := time.Since(begin)
	after := b.requests.snapshot()
	fmt.Printf("a server that selects among %d ended runs: chose %s after %s; requests of the manager, LIST: %d, other: %d\n",
		count, newest, took.Round(time.Millisecond), listed(after)-listed(before), after["other"]-before["other"])

	before = after
	sum, n := reconcileTime("modelserver")
	var waited []time.Duration
	for i := range newRuns {
		d, err := b.endOneMore(ctx, server, count+i)
		if err != nil {
			return err
		}
		waited = append(waited, d)
	}
	newSum, newN := reconcileTime("modelserver")
	after = b.requests.snapshot()
	slices.Sort(waited)
	fmt.Printf("  a run that ends later is chosen after %s (median of %d), %s (slowest); a reconcile of the server: %.2f ms (mean of %.0f); LIST requests of the manager: %d\n",
		waited[len(waited)/2].Round(time.Millisecond), len(waited), waited[len(waited)-1].Round(time.Millisecond), 1000*(newSum-sum)/(newN-n), newN-n, listed(after)-listed(before))
	return nil
}

// listed counts lists.
func listed(counts map[string]int) int { return counts["LIST events"] + counts["LIST other"] }

// endOneMore has another run end, and returns how long after the end of its Job the server has chosen it.
func (b *bench) endOneMore(ctx context.Context, server *v1alpha1.ModelServer, i int) (time.Duration, error) {
	if _, err := b.probe(ctx, endedNamespace, i); err != nil {
		return 0, err
	}
	// Times of the API are whole seconds: of two runs that end in the same, which was created in the same, too, the later name is newer.
	jobs := &batchv1.JobList{}
	err := b.client.List(ctx, jobs, client.InNamespace(endedNamespace), client.MatchingLabels{v1alpha1.TrainingRunLabel: runName(i)})
	if err != nil || len(jobs.Items) != 1 {
		return 0, errors.Join(fmt.Errorf("list the Jobs of %s: found %d", runName(i), len(jobs.Items)), err)
	}
	if err := b.endJob(ctx, &jobs.Items[0]); err != nil {
		return 0, err
	}
	begin := time.Now()
	_, err = b.untilSelected(ctx, server, func(run string) bool { return run == runName(i) })
	return time.Since(begin), err
}

// untilSelected waits until a server has chosen a run, and returns its name.
func (b *bench) untilSelected(ctx context.Context, server *v1alpha1.ModelServer, is func(run string) bool) (string, error) {
	for ctx.Err() == nil {
		if err := b.client.Get(ctx, client.ObjectKeyFromObject(server), server); err != nil {
			return "", fmt.Errorf("get ModelServer %s: %w", server.Name, err)
		}
		if s := server.Status.Selection; s != nil && is(s.TrainingRun) {
			return s.TrainingRun, nil
		}
		_ = repeat.Sleep(ctx, 5*time.Millisecond)
	}
	return "", ctx.Err()
}
