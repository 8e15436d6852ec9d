// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package artifact reads and writes what a training run leaves behind.
//
// An artifact is a folder <output>/<run>-<first 8 of uid> that holds the model, samples, a report and a manifest. It is
// written under a temporary name, flushed to disk and renamed, so the final name is either absent or complete, and it
// is never overwritten. A reader believes only what the manifest lists, with the digest that it gives.
//
// A checkpoint is the state of an unfinished run, kept beside the artifacts under <output>/.checkpoints until the run
// is published.
package artifact
