// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"sync"
)

// LoaderConfig says how a Loader makes batches.
type LoaderConfig struct {
	// BatchSize is the number of images in a batch; the last one of an epoch
	// may hold fewer.
	BatchSize int
	// Shuffle draws a new order in each epoch; otherwise images come in the
	// order of the subset.
	Shuffle bool
	// Augmentation varies the images; the zero value leaves them as they are.
	Augmentation Augmentation
	// MixUp, unless 0, is the alpha of the beta distribution that the share is drawn from by which the images of a batch are
	// mixed, see Batch.Share.
	MixUp float64
	// Seed decides order, augmentation and shares.
	Seed uint64
	// Workers make that many batches side by side, ahead of the reader; zero
	// means one.
	Workers int
}

// Batch is one step's input.
type Batch struct {
	// Images are preprocessed images, of shape [N, 3, Size, Size].
	Images []float32
	// Labels are the N indices into Dataset.Classes.
	Labels []int32
	// N is the number of images.
	N int
	// Share is how much of each image is what Labels say. The rest is the image before it in the batch, of the first the
	// last, with its label. It is 1 unless images are mixed.
	Share float32
}

// Loader turns a subset into batches.
type Loader struct {
	subset Subset
	cfg    LoaderConfig
}

// NewLoader checks its arguments; the subset must not be empty.
func NewLoader(subset Subset, cfg LoaderConfig) (*Loader, error) {
	if err := cfg.Augmentation.Validate(); err != nil {
		return nil, err
	}
	if !(cfg.MixUp >= 0) || math.IsInf(cfg.MixUp, 0) {
		return nil, fmt.Errorf("mix-up with alpha %v: must be 0 or more", cfg.MixUp)
	}
	if cfg.BatchSize < 1 {
		return nil, fmt.Errorf("batch size %d: must be 1 or more", cfg.BatchSize)
	}
	if subset.Len() == 0 {
		return nil, errors.New("no images to make batches of")
	}
	cfg.Workers = max(cfg.Workers, 1)
	return &Loader{subset: subset, cfg: cfg}, nil
}

// Steps is the number of batches in an epoch.
func (l *Loader) Steps() int {
	return (l.subset.Len() + l.cfg.BatchSize - 1) / l.cfg.BatchSize
}

