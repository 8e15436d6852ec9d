// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package smoke tests inference servers: whether they answer, whether they answer what the model
// answered at training (integrity), and whether the model is good enough to get traffic (quality).
//
// Every target must pass every check. A check is tried several times before it fails. Run once, all
// checks are made once on each target; run for a time, rounds of the cheap checks follow each other
// every second, with a round of all checks every minute.
package smoke
