// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package tracking

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/runner/internal/tracking/mlflow"
	"github.com/trainyard-dev/trainyard/runner/internal/tracking/spool"
)

// syncPatience is that of somebody who asks for nothing else.
var syncPatience = patience{all: time.Hour, silence: 2 * time.Minute, errors: 10 * time.Second, stopped: time.Second}

// ErrNothing says that a folder has no spools.
var ErrNothing = errors.New("no runs wait for MLflow")

// Synced is a run that Sync has brought to its server, whole or not.
type Synced struct {
	// Spool is the run's folder.
	Spool string
	contract.MLflowResult
	// Err is why nothing was sent.
	Err error
}

// Sync delivers what runs have left below the folder of an output, or in a spool itself: all of it, because a server passes
// over what it has. A run that nobody works on, and whose end nobody has recorded, is ended as killed. Access is how the servers
// are reached; uri, unless it is empty, is where, instead of where the runs say.
func Sync(ctx context.Context, dir, uri string, access contract.Access, log *slog.Logger) ([]Synced, error) {
	spools := []string{dir}
	if !spool.Exists(dir) {
		folders, err := filepath.Glob(filepath.Join(dir, contract.TrackingDir, "*"))
		if err != nil {
			return nil, fmt.Errorf("look for runs in %s: %w", dir, err)
		}
		spools = folders
	}
	var all []Synced
	for _, folder := range spools {
		if ctx.Err() == nil && spool.Exists(folder) {
			all = append(all, syncOne(ctx, folder, uri, access, log))
		}
	}
	if len(all) == 0 {
		if _, err := os.Stat(dir); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("%w in %s: name the folder that runs publish to, or that of their checkpoints", ErrNothing, dir)
	}
	return all, ctx.Err()
}

func syncOne(ctx context.Context, folder, uri string, access contract.Access, log *slog.Logger) Synced {
	synced := Synced{Spool: folder}
	s, err := spool.Open(folder, maxSpool)
	if err != nil {
		synced.Err = err
		return synced
	}
	m, err := readMarks(s)
	if err == nil && m.start == nil {
		err = errNoStart
	}
	if err == nil && m.ended == "" {
		err = s.Append(record{End: &end{Status: mlflow.StatusKilled, Time: time.Now().UnixMilli()}}, true)
	}
	if err == nil {
		err = s.Rewind()
	}
	if err != nil {
		synced.Err = errors.Join(err, s.Close())
		return synced
	}
	sender := newSender(s, m.start, access, log, func(contract.MLflowResult) {})
	sender.delivery.uri, sender.delivery.root = uri, filepath.Dir(filepath.Dir(folder))
	go sender.run()
	var whole bool
	synced.MLflowResult, whole = sender.finish(ctx, syncPatience)
	synced.Err = closeSpool(s, whole)
	return synced
}

// server is the server of the run, reached as this process does.
func (d *delivery) server() contract.MLflow {
	return contract.MLflow{URI: cmp.Or(d.uri, d.start.URI), Workspace: d.start.Workspace, Access: d.access}
}
