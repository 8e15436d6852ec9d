// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package ops holds the engine's operations. Layers, optimizers and the inference executor call it; nothing else
// computes on tensors.
//
// # Workspace
//
// All operations are methods of a [Workspace], which holds the number of threads, the scratch memory and the kernel
// set. A Workspace serves one caller at a time; callers that run side by side each make their own. In the steady state
// (the same shapes again) no operation allocates.
//
// # Layout
//
// Tensors are dense float32 slices in row-major order: activations NCHW, convolution weights
// [outChannels, inChannels/groups, kernelH, kernelW], linear weights [out, in]. Slices may be longer than their shape
// needs, never shorter: a short slice is a programming error and panics. Shapes that come from outside the program are
// checked with their Validate method first.
//
// # Determinism
//
// Work is cut into parts by shape alone and every sum has a fixed order, so a result is bit-identical whatever the
// number of threads. Different kernel sets round differently.
package ops
