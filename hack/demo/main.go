// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Command demo shows Trainyard's main job on a real cluster: it trains a
// classifier, serves it, and rolls out a bad model while requests go on.
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
	flag.BoolVar(&settings.Data, "data", false, "train on the PersistentVolume trainyard-data instead of generated pictures")
	flag.IntVar(&settings.ImageSize, "image-size", 224, "pixels, both sides")
	flag.IntVar(&settings.Epochs, "epochs", 6, "epochs of the good model")
	flag.StringVar(&settings.ProberImage, "prober-image", "trainyard-prober:dev", "image of the prober")
	flag.DurationVar(&settings.ProbeInterval, "probe-interval", 20*time.Millisecond, "time between two requests of a prober's client")
	flag.StringVar(&settings.Picture, "picture", "", "picture to predict; a generated one if empty")
	flag.Float64Var(&settings.MinAccuracy, "min-accuracy", 0.90, "accuracy that the good model must reach; 0 if it isn't known")
	flag.Parse()

	d, err := newDemo(settings)
	if err != nil {
		return err
	}
	for _, step := range []struct {
		title string
		do    func(context.Context) error
	}{
		{"Train: kubectl apply a TrainingRun", d.train},
		{"Serve: kubectl apply a ModelServer", d.serve},
		{"Predict, through the Service", d.predict},
		{"Roll out a bad model while requests go on", d.rollOutBadModel},
	} {
		start := time.Now()
		fmt.Printf("\n\033[1m== %s\033[0m\n", step.title)
		if err := step.do(ctx); err != nil {
			d.explain(context.WithoutCancel(ctx))
			return fmt.Errorf("%s: %w", step.title, err)
		}
		fmt.Printf("   (%.0f s)\n", time.Since(start).Seconds())
	}
	return d.sumUp(ctx)
}

// settings are the command line's.
type settings struct {
	Kubectl, OutDir, ProberImage, Picture string
	Data                                  bool
	ImageSize, Epochs                     int
	ProbeInterval                         time.Duration
	MinAccuracy                           float64
}

// train trains the good model and shows its progress.
func (d *demo) train(ctx context.Context) error {
	manifests := []string{"namespace.yaml", "trainingrun.yaml"}
	if d.settings.Data {
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
	return nil
}

// serve serves it and waits until it is baked.
func (d *demo) serve(ctx context.Context) error {
	if err := d.apply(ctx, "modelserver.yaml", map[string]any{"TrainingRun": goodRun}); err != nil {
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
	if err := d.apply(ctx, "modelserver.yaml", map[string]any{"TrainingRun": badRun}); err != nil {
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
