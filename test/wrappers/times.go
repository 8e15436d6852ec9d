// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package wrappers

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// T0 is when the objects of tests begin.
var T0 = metav1.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// At is so many seconds after T0.
func At(seconds int) metav1.Time {
	return metav1.NewTime(T0.Add(time.Duration(seconds) * time.Second))
}
