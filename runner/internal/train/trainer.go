// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package train

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"time"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/engine/nn"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
	"github.com/trainyard-dev/trainyard/internal/model"
	"github.com/trainyard-dev/trainyard/runner/internal/evaluate"
	"github.com/trainyard-dev/trainyard/runner/internal/failure"
	"github.com/trainyard-dev/trainyard/runner/internal/metrics"
	"github.com/trainyard-dev/trainyard/runner/internal/report"
)

// trainer runs the epochs.
type trainer struct {
	run    contract.TrainConfig
	cfg    contract.Training
	log    *slog.Logger
	events *events
	rate   schedule
	ends   stop

	data      *data
	loader    *dataset.Loader
	network   *model.Network
	optimizer nn.Optimizer
	average   *nn.Average // of the network; nil: there is none
	loss      objective

	state       state
	best        *nn.State // weights of state.Best; nil before the first epoch's end
	good        *nn.State // tensors of state.Good; nil: a loss that diverges ends the run
	checkpoints *artifact.Checkpoints
	mirror      func() error // copies checkpoints to where they are kept
	fingerprint string
	started     contract.Checkpoint  // where this process started
	saved       *contract.Checkpoint // the last checkpoint written or restored
}

// newTrainer makes the network and its optimizer and restores the last checkpoint of the run.
func (r *attempt) newTrainer(data *data) (*trainer, error) {
	cfg := r.cfg
	t := &trainer{
		run: cfg, cfg: cfg.Training, log: r.log, events: r.events, rate: r.rate, ends: r.ends, data: data,
		checkpoints: artifact.CheckpointsOf(checkpointsFolder(cfg.Output), cfg.Run), mirror: r.saveCheckpoints,
		fingerprint: fingerprint(cfg, data.dataset.Digest), loss: objective{mixes: cfg.Dataset.Augmentation.MixUp.Alpha > 0},
	}
	var err error
	t.loader, err = dataset.NewLoader(data.split.Train, dataset.LoaderConfig{
		BatchSize: cfg.Training.BatchSize, Shuffle: true, Seed: uint64(cfg.Training.Seed), Workers: cfg.Training.Workers,
		Augmentation: augmentationOf(cfg.Dataset.Augmentation), MixUp: cfg.Dataset.Augmentation.MixUp.Alpha,
	})
	if err != nil {
		return nil, failure.Config(err)
	}
	t.network, err = model.New(model.Config{
		Architecture: cfg.Model.Architecture, Classes: len(data.dataset.Classes), ImageSize: cfg.Model.ImageSize,
		Dropout: cfg.Model.Dropout, Seed: uint64(cfg.Training.Seed),
	})
	if err != nil {
		return nil, failure.Config(err)
	}
	t.loss.Weights, t.loss.Smoothing = data.weights, cfg.Training.LabelSmoothing
	if t.optimizer, err = newOptimizer(cfg.Training, t.network.Params()); err != nil {
		return nil, failure.Config(err)
	}
	if t.average, err = t.newAverage(); err != nil {
		return nil, failure.Config(err)
	}
	return t, t.restore()
}

