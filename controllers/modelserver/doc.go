// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package modelserver rolls out the model of each ModelServer: it tells the planner of
// package rollout what there is, does what that decides, and tells in status how it stands.
// What builds a child and what brings it in line stand in one file.
package modelserver
