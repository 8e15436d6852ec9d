// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package explain tells why pods that a controller waits for do not start, also where that
// stands nowhere but in events. It reads those for all waiting objects together.
package explain
