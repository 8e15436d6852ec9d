// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package train

import (
	"fmt"
	"math"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/engine/nn"
)

// newOptimizer returns the optimizer that is configured.
func newOptimizer(cfg contract.Training, params []*nn.Param) (nn.Optimizer, error) {
	momentum := contract.DefaultMomentum
	if cfg.Momentum != nil {
		momentum = *cfg.Momentum
	}
	adam := nn.DefaultAdamConfig()
	adam.WeightDecay = cfg.WeightDecay
	switch cfg.Optimizer {
	case contract.OptimizerSGD:
		return nn.NewSGD(params, nn.SGDConfig{Momentum: momentum, WeightDecay: cfg.WeightDecay, Nesterov: cfg.Nesterov})
	case contract.OptimizerAdam:
		return nn.NewAdam(params, adam)
	case contract.OptimizerAdamW:
		return nn.NewAdamW(params, adam)
	default:
		return nil, fmt.Errorf("training.optimizer is %q", cfg.Optimizer)
	}
}

// newAverage returns the average that is configured, or nil.
func (t *trainer) newAverage() (*nn.Average, error) {
	decay, steps := t.cfg.EMA.Decay, t.loader.Steps()*t.cfg.Epochs
	if decay == 0 {
		return nil, nil
	}
	if span := 1 / (1 - decay); span > float64(steps) {
		t.log.Warn("The average of the weights spans more steps than there are, and hardly leaves their beginning: lower training.ema.decay",
			"decay", decay, "span", math.Round(span), "steps", steps)
	}
	return nn.NewAverage(t.network.Params(), t.network.Buffers(), decay)
}
