// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package elem holds operations that work element by element, or along an axis: functions of one and of two tensors,
// reductions, softmax and its loss, dropout, and the steps of optimizers.
package elem
