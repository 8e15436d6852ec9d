// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package serving

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"github.com/trainyard-dev/trainyard/internal/classifier"
)

// errStopped says that the batcher has stopped. Test with errors.Is.
var errStopped = errors.New("the server has stopped computing predictions")

// queuedBatches is how many batches' worth of requests are let in before others are turned away.
// It bounds the memory that waiting requests take and how long they wait.
const queuedBatches = 4

// batcher gathers the images of concurrent requests and computes them together, which costs less
// than one after the other. A request that comes alone is computed at once: the batcher waits for
// company only while it knows of other requests on their way.
type batcher struct {
	model    *classifier.Model
	maxBatch int
	maxDelay time.Duration
	log      *slog.Logger

	queue   chan *job
	carried *job // taken from the queue but too large for the batch it was taken for
	stopped chan struct{}
	slots   chan struct{}
	// unanswered counts the requests let in whose first answer has not been computed.
	unanswered atomic.Int64
	// alone says that images are computed one by one from now on, as a batch of them failed.
	alone atomic.Bool
	// input is the batch's tensor, kept from one batch to the next.
	input []float32
}

// job is a part of a request: up to maxBatch images.
type job struct {
	ctx   context.Context
	input []float32
	n     int
	// queued is when the job was put into the queue.
	queued time.Time
	// answer has room for one, so that the batcher never waits for a request that has given up.
	answer chan answer
}

type answer struct {
	logits []float32
	err    error
	spent  spent
}

// spent is what a job took: the time until it was computed and while it was, and the images of its batch.
type spent struct {
	queue, infer time.Duration
	images       int
}

// newBatcher returns a batcher that computes up to maxBatch images together, fewer if more bring nothing, one by one if
// the model asks for that, and makes none wait longer than maxDelay for others. It works while run does.
func newBatcher(model *classifier.Model, maxBatch int, maxDelay time.Duration, log *slog.Logger) *batcher {
	slots := queuedBatches * max(maxBatch, 4)
	switch {
	case model.Alone != nil:
		maxBatch = 1
	case model.BatchLimit > 0:
		maxBatch = min(maxBatch, model.BatchLimit)
	}
	return &batcher{
		model:    model,
		maxBatch: maxBatch,
		maxDelay: maxDelay,
		log:      log,
		queue:    make(chan *job, slots),
		stopped:  make(chan struct{}),
		slots:    make(chan struct{}, slots),
	}
}

// run computes predictions until ctx ends.
func (b *batcher) run(ctx context.Context) {
	defer close(b.stopped)
	for {
		first := b.carried
		b.carried = nil
		if first == nil {
			select {
			case <-ctx.Done():
				return
			case first = <-b.queue:
			}
		}
		b.compute(b.collect(first))
	}
}

// ticket is a request that was let in. It must be released.
type ticket struct {
	batcher  *batcher
	answered bool
	timings  Timings
}

// checkRoom returns ErrOverloaded if admit would now.
func (b *batcher) checkRoom() error {
	if len(b.slots) == cap(b.slots) {
		return ErrOverloaded
	}
	return nil
}

// admit lets a request in, before its images are decoded, or returns ErrOverloaded. A request whose images are still on
// their way is not let in: how long they take is up to its client.
func (b *batcher) admit() (*ticket, error) {
	select {
	case b.slots <- struct{}{}:
		b.unanswered.Add(1)
		return &ticket{batcher: b}, nil
	default:
		return nil, ErrOverloaded
	}
}

// release makes room for another request.
func (t *ticket) release() {
	t.setAnswered()
	<-t.batcher.slots
}

func (t *ticket) setAnswered() {
	if !t.answered {
		t.answered = true
		t.batcher.unanswered.Add(-1)
	}
}

// compute returns the logits, of shape [n, classes], of n images of shape [n, 3, size, size].
// It returns ctx's error if that ends first.
func (t *ticket) compute(ctx context.Context, input []float32, n int) ([]float32, error) {
	b := t.batcher
	imageLen := b.model.Preprocess.TensorLen()
	logits := make([]float32, 0, n*len(b.model.Classes))
	for done := 0; done < n; {
		part := min(n-done, b.largest())
		j := &job{ctx: ctx, input: input[done*imageLen : (done+part)*imageLen], n: part, queued: time.Now(), answer: make(chan answer, 1)}
		select {
		case b.queue <- j:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-b.stopped:
			return nil, errStopped
		}
		select {
		case a := <-j.answer:
			t.setAnswered()
			t.timings.add(a.spent)
			if a.err != nil {
				return nil, inRequest(a.err, done)
			}
			logits = append(logits, a.logits...)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-b.stopped:
			return nil, errStopped
		}
		done += part
	}
	return logits, nil
}

