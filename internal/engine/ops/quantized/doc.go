// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package quantized holds operations on images of 8 bits: convolutions, pooling, sums, and conversions from and to float32.
// Every kernel set gives the same bytes.
package quantized
