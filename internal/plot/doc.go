// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package plot draws the pictures of a training report as PNG. The same figures give the same bytes.
package plot
