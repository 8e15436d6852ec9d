// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package notify records events, and decides which transitions of conditions are one.
package notify
