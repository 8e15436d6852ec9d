// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package loop

import (
	"sync"
	"time"

	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// MaxRetry is the longest wait after an error. What errors mostly come from (a quota, an
// admission webhook, a full disk of the API server) heals without an event, so it is how
// late that is seen.
const MaxRetry = 30 * time.Second

const (
	// firstRetry is the wait after the first error. It doubles up to MaxRetry.
	firstRetry = 100 * time.Millisecond

	// retryOutdated is how long the cache gets to catch up after a write was refused
	// because the object that it was decided on had changed. It doubles up to MaxRetry
	// as long as that goes on.
	retryOutdated = 200 * time.Millisecond
)

// Limiter decides when a controller's queue hands an object out again. Of an
// error's back-off and the time that the reconcile had planned, the earlier wins: an
// error returned to controller-runtime drops RequeueAfter, so the planned time goes to
// the queue by way of its rate limiter. It is safe for concurrent use.
type Limiter struct {
	failures workqueue.TypedRateLimiter[reconcile.Request]
	outdated workqueue.TypedRateLimiter[reconcile.Request]

	mu      sync.Mutex
	planned map[reconcile.Request]time.Duration // until When asks
}

// NewLimiter returns the limiter of one controller's queue.
func NewLimiter() *Limiter {
	return &Limiter{
		failures: workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstRetry, MaxRetry),
		outdated: workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](retryOutdated, MaxRetry),
		planned:  map[reconcile.Request]time.Duration{},
	}
}

// ResultOf turns the end of a reconcile into what controller-runtime needs. Planned is
// when the reconcile wants to look again at the latest; zero is never. Only errors that
// are neither typed nor outdated are returned, for it to log and count once.
func (l *Limiter) ResultOf(request reconcile.Request, planned time.Duration, err error) (ctrl.Result, error) {
	within, outdated, others := sortErrors(planned, err)
	if outdated {
		within = earlier(within, l.outdated.When(request))
	} else {
		l.outdated.Forget(request)
	}
	if others == nil {
		return ctrl.Result{RequeueAfter: within}, nil
	}
	if within > 0 {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.planned[request] = within
	}
	return ctrl.Result{}, others
}

// When is asked by the queue after an error.
func (l *Limiter) When(request reconcile.Request) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	planned := l.planned[request]
	delete(l.planned, request)
	return earlier(planned, l.failures.When(request))
}

// Forget is called by the queue after a reconcile without an error.
func (l *Limiter) Forget(request reconcile.Request) { l.failures.Forget(request) }

// NumRequeues returns how many errors in a row an object has had.
func (l *Limiter) NumRequeues(request reconcile.Request) int {
	return l.failures.NumRequeues(request)
}
