// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package serving

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// State is where a Service is in its life.
type State int32

const (
	// Loading means that the model is being loaded; what needs it returns ErrLoading.
	Loading State = iota
	// Ready means that predictions are computed.
	Ready
	// Draining means that predictions are computed, and clients are asked to go elsewhere.
	Draining
)

func (s State) String() string {
	switch s {
	case Ready:
		return "ready"
	case Draining:
		return "draining"
	default:
		return "loading"
	}
}

// State is the Service's present state.
func (s *Service) State() State { return State(s.state.Load()) }

// Transport takes requests to a Service and its answers back.
type Transport interface {
	// Serve takes requests until Shutdown or Close. The contexts of requests come from base.
	Serve(base context.Context) error
	// Shutdown takes no more requests and returns when those in flight are finished, or with ctx's error.
	Shutdown(ctx context.Context) error
	// Close ends the requests in flight too.
	Close() error
}

// Run starts the transports, loads the model and serves until ctx ends and the drain is over. It returns an error if the
// model can't be loaded or a transport fails, and nil if it was stopped.
func (s *Service) Run(ctx context.Context, transports ...Transport) error {
	// Requests and predictions outlive ctx until the drain is over.
	base, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	served := make(chan error, len(transports))
	for _, transport := range transports {
		go func() { served <- transport.Serve(base) }()
	}
	loaded := make(chan error, 1)
	go func() { loaded <- s.loadModel(ctx, base) }()
	for {
		select {
		case err := <-loaded:
			if err != nil && ctx.Err() == nil {
				return errors.Join(err, closeAll(transports))
			}
			loaded = nil
		case err := <-served:
			return errors.Join(fmt.Errorf("serve: %w", err), closeAll(transports))
		case <-ctx.Done():
			return s.drain(base, transports, served)
		}
	}
}

// drain lets everyone who still sends requests here find the way elsewhere before the transports close: the state changes
// at once, while requests go on being taken, and transports ask their clients to leave. base is a context that has not
// ended.
func (s *Service) drain(base context.Context, transports []Transport, served <-chan error) error {
	was := State(s.state.Swap(int32(Draining)))
	if was == Ready { // nobody was ever sent to a server that was not ready
		s.log.Info("Draining", "seconds", s.config.DrainDelay.Seconds())
		select {
		case <-time.After(s.config.DrainDelay):
		case err := <-served:
			return errors.Join(fmt.Errorf("serve while draining: %w", err), closeAll(transports))
		}
	}
	s.log.Info("Shutting down: finishing the requests in flight", "requests", s.Held().Requests)
	const slack = 2 * time.Second // for the answers of requests that time out
	ctx, cancel := context.WithTimeout(base, s.RequestTimeout()+slack)
	defer cancel()
	if err := each(transports, func(t Transport) error { return t.Shutdown(ctx) }); err != nil {
		s.log.Warn("Requests were cut off", "error", err, "requests", s.Held().Requests)
		return closeAll(transports)
	}
	s.log.Info("Stopped")
	return nil
}

func closeAll(transports []Transport) error {
	return each(transports, Transport.Close)
}

// each does the same with all transports at once.
func each(transports []Transport, do func(Transport) error) error {
	errs := make([]error, len(transports))
	var group sync.WaitGroup
	for i, transport := range transports {
		group.Go(func() { errs[i] = do(transport) })
	}
	group.Wait()
	return errors.Join(errs...)
}
