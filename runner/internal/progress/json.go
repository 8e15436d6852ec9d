// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package progress

import (
	"encoding/json"
	"io"
	"time"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/runner/internal/train"
)

// JSON writes a line of JSON for each stage, epoch and checkpoint of a run, and one for what it came to.
type JSON struct {
	out   *json.Encoder
	meter meter
}

var _ train.Observer = (*JSON)(nil)

// NewJSON returns an observer that writes to out and reads the time from now.
func NewJSON(out io.Writer, now func() time.Time) *JSON {
	return &JSON{out: json.NewEncoder(out), meter: newMeter(now)}
}

// jsonLine has one of its fields.
type jsonLine struct {
	Progress *contract.Progress    `json:"progress,omitempty"`
	Result   *contract.TrainResult `json:"result,omitempty"`
}

// Observe implements train.Observer.
func (j *JSON) Observe(event train.Event) error {
	before := j.meter.progress.Stage
	j.meter.apply(event)
	switch e := event.(type) {
	case train.Ended:
		return j.out.Encode(jsonLine{Result: &e.Result})
	case train.Fetching, train.Scanning, train.Stepped:
		if j.meter.progress.Stage == before {
			return nil
		}
	}
	return j.out.Encode(jsonLine{Progress: &j.meter.progress})
}
