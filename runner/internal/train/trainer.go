// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package train

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/engine/nn"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
	"github.com/trainyard-dev/trainyard/internal/model"
	"github.com/trainyard-dev/trainyard/runner/internal/evaluate"
	"github.com/trainyard-dev/trainyard/runner/internal/failure"
	"github.com/trainyard-dev/trainyard/runner/internal/progress"
	"github.com/trainyard-dev/trainyard/runner/internal/report"
)

// trainer runs the epochs.
type trainer struct {
	cfg     contract.Training
	log     *slog.Logger
	tracker *progress.Tracker

	data      *data
	loader    *dataset.Loader
	network   *model.Network
	optimizer nn.Optimizer
	loss      nn.CrossEntropy
	labels    []int // of the current batch

	state       state
	best        *nn.State // weights of state.Best; nil before the first epoch's end
	checkpoints *artifact.Checkpoints
	fingerprint string
	started     contract.Checkpoint  // where this process started
	saved       *contract.Checkpoint // the last checkpoint written or restored
}

// newTrainer makes the network and its optimizer and restores the last checkpoint of the run.
func (r *Run) newTrainer(data *data) (*trainer, error) {
	cfg := r.Config
	t := &trainer{
		cfg: cfg.Training, log: r.Log, tracker: r.Tracker, data: data,
		checkpoints: artifact.CheckpointsOf(cfg.Output.Path, cfg.Run),
		fingerprint: r.fingerprint(data.dataset.Digest),
	}
	var err error
	t.loader, err = dataset.NewLoader(data.split.Train, dataset.LoaderConfig{
		BatchSize: cfg.Training.BatchSize, Shuffle: true, Seed: uint64(cfg.Training.Seed), Workers: cfg.Training.Workers,
		Augmentation: dataset.Augmentation{
			RotationDegrees: float64(cfg.Dataset.Augmentation.RotationDegrees),
			HorizontalFlip:  cfg.Dataset.Augmentation.HorizontalFlip,
			Brightness:      cfg.Dataset.Augmentation.Brightness,
			Contrast:        cfg.Dataset.Augmentation.Contrast,
			Saturation:      cfg.Dataset.Augmentation.Saturation,
		},
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
	if t.optimizer, err = newOptimizer(cfg.Training, t.network.Params()); err != nil {
		return nil, failure.Config(err)
	}
	return t, t.restore()
}

// momentum of SGD.
const momentum = 0.9

func newOptimizer(cfg contract.Training, params []*nn.Param) (nn.Optimizer, error) {
	adam := nn.DefaultAdamConfig()
	adam.WeightDecay = cfg.WeightDecay
	switch cfg.Optimizer {
	case contract.OptimizerSGD:
		return nn.NewSGD(params, nn.SGDConfig{Momentum: momentum, WeightDecay: cfg.WeightDecay})
	case contract.OptimizerAdam:
		return nn.NewAdam(params, adam)
	case contract.OptimizerAdamW:
		return nn.NewAdamW(params, adam)
	default:
		return nil, fmt.Errorf("training.optimizer is %q", cfg.Optimizer)
	}
}

// run trains the epochs that are left. On an interruption it writes a checkpoint first.
func (t *trainer) run(ctx context.Context) error {
	steps := int64(t.loader.Steps())
	t.tracker.Train(t.cfg.Epochs, steps*int64(t.cfg.Epochs), t.step())
	t.log.Info("Training", "architecture", t.network.Architecture(), "parameters", parameters(t.network),
		"epochs", t.cfg.Epochs, "stepsPerEpoch", steps, "kernels", t.network.Workspace().Set(), "threads", t.network.Workspace().Threads())
	for t.state.Epoch < t.cfg.Epochs {
		err := t.epoch(ctx)
		if ctx.Err() != nil && t.position() != t.started {
			if saveErr := t.save(); saveErr != nil {
				return saveErr
			}
			return context.Cause(ctx)
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
		t.tracker.Step(t.state.Epoch+1, t.step(), batch.N)
		if ctx.Err() != nil { // the loader may have batches ready all the same
			return context.Cause(ctx)
		}
	}
	tally, err := evaluate.Score(ctx, evaluate.Network{Network: t.network}, t.data.split.Validation, t.batches())
	if err != nil {
		return failure.Dataset(fmt.Errorf("validate: %w", err))
	}
	if err := t.checkFinite(tally.Loss()); err != nil {
		return err
	}
	epoch := report.Epoch{
		TrainLoss:      t.state.LossSum / float64(t.state.Seen),
		TrainAccuracy:  float64(t.state.Correct) / float64(t.state.Seen),
		ValidationLoss: tally.Loss(), ValidationAccuracy: tally.Accuracy(),
	}
	if t.state.endEpoch(epoch) {
		t.best = nn.NewState()
		t.network.Save(t.best)
	}
	t.tracker.Metrics(
		contract.Metric{Name: contract.MetricAccuracy, Value: epoch.ValidationAccuracy},
		contract.Metric{Name: contract.MetricLoss, Value: epoch.ValidationLoss},
	)
	t.log.Info(fmt.Sprintf("Epoch %d of %d", t.state.Epoch, t.cfg.Epochs),
		"trainLoss", rounded(epoch.TrainLoss), "trainAccuracy", rounded(epoch.TrainAccuracy),
		"validationLoss", rounded(epoch.ValidationLoss), "validationAccuracy", rounded(epoch.ValidationAccuracy),
		"best", t.state.Best == t.state.Epoch, "seconds", rounded(time.Since(start).Seconds()))
	if warning := exploded(t.state.History, t.network.Classes(), t.cfg.LearningRate); warning != "" {
		t.log.Warn("Training: " + warning)
	}
	return nil
}

// trainBatch makes one optimizer step.
func (t *trainer) trainBatch(batch *dataset.Batch) error {
	t.labels = t.labels[:0]
	for _, label := range batch.Labels {
		t.labels = append(t.labels, int(label))
	}
	input := &tensor.Tensor{Shape: append([]int{batch.N}, t.network.InputShape()...), Data: batch.Images}
	logits := t.network.Forward(input, true)
	loss := t.loss.Forward(t.network.Workspace(), logits, t.labels)
	if err := t.checkFinite(loss); err != nil {
		return err
	}
	t.network.Backward(t.loss.Gradient())
	t.optimizer.Step(t.network.Workspace(), t.cfg.LearningRate)

	t.state.Step++
	t.state.Seen += batch.N
	t.state.LossSum += loss * float64(batch.N)
	classes := t.network.Classes()
	for i, label := range t.labels {
		if argmax(logits.Data[i*classes:(i+1)*classes]) == label {
			t.state.Correct++
		}
	}
	return nil
}

// checkFinite refuses a loss that no further training mends.
func (t *trainer) checkFinite(loss float64) error {
	if finite(loss) {
		return nil
	}
	return failure.Config(fmt.Errorf("training diverged: the loss is %v in epoch %d after %d steps: lower training.learningRate (%v)",
		loss, t.state.Epoch+1, t.state.Step, t.cfg.LearningRate))
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// checkMeasured refuses a network whose loss on the test split is not finite.
func (t *trainer) checkMeasured(loss float64) error {
	if finite(loss) {
		return nil
	}
	return failure.Config(fmt.Errorf("training diverged: the loss on the test split is %v: lower training.learningRate (%v)", loss, t.cfg.LearningRate))
}

// keepBest puts the weights of the best epoch into the network.
func (t *trainer) keepBest() error { return t.network.Load(t.best) }

// step is the number of steps done, over all epochs.
func (t *trainer) step() int64 {
	return int64(t.state.Epoch)*int64(t.loader.Steps()) + int64(t.state.Step)
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

// rounded keeps four decimals, for the log.
func rounded(v float64) float64 { return math.Round(v*1e4) / 1e4 }
