// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package train

import (
	"errors"
	"time"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/dataset/fetch"
	"github.com/trainyard-dev/trainyard/internal/measures"
	"github.com/trainyard-dev/trainyard/runner/internal/report"
)

// Observer is told what happens in a run, one event after the other and each once, by a goroutine of its own. It may take
// its time and may fail: the run neither waits for it nor fails with it, see queue.
type Observer interface {
	// Observe takes an event, which it must not change.
	Observe(Event) error
}

// Event is one of Fetching, Scanning, Started, Stepped, EpochEnded, Checkpointed, Evaluated, Published and Ended. An observer passes over those
// that it doesn't know.
type Event interface{ isEvent() }

// Fetching says how far fetching the dataset has come, if it lies elsewhere. It comes some times a second, and first when
// nothing is known yet. A file that has to be fetched later brings it again.
type Fetching struct{ fetch.Progress }

// Scanning says how far reading and checking all images has come, some times a second.
type Scanning struct{ dataset.Progress }

// Started says that training begins, or goes on from a checkpoint.
type Started struct {
	// Config is that of the run, with its UID. Dataset is what it is trained on.
	Config  contract.TrainConfig
	Dataset contract.DatasetResult
	// Epochs are at most trained, of StepsPerEpoch steps each.
	Epochs, StepsPerEpoch int
	// Done is the number of steps that an earlier process has done, over all epochs; History are the epochs among them.
	Done    int64
	History []report.Epoch
	// Checkpoint is the one that the run goes on from, nil if it begins anew.
	Checkpoint *contract.Checkpoint
	// Complete says that nothing is left to train.
	Complete bool
	// Parameters counts the network's weights. KernelSet and Threads say what computes.
	Parameters int
	KernelSet  string
	Threads    int
}

// Stepped says that an optimizer step was made.
type Stepped struct {
	// Epoch is the current one, from 1; Done is the number of steps done over all epochs.
	Epoch int
	Done  int64
	// Images were in the step.
	Images int
	// Loss and Accuracy are means over the epoch so far, with augmentation and dropout at work.
	Loss, Accuracy float64
}

// EpochEnded says what an epoch came to.
type EpochEnded struct {
	report.Epoch

	// Number is the epoch's, from 1, of at most Epochs. Done is the number of steps done over all epochs.
	Number, Epochs int
	Done           int64
	// Best: its weights are the ones to publish, unless a later epoch is better.
	Best bool
	// Last: no other epoch follows.
	Last bool
	// Took is how long this process worked on it.
	Took time.Duration
	// Warning says what is odd, if anything is.
	Warning string
}

// Checkpointed says that a checkpoint was written.
type Checkpointed struct{ contract.Checkpoint }

// Evaluated says what the model to be published came to on the test split.
type Evaluated struct {
	Metrics   []contract.Metric
	SizeBytes int
	// Float32 is what the model came to before it was quantized; nil if it wasn't.
	Float32 *Evaluated
	// Classes are in the order of the model's; Float32 has none.
	Classes []ClassMeasured
}

// ClassMeasured is what a class came to.
type ClassMeasured struct {
	Name string
	measures.Class
}

// Published says that the model can be had.
type Published struct {
	// Config is that of the run, with its UID.
	Config contract.TrainConfig
	Result contract.TrainResult
	// Before: an earlier attempt had published it.
	Before bool
}

// Ended is the last event of a run, whatever became of it.
type Ended struct {
	Result contract.TrainResult
	// Err is why the run ended early; nil if it didn't.
	Err error
	// History are all epochs, those of earlier processes included: an observer that has missed some finds them here.
	History []report.Epoch
}

func (Fetching) isEvent()     {}
func (Scanning) isEvent()     {}
func (Started) isEvent()      {}
func (Stepped) isEvent()      {}
func (EpochEnded) isEvent()   {}
func (Checkpointed) isEvent() {}
func (Evaluated) isEvent()    {}
func (Published) isEvent()    {}
func (Ended) isEvent()        {}

// errPanic wraps what an observer panicked with.
var errPanic = errors.New("panic")
