// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import _ "golang.org/x/sync/errgroup"
