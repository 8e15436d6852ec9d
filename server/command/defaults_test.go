// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package command

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/test/crd"
)

// A server on a laptop answers, and is tested, as one in a cluster would with the same fields.
func TestDefaultsAreTheAPIs(t *testing.T) {
	all, err := crd.Defaults("modelservers")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for field, value := range all {
		if strings.HasPrefix(field, "server.") || field == "smoke.attempts" || field == "smoke.timeout" {
			want[field] = value
		}
	}
	timeout, err := time.ParseDuration(want["smoke.timeout"])
	if err != nil {
		t.Fatal(err)
	}
	want["smoke.timeout"] = timeout.String() // as flags write it
	config, flags := serveDefaults(), smokeCommand().Flags()
	calibration := config.Model.Calibration
	if calibration == "" {
		calibration = "None"
	}
	switches := map[bool]string{true: "Enabled", false: "Disabled"}
	got := map[string]string{
		"server.maxBatch":      strconv.Itoa(config.Limits.MaxBatch),
		"server.maxBatchDelay": fmt.Sprintf("%dms", config.Limits.MaxBatchDelayMillis),
		"server.maxBodyBytes":  fmt.Sprintf("%dMi", config.Limits.MaxBodyBytes>>20),
		"server.maxPixels":     fmt.Sprintf("%dM", config.Limits.MaxPixels/1_000_000),
		"server.threads":       strconv.Itoa(config.Limits.Threads),
		"server.calibration":   calibration,
		"server.logRequests":   switches[config.LogRequests],
		"smoke.attempts":       flags.Lookup("attempts").DefValue,
		"smoke.timeout":        flags.Lookup("timeout").DefValue,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("defaults (-API +server):\n%s", diff)
	}
}