// Epoch yields the batches of an epoch in order, from step firstStep on (both
// count from 0): starting in the midst gives the same batches as going through
// the epoch from its beginning. A batch may be used until the next one is asked
// for; then its memory is used again. An error ends the epoch.
//
// Workers run ahead by a few batches and stop when the loop is left.
func (l *Loader) Epoch(ctx context.Context, epoch, firstStep int) iter.Seq2[*Batch, error] {
	return func(yield func(*Batch, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var workers sync.WaitGroup
		defer workers.Wait()
		defer cancel()

		queue := l.start(ctx, &workers, epoch, firstStep)
		for range l.Steps() - firstStep {
			result, err := queue.next(ctx)
			if err == nil {
				err = result.err
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(result.batch, nil) {
				return
			}
			queue.free <- result.batch
		}
	}
}

// batchQueue hands batches from workers to the reader, in order. There are as
// many batches as free has room for; a worker waits for a free one, so that is
// how far they get ahead.
type batchQueue struct {
	jobs    chan batchJob
	results chan chan batchResult // one for each job, in the jobs' order
	free    chan *Batch
}

type batchJob struct {
	step   int
	batch  *Batch
	result chan<- batchResult
}

type batchResult struct {
	batch *Batch
	err   error
}

func (q *batchQueue) next(ctx context.Context) (batchResult, error) {
	// A result and the end of ctx may be there at once: which one a select
	// takes is chance, and either will do.
	select {
	case result := <-q.results:
		select {
		case r := <-result:
			return r, nil
		case <-ctx.Done():
		}
	case <-ctx.Done():
	}
	return batchResult{}, context.Cause(ctx)
}

// start runs the workers and the goroutine that hands out jobs.
func (l *Loader) start(ctx context.Context, workers *sync.WaitGroup, epoch, firstStep int) *batchQueue {
	// One batch with the reader, one for each worker and one waiting.
	batches := l.cfg.Workers + 2
	q := &batchQueue{
		jobs:    make(chan batchJob),
		results: make(chan chan batchResult, batches),
		free:    make(chan *Batch, batches),
	}
	for range batches {
		q.free <- l.newBatch()
	}
	order := l.order(epoch)
	for range l.cfg.Workers {
		workers.Go(func() {
			assembler := l.newAssembler(epoch)
			for job := range q.jobs {
				err := assembler.fill(ctx, job.batch, l.slice(order, job.step))
				if err == nil && l.cfg.MixUp > 0 {
					assembler.mix(job.batch, l.cfg.MixUp, job.step)
				}
				job.result <- batchResult{batch: job.batch, err: err}
			}
		})
	}
	workers.Go(func() {
		defer close(q.jobs)
		for step := firstStep; step < l.Steps(); step++ {
			select {
			case batch := <-q.free:
				result := make(chan batchResult, 1)
				q.results <- result // has room for every batch there is
				select {
				case q.jobs <- batchJob{step: step, batch: batch, result: result}:
				case <-ctx.Done():
					return
				}
			case <-ctx.Done():
				return
			}
		}
	})
	return q
}

func (l *Loader) newBatch() *Batch {
	n := min(l.cfg.BatchSize, l.subset.Len())
	return &Batch{
		Images: make([]float32, n*l.subset.Dataset.preprocess.TensorLen()),
		Labels: make([]int32, n),
	}
}

// order returns the indices of the samples in the order of the epoch.
func (l *Loader) order(epoch int) []int {
	if !l.cfg.Shuffle {
		return l.subset.Indices
	}
	order := make([]int, l.subset.Len())
	rng := rand.New(rand.NewPCG(l.cfg.Seed, uint64(epoch)))
	for i, j := range rng.Perm(len(order)) {
		order[i] = l.subset.Indices[j]
	}
	return order
}

// slice returns the part of order that makes one step's batch.
func (l *Loader) slice(order []int, step int) []int {
	start := step * l.cfg.BatchSize
	return order[start:min(start+l.cfg.BatchSize, len(order))]
}

// assembler fills batches; each worker has one.
type assembler struct {
	dataset   *Dataset
	augmenter *augmenter
	seed      uint64
	epoch     uint64
	pixels    []uint8
	last      []float32 // room for an image, of mixing
}

func (l *Loader) newAssembler(epoch int) *assembler {
	spec := l.subset.Dataset.preprocess
	return &assembler{
		dataset:   l.subset.Dataset,
		augmenter: newAugmenter(l.cfg.Augmentation, spec.Size),
		seed:      l.cfg.Seed,
		epoch:     uint64(epoch),
		pixels:    make([]uint8, spec.PixelLen()),
	}
}

// mix mixes the images of a batch that is filled.
func (a *assembler) mix(batch *Batch, alpha float64, step int) {
	length := a.dataset.preprocess.TensorLen()
	if a.last == nil {
		a.last = make([]float32, length)
	}
	batch.Share = mixUpShare(alpha, a.seed, a.epoch, uint64(step))
	mixUp(batch.Images, length, batch.Share, a.last)
}

// fill puts the given samples into batch, whose memory is large enough.
func (a *assembler) fill(ctx context.Context, batch *Batch, samples []int) error {
	length := a.dataset.preprocess.TensorLen()
	batch.N, batch.Share = len(samples), 1
	batch.Images = batch.Images[:batch.N*length]
	batch.Labels = batch.Labels[:batch.N]
	for i, sample := range samples {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := a.dataset.Pixels(ctx, a.pixels, sample); err != nil {
			return err
		}
		a.augmenter.apply(a.pixels, a.seed, a.epoch, uint64(sample))
		image := batch.Images[i*length : (i+1)*length]
		a.dataset.preprocess.Normalize(image, a.pixels)
		a.augmenter.erase(image, a.seed, a.epoch, uint64(sample))
		batch.Labels[i] = a.dataset.Samples[sample].Label
	}
	return nil
}
