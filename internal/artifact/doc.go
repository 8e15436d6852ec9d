// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package artifact reads and writes the files of a published model.
package artifact
