// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package pooling holds pooling of windows and of whole planes, and its gradients.
package pooling
