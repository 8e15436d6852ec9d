// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package podstate tells from a pod what a person has to know of it: why it waits, how its
// containers ended, why the API server refuses it, and what to do about that. It is pure.
package podstate
