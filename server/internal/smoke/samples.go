// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package smoke

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/classifier"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/onnx"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

const (
	// sumTolerance is how far the sum of probabilities may be from 1.
	sumTolerance = 1e-3
	// concurrentSamples are asked at a time, so that the server can compute them together.
	concurrentSamples = 4
)

// answers holds what a target answered for samples in one round, so that a check that is tried
// again asks only for what is missing.
type answers struct {
	mu   sync.Mutex
	byID map[sampleID]prediction
}

type sampleID struct {
	set   *artifact.Samples
	index int
	// decoding is the version of decoding asked for, 0 for the one in use.
	decoding int
}

func (a *answers) get(id sampleID) (prediction, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p, ok := a.byID[id]
	return p, ok
}

func (a *answers) put(id sampleID, p prediction) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.byID[id] = p
}

func (a *answers) forget(id sampleID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.byID, id)
}

// recordedDecoding is the version of decoding to ask for where answers are compared with those recorded.
func recordedDecoding(set *artifact.Samples) int {
	if set.Decoding == preprocess.Decoding {
		return 0
	}
	return set.Decoding
}

// ask has the target predict the samples of set from index first to index end, decoded by the given version, or by the one
// in use if that is 0.
func (v *visit) ask(ctx context.Context, set *artifact.Samples, first, end, decoding int) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(concurrentSamples)
	for i := first; i < end; i++ {
		id := sampleID{set, i, decoding}
		if _, known := v.answers.get(id); known {
			continue
		}
		group.Go(func() error {
			p, err := v.predict(ctx, set.Items[i].Image, decoding)
			if err != nil {
				return fmt.Errorf("sample %d: %w", i, err)
			}
			v.answers.put(id, p)
			return nil
		})
	}
	return group.Wait()
}

// integrity: the target answers for the model's own samples what the model answered at training. In
// a light round it is asked for one sample, another one each time.
func (s *suite) integrity(ctx context.Context, v *visit) outcome {
	set := s.model
	if s.modelProblem != nil {
		o := failed("%v", s.modelProblem)
		o.final = true
		return o
	}
	if set == nil || len(set.Items) == 0 {
		return skipped("can't be judged: no answers that the model gave when it was made came with it")
	}
	info, _, err := v.modelInfo(ctx)
	if err != nil {
		return failedBy(err)
	}
	if !slices.Equal(info.Classes, set.Classes) {
		return failed("the classes are %q, at training they were %q", info.Classes, set.Classes)
	}
	first, end := 0, len(set.Items)
	if !v.full {
		first = v.round % len(set.Items)
		end = first + 1
	}
	decoding := recordedDecoding(set)
	if err := v.ask(ctx, set, first, end, decoding); err != nil {
		return failedBy(err)
	}
	worst := 0.0
	var took []time.Duration
	for i := first; i < end; i++ {
		id := sampleID{set, i, decoding}
		p, _ := v.answers.get(id)
		recorded := set.Items[i].Logits
		difference, err := deviation(asRecorded(p.Logits, recorded, info), recorded)
		if err == nil && difference > contract.LogitTolerance {
			err = fmt.Errorf("the logits are off by %.2g of the greatest, more than %.0e", difference, contract.LogitTolerance)
		}
		if err == nil {
			if best := set.Classes[classifier.ArgMax(p.Logits)]; p.Class != best {
				err = fmt.Errorf("the class is %q, by the logits it is %q", p.Class, best)
			}
		}
		if err != nil {
			v.answers.forget(id) // the next try asks again
			return failed("sample %d: %v", i, err)
		}
		worst = max(worst, difference)
		took = append(took, p.took)
	}
	return passed(median(took), "%d samples, logits within %.1e", end-first, worst)
}

// asRecorded is what a target answered in the form of what was recorded: as probabilities, if its network yields those and
// they were recorded as they are.
func asRecorded(logits, recorded []float32, info modelInfo) []float32 {
	sum := 0.0
	for _, v := range recorded {
		sum += float64(v)
		if v < 0 {
			return logits
		}
	}
	yieldsLogits := info.Output == "" || info.Output == string(onnx.OutputLogits)
	if yieldsLogits || math.Abs(sum-1) > sumTolerance {
		return logits
	}
	probabilities := make([]float32, len(logits))
	for i, p := range classifier.Softmax(logits) {
		probabilities[i] = float32(p)
	}
	return probabilities
}

// deviation is the greatest difference of logits from those recorded, relative to the greatest of
// these. Logits near zero are compared as if the greatest were a hundredth, since rounding errors do
// not shrink with them.
func deviation(got, recorded []float32) (float64, error) {
	if len(got) != len(recorded) {
		return 0, fmt.Errorf("there are %d logits, at training there were %d", len(got), len(recorded))
	}
	greatest, difference := 0.01, 0.0
	for i, want := range recorded {
		greatest = max(greatest, math.Abs(float64(want)))
		difference = max(difference, math.Abs(float64(got[i])-float64(want)))
	}
	return difference / greatest, nil
}
