// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package dashboard is the verb that shows a namespace on a web page of this machine, which follows what happens. It only
// reads: what it shows is what status prints, and the curves and the traffic that need a picture.
package dashboard

import (
	"time"

	"github.com/trainyard-dev/trainyard/internal/plugin/cluster"
	"github.com/trainyard-dev/trainyard/internal/plugin/console"
	"github.com/trainyard-dev/trainyard/internal/plugin/status"
)

// View is what the page shows.
type View struct {
	Namespace string `json:"namespace"`
	// Servers and Runs list the namespace, a row each that begins with its name.
	Servers console.Section `json:"servers"`
	Runs    console.Section `json:"runs"`
	// Detail is the object that is looked at, if one is.
	Detail *Detail `json:"detail,omitempty"`
}

// Detail is one object.
type Detail struct {
	Kind     cluster.Kind      `json:"kind"`
	Name     string            `json:"name"`
	Sections []console.Section `json:"sections,omitempty"`
	// Percent is how far a run has come, if it trains.
	Percent *int32   `json:"percent,omitempty"`
	Curve   []Epoch  `json:"curve,omitempty"`
	Traffic *Traffic `json:"traffic,omitempty"`
	// Missing is why there is no such object.
	Missing string `json:"missing,omitempty"`
}

// gathered is what a view is made of.
type gathered struct {
	all status.Data
	// one is the object that is looked at, alone.
	one     status.Data
	curve   []Epoch
	traffic *Traffic
	unread  []string
}

// viewOf shows what was gathered, as it stands at a time.
func viewOf(namespace string, g gathered, now time.Time) View {
	lists := status.FormatAll(g.all, now).Sections()
	view := View{Namespace: namespace, Servers: lists[0], Runs: lists[1]}
	var detail Detail
	switch {
	case len(g.one.Servers) > 0:
		g.one.Servers[0].Unread = append(g.one.Servers[0].Unread, g.unread...)
		detail = Detail{Kind: cluster.ModelServer, Name: g.one.Servers[0].Object.Name, Traffic: g.traffic}
	case len(g.one.Runs) > 0:
		g.one.Runs[0].Unread = append(g.one.Runs[0].Unread, g.unread...)
		run := g.one.Runs[0].Object
		detail = Detail{Kind: cluster.TrainingRun, Name: run.Name, Curve: g.curve}
		if p := run.Status.Progress; p != nil && run.Status.CompletionTime == nil {
			detail.Percent = p.Percent
		}
	default:
		return view
	}
	detail.Sections = status.Format(g.one, now).Sections()
	view.Detail = &detail
	return view
}
