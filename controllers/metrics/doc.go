// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package metrics tells Prometheus what the controllers decide, how long it took, and how
// objects stand. What any controller has to tell (reconciles, their errors and duration,
// queues, requests to the API server) controller-runtime exports.
//
// What has happened is counted and timed without the names of objects: such a series
// outlives its object. How ModelServers stand is read from the cache at each scrape, with
// their names, so that a series goes with its object. TrainingRuns, which are many and
// stay, are only counted.
//
// Times that two clocks have measured, the kubelet's and the manager's, say, may be off by
// as much as these differ, and by the second that the kubelet rounds to. One that would be
// negative is 0.
package metrics

import "time"

// seconds is a duration as Prometheus wants it, never negative.
func seconds(d time.Duration) float64 { return max(0, d.Seconds()) }
