// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

// keepCheckpoints is how many checkpoints of a run are kept: the newest, and the one before it in case the newest
// turns out corrupt.
const keepCheckpoints = 2

// CheckpointPrefix is how the names of a checkpoint's files start: epoch-000012-step-000000003456. While a file is written, a dot
// comes before it.
const CheckpointPrefix = "epoch-"

// Checkpoint is the state of an unfinished run, enough to go on from it as if it had never stopped.
type Checkpoint struct {
	contract.Checkpoint
	// Fingerprint tells runs of another configuration or dataset apart; they can't use each other's state.
	Fingerprint string
	// KernelSet names the engine's inner loops. Others round differently, so a run that goes on with them ends with a
	// slightly different model.
	KernelSet string
	// State is what the trainer keeps besides tensors.
	State json.RawMessage
	// Tensors are weights and optimizer moments by name.
	Tensors map[string]Tensor
}

// Tensor is a float32 array in row-major order.
type Tensor struct {
	Shape []int
	Data  []float32
}

// checkpointRecord is the JSON file beside a checkpoint's tensors. It is written last: where it is, the tensors are.
type checkpointRecord struct {
	Version int `json:"version"`
	contract.Checkpoint
	Fingerprint string          `json:"fingerprint"`
	KernelSet   string          `json:"kernelSet"`
	State       json.RawMessage `json:"state"`
	Tensors     contract.File   `json:"tensors"`
}

// Checkpoints are the checkpoints of one run.
type Checkpoints struct {
	dir string
}

// CheckpointsOf returns the checkpoints of run below the folder output.
func CheckpointsOf(output string, run contract.Run) *Checkpoints {
	return &Checkpoints{dir: filepath.Join(output, filepath.FromSlash(contract.CheckpointsPath(run)))}
}

// Save writes a checkpoint and removes all but the last two.
func (c *Checkpoints) Save(checkpoint *Checkpoint) error {
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return fmt.Errorf("make checkpoint folder: %w", err)
	}
	name := fmt.Sprintf("%s%06d-step-%012d", CheckpointPrefix, checkpoint.Epoch, checkpoint.Step)
	tensors := name + ".safetensors"
	record := checkpointRecord{
		Version: contract.Version, Checkpoint: checkpoint.Checkpoint,
		Fingerprint: checkpoint.Fingerprint, KernelSet: checkpoint.KernelSet, State: checkpoint.State,
		Tensors: contract.File{Path: tensors},
	}
	var err error
	record.Tensors.SHA256, record.Tensors.SizeBytes, err = replaceFile(filepath.Join(c.dir, tensors), func(w io.Writer) error {
		return writeSafetensors(w, checkpoint.Tensors)
	})
	if err != nil {
		return fmt.Errorf("write checkpoint: %w", err)
	}
	data, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("encode checkpoint: %w", err)
	}
	_, _, err = replaceFile(filepath.Join(c.dir, name+".json"), func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
	if err != nil {
		return fmt.Errorf("write checkpoint: %w", err)
	}
	return c.prune()
}

// Latest returns the newest checkpoint that is whole, or nil if there is none. skipped says what was wrong with those
// that are newer.
func (c *Checkpoints) Latest() (checkpoint *Checkpoint, skipped []error, err error) {
	names, err := c.records()
	if err != nil {
		return nil, nil, err
	}
	for _, name := range slices.Backward(names) {
		checkpoint, err := c.load(name)
		if err == nil {
			return checkpoint, skipped, nil
		}
		skipped = append(skipped, fmt.Errorf("checkpoint %s: %w", name, err))
	}
	return nil, skipped, nil
}

// Remove removes all checkpoints of the run.
func (c *Checkpoints) Remove() error {
	if err := os.RemoveAll(c.dir); err != nil {
		return fmt.Errorf("remove checkpoints: %w", err)
	}
	// The common folder goes with the last run's checkpoints. While others have some this fails, which is fine.
	_ = os.Remove(filepath.Dir(c.dir))
	return nil
}

func (c *Checkpoints) load(name string) (*Checkpoint, error) {
	data, err := os.ReadFile(filepath.Join(c.dir, name))
	if err != nil {
		return nil, err
	}
	var record checkpointRecord
	if err := contract.DecodeResult(data, &record); err != nil {
		return nil, err
	}
	if !filepath.IsLocal(record.Tensors.Path) {
		return nil, fmt.Errorf("%w: tensors lie at %q, outside the checkpoint folder", ErrInvalid, record.Tensors.Path)
	}
	content, _, err := ReadVerified(filepath.Join(c.dir, record.Tensors.Path), record.Tensors.SHA256, record.Tensors.SizeBytes)
	if err != nil {
		return nil, err
	}
	tensors, err := readSafetensors(content)
	if err != nil {
		return nil, err
	}
	return &Checkpoint{
		Checkpoint: record.Checkpoint, Fingerprint: record.Fingerprint, KernelSet: record.KernelSet,
		State: record.State, Tensors: tensors,
	}, nil
}

// records names the checkpoints' JSON files, oldest first.
func (c *Checkpoints) records() ([]string, error) {
	entries, err := os.ReadDir(c.dir) // sorted by name, hence by epoch and step
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("list checkpoints: %w", err)
	}
	var names []string
	for _, entry := range entries {
		if name := entry.Name(); strings.HasPrefix(name, CheckpointPrefix) && strings.HasSuffix(name, ".json") {
			names = append(names, name)
		}
	}
	return names, nil
}

// prune removes everything but the newest checkpoints, and what an interrupted Save left.
func (c *Checkpoints) prune() error {
	names, err := c.records()
	if err != nil {
		return err
	}
	keep := map[string]bool{}
	for _, name := range names[max(0, len(names)-keepCheckpoints):] {
		keep[strings.TrimSuffix(name, ".json")] = true
	}
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return fmt.Errorf("list checkpoints: %w", err)
	}
	for _, entry := range entries {
		if name, _, _ := strings.Cut(entry.Name(), "."); !keep[name] {
			if err := os.Remove(filepath.Join(c.dir, entry.Name())); err != nil {
				return fmt.Errorf("remove old checkpoint: %w", err)
			}
		}
	}
	return nil
}

// replaceFile writes a file under a temporary name, flushes it to disk and puts it in the place of path.
func replaceFile(path string, write func(io.Writer) error) (sum string, size int64, err error) {
	temporary := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".tmp")
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", 0, err
	}
	sum, size, err = writeSynced(temporary, write)
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		return "", 0, errors.Join(err, removeIfExists(temporary))
	}
	return sum, size, syncDir(filepath.Dir(path))
}

func removeIfExists(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
