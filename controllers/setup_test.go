// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import "testing"

func TestOptions(t *testing.T) {
	if _, err := (Options{}).withDefaults(); err == nil {
		t.Error("no error without images")
	}
	got, err := (Options{RunnerImage: "r", ServerImage: "s"}).withDefaults()
	if err != nil || got.Clock == nil || got.MaxConcurrentReconciles != DefaultConcurrentReconciles {
		t.Errorf("withDefaults = %+v, %v", got, err)
	}
}
