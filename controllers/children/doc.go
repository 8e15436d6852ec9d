// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package children is about the objects that the controllers create: whose they are,
// the labels they are found by, and what their pods have in common. Each kind has builders
// of its own children in its own package.
package children
