// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package loop is how a reconcile ends and when the next one comes: errors that say what
// is waited for, the back-off of those that do not, and which changes of an object count.
package loop
