// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"time"

	"github.com/trainyard-dev/trainyard/test/wrappers"
)

var (
	t0      = wrappers.T0
	at      = wrappers.At
	testNow = t0.Add(time.Hour)
)
