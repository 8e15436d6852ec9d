// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package nn

import (
	"fmt"
	"math"

	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/elem"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// Optimizer changes parameters by their gradients.
type Optimizer interface {
	// Step makes one step with the given learning rate on all parameters.
	Step(ws *exec.Workspace, learningRate float64)
	// Save adds the optimizer's state to s; Load restores it, after which training goes on identically.
	Save(s *State)
	Load(s *State) error
}

// stepCounter names the counter of optimizer steps in a State.
const stepCounter = "optimizer.step"

// SGDConfig are the constants of stochastic gradient descent. Defaults are zero, as in torch.optim.SGD.
type SGDConfig struct {
	Momentum    float64 // in [0, 1)
	WeightDecay float64 // added to the gradient as WeightDecay·w
	Nesterov    bool
}

// SGD is stochastic gradient descent with momentum, by the formulas of torch.optim.SGD.
type SGD struct {
	config   SGDConfig
	params   []*Param
	velocity []*tensor.Tensor
	step     uint64
}

// NewSGD returns an optimizer of params.
func NewSGD(params []*Param, config SGDConfig) (*SGD, error) {
	if !(config.Momentum >= 0 && config.Momentum < 1) {
		return nil, fmt.Errorf("momentum is %v: it must be in [0, 1)", config.Momentum)
	}
	if err := checkWeightDecay(config.WeightDecay); err != nil {
		return nil, err
	}
	o := &SGD{config: config, params: params}
	if config.Momentum != 0 {
		o.velocity = zerosLike(params)
	}
	return o, nil
}

// Step implements Optimizer.
func (o *SGD) Step(ws *exec.Workspace, learningRate float64) {
	o.step++
	constants := elem.SGD{
		LearningRate: float32(learningRate), Momentum: float32(o.config.Momentum),
		WeightDecay: float32(o.config.WeightDecay), Nesterov: o.config.Nesterov,
	}
	for i, p := range o.params {
		var velocity []float32
		if o.velocity != nil {
			velocity = o.velocity[i].Data
		}
		elem.UpdateSGD(ws, constants, p.Value.Data, p.Grad.Data, velocity)
	}
}

// Save implements Optimizer.
func (o *SGD) Save(s *State) {
	s.Counters[stepCounter] = o.step
	saveMoments(s, "velocity", o.params, o.velocity)
}

// Load implements Optimizer.
func (o *SGD) Load(s *State) (err error) {
	if o.step, err = s.Counter(stepCounter); err != nil {
		return err
	}
	return loadMoments(s, "velocity", o.params, o.velocity)
}

// AdamConfig are the constants of Adam and AdamW. DefaultAdamConfig has the usual ones.
type AdamConfig struct {
	Beta1, Beta2 float64 // in [0, 1)
	Epsilon      float64 // above 0
	WeightDecay  float64
}

// DefaultAdamConfig returns the constants of Kingma and Ba (2015), without weight decay.
func DefaultAdamConfig() AdamConfig { return AdamConfig{Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8} }

// Adam is Adam or AdamW, by the formulas of torch.optim.
type Adam struct {
	config        AdamConfig
	decoupled     bool
	params        []*Param
	first, second []*tensor.Tensor
	step          uint64
}

// NewAdam returns Adam (Kingma and Ba 2015); weight decay is added to the gradient.
func NewAdam(params []*Param, config AdamConfig) (*Adam, error) {
	return newAdam(params, config, false)
}

// NewAdamW returns AdamW (Loshchilov and Hutter 2019); weight decay shrinks the weights directly.
func NewAdamW(params []*Param, config AdamConfig) (*Adam, error) {
	return newAdam(params, config, true)
}

func newAdam(params []*Param, config AdamConfig, decoupled bool) (*Adam, error) {
	for _, beta := range []float64{config.Beta1, config.Beta2} {
		if !(beta >= 0 && beta < 1) {
			return nil, fmt.Errorf("betas are %v and %v: both must be in [0, 1)", config.Beta1, config.Beta2)
		}
	}
	if !(config.Epsilon > 0) {
		return nil, fmt.Errorf("epsilon is %v: it must be above 0", config.Epsilon)
	}
	if err := checkWeightDecay(config.WeightDecay); err != nil {
		return nil, err
	}
	return &Adam{config: config, decoupled: decoupled, params: params, first: zerosLike(params), second: zerosLike(params)}, nil
}

// Step implements Optimizer.
func (o *Adam) Step(ws *exec.Workspace, learningRate float64) {
	o.step++
	constants := elem.Adam{
		LearningRate: float32(learningRate), Beta1: float32(o.config.Beta1), Beta2: float32(o.config.Beta2),
		Epsilon: float32(o.config.Epsilon), WeightDecay: float32(o.config.WeightDecay), Decoupled: o.decoupled, Step: int(o.step),
	}
	for i, p := range o.params {
		elem.UpdateAdam(ws, constants, p.Value.Data, p.Grad.Data, o.first[i].Data, o.second[i].Data)
	}
}

// Save implements Optimizer.
func (o *Adam) Save(s *State) {
	s.Counters[stepCounter] = o.step
	saveMoments(s, "first", o.params, o.first)
	saveMoments(s, "second", o.params, o.second)
}

// Load implements Optimizer.
func (o *Adam) Load(s *State) (err error) {
	if o.step, err = s.Counter(stepCounter); err != nil {
		return err
	}
	if err := loadMoments(s, "first", o.params, o.first); err != nil {
		return err
	}
	return loadMoments(s, "second", o.params, o.second)
}

func checkWeightDecay(decay float64) error {
	if !(decay >= 0) || math.IsInf(decay, 0) {
		return fmt.Errorf("weight decay is %v: it must be a finite number of at least 0", decay)
	}
	return nil
}

func zerosLike(params []*Param) []*tensor.Tensor {
	zeros := make([]*tensor.Tensor, len(params))
	for i, p := range params {
		zeros[i] = tensor.New(p.Value.Shape...)
	}
	return zeros
}

func momentName(moment string, p *Param) string { return "optimizer." + moment + "." + p.Name }

func saveMoments(s *State, moment string, params []*Param, values []*tensor.Tensor) {
	for i, v := range values {
		s.Save(momentName(moment, params[i]), v)
	}
}

func loadMoments(s *State, moment string, params []*Param, values []*tensor.Tensor) error {
	for i, v := range values {
		if err := s.Load(momentName(moment, params[i]), v); err != nil {
			return err
		}
	}
	return nil
}
