// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package dense holds products of matrices, and the linear layers that are such products. Other operations describe their
// right-hand operand, which is packed as it is needed, as a [Right].
package dense
