// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package serving

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/classifier"
	"github.com/trainyard-dev/trainyard/server/internal/serving/servingtest"
)

const imageLen = 3 * servingtest.Size * servingtest.Size

// picture is n pictures of the values first, first+1, …: so are their logits.
func picture(first, n int) []float32 {
	var input []float32
	for i := range n {
		input = append(input, slices.Repeat([]float32{float32(first + i)}, imageLen)...)
	}
	return input
}

// batches records the sizes of the batches that a model computes. Each takes a second.
type batches struct {
	mu    sync.Mutex
	sizes []int
}

func (b *batches) add(n int) {
	b.mu.Lock()
	b.sizes = append(b.sizes, n)
	b.mu.Unlock()
	time.Sleep(time.Second)
}

// run starts a batcher that stops with the test's bubble.
func run(t *testing.T, p *servingtest.Predictor, maxBatch int, maxDelay time.Duration) *batcher {
	t.Helper()
	b := newBatcher(servingtest.Model(p), maxBatch, maxDelay, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	go b.run(ctx)
	return b
}

func admit(t *testing.T, b *batcher) *ticket {
	t.Helper()
	ticket, err := b.admit()
	if err != nil {
		t.Fatal(err)
	}
	return ticket
}

func TestALoneRequestDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var computed batches
		b := run(t, &servingtest.Predictor{Before: computed.add}, 8, time.Hour)
		start := time.Now()
		for range 2 {
			ticket := admit(t, b)
			logits, err := ticket.compute(t.Context(), picture(7, 1), 1)
			ticket.release()
			if diff := cmp.Diff([]float32{7, 7}, logits); diff != "" || err != nil {
				t.Errorf("logits (-want +got):\n%s error %v", diff, err)
			}
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("two requests, one after the other, took %s, want the 2s of computing", took)
		}
	})
}

// A request that has its answer is still being written to its client, and brings no more images.
func TestAnsweredRequestsAreNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := run(t, &servingtest.Predictor{}, 8, time.Hour)
		start := time.Now()
		for range 3 {
			ticket := admit(t, b)
			defer ticket.release()
			if _, err := ticket.compute(t.Context(), picture(1, 1), 1); err != nil {
				t.Error(err)
			}
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("requests that come alone waited for %s", took)
		}
	})
}

func TestRequestsOnTheirWayAreWaitedFor(t *testing.T) {
	cases := map[string]struct {
		arrives time.Duration // when the second request has its picture decoded
		want    []int
	}{
		"in time":  {arrives: 50 * time.Millisecond, want: []int{2}},
		"too late": {arrives: 150 * time.Millisecond, want: []int{1, 1}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var computed batches
				b := run(t, &servingtest.Predictor{Before: computed.add}, 8, 100*time.Millisecond)
				first, second := admit(t, b), admit(t, b)
				var group sync.WaitGroup
				group.Go(func() {
					defer first.release()
					if _, err := first.compute(t.Context(), picture(1, 1), 1); err != nil {
						t.Error(err)
					}
				})
				group.Go(func() {
					defer second.release()
					time.Sleep(tc.arrives)
					if _, err := second.compute(t.Context(), picture(2, 1), 1); err != nil {
						t.Error(err)
					}
				})
				group.Wait()
				if diff := cmp.Diff(tc.want, computed.sizes); diff != "" {
					t.Errorf("batches (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestBatchesKeepToTheirSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var computed batches
		b := run(t, &servingtest.Predictor{Before: computed.add}, 4, 0)
		sizes := []int{1, 3, 3, 6, 1} // the first is alone; the others queue up behind it
		answers := make([][]float32, len(sizes))
		var group sync.WaitGroup
		for i, n := range sizes {
			ticket := admit(t, b)
			group.Go(func() {
				defer ticket.release()
				var err error
				if answers[i], err = ticket.compute(t.Context(), picture(10*i, n), n); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait() // until it is queued
		}
		group.Wait()
		for i, n := range sizes {
			var want []float32
			for j := range n {
				want = append(want, float32(10*i+j), float32(10*i+j))
			}
			if diff := cmp.Diff(want, answers[i]); diff != "" {
				t.Errorf("logits of request %d (-want +got):\n%s", i, diff)
			}
		}
		total := 0
		for _, n := range computed.sizes {
			total += n
			if n > 4 {
				t.Errorf("a batch of %d, want at most 4", n)
			}
		}
		if total != 14 || len(computed.sizes) > 6 {
			t.Errorf("batches %v, want 14 images in no more than 6", computed.sizes)
		}
	})
}

func TestOverload(t *testing.T) {
	b := newBatcher(servingtest.Model(&servingtest.Predictor{}), 5, 0, slog.New(slog.DiscardHandler))
	tickets := make([]*ticket, 20)
	for i := range tickets {
		tickets[i] = admit(t, b)
	}
	if _, err := b.admit(); !errors.Is(err, ErrOverloaded) {
		t.Errorf("Admit() error = %v, want ErrOverloaded", err)
	}
	tickets[0].release()
	admit(t, b)
}

func TestAbandonedRequestsAreNotComputed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var computed batches
		b := run(t, &servingtest.Predictor{Before: computed.add}, 1, 0)
		var group sync.WaitGroup
		for i := range 3 {
			ticket := admit(t, b)
			group.Go(func() {
				defer ticket.release()
				timeout := 100 * time.Millisecond // less than the second that the first takes
				if i == 0 {
					timeout = time.Minute
				}
				ctx, cancel := context.WithTimeout(t.Context(), timeout)
				defer cancel()
				if _, err := ticket.compute(ctx, picture(0, 1), 1); i > 0 && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("request %d: error = %v, want DeadlineExceeded", i, err)
				}
			})
			synctest.Wait()
		}
		group.Wait()
		time.Sleep(time.Minute)
		if diff := cmp.Diff([]int{1}, computed.sizes); diff != "" {
			t.Errorf("batches (-want +got):\n%s", diff)
		}
	})
}

