// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dashboard

import (
	"context"
	"time"

	"github.com/trainyard-dev/trainyard/internal/plugin/cluster"
	"github.com/trainyard-dev/trainyard/internal/plugin/status"
)

// gather reads the namespace and the object that ref names, which may be empty: KIND/NAME.
func gather(ctx context.Context, c *cluster.Cluster, ref string, now time.Time) (View, error) {
	var g gathered
	var err error
	if g.all, err = status.GatherAll(ctx, c); err != nil {
		return View{}, err
	}
	if ref == "" {
		return viewOf(c.Namespace, g, now), nil
	}
	parsed, err := cluster.ParseRef(ref)
	if err != nil {
		return View{}, err
	}
	found := findIn(g.all, parsed)
	if found.Server == nil && found.Run == nil {
		view := viewOf(c.Namespace, g, now)
		view.Detail = &Detail{Kind: parsed.Kind, Name: parsed.Name, Missing: "It doesn't exist, or was deleted."}
		return view, nil
	}
	if g.one, err = status.Gather(ctx, c, found); err != nil {
		return View{}, err
	}
	if found.Server != nil {
		g.traffic, g.unread = readTraffic(ctx, c, g.one.Servers[0])
	} else if g.curve, g.unread, err = readCurve(ctx, c, g.one.Runs[0].Pods); err != nil {
		return View{}, err
	}
	return viewOf(c.Namespace, g, now), nil
}

// findIn returns the object of a name among those that were read.
func findIn(all status.Data, ref cluster.Ref) cluster.Found {
	for _, s := range all.Servers {
		if ref.Kind == cluster.ModelServer && s.Object.Name == ref.Name {
			return cluster.Found{Server: s.Object}
		}
	}
	for _, r := range all.Runs {
		if ref.Kind == cluster.TrainingRun && r.Object.Name == ref.Name {
			return cluster.Found{Run: r.Object}
		}
	}
	return cluster.Found{}
}
