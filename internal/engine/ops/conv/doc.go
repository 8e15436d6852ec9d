// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package conv holds convolutions of float32 images and their gradients. method.go decides how each is computed.
package conv
