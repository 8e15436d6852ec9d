// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !amd64

package kernels

var architectureSets []*Set