func TestStopped(t *testing.T) {
	b := newBatcher(servingtest.Model(&servingtest.Predictor{}), 1, 0, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b.run(ctx)
	ticket := admit(t, b)
	defer ticket.release()
	if _, err := ticket.compute(t.Context(), picture(0, 1), 1); !errors.Is(err, errStopped) {
		t.Errorf("compute() error = %v, want ErrStopped", err)
	}
}

// short is a predictor that forgets an image.
type short struct{}

func (short) Logits(_ []float32, n int) ([]float32, error) { return make([]float32, 2*(n-1)), nil }

// constant is a predictor whose logits are all the same.
type constant float64

func (c constant) Logits(_ []float32, n int) ([]float32, error) {
	return slices.Repeat([]float32{float32(c)}, 2*n), nil
}

func TestFaultyModels(t *testing.T) {
	failure := errors.New("failure")
	cases := map[string]struct {
		predictor classifier.Predictor
		want      string
	}{
		"error":          {&servingtest.Predictor{Err: failure}, "failure"},
		"panic":          {&servingtest.Predictor{Before: func(int) { panic("oops") }}, "panic: oops"},
		"not a number":   {constant(math.NaN()), "the model computed NaN"},
		"overflow":       {constant(math.Inf(-1)), "the model computed -Inf"},
		"logits missing": {short{}, "returned 0 logits, want 2"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			model := servingtest.Model(nil)
			model.Predictor = tc.predictor
			b := newBatcher(model, 1, 0, slog.New(slog.DiscardHandler))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go b.run(ctx)
			ticket := admit(t, b)
			defer ticket.release()
			for range 2 { // the batcher goes on
				if _, err := ticket.compute(t.Context(), picture(0, 1), 1); err == nil || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("compute() error = %v, want one with %q", err, tc.want)
				}
			}
		})
	}
}

// together is a predictor that can't compute several images at once, nor those of the value bad.
type together struct {
	sizes []int
	bad   float32
}

func (p *together) Logits(input []float32, n int) ([]float32, error) {
	p.sizes = append(p.sizes, n)
	if n > 1 || input[0] == p.bad {
		panic("oops")
	}
	return []float32{input[0], input[0]}, nil
}

// A batch that fails is computed image by image: nobody fails for the company.
func TestFailedBatches(t *testing.T) {
	cases := map[string]struct {
		bad  float32
		want [][]float32 // by request; nil if it fails
		then []int       // sizes of the batches when three more images come
	}{
		"the batch's fault": {bad: -1, want: [][]float32{{1, 1}, {2, 2, 3, 3}, {4, 4}}, then: []int{1, 1, 1}},
		"an image's fault":  {bad: 3, want: [][]float32{{1, 1}, nil, {4, 4}}, then: []int{3, 1, 1, 1}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				predictor := &together{bad: tc.bad}
				model := servingtest.Model(nil)
				model.Predictor = predictor
				b := newBatcher(model, 8, time.Hour, slog.New(slog.DiscardHandler))
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				ask := func(first, n int) func() []float32 {
					ticket, answered := admit(t, b), make(chan []float32, 1)
					go func() {
						defer ticket.release()
						logits, err := ticket.compute(t.Context(), picture(first, n), n)
						if err != nil {
							logits = nil
						}
						answered <- logits
					}()
					synctest.Wait()
					return func() []float32 { return <-answered }
				}
				answers := []func() []float32{ask(1, 1), ask(2, 2), ask(4, 1)}
				go b.run(ctx)
				for i, answer := range answers {
					if diff := cmp.Diff(tc.want[i], answer()); diff != "" {
						t.Errorf("request %d (-want +got):\n%s", i, diff)
					}
				}
				synctest.Wait()
				predictor.sizes = nil
				var tickets []*ticket
				for range 3 {
					tickets = append(tickets, admit(t, b))
				}
				var group sync.WaitGroup
				for _, ticket := range tickets {
					group.Go(func() {
						defer ticket.release()
						if _, err := ticket.compute(t.Context(), picture(5, 1), 1); err != nil {
							t.Error(err)
						}
					})
				}
				group.Wait()
				if diff := cmp.Diff(tc.then, predictor.sizes); diff != "" {
					t.Errorf("batches afterwards (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// A model is never asked for larger batches than are good for it.
func TestModelsLimitBatches(t *testing.T) {
	cases := map[string]struct {
		change func(*classifier.Model)
		want   []int
	}{
		"no limit":          {func(*classifier.Model) {}, []int{4, 1}},
		"one by one":        {func(m *classifier.Model) { m.Alone = errors.New("mixes images") }, []int{1, 1, 1, 1, 1}},
		"more than allowed": {func(m *classifier.Model) { m.BatchLimit = 64 }, []int{4, 1}},
		"less than allowed": {func(m *classifier.Model) { m.BatchLimit = 2 }, []int{2, 2, 1}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var computed batches
				model := servingtest.Model(&servingtest.Predictor{Before: computed.add})
				tc.change(model)
				b := newBatcher(model, 4, time.Hour, slog.New(slog.DiscardHandler))
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				go b.run(ctx)
				ticket := admit(t, b)
				defer ticket.release()
				if _, err := ticket.compute(t.Context(), picture(1, 5), 5); err != nil {
					t.Error(err)
				}
				if diff := cmp.Diff(tc.want, computed.sizes); diff != "" {
					t.Errorf("batches (-want +got):\n%s", diff)
				}
			})
		})
	}
}
