// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package page

import (
	"fmt"
	"math"
	"strconv"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/text"
)

// maxName is how much of a name is shown, in bytes.
const maxName = 120

// short is a name as there is room for it, on one line.
func short(name string) string { return text.Clean(name, maxName) }

func count(n int) string { return strconv.Itoa(n) }

// plural is a number of things.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + many
}

// share is a share in percent.
func share(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "none"
	}
	return strconv.FormatFloat(100*v, 'f', 1, 64) + " %"
}

// isShare tells whether a metric is from 0 to 1, or -1 to 1.
func isShare(metric string) bool { return metric != contract.MetricLoss }

// figure is the value of a metric.
func figure(metric string, v float64) string {
	if isShare(metric) {
		return strconv.FormatFloat(v, 'f', 4, 64)
	}
	return loss(v)
}

// loss is one, or another number that has no upper bound.
func loss(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "not finite"
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}

// difference is a change of a metric.
func difference(metric string, v float64) string {
	if v >= 0 {
		return "+" + figure(metric, v)
	}
	return "−" + figure(metric, -v)
}

// interval is a range of shares; empty if there is none.
func interval(i contract.Interval) string {
	if i == (contract.Interval{}) {
		return ""
	}
	return fmt.Sprintf("%.4f to %.4f", i.Low, i.High)
}

// bytes is a size for people.
func size(n int64) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	default:
		return fmt.Sprintf("%d bytes", n)
	}
}