// train trains the epochs that are left. On an interruption it writes a checkpoint first.
func (t *trainer) train(ctx context.Context) error {
	t.events.tell(t.startedEvent())
	for !t.ends(t.state.History) {
		t.keepGood()
		err := t.epoch(ctx)
		if ctx.Err() != nil && t.position() != t.started {
			if saveErr := t.save(); saveErr != nil {
				return saveErr
			}
			return context.Cause(ctx)
		}
		if err != nil && t.mayGoBack(err) {
			if err := t.goBack(err); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		if err := t.save(); err != nil {
			return err
		}
	}
	return nil
}

// epoch trains one epoch from the step that the state names, and validates.
func (t *trainer) epoch(ctx context.Context) error {
	start := time.Now()
	for batch, err := range t.loader.Epoch(ctx, t.state.Epoch, t.state.Step) {
		if err != nil {
			return failure.Dataset(fmt.Errorf("load training images: %w", err))
		}
		if err := t.trainBatch(batch); err != nil {
			return err
		}
		t.events.tell(t.steppedEvent(batch.N))
		if ctx.Err() != nil { // the loader may have batches ready all the same
			return context.Cause(ctx)
		}
	}
	epoch, best, err := t.validate(ctx)
	if err != nil {
		return err
	}
	t.events.tell(EpochEnded{
		Epoch: epoch, Number: t.state.Epoch, Epochs: t.cfg.Epochs, Done: t.step(), Best: best, Last: t.ends(t.state.History), Took: time.Since(start),
		Warning: exploded(t.state.History, t.network.Classes(), t.cfg.LearningRate),
	})
	return nil
}

// validate measures the network, or its average if there is one, ends the epoch, and keeps the weights if they are the best.
func (t *trainer) validate(ctx context.Context) (epoch report.Epoch, best bool, err error) {
	if t.average != nil {
		t.average.Swap()
		defer t.average.Swap()
	}
	tally, err := evaluate.Score(ctx, evaluate.Network{Network: t.network}, t.data.split.Validation, t.batches())
	if err != nil {
		return epoch, false, failure.Dataset(fmt.Errorf("validate: %w", err))
	}
	if err := t.checkFinite(tally.Loss()); err != nil {
		return epoch, false, err
	}
	epoch = report.Epoch{
		TrainLoss:      t.state.LossSum / float64(t.state.Seen),
		TrainAccuracy:  float64(t.state.Correct) / float64(t.state.Seen),
		ValidationLoss: tally.Loss(), ValidationAccuracy: tally.Accuracy(),
	}
	if t.cfg.Scheduler.Varies() || t.cfg.DivergenceRetries > 0 {
		epoch.LearningRate = t.learningRate(t.step() - 1)
	}
	if epoch.Metrics, err = t.measured(tally); err != nil {
		return epoch, false, err
	}
	if best = t.state.endEpoch(epoch, cmp.Or(t.cfg.BestMetric, contract.MetricAccuracy), t.mayBeBest(epoch)); best {
		t.best = nn.NewState()
		t.network.Save(t.best)
	}
	return epoch, best, nil
}

// measured returns the metrics that choose the best epoch and the end, except for loss and accuracy, which each epoch has;
// nil if there are no others.
func (t *trainer) measured(tally *metrics.Tally) (map[string]float64, error) {
	var measured map[string]float64
	for field, name := range map[string]string{"bestMetric": t.cfg.BestMetric, "earlyStopping.metric": t.cfg.EarlyStopping.Metric} {
		if name == "" || name == contract.MetricLoss || name == contract.MetricAccuracy {
			continue
		}
		all := tally.Metrics()
		i := slices.IndexFunc(all, func(m contract.Metric) bool { return m.Name == name })
		if i < 0 {
			return nil, failure.Config(fmt.Errorf("training.%s: %s can't be measured on the validation split: use accuracy or loss", field, name))
		}
		if measured == nil {
			measured = map[string]float64{}
		}
		measured[name] = all[i].Value
	}
	return measured, nil
}

// startedEvent is what observers are told before the first epoch that is left.
func (t *trainer) startedEvent() Started {
	return Started{
		Config: t.run, Dataset: t.data.result(), Epochs: t.cfg.Epochs, StepsPerEpoch: t.loader.Steps(), Done: t.step(),
		History: slices.Clone(t.state.History), Checkpoint: t.saved, Complete: t.ends(t.state.History),
		Parameters: parameters(t.network), KernelSet: t.network.Workspace().Set(), Threads: t.network.Workspace().Threads(),
	}
}

// steppedEvent is what observers are told after a step with so many images.
func (t *trainer) steppedEvent(images int) Stepped {
	seen := float64(t.state.Seen)
	return Stepped{
		Epoch: t.state.Epoch + 1, Done: t.step(), Images: images, Loss: t.state.LossSum / seen, Accuracy: float64(t.state.Correct) / seen,
	}
}

// trainBatch makes one optimizer step.
func (t *trainer) trainBatch(batch *dataset.Batch) error {
	input := &tensor.Tensor{Shape: append([]int{batch.N}, t.network.InputShape()...), Data: batch.Images}
	logits := t.network.Forward(input, true)
	loss := t.loss.forward(t.network.Workspace(), logits, batch)
	if err := t.checkFinite(loss); err != nil {
		return err
	}
	t.network.Backward(t.loss.Gradient())
	if t.cfg.GradientClipping > 0 {
		nn.ClipGradients(t.network.Params(), t.cfg.GradientClipping)
	}
	t.optimizer.Step(t.network.Workspace(), t.learningRate(t.step()))
	if t.average != nil {
		t.average.Update(t.network.Workspace())
	}

	t.state.Step++
	t.state.Seen += batch.N
	t.state.LossSum += loss * float64(batch.N)
	t.state.Correct += t.loss.right(logits)
	return nil
}

// keepBest puts the weights of the best epoch into the network.
func (t *trainer) keepBest() error { return t.network.Load(t.best) }

// step is the number of steps done, over all epochs.
func (t *trainer) step() int64 {
	return int64(t.state.Epoch)*int64(t.loader.Steps()) + int64(t.state.Step)
}

// moment is the one before a step of the current epoch.
func (t *trainer) moment(step int64) moment {
	return moment{history: t.state.History, step: step, steps: t.loader.Steps()}
}

// learningRate is that of a step of the current epoch.
func (t *trainer) learningRate(step int64) float64 {
	return t.rate(t.moment(step)) * math.Pow(0.5, float64(len(t.state.Divergences)))
}

// position is how far training has come.
func (t *trainer) position() contract.Checkpoint {
	return contract.Checkpoint{Epoch: t.state.Epoch, Step: t.step()}
}

// batches are how images are fed to the network other than in training.
func (t *trainer) batches() evaluate.Batches {
	return evaluate.Batches{Size: t.cfg.BatchSize, Workers: t.cfg.Workers}
}

func argmax(values []float32) int {
	best := 0
	for i, v := range values {
		if v > values[best] {
			best = i
		}
	}
	return best
}

func parameters(network *model.Network) int {
	n := 0
	for _, p := range network.Params() {
		n += p.Value.Len()
	}
	return n
}
