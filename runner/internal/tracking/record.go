// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package tracking

import (
	"encoding/json"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/runner/internal/tracking/mlflow"
	"github.com/trainyard-dev/trainyard/runner/internal/tracking/spool"
)

// A record is one thing to tell a server, in the words of its client: exactly one member is set. It holds no credentials.
type record struct {
	Start     *start          `json:"start,omitempty"`
	Metrics   []mlflow.Metric `json:"metrics,omitempty"`
	Backfill  *backfill       `json:"backfill,omitempty"`
	Published *publication    `json:"published,omitempty"`
	End       *end            `json:"end,omitempty"`
}

// start says which run it is: an attempt at it begins.
type start struct {
	URI             string          `json:"uri"`
	Workspace       string          `json:"workspace,omitempty"`
	Experiment      string          `json:"experiment"`
	RegisteredModel string          `json:"registeredModel,omitempty"`
	UID             string          `json:"uid"`
	Name            string          `json:"name"`
	Time            int64           `json:"time"` // milliseconds since 1970
	Params          []mlflow.Param  `json:"params,omitempty"`
	Tags            []mlflow.Tag    `json:"tags,omitempty"`
	Dataset         *mlflow.Dataset `json:"dataset,omitempty"`
	// Again: the run has published before, and may be recorded whole.
	Again bool `json:"again,omitempty"`
}

// backfill are figures of epochs that an earlier attempt has trained, which it may have told of.
type backfill struct {
	Metrics []mlflow.Metric `json:"metrics"`
}

// publication is an artifact to upload.
type publication struct {
	// Folder has its files; Name is what the folder is called below the output, wherever that is mounted.
	Folder string `json:"folder"`
	Name   string `json:"name"`
	// ImageSize and Classes are the shape of the model's input and output.
	ImageSize int                  `json:"imageSize"`
	Model     contract.ModelResult `json:"model"`
	// Register: the model passes its gates.
	Register bool         `json:"register,omitempty"`
	Time     int64        `json:"time"`
	Tags     []mlflow.Tag `json:"tags,omitempty"`
}

// end says how an attempt ended.
type end struct {
	Status string       `json:"status"`
	Time   int64        `json:"time"`
	Tags   []mlflow.Tag `json:"tags,omitempty"`
}

// marks are what the records of a spool come to.
type marks struct {
	start     *start // the last
	epoch     int64  // the last of them
	step      int64
	published bool
	ended     string // the status of the last attempt; empty while it lasts
}

// add takes a record into account.
func (m *marks) add(r record) {
	switch {
	case r.Start != nil:
		if m.start != nil {
			r.Start.Time = min(r.Start.Time, m.start.Time)
		}
		m.start, m.ended = r.Start, ""
	case r.Backfill != nil:
		m.count(r.Backfill.Metrics)
	case r.Published != nil:
		m.published = true
	case r.End != nil:
		m.ended = r.End.Status
	default:
		m.count(r.Metrics)
	}
}

func (m *marks) count(metrics []mlflow.Metric) {
	for _, metric := range metrics {
		switch metric.Key {
		case keyValidationLoss:
			m.epoch = max(m.epoch, metric.Step)
		case keyStepLoss:
			m.step = max(m.step, metric.Step)
		}
	}
}

// readMarks reads a whole spool. What can't be read in it is passed over, as it will be when it is sent.
func readMarks(s *spool.Spool) (marks, error) {
	var m marks
	err := s.All(func(line []byte) {
		var r record
		if json.Unmarshal(line, &r) == nil {
			m.add(r)
		}
	})
	return m, err
}
