// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package exec runs the parts of operations: it holds the threads that share an operation's work, their scratch memory,
// and the chosen kernel set. It knows no operation. The packages below ops do; each keeps the arguments of its operations
// in a [State] of the workspace.
//
// A [Workspace] serves one caller at a time; callers that run side by side each make their own. In the steady state (the
// same shapes again) no operation allocates.
//
// # Determinism
//
// Work is cut into parts by shape alone and every sum has a fixed order, so a result is bit-identical whatever the number
// of threads. Different kernel sets round differently.
package exec
