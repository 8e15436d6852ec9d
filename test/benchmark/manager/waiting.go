// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/repeat"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

const (
	waitingNamespace = "waiting"
	otherNamespace   = "other"
	clients          = 16 // requests of the benchmark itself side by side
	settle           = 30 * time.Second
	between          = 5 * time.Second // the starts of two probes
)

// measureWaiting has runs of one namespace wait for a pod that a quota refuses, and
// measures how long runs of another namespace wait for their Job, and the manager's
// requests. The first such run comes with the waiting ones.
func (b *bench) measureWaiting(ctx context.Context, count int, window time.Duration) error {
	if err := errors.Join(b.createNamespace(ctx, waitingNamespace), b.createNamespace(ctx, otherNamespace)); err != nil {
		return err
	}
	jobs, err := b.createRuns(ctx, waitingNamespace, count)
	if err != nil {
		return err
	}
	first, err := b.probe(ctx, otherNamespace, 0)
	if err != nil {
		return err
	}
	if err := parallel(len(jobs), func(i int) error { return b.refusePod(ctx, &jobs[i]) }); err != nil {
		return err
	}
	_ = repeat.Sleep(ctx, settle)

	before, begin := b.requests.snapshot(), time.Now()
	var took []time.Duration
	for time.Since(begin) < window {
		d, err := b.probe(ctx, otherNamespace, len(took)+1)
		if err != nil {
			return err
		}
		took = append(took, d)
		_ = repeat.Sleep(ctx, between-d)
	}
	after, minutes := b.requests.snapshot(), time.Since(begin).Minutes()
	slices.Sort(took)
	fmt.Printf("%d runs without a pod: another namespace's run has its Job after %s (median of %d), %s (slowest); %s just after they were created\n",
		count, took[len(took)/2].Round(time.Millisecond), len(took), took[len(took)-1].Round(time.Millisecond), first.Round(time.Millisecond))
	for _, kind := range []string{"LIST events", "LIST other", "other"} {
		fmt.Printf("  requests of the manager, %s: %.0f a minute\n", kind, float64(after[kind]-before[kind])/minutes)
	}
	return b.countExplained(ctx, count)
}

func runName(i int) string { return fmt.Sprintf("run-%05d", i) }

func newRun(namespace string, i int) *v1alpha1.TrainingRun {
	return wrappers.MakeTrainingRun(runName(i), namespace).Label(selectedLabel, benchApp).Obj()
}

// createRuns creates runs in a namespace and returns their Jobs.
func (b *bench) createRuns(ctx context.Context, namespace string, count int) ([]batchv1.Job, error) {
	err := parallel(count, func(i int) error {
		return b.client.Create(ctx, newRun(namespace, i))
	})
	if err != nil {
		return nil, fmt.Errorf("create the runs: %w", err)
	}
	for ctx.Err() == nil {
		jobs := &batchv1.JobList{}
		if err := b.client.List(ctx, jobs, client.InNamespace(namespace)); err != nil {
			return nil, fmt.Errorf("list the Jobs: %w", err)
		}
		if len(jobs.Items) == count {
			return jobs.Items, nil
		}
		_ = repeat.Sleep(ctx, 200*time.Millisecond)
	}
	return nil, ctx.Err()
}

// refusePod says of a Job what the Job controller says where a quota leaves no room.
func (b *bench) refusePod(ctx context.Context, job *batchv1.Job) error {
	err := b.client.Create(ctx, &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{Name: job.Name + ".refused", Namespace: job.Namespace},
		InvolvedObject: corev1.ObjectReference{Kind: "Job", Namespace: job.Namespace, Name: job.Name, UID: job.UID},
		Type:           corev1.EventTypeWarning, Reason: "FailedCreate", LastTimestamp: metav1.Now(),
		Message: fmt.Sprintf("Error creating: pods %q is forbidden: exceeded quota: none, requested: pods=1, used: pods=0, limited: pods=0", job.Name+"-x7k2p"),
	})
	if err != nil {
		return fmt.Errorf("create an event: %w", err)
	}
	return nil
}

// probe creates a run and returns after what time it has its Job.
func (b *bench) probe(ctx context.Context, namespace string, i int) (time.Duration, error) {
	run := newRun(namespace, i)
	begin := time.Now()
	if err := b.client.Create(ctx, run); err != nil {
		return 0, fmt.Errorf("create a run: %w", err)
	}
	name := run.Name + "-" + string(run.UID[:8])
	for ctx.Err() == nil {
		err := b.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &batchv1.Job{})
		if err == nil {
			return time.Since(begin), nil
		}
		if client.IgnoreNotFound(err) != nil {
			return 0, fmt.Errorf("get Job %s: %w", name, err)
		}
		_ = repeat.Sleep(ctx, 5*time.Millisecond)
	}
	return 0, ctx.Err()
}

// countExplained prints how many waiting runs say why they wait.
func (b *bench) countExplained(ctx context.Context, count int) error {
	runs := &v1alpha1.TrainingRunList{}
	if err := b.client.List(ctx, runs, client.InNamespace(waitingNamespace)); err != nil {
		return fmt.Errorf("list the runs: %w", err)
	}
	explained := 0
	for i := range runs.Items {
		ready := meta.FindStatusCondition(runs.Items[i].Status.Conditions, v1alpha1.ReadyCondition)
		if ready != nil && strings.Contains(ready.Message, "exceeded quota") {
			explained++
		}
	}
	fmt.Printf("  %d of %d say that a quota refuses their pod\n", explained, count)
	return nil
}

// parallel does something for 0 to n-1, several side by side.
func parallel(n int, do func(i int) error) error {
	indexes := make(chan int)
	var mu sync.Mutex
	var first error
	var workers sync.WaitGroup
	for range clients {
		workers.Go(func() {
			for i := range indexes {
				if err := do(i); err != nil {
					mu.Lock()
					first = err
					mu.Unlock()
				}
			}
		})
	}
	for i := range n {
		indexes <- i
	}
	close(indexes)
	workers.Wait()
	return first
}

// requestCounter counts requests by what they do.
type requestCounter struct {
	mu     sync.Mutex
	counts map[string]int
}

func (c *requestCounter) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		c.mu.Lock()
		c.counts[kindOf(request)]++
		c.mu.Unlock()
		return next.RoundTrip(request)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

func (c *requestCounter) snapshot() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.counts)
}

// kindOf tells lists of a namespace's objects from other requests.
func kindOf(request *http.Request) string {
	_, rest, namespaced := strings.Cut(request.URL.Path, "/namespaces/")
	parts := strings.Split(rest, "/") // the namespace, the resource, a name
	switch {
	case request.Method != http.MethodGet || !namespaced || len(parts) != 2 || request.URL.Query().Has("watch"):
		return "other"
	case parts[1] == "events":
		return "LIST events"
	default:
		return "LIST other"
	}
}
