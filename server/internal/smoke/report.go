// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package smoke

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

// WriteTable writes a report for people.
func WriteTable(w io.Writer, report contract.SmokeReport) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "CHECK\tRESULT\tLATENCY\tMESSAGE")
	for _, c := range report.Checks {
		latency := ""
		if c.LatencyMillis > 0 {
			latency = fmt.Sprintf("%.1f ms", c.LatencyMillis)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", c.Name, c.Result, latency, c.Message)
	}
	fmt.Fprintf(table, "\n%s\n", report.Message)
	return table.Flush()
}
