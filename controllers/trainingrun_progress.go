// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

const (
	progressInterval = 5 * time.Second        // between two questions to the same pod
	progressScan     = 500 * time.Millisecond // between two looks for pods that are due
	progressTimeout  = 2 * time.Second        // of one question
	progressWorkers  = 64                     // questions asked side by side
	maxProgressBody  = 64 << 10               // bytes of an answer
	// progressWakes is how many runs may wait for their reconcile before the poller
	// puts a wake-up off to its next answer.
	progressWakes = 1024
)

// observedProgress is the newest that a runner has said of itself.
type observedProgress struct {
	contract.Progress
	// heardAt is when this sequence was first heard.
	heardAt time.Time
}

// progressPoller asks running pods for their progress and wakes the reconciler when
// there is something new. It writes nothing itself. A pod that doesn't answer is no
// error: it may be starting, or out of the manager's reach. Only the leader asks.
type progressPoller struct {
	client *http.Client
	clock  clock.PassiveClock
	wakes  chan event.GenericEvent

	mu      sync.Mutex
	targets map[types.NamespacedName]*progressTarget
}

// progressTarget is the pod of one run.
type progressTarget struct {
	podUID types.UID
	url    string
	due    time.Time
	asking bool
	unsaid bool // there is news that the reconciler hasn't been woken for
	latest *observedProgress
}

func newProgressPoller(transport http.RoundTripper, clock clock.PassiveClock) *progressPoller {
	if transport == nil {
		transport = &http.Transport{ // pods are reached directly, whatever the environment's proxy
			MaxIdleConnsPerHost: 1,
			IdleConnTimeout:     2 * progressInterval,
		}
	}
	return &progressPoller{
		client: &http.Client{
			Transport: transport,
			Timeout:   progressTimeout,
			// A runner must not be able to send the manager elsewhere.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		clock:   clock,
		wakes:   make(chan event.GenericEvent, progressWakes),
		targets: map[types.NamespacedName]*progressTarget{},
	}
}

// track has a run's pod asked from now on, instead of an earlier pod of the run. It
// returns the newest that this pod has said, or nil.
func (p *progressPoller) track(run types.NamespacedName, pod *corev1.Pod) *observedProgress {
	if net.ParseIP(pod.Status.PodIP) == nil {
		p.forget(run)
		return nil
	}
	url := "http://" + net.JoinHostPort(pod.Status.PodIP, strconv.Itoa(contract.HTTPPort)) + contract.ProgressPath
	p.mu.Lock()
	defer p.mu.Unlock()
	target := p.targets[run]
	if target == nil || target.podUID != pod.UID || target.url != url {
		target = &progressTarget{podUID: pod.UID, url: url}
		p.targets[run] = target
	}
	return target.latest
}

// forget stops asking for a run.
func (p *progressPoller) forget(run types.NamespacedName) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.targets, run)
}

// NeedLeaderElection tells the manager that only the leader asks.
func (p *progressPoller) NeedLeaderElection() bool { return true }

// Start asks until ctx is done, and returns when no question is under way.
func (p *progressPoller) Start(ctx context.Context) error {
	questions := make(chan question)
	var workers sync.WaitGroup
	for range progressWorkers {
		workers.Go(func() {
			for q := range questions {
				p.ask(ctx, q)
			}
		})
	}
	ticker := time.NewTicker(progressScan)
	defer ticker.Stop()
	for ctx.Err() == nil {
		for _, q := range p.takeDue() {
			questions <- q
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
	close(questions)
	workers.Wait()
	return nil
}

// question is one pod to ask.
type question struct {
	run    types.NamespacedName
	target *progressTarget
	url    string
}

// takeDue returns the pods that are due and marks them as being asked.
func (p *progressPoller) takeDue() []question {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock.Now()
	var due []question
	for run, target := range p.targets {
		if target.unsaid {
			target.unsaid = !p.wake(run)
		}
		if target.asking || now.Before(target.due) {
			continue
		}
		target.asking = true
		target.due = now.Add(progressInterval)
		due = append(due, question{run: run, target: target, url: target.url})
	}
	return due
}

func (p *progressPoller) ask(ctx context.Context, q question) {
	progress, err := p.fetch(ctx, q.url)
	p.mu.Lock()
	defer p.mu.Unlock()
	q.target.asking = false
	if err != nil || q.target.latest != nil && progress.Sequence <= q.target.latest.Sequence {
		return
	}
	q.target.latest = &observedProgress{Progress: *progress, heardAt: p.clock.Now()}
	q.target.unsaid = !p.wake(q.run)
}

// wake tells the reconciler of a run, unless too many runs are waiting for it already.
func (p *progressPoller) wake(run types.NamespacedName) bool {
	object := &v1alpha1.TrainingRun{}
	object.Namespace, object.Name = run.Namespace, run.Name
	select {
	case p.wakes <- event.GenericEvent{Object: object}:
		return true
	default:
		return false
	}
}

func (p *progressPoller) fetch(ctx context.Context, url string) (*contract.Progress, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", url, err)
	}
	response, err := p.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask for progress: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask %s: %s", url, response.Status)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxProgressBody)) // what is cut is no JSON any more
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", url, err)
	}
	return decodeProgress(body)
}

// decodeProgress reads a runner's answer. What it says is checked when it goes into a status.
func decodeProgress(body []byte) (*contract.Progress, error) {
	progress := &contract.Progress{}
	if err := contract.DecodeResult(body, progress); err != nil {
		return nil, err
	}
	if progress.Sequence < 0 {
		return nil, errors.New("progress has a negative sequence")
	}
	return progress, nil
}
