// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package train

import (
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
	loss      nn.CrossEntropy
	labels    []int // of the current batch

	state       state
	best        *nn.State // weights of state.Best; nil before the first epoch's end
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
		fingerprint: fingerprint(cfg, data.dataset.Digest), loss: nn.CrossEntropy{Weights: data.weights},
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
	t.loss.Smoothing = cfg.Training.LabelSmoothing
	if t.optimizer, err = newOptimizer(cfg.Training, t.network.Params()); err != nil {
		return nil, failure.Config(err)
	}
	return t, t.restore()
}

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

// train trains the epochs that are left. On an interruption it writes a checkpoint first.
func (t *trainer) train(ctx context.Context) error {
	t.events.tell(t.startedEvent())
	for !t.ends(t.state.History) {
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
		t.events.tell(Stepped{Epoch: t.state.Epoch + 1, Done: t.step(), Images: batch.N})
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
	if t.cfg.Scheduler.Varies() {
		epoch.LearningRate = t.rate(t.moment(t.step() - 1))
	}
	best := t.state.endEpoch(epoch)
	if best {
		t.best = nn.NewState()
		t.network.Save(t.best)
	}
	t.events.tell(EpochEnded{
		Epoch: epoch, Number: t.state.Epoch, Epochs: t.cfg.Epochs, Done: t.step(), Best: best, Last: t.ends(t.state.History), Took: time.Since(start),
		Warning: exploded(t.state.History, t.network.Classes(), t.cfg.LearningRate),
	})
	return nil
}

// startedEvent is what observers are told before the first epoch that is left.
func (t *trainer) startedEvent() Started {
	return Started{
		Config: t.run, Dataset: t.data.result(), Epochs: t.cfg.Epochs, StepsPerEpoch: t.loader.Steps(), Done: t.step(),
		History: slices.Clone(t.state.History), Checkpoint: t.saved, Complete: t.ends(t.state.History),
		Parameters: parameters(t.network), KernelSet: t.network.Workspace().Set(), Threads: t.network.Workspace().Threads(),
	}
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
	if t.cfg.GradientClipping > 0 {
		nn.ClipGradients(t.network.Params(), t.cfg.GradientClipping)
	}
	t.optimizer.Step(t.network.Workspace(), t.rate(t.moment(t.step())))

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
	return failure.Diverged(fmt.Errorf("training diverged: the loss is %v in epoch %d after %d steps, %d in all: %s",
		loss, t.state.Epoch+1, t.state.Step, t.step(), t.calm()))
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// checkMeasured refuses a network whose loss on the test split is not finite.
func (t *trainer) checkMeasured(loss float64) error {
	if finite(loss) {
		return nil
	}
	return failure.Diverged(fmt.Errorf("training diverged: the loss on the test split is %v: %s", loss, t.calm()))
}

// calm says what keeps a loss finite.
func (t *trainer) calm() string {
	advice := fmt.Sprintf("lower training.learningRate (%v)", t.cfg.LearningRate)
	if t.cfg.GradientClipping == 0 {
		advice += ", or set training.gradientClipping, such as 1"
	}
	return advice
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
