// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package train

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/engine/nn"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
	"github.com/trainyard-dev/trainyard/internal/model"
	"github.com/trainyard-dev/trainyard/runner/internal/failure"
	"github.com/trainyard-dev/trainyard/runner/internal/report"
)

// state is where training stands, except tensors. Order and augmentation of the images and the dropout masks follow
// from seeds, epoch and step, so these stand for the state of all random generators.
type state struct {
	Epoch int `json:"epoch"` // epochs done
	Step  int `json:"step"`  // steps done in the epoch after those
	// Sums over the steps of that epoch.
	Seen    int     `json:"seen"`
	Correct int     `json:"correct"`
	LossSum float64 `json:"lossSum"`
	// History is one entry for each epoch done; Best, from 1, is the one whose weights are kept.
	History []report.Epoch `json:"history"`
	Best    int            `json:"best"`
	// Counters are those of network and optimizer.
	Counters map[string]uint64 `json:"counters"`
	// Divergences are those after which training went back. Good is where the next one leads; nil: it ends the run.
	Divergences []report.Divergence `json:"divergences,omitempty"`
	Good        *goodState          `json:"good,omitempty"`
}

// endEpoch adds an epoch to the history and says whether it is the best one so far by a metric. One that isn't eligible is if
// it is the first.
func (s *state) endEpoch(epoch report.Epoch, metric string, eligible bool) (best bool) {
	best = true
	if len(s.History) > 0 {
		kept := s.History[s.Best-1]
		gain := epoch.Gain(metric, kept)
		best = eligible && (gain > 0 || gain == 0 && epoch.ValidationLoss < kept.ValidationLoss)
	}
	s.History = append(s.History, epoch)
	s.Epoch++
	s.beginEpoch()
	if best {
		s.Best = s.Epoch
	}
	return best
}

// beginEpoch forgets what was done of the current epoch.
func (s *state) beginEpoch() { s.Step, s.Seen, s.Correct, s.LossSum = 0, 0, 0, 0 }

// Prefixes of tensors in a checkpoint: the weights, their average and the moments of now, those that training may go back to,
// and the weights of the best epoch.
const (
	currentPrefix = "current/"
	goodPrefix    = "good/"
	bestPrefix    = "best/"
)

// save writes a checkpoint.
func (t *trainer) save() error {
	current, state := t.current(), t.state
	state.Counters = current.Counters
	encoded, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("encode checkpoint: %w", err)
	}
	checkpoint := &artifact.Checkpoint{
		Checkpoint:  t.position(),
		Fingerprint: t.fingerprint,
		KernelSet:   t.network.Workspace().Set(),
		State:       encoded,
		Tensors:     map[string]artifact.Tensor{},
	}
	addTensors(checkpoint.Tensors, currentPrefix, current)
	if t.good != nil {
		addTensors(checkpoint.Tensors, goodPrefix, t.good)
	}
	if t.best != nil {
		addTensors(checkpoint.Tensors, bestPrefix, t.best)
	}
	if err := t.checkpoints.Save(checkpoint); err != nil {
		return failure.Output(err)
	}
	if err := t.mirror(); err != nil {
		return failure.Output(fmt.Errorf("copy checkpoint: %w", err))
	}
	t.saved = &checkpoint.Checkpoint
	t.events.tell(Checkpointed{checkpoint.Checkpoint})
	return nil
}

func addTensors(tensors map[string]artifact.Tensor, prefix string, state *nn.State) {
	for name, value := range state.Tensors {
		tensors[prefix+name] = artifact.Tensor(*value)
	}
}

// restore goes back to the newest usable checkpoint, if there is one.
func (t *trainer) restore() error {
	checkpoint, skipped, err := t.checkpoints.Latest()
	if err != nil {
		return failure.Output(err)
	}
	for _, err := range skipped {
		t.log.Warn("Checkpoint passed over", "error", err)
	}
	if checkpoint == nil {
		return nil
	}
	if checkpoint.Fingerprint != t.fingerprint {
		t.log.Warn("Checkpoints passed over: they belong to another configuration or dataset")
		return nil
	}
	if err := t.load(checkpoint); err != nil {
		return failure.Artifact(fmt.Errorf("checkpoint of step %d: %w: remove the run's checkpoints to start anew", checkpoint.Step, err))
	}
	if set := t.network.Workspace().Set(); checkpoint.KernelSet != set {
		t.log.Warn("The checkpoint was written with other kernels: the result will differ slightly from that of an uninterrupted run",
			"checkpoint", checkpoint.KernelSet, "now", set)
	}
	t.saved, t.started = &checkpoint.Checkpoint, checkpoint.Checkpoint
	t.log.Info("Going on from a checkpoint", "epoch", checkpoint.Epoch, "step", checkpoint.Step)
	return nil
}

func (t *trainer) load(checkpoint *artifact.Checkpoint) error {
	var s state
	if err := json.Unmarshal(checkpoint.State, &s); err != nil {
		return fmt.Errorf("decode state: %w", err)
	}
	if s.Epoch != len(s.History) || s.Good != nil && (s.Good.Epoch < 0 || s.Good.Epoch > s.Epoch) || s.Best > s.Epoch || (s.Best < 1 && s.Epoch > 0) || s.Step > t.loader.Steps() {
		return fmt.Errorf("state of epoch %d, step %d contradicts itself", s.Epoch, s.Step)
	}
	current := tensors(checkpoint, currentPrefix)
	current.Counters = maps.Clone(s.Counters)
	if err := t.use(current); err != nil {
		return err
	}
	if s.Good != nil {
		t.good = tensors(checkpoint, goodPrefix)
		t.good.Counters = maps.Clone(s.Good.Counters)
	}
	if s.Best > 0 {
		t.best = tensors(checkpoint, bestPrefix)
		t.best.Counters = current.Counters
	}
	t.state = s
	return nil
}

func tensors(checkpoint *artifact.Checkpoint, prefix string) *nn.State {
	state := nn.NewState()
	for name, saved := range checkpoint.Tensors {
		if name, ok := strings.CutPrefix(name, prefix); ok {
			state.Tensors[name] = (*tensor.Tensor)(&saved)
		}
	}
	return state
}

// bytesPerFloat of a float32.
const bytesPerFloat = 4

// networkMemory estimates how many bytes training needs: what the network says, for each parameter its gradient, two
// moments, the best weights and a checkpoint's copies, and the kernels' scratch memory.
func networkMemory(cfg contract.TrainConfig) int64 {
	network, err := model.New(model.Config{
		Architecture: cfg.Model.Architecture, Classes: 2, ImageSize: cfg.Model.ImageSize, Dropout: cfg.Model.Dropout,
	})
	if err != nil {
		return 0 // the trainer will say what is wrong
	}
	activations, err := network.TrainingBytes(cfg.Training.BatchSize)
	if err != nil {
		return 0
	}
	const (
		copiesOfParameters = 12
		copiesOfAverage    = 2        // the average, and a checkpoint's copy
		copiesOfGood       = 8        // weights, moments and average to go back to, and a checkpoint's copies
		scratch            = 24 << 20 // measured with BaselineCNN and two threads
	)
	copies := copiesOfParameters
	if cfg.Training.EMA.Decay > 0 {
		copies += copiesOfAverage
	}
	if cfg.Training.DivergenceRetries > 0 {
		copies += copiesOfGood
	}
	return activations + int64(parameters(network)*copies)*bytesPerFloat + scratch
}
