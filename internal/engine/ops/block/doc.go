// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package block holds steps that join several layers of a network in training, so that the large images between them are
// never stored: batch normalization, ReLU and 2×2 max pooling, with the convolution before them where it is the first layer.
package block
