// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package train

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/artifact/bucket"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// An output in an object store is written into a folder first, as any other, and copied from there.

// saveTimeout bounds copying a checkpoint, also after SIGTERM: it has to end before the pod's grace period does.
const saveTimeout = 45 * time.Second

// checkpointsFolder is the output folder of checkpoints.
func checkpointsFolder(output contract.Output) string {
	return cmp.Or(output.CheckpointsPath, output.Path)
}

// published returns the manifest of what the run has published.
func (r *attempt) published(ctx context.Context) (*contract.Manifest, error) {
	if !r.cfg.Output.InBucket() {
		return artifact.Published(r.cfg.Output.Path, r.cfg.Run)
	}
	var err error
	if r.bucket, err = bucket.Open(ctx, r.cfg.Output, r.cfg.Run, r.log); err != nil {
		return nil, err
	}
	manifest, err := r.bucket.Published(ctx)
	if !errors.Is(err, artifact.ErrNotPublished) {
		return manifest, err
	}
	// What an attempt before has written here and not copied.
	manifest, err = artifact.Published(r.cfg.Output.Path, r.cfg.Run)
	if err == nil {
		err = r.bucket.Publish(ctx, filepath.Join(r.cfg.Output.Path, contract.ArtifactName(r.cfg.Run)))
	}
	return manifest, err
}

// prepareBucket finds out whether the bucket can be written to, and fetches the checkpoints in it.
func (r *attempt) prepareBucket(ctx context.Context) error {
	if r.bucket == nil {
		return nil
	}
	if err := r.bucket.CheckWritable(ctx); err != nil || r.cfg.Output.CheckpointsPath != "" {
		return err
	}
	return r.bucket.FetchCheckpoints(ctx, r.checkpointsDir())
}

// checkpointsDir is the folder of the run's own checkpoints.
func (r *attempt) checkpointsDir() string {
	return filepath.Join(checkpointsFolder(r.cfg.Output), filepath.FromSlash(contract.CheckpointsPath(r.cfg.Run)))
}

// saveCheckpoints copies the checkpoints, though the run may have been told to stop.
func (r *attempt) saveCheckpoints() error {
	if r.bucket == nil || r.cfg.Output.CheckpointsPath != "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), saveTimeout)
	defer cancel()
	return r.bucket.SaveCheckpoints(ctx, r.checkpointsDir())
}

// publishToBucket copies what was published in a folder.
func (r *attempt) publishToBucket(ctx context.Context, dir string) error {
	if r.bucket == nil {
		return nil
	}
	return r.bucket.Publish(ctx, dir)
}

func (r *attempt) removeCheckpoints(ctx context.Context) error {
	if r.bucket == nil || r.cfg.Output.CheckpointsPath != "" {
		return nil
	}
	return r.bucket.RemoveCheckpoints(ctx)
}
