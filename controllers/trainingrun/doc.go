// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package trainingrun runs the Job of each TrainingRun and tells in its status what comes
// of it. Phases read the cluster or write to it and fill the scope; status is computed from
// the scope afterwards, without a client.
package trainingrun
