// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package progress shows what happens in a run, as observers of it: over HTTP and to Prometheus ([Tracker]), on a terminal
// ([Terminal]) and in the log ([Log]).
package progress

import (
	"time"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/runner/internal/train"
)

// meter makes of a run's events how far it has come.
type meter struct {
	now      func() time.Time
	progress contract.Progress
	images   int64 // trained on since the start of this process
	// What the speed is measured from.
	startTime time.Time
	startStep int64
}

func newMeter(now func() time.Time) meter {
	return meter{now: now, progress: contract.Progress{Version: contract.Version, Stage: contract.StageLoading}}
}

// apply takes an event into account.
func (m *meter) apply(event train.Event) {
	p := &m.progress
	switch e := event.(type) {
	case train.Fetching:
		if p.Stage != contract.StageLoading && p.Stage != contract.StageFetching {
			return // one file again
		}
		m.load(contract.StageFetching, contract.DataProgress{
			Files: e.Files, TotalFiles: e.TotalFiles, KeptFiles: e.Kept, Bytes: e.Bytes, TotalBytes: max(0, e.TotalBytes),
		})
	case train.Scanning:
		m.load(contract.StageScanning, contract.DataProgress{Files: e.Files, TotalFiles: e.TotalFiles, Bytes: e.Bytes})
	case train.Started:
		m.start(e)
	case train.Stepped:
		m.step(e)
	case train.EpochEnded:
		p.Metrics = []contract.Metric{
			{Name: contract.MetricAccuracy, Value: e.ValidationAccuracy}, {Name: contract.MetricLoss, Value: e.ValidationLoss},
		}
		if e.Last {
			m.stage(contract.StageEvaluating)
		}
	case train.Checkpointed:
		p.Checkpoint = &e.Checkpoint
	case train.Evaluated:
		p.Metrics = e.Metrics
		m.stage(contract.StagePublishing)
	case train.Published:
		p.Metrics = e.Result.Metrics
		m.stage(contract.StagePublished)
		p.Percent = 100
	default:
		return
	}
	p.Sequence++
}

// load takes into account how far the dataset has come. The speed is measured from when it is known what is to be done.
func (m *meter) load(stage string, data contract.DataProgress) {
	p := &m.progress
	if p.Stage != stage || p.Data.TotalFiles == 0 {
		m.stage(stage)
		m.startTime = m.now()
	}
	done, total := data.Files, data.TotalFiles
	if data.TotalBytes > 0 {
		done, total = data.Bytes, data.TotalBytes
	}
	if elapsed := m.now().Sub(m.startTime).Seconds(); elapsed > 0 && done > 0 {
		data.BytesPerSecond = int64(float64(data.Bytes) / elapsed)
		data.RemainingSecs = int64(elapsed / float64(done) * float64(total-done))
	}
	p.Data = &data // a new one each time: readers keep the last
}

func (m *meter) start(e train.Started) {
	p := &m.progress
	p.Epochs, p.Steps = e.Epochs, int64(e.Epochs)*int64(e.StepsPerEpoch)
	p.Epoch = min(p.Epochs, int(e.Done/int64(max(1, e.StepsPerEpoch)))+1)
	p.Checkpoint = e.Checkpoint
	m.startTime, m.startStep, m.images = m.now(), e.Done, 0
	m.stage(contract.StageTraining)
	if e.Complete {
		m.stage(contract.StageEvaluating)
	}
	m.setStep(e.Done)
}

func (m *meter) step(e train.Stepped) {
	p := &m.progress
	p.Epoch = e.Epoch
	m.images += int64(e.Images)
	m.setStep(e.Done)
	elapsed := m.now().Sub(m.startTime).Seconds()
	if steps := e.Done - m.startStep; steps > 0 && elapsed > 0 {
		p.ImagesPerSecond = float64(m.images) / elapsed
		p.RemainingSecs = int64(elapsed / float64(steps) * float64(p.Steps-e.Done))
	}
}

// stage says what the run does now. Speeds are those of a stage.
func (m *meter) stage(stage string) {
	m.progress.Stage = stage
	m.progress.ImagesPerSecond, m.progress.RemainingSecs, m.progress.Data = 0, 0, nil
}

// setStep leaves the last percent to what comes after training.
func (m *meter) setStep(done int64) {
	m.progress.Step = done
	m.progress.Percent = int(min(99, 100*done/max(1, m.progress.Steps)))
}
