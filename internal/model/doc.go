// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package model builds image classifiers by name. [New] makes a network of a registered architecture with weights drawn
// from a seed; [Network] runs it, trains it and saves its state.
package model
