// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package train

import (
	"cmp"
	"math"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/runner/internal/report"
)

// What a training does next follows from its settings, the epochs behind it and the number of steps done, and from nothing
// else: a run that goes on from a checkpoint, which holds these, does what it would have done without the interruption.

// moment is when the rate of the next step is asked for.
type moment struct {
	history []report.Epoch // the epochs done
	step    int64          // steps done, over all epochs
	steps   int            // in an epoch
}

// schedule gives the learning rate of the next step.
type schedule func(moment) float64

// scheduleOf returns the configured schedule, after its warm-up: a line from the first step to the last of it.
func scheduleOf(cfg contract.Training) schedule {
	rate, warmup := rateOf(cfg), cfg.Scheduler.WarmupEpochs
	return func(m moment) float64 {
		rise := int64(warmup) * int64(m.steps)
		if m.step < rise {
			return cfg.LearningRate * float64(m.step+1) / float64(rise)
		}
		return rate(moment{history: m.history[min(warmup, len(m.history)):], step: m.step - rise, steps: m.steps})
	}
}

// rateOf is the configured schedule without its warm-up: time begins after it.
func rateOf(cfg contract.Training) schedule {
	s, rate := cfg.Scheduler, cfg.LearningRate
	switch s.Type {
	case contract.SchedulerStep:
		every, factor := cmp.Or(s.StepEpochs, contract.DefaultSchedulerStepEpochs), cmp.Or(s.Factor, contract.DefaultSchedulerFactor)
		return func(m moment) float64 { return rate * math.Pow(factor, float64(len(m.history)/every)) }
	case contract.SchedulerReduceOnPlateau:
		return func(m moment) float64 { return plateau(s, rate, m.history) }
	case contract.SchedulerCosine:
		return func(m moment) float64 {
			return cosine(rate, s.MinLearningRate, float64(m.step)/float64((cfg.Epochs-s.WarmupEpochs)*m.steps))
		}
	case contract.SchedulerOneCycle:
		return func(m moment) float64 { return oneCycle(rate, m.step, int64(cfg.Epochs)*int64(m.steps)) }
	default:
		return func(moment) float64 { return rate }
	}
}

// cosine goes from one rate to another, by the part of the way that is done, as torch's CosineAnnealingLR does.
func cosine(from, to, done float64) float64 {
	return to + (from-to)*(1+math.Cos(math.Pi*done))/2
}

// The constants of torch's OneCycleLR.
const (
	oneCycleRise  = 0.3     // of all steps, in which the rate rises
	oneCycleStart = 1. / 25 // of the highest rate
	oneCycleEnd   = 1e-4    // of the rate at the start
)

// oneCycle rises to the highest rate and falls to nearly nothing.
func oneCycle(highest float64, step, steps int64) float64 {
	start := highest * oneCycleStart
	top, last := oneCycleRise*float64(steps)-1, float64(steps-1)
	if float64(step) <= top {
		return cosine(start, highest, float64(step)/top)
	}
	return cosine(highest, start*oneCycleEnd, (float64(step)-top)/(last-top))
}

// The constants of torch's ReduceLROnPlateau.
const (
	plateauThreshold = 1e-4 // the part of the least loss that a lower one has to be below it
	plateauLeast     = 1e-8 // a change of the rate that is no smaller than this
)

// plateau is the rate after the epochs of history.
func plateau(s contract.Scheduler, rate float64, history []report.Epoch) float64 {
	factor, patience := cmp.Or(s.Factor, contract.DefaultSchedulerFactor), cmp.Or(s.Patience, contract.DefaultSchedulerPatience)
	least, borne := math.Inf(1), 0
	for _, epoch := range history {
		if epoch.ValidationLoss < least*(1-plateauThreshold) {
			least, borne = epoch.ValidationLoss, 0
			continue
		}
		if borne++; borne <= patience {
			continue
		}
		borne = 0
		if lower := max(rate*factor, s.MinLearningRate); rate-lower > plateauLeast {
			rate = lower
		}
	}
	return rate
}

// stop reports whether training ends after the epochs of history.
type stop func(history []report.Epoch) bool

// stopOf returns when the configured training ends: after all of its epochs, or early.
func stopOf(cfg contract.Training) stop {
	return func(history []report.Epoch) bool {
		return len(history) >= cfg.Epochs || stopsEarly(cfg.EarlyStopping, history)
	}
}

// stopsEarly tells whether the last epochs of history, as many as patience, brought nothing.
func stopsEarly(s contract.EarlyStopping, history []report.Epoch) bool {
	if s.Patience == 0 {
		return false
	}
	best, borne := 0, 0
	for n, epoch := range history {
		if n == 0 || epoch.Gain(s.Metric, history[best]) > s.MinDelta {
			best, borne = n, 0
			continue
		}
		borne++
	}
	return borne >= s.Patience
}
