// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/metrics"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

const (
	progressInterval = 5 * time.Second        // between two questions to the same pod
	progressScan     = 500 * time.Millisecond // between two looks for pods that are due
	progressRescan   = 50 * time.Millisecond  // the same while some had to be left waiting
	progressTimeout  = 2 * time.Second        // of one question
	maxProgressBody  = 64 << 10               // bytes of an answer
	maxProgressHead  = 16 << 10               // bytes of an answer's headers

	// Questions asked side by side: in all, to one namespace, and to pods whose last
	// answer was slow or didn't come. So no tenant's pods keep others' from being asked.
	progressWorkers      = 64
	progressPerNamespace = 16
	progressToSlow       = 16
	progressSlow         = progressTimeout / 4 // a slower answer is slow

	// A pod that doesn't answer is asked less and less often, up to this interval. The
	// first questions come while its runner is starting and don't count.
	progressMaxInterval = time.Minute
	progressPatience    = 2
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

// poller asks running pods for their progress and wakes the reconciler when
// there is something new. It writes nothing itself. A pod that doesn't answer is no
// error: it may be starting, or out of the manager's reach. Only the leader asks.
type poller struct {
	client *http.Client
	clock  clock.PassiveClock
	wakes  chan event.GenericEvent

	mu      sync.Mutex
	targets map[types.NamespacedName]*progressTarget
	asking  map[string]int // questions under way, by namespace
	all     int            // all questions under way
	toSlow  int            // how many of them are to slow pods
}

// progressTarget is the pod of one run.
type progressTarget struct {
	podUID   types.UID
	url      string
	due      time.Time
	asking   bool
	slow     bool // the last answer was slow, or didn't come
	failures int  // answers in a row that didn't come
	unsaid   bool // there is news that the reconciler hasn't been woken for
	latest   *observedProgress
}

func newPoller(transport http.RoundTripper, clock clock.PassiveClock) *poller {
	if transport == nil {
		transport = &http.Transport{ // pods are reached directly, whatever the environment's proxy
			MaxIdleConnsPerHost:    1,
			IdleConnTimeout:        2 * progressInterval,
			MaxResponseHeaderBytes: maxProgressHead,
			DisableCompression:     true,
		}
	}
	return &poller{
		client: &http.Client{
			Transport: transport,
			Timeout:   progressTimeout,
			// A runner must not be able to send the manager elsewhere.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		clock:   clock,
		wakes:   make(chan event.GenericEvent, progressWakes),
		targets: map[types.NamespacedName]*progressTarget{},
		asking:  map[string]int{},
	}
}

// track has a run's pod asked from now on, instead of an earlier pod of the run. It
// returns the newest that this pod has said, or nil.
func (p *poller) track(run types.NamespacedName, pod *corev1.Pod) *observedProgress {
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
func (p *poller) forget(run types.NamespacedName) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.targets, run)
}

// NeedLeaderElection tells the manager that only the leader asks.
func (p *poller) NeedLeaderElection() bool { return true }

// Start asks until ctx is done, and returns when no question is under way.
func (p *poller) Start(ctx context.Context) error {
	var asking sync.WaitGroup
	for ctx.Err() == nil {
		due, left := p.takeDue()
		for _, q := range due {
			asking.Go(func() { p.ask(ctx, q) })
		}
		pause := progressScan
		if left {
			pause = progressRescan
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	asking.Wait()
	return nil
}

// question is one pod to ask.
type question struct {
	run    types.NamespacedName
	target *progressTarget
	url    string
	slow   bool // it takes one of the places for slow pods
}

// takeDue returns the pods that are due and for which there is a place, the longest due
// first, and marks them as being asked. Left is true if some had to be left waiting.
func (p *poller) takeDue() (due []question, left bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock.Now()
	for run, target := range p.targets {
		if target.unsaid {
			target.unsaid = !p.wake(run)
		}
		if !target.asking && !now.Before(target.due) {
			due = append(due, question{run: run, target: target, url: target.url, slow: target.slow})
		}
	}
	slices.SortFunc(due, func(a, b question) int { return a.target.due.Compare(b.target.due) })
	all := len(due)
	due = slices.DeleteFunc(due, func(q question) bool { return !p.takePlace(q) })
	for _, q := range due {
		q.target.asking = true
		q.target.due = now.Add(progressInterval)
	}
	return due, len(due) < all
}

// takePlace takes a place for a question, if there is one.
func (p *poller) takePlace(q question) bool {
	if p.all >= progressWorkers || p.asking[q.run.Namespace] >= progressPerNamespace || q.slow && p.toSlow >= progressToSlow {
		return false
	}
	p.all++
	p.asking[q.run.Namespace]++
	if q.slow {
		p.toSlow++
	}
	return true
}

// leavePlace gives a question's place back.
func (p *poller) leavePlace(q question) {
	p.all--
	if p.asking[q.run.Namespace]--; p.asking[q.run.Namespace] == 0 {
		delete(p.asking, q.run.Namespace)
	}
	if q.slow {
		p.toSlow--
	}
}

func (p *poller) ask(ctx context.Context, q question) {
	began := time.Now()
	progress, err := p.fetch(ctx, q.url)
	took := time.Since(began)
	metrics.ProgressPolled(err != nil)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leavePlace(q)
	q.target.asking = false
	q.target.slow = err != nil || took > progressSlow
	if err != nil {
		q.target.failures++
		q.target.due = p.clock.Now().Add(retryProgress(q.target.failures))
		return
	}
	q.target.failures = 0
	if q.target.latest != nil && progress.Sequence <= q.target.latest.Sequence {
		return
	}
	q.target.latest = &observedProgress{Progress: *progress, heardAt: p.clock.Now()}
	q.target.unsaid = !p.wake(q.run)
}

// retryProgress is in how long a pod is asked again after so many answers that didn't come.
func retryProgress(failures int) time.Duration {
	interval := progressInterval
	for range failures - progressPatience {
		interval = min(2*interval, progressMaxInterval)
	}
	return interval
}

// wake tells the reconciler of a run, unless too many runs are waiting for it already.
func (p *poller) wake(run types.NamespacedName) bool {
	object := &v1alpha1.TrainingRun{}
	object.Namespace, object.Name = run.Namespace, run.Name
	select {
	case p.wakes <- event.GenericEvent{Object: object}:
		return true
	default:
		return false
	}
}

func (p *poller) fetch(ctx context.Context, url string) (*contract.Progress, error) {
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
