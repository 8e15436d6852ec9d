// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package nn trains small convolutional networks: layers with explicit forward and backward passes, the loss, and
// optimizers. It holds no arithmetic of its own: layers call operations (packages below ops).
//
// A layer keeps the activations that its backward pass needs, so one Forward with training set must precede each
// Backward. Tensors that layers return belong to the layer and are overwritten by its next call. After the first step
// with a given batch size nothing allocates.
package nn
