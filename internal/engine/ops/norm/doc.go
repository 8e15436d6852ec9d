// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package norm holds normalizations: of channels by a batch's statistics or by given ones, and of rows by their own.
package norm
