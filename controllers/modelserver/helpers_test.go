// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import "github.com/trainyard-dev/trainyard/test/wrappers"

var t0 = wrappers.T0
