// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package tensor holds tensors, and the shapes that operations work on. Data are dense float32 slices in row-major order: activations
// NCHW, convolution weights [outChannels, inChannels/groups, kernelH, kernelW], linear weights [out, in].
package tensor
