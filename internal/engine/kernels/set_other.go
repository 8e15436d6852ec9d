// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !amd64 && !arm64

package kernels

// architectureSets lists the kernel sets of this architecture, in the order of choice.
var architectureSets []*Set
