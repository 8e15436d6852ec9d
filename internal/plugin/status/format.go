// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/plugin/console"
)

// notConfigured is what a section says that there is nothing in, so that nobody takes silence for a fault.
const notConfigured = "Not configured"

// Format writes what was gathered, as it stands at a time.
func Format(data Data, now time.Time) *console.Page {
	page := console.NewPage()
	f := formatter{Page: page, now: now}
	for i := range data.Servers {
		f.server(&data.Servers[i])
	}
	for i := range data.Runs {
		f.run(&data.Runs[i])
	}
	return page
}

// FormatAll lists objects, a line each.
func FormatAll(data Data, now time.Time) *console.Page {
	page := console.NewPage()
	f := formatter{Page: page, now: now}
	page.Title("ModelServers")
	if len(data.Servers) == 0 {
		page.Linef("None in this namespace")
	} else {
		table := console.NewTable("NAME", "STATUS", "LIVE", "CANDIDATE", "ACCURACY", "READY", "AGE")
		for i := range data.Servers {
			f.serverRow(table, &data.Servers[i])
		}
		page.Table(table)
	}
	page.Title("TrainingRuns")
	if len(data.Runs) == 0 {
		page.Linef("None in this namespace")
		return page
	}
	table := console.NewTable("NAME", "STATUS", "PROGRESS", "ACCURACY", "AGE")
	for i := range data.Runs {
		f.runRow(table, &data.Runs[i])
	}
	page.Table(table)
	return page
}

type formatter struct {
	*console.Page
	now time.Time
}

// symbol is how readiness looks: ✔ it is as it should be, ✗ a person has to act, ‖ it waits for a person, ◌ it is on its way.
func symbol(r readiness) console.Cell {
	switch {
	case r.stalled:
		return console.Cell{Text: "✗ " + r.reason, Style: console.Bad}
	case r.waits:
		return console.Cell{Text: "‖ " + r.reason, Style: console.Busy}
	case r.ready:
		return console.Cell{Text: "✔ " + r.reason, Style: console.Good}
	default:
		return console.Cell{Text: "◌ " + r.reason, Style: console.Busy}
	}
}

// age is how long ago something was.
func (f formatter) age(t metav1.Time) string {
	if t.IsZero() {
		return ""
	}
	return duration.HumanDuration(f.now.Sub(t.Time))
}

func (f formatter) ageOf(t *metav1.Time) string {
	if t == nil {
		return ""
	}
	return f.age(*t)
}

// field writes a named value, or that there is none.
func field(table *console.Table, name, value string) {
	cell := console.Text(value)
	if value == "" {
		cell = console.Cell{Text: notConfigured, Style: console.Faint}
	}
	table.Row(console.Text(name+":"), cell)
}

// optional writes a named value where there is one.
func optional(table *console.Table, name, value string) {
	if value != "" {
		field(table, name, value)
	}
}

func metricsText(metrics []v1alpha1.Metric) string {
	parts := make([]string, 0, len(metrics))
	for _, m := range metrics {
		parts = append(parts, m.Name+" "+m.Value)
	}
	return strings.Join(parts, ", ")
}

func accuracyOf(metrics []v1alpha1.Metric) string {
	for _, m := range metrics {
		if m.Name == "accuracy" {
			return m.Value
		}
	}
	return ""
}

// pod writes a pod into a tree.
func (f formatter) pod(table *console.Table, branch string, pod Pod) {
	style := console.Busy
	mark := "◌ "
	switch {
	case pod.Ready, pod.Status == "Succeeded":
		style, mark = console.Good, "✔ "
	case pod.Problem != "", pod.Status == "Failed", pod.Status == "OOMKilled", pod.Status == "Error", pod.Status == "CrashLoopBackOff":
		style, mark = console.Bad, "✗ "
	}
	info := pod.Node
	if pod.Restarts > 0 {
		info = strings.TrimSpace(fmt.Sprintf("%s  restarts: %d", info, pod.Restarts))
	}
	if pod.Problem != "" {
		info = pod.Problem
	}
	table.Row(console.Text(branch+pod.Name), console.Text("pod"), console.Cell{Text: mark + pod.Status, Style: style},
		console.Text(f.age(pod.Created)), console.Text(info))
}

// branches draw a tree.
const (
	branch     = "├─ "
	lastBranch = "└─ "
	trunk      = "│  "
	noTrunk    = "   "
)

// pick returns the first for what others follow, else the second.
func pick(last bool, follows, ends string) string {
	if last {
		return ends
	}
	return follows
}

// events writes the newest events.
func (f formatter) events(events []Event) {
	f.Title("Events")
	if len(events) == 0 {
		f.Linef("None: they are kept for an hour, unless the cluster says otherwise")
		return
	}
	table := console.NewTable("LAST", "TYPE", "REASON", "OBJECT", "MESSAGE")
	for _, e := range newest(events) {
		last := f.age(e.Last)
		if e.Count > 1 {
			last += fmt.Sprintf(" (x%d)", e.Count)
		}
		style := console.Plain
		if e.Type == "Warning" {
			style = console.Busy
		}
		table.Row(console.Text(last), console.Cell{Text: e.Type, Style: style}, console.Text(e.Reason), console.Text(e.Object), console.Text(e.Message))
	}
	f.Table(table)
}

// unread writes what couldn't be read.
func (f formatter) unread(unread []string) {
	if len(unread) == 0 {
		return
	}
	f.Title("Not read")
	for _, text := range unread {
		f.Linef("%s", text)
	}
}

// checks writes results of a smoke test.
func (f formatter) checks(checks []v1alpha1.CheckResult) {
	table := console.NewTable("CHECK", "RESULT", "LATENCY", "MESSAGE")
	for _, check := range checks {
		style := console.Good
		switch check.Result {
		case v1alpha1.CheckFailed:
			style = console.Bad
		case v1alpha1.CheckSkipped:
			style = console.Faint
		}
		table.Row(console.Text(check.Name), console.Cell{Text: check.Result, Style: style}, console.Text(check.Latency), console.Text(check.Message))
	}
	f.Table(table)
}
