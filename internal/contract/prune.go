// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package contract

// PruneConfig configures `runner prune` in a Job: what one run has left is removed.
type PruneConfig struct {
	Version int    `json:"version"`
	Run     Run    `json:"run"`
	Output  Output `json:"output"`
}
