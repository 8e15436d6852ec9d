// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Command demo shows Trainyard's main job on a real cluster: it trains a
// classifier, serves it, and rolls out a bad model while requests go on. The
// command story, beside it, tells the same without a cluster.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/hack/demo/internal/effort"
	"github.com/trainyard-dev/trainyard/hack/demo/internal/tell"
)

const (
	namespace = "trainyard-demo"
	goodRun   = "cats-vs-dogs"
	badRun    = "mislabeled"
	server    = "cats-vs-dogs"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var settings settings
	flag.StringVar(&settings.Kubectl, "kubectl", "kubectl", "kubectl to use")
	flag.StringVar(&settings.OutDir, "out", "out/demo", "where the manifests go")
	flag.StringVar(&settings.Data, "data", "", "folder that the PersistentVolume trainyard-data holds, to train on instead of generated pictures")
	flag.DurationVar(&settings.Limit, "limit", 2*time.Minute, "time that training on --data may take")
	flag.StringVar(&settings.ProberImage, "prober-image", "trainyard-prober:dev", "image of the prober")
	flag.DurationVar(&settings.ProbeInterval, "probe-interval", 20*time.Millisecond, "time between two requests of a prober's client")
	flag.Parse()

	d, err := newDemo(settings)
	if err != nil {
		return err
	}
	err = tell.Steps(ctx, []tell.Step{
		{Title: "Train: kubectl apply a TrainingRun", Do: d.train},
		{Title: "Serve: kubectl apply a ModelServer", Do: d.serve},
		{Title: "Predict, through the Service", Do: d.predict},
		{Title: "Roll out a bad model while requests go on", Do: d.rollOutBadModel},
	}, d.explain)
	if err != nil {
		return err
	}
	return d.sumUp(ctx)
}

// settings are the command line's.
type settings struct {
	Kubectl, OutDir, ProberImage string
	Data                         string // empty: drawn pictures
	Limit, ProbeInterval         time.Duration
}

// train trains the good model and shows its progress.
func (d *demo) train(ctx context.Context) error {
	manifests := []string{"namespace.yaml", "trainingrun.yaml"}
	if d.settings.Data != "" {
		found, picked, err := effort.Pick(ctx, d.settings.Data, d.settings.Limit, os.Stdout)
		if err != nil {
			return err
		}
		d.picture, d.effort, d.minAccuracy = found.First, picked, 0
		manifests = []string{"namespace.yaml", "data.yaml", "trainingrun.yaml"}
	}
	for _, m := range manifests {
		if err := d.apply(ctx, m, nil); err != nil {
			return err
		}
	}
	run, err := d.followTraining(ctx, goodRun)
	if err != nil {
		return err
	}
	printMetrics(run)
	if model := run.Status.Model; model != nil && model.Chance == v1alpha1.NoBetterThanChance {
		fmt.Println("   That is no better than guessing, which few pictures are the usual reason for. promotion.chance: Allow serves it all the same.")
	}
	return nil
}

// serve serves it and waits until it is baked.
func (d *demo) serve(ctx context.Context) error {
	if err := d.apply(ctx, "modelserver.yaml", map[string]any{"TrainingRun": goodRun, "Chance": v1alpha1.AllowChance}); err != nil {
		return err
	}
	_, err := d.followRollout(ctx, func(s *v1alpha1.ModelServer) bool { return ready(s.Status.Conditions, s.Generation) })
	return err
}

// rollOutBadModel trains on random labels, serves that, and waits for the rejection.
func (d *demo) rollOutBadModel(ctx context.Context) error {
	if err := d.apply(ctx, "prober.yaml", nil); err != nil {
		return err
	}
	if err := d.waitForProber(ctx); err != nil {
		return err
	}
	if err := d.apply(ctx, "bad-trainingrun.yaml", nil); err != nil {
		return err
	}
	run, err := d.followTraining(ctx, badRun)
	if err != nil {
		return err
	}
	printMetrics(run)
	// On other pictures than the bad model was drawn for, the smoke test has little to compare, so its run's own verdict decides.
	chance := v1alpha1.RejectChance
	if d.settings.Data == "" {
		chance = v1alpha1.AllowChance
	}
	if err := d.apply(ctx, "modelserver.yaml", map[string]any{"TrainingRun": badRun, "Chance": chance}); err != nil {
		return err
	}
	s, err := d.followRollout(ctx, func(s *v1alpha1.ModelServer) bool {
		return condition(s.Status.Conditions, v1alpha1.RolledBackCondition, s.Generation) != nil
	})
	if err != nil {
		return err
	}
	if len(s.Status.Rejected) == 0 {
		return errors.New("the bad model was not rejected")
	}
	return nil
}
