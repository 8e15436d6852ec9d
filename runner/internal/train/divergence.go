// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package train

import (
	"fmt"
	"math"
	"slices"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/engine/nn"
	"github.com/trainyard-dev/trainyard/runner/internal/failure"
	"github.com/trainyard-dev/trainyard/runner/internal/report"
)

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
	if n := len(t.state.Divergences); n > 0 {
		advice = fmt.Sprintf("it did so at 1/%d of the rate too: ", 1<<n) + advice
	}
	if t.cfg.GradientClipping == 0 {
		advice += ", or set training.gradientClipping, such as 1"
	}
	return advice
}

// goodState is what a loss that diverges leads back to, except tensors: the end of the last epoch that went well, or the
// beginning.
type goodState struct {
	Epoch    int               `json:"epoch"` // epochs done
	Counters map[string]uint64 `json:"counters"`
}

// keepGood keeps what an epoch begins with, if a loss that diverges is to lead back there and the loss of the epoch before
// hasn't exploded already.
func (t *trainer) keepGood() {
	if t.cfg.DivergenceRetries == 0 || t.state.Step > 0 || t.explodes(t.state.History) {
		return
	}
	t.good = t.current()
	t.state.Good = &goodState{Epoch: t.state.Epoch, Counters: t.good.Counters}
}

// explodes tells whether the last epoch of a history was none to go back to.
func (t *trainer) explodes(history []report.Epoch) bool {
	return len(history) > 0 && exploded(history, t.network.Classes(), t.cfg.LearningRate) != ""
}

// mayBeBest tells whether the epoch that ended may have the weights to publish. One that exploded may be gone back behind.
func (t *trainer) mayBeBest(epoch report.Epoch) bool {
	return t.cfg.DivergenceRetries == 0 || !t.explodes(append(slices.Clip(t.state.History), epoch))
}

// mayGoBack tells whether an error is a loss that diverged, and has not done so too often.
func (t *trainer) mayGoBack(err error) bool {
	reason, _ := failure.Of(err)
	return reason == contract.ReasonLossDiverged && len(t.state.Divergences) < t.cfg.DivergenceRetries
}

// goBack puts training back to where it was good, from which it goes on with half the rate. Checkpoints of what came after
// are removed.
func (t *trainer) goBack(cause error) error {
	s := &t.state
	s.Divergences = append(slices.Clip(s.Divergences), report.Divergence{Epoch: s.Epoch + 1, Step: t.step(), To: s.Good.Epoch})
	t.log.Warn(fmt.Sprintf("Training: it goes back behind epoch %d, with half the learning rate", s.Good.Epoch), "error", cause)
	s.Epoch, s.History = s.Good.Epoch, slices.Clip(s.History[:s.Good.Epoch])
	s.beginEpoch()
	if s.Best > s.Epoch {
		s.Best, t.best = 0, nil
	}
	if err := t.use(t.good); err != nil {
		return err
	}
	if err := t.checkpoints.Remove(); err != nil {
		return failure.Output(err)
	}
	return t.save()
}

// current is a copy of the tensors and counters that training goes on with.
func (t *trainer) current() *nn.State {
	current := nn.NewState()
	t.network.Save(current)
	t.optimizer.Save(current)
	if t.average != nil {
		t.average.Save(current)
	}
	return current
}

// use goes on with such a copy.
func (t *trainer) use(current *nn.State) error {
	if err := t.network.Load(current); err != nil {
		return err
	}
	if err := t.optimizer.Load(current); err != nil || t.average == nil {
		return err
	}
	return t.average.Load(current)
}