// collect returns the jobs to compute together with first.
func (b *batcher) collect(first *job) []*job {
	var (
		batch   = []*job{first}
		images  = first.n
		expired <-chan time.Time
	)
	largest := b.largest()
	for images < largest {
		var next *job
		select {
		case next = <-b.queue:
		default:
			if b.unanswered.Load() <= int64(len(batch)) {
				return batch // nobody else is on the way
			}
			if expired == nil {
				expired = time.After(b.maxDelay)
			}
			select {
			case next = <-b.queue:
			case <-expired:
				return batch
			}
		}
		if images+next.n > largest {
			b.carried = next
			return batch
		}
		batch = append(batch, next)
		images += next.n
	}
	return batch
}

// compute answers the jobs whose requests still wait.
func (b *batcher) compute(batch []*job) {
	batch = slices.DeleteFunc(batch, func(j *job) bool { return j.ctx.Err() != nil })
	if len(batch) == 0 {
		return
	}
	b.input = b.input[:0]
	images := 0
	for _, j := range batch {
		b.input = append(b.input, j.input...)
		images += j.n
	}
	start := time.Now()
	logits, err := b.predict(b.input, images)
	if err != nil && images > 1 {
		b.computeAlone(batch, err)
		return
	}
	b.answer(batch, logits, err, computed{start: start, images: images})
}

// computed is when a batch of images began to be computed.
type computed struct {
	start  time.Time
	images int
}

// largest is how many images are computed together at most.
func (b *batcher) largest() int {
	if b.alone.Load() {
		return 1
	}
	return b.maxBatch
}

// computeAlone answers the jobs of a batch that failed one by one, so that none fails for the others. If each image can be
// computed by itself, the batch was at fault, and there are no more of them.
func (b *batcher) computeAlone(batch []*job, failure error) {
	imageLen := b.model.Preprocess.TensorLen()
	works := true
	for _, j := range batch {
		var (
			all []float32
			err error
		)
		start := time.Now()
		for i := 0; i < j.n && err == nil; i++ {
			var logits []float32
			logits, err = b.predict(j.input[i*imageLen:(i+1)*imageLen], 1)
			all = append(all, logits...)
		}
		works = works && err == nil
		b.answer([]*job{j}, all, err, computed{start: start, images: 1})
	}
	if works {
		b.alone.Store(true)
		b.log.Warn("Images are computed one by one from now on: a batch failed whose images work alone", "error", failure)
	}
}

// answer answers jobs with their part of the logits.
func (b *batcher) answer(jobs []*job, logits []float32, err error, c computed) {
	classes := len(b.model.Classes)
	end := time.Now()
	for _, j := range jobs {
		a := answer{err: err}
		if err == nil {
			a = finite(slices.Clone(logits[:j.n*classes]), classes)
		}
		a.spent = spent{queue: c.start.Sub(j.queued), infer: end.Sub(c.start), images: c.images}
		j.answer <- a
		if err != nil {
			continue
		}
		logits = logits[j.n*classes:]
	}
}

// NotFiniteError says that a model computed a number for an image that is none, as an overflow leaves.
type NotFiniteError struct {
	// Image is the image's position in the request, from 0.
	Image int
	Value float32
}

func (e *NotFiniteError) Error() string {
	return fmt.Sprintf("the model computed %v for image %d, which is no finite logit", e.Value, e.Image)
}

// inRequest is the error of a part of a request that begins at an image.
func inRequest(err error, first int) error {
	if e := (*NotFiniteError)(nil); errors.As(err, &e) {
		return &NotFiniteError{Image: first + e.Image, Value: e.Value}
	}
	return err
}

// finite is the answer of logits, which is an error if they overflowed on the way.
func finite(logits []float32, classes int) answer {
	for i, v := range logits {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return answer{err: &NotFiniteError{Image: i / classes, Value: v}}
		}
	}
	return answer{logits: logits}
}

// predict calls the model. A panic in it is an error of this batch and not the end of the process.
func (b *batcher) predict(input []float32, images int) (logits []float32, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("compute a batch of %d images: panic: %v\n%s", images, r, debug.Stack())
		}
	}()
	if logits, err = b.model.Logits(input, images); err != nil {
		return nil, fmt.Errorf("compute a batch of %d images: %w", images, err)
	}
	if want := images * len(b.model.Classes); len(logits) != want {
		return nil, fmt.Errorf("compute a batch of %d images: the model returned %d logits, want %d", images, len(logits), want)
	}
	return logits, nil
}
