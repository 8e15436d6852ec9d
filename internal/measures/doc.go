// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package measures has the figures that a classifier is judged by: pure functions of its answers and the truth. What
// scikit-learn has a figure of is that figure to 1e-9, ties and empty classes included; see testdata.
package measures
