// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Command manager measures, with a real API server and no nodes, what the end of a leader
// costs, and what waiting and ended TrainingRuns cost the manager and the API server: the
// memory of ended runs, the time of a reconcile beside them, how soon a ModelServer has chosen the
// newest of them, and how long a run of another namespace waits for its Job while many runs get no pod. KUBEBUILDER_ASSETS says where the
// API server lies.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/trainyard-dev/trainyard/controllers"
)

// options say what is measured.
type options struct {
	waiting, ended, takeovers int
	window                    time.Duration
	program                   string
}

func main() {
	o := options{}
	flag.IntVar(&o.takeovers, "takeovers", 5, "leaders that end by each of two signals; 0 leaves this out")
	flag.StringVar(&o.program, "manager", filepath.Join("bin", "manager"), "the program whose leaders end")
	flag.IntVar(&o.ended, "ended", 1000, "runs that have ended; 0 leaves this out")
	flag.IntVar(&o.waiting, "waiting", 1500, "runs whose Jobs get no pod; 0 leaves this out")
	flag.DurationVar(&o.window, "window", time.Minute, "how long requests are counted")
	flag.Parse()
	ctrl.SetLogger(zap.New(zap.WriteTo(io.Discard)))
	if err := run(ctrl.SetupSignalHandler(), o); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	env := &envtest.Environment{CRDDirectoryPaths: []string{filepath.Join("config", "crd", "bases")}, ErrorIfCRDPathMissing: true}
	config, err := env.Start()
	if err != nil {
		return fmt.Errorf("start the API server: %w", err)
	}
	defer func() { err = errors.Join(err, env.Stop()) }()
	ctx, stop := context.WithCancel(ctx)
	defer stop() // before the API server, which waits for its clients to leave
	b, err := newBench(config)
	if err != nil {
		return err
	}
	if o.takeovers > 0 {
		if err := b.measureTakeover(ctx, o.program, env.KubeConfig, o.takeovers); err != nil {
			return err
		}
	}
	if o.ended == 0 && o.waiting == 0 {
		return nil
	}
	if err := b.startManager(ctx, config); err != nil {
		return err
	}
	if o.ended > 0 {
		if err := b.measureEnded(ctx, o.ended); err != nil {
			return err
		}
		if err := b.measureSelected(ctx, o.ended); err != nil {
			return err
		}
	}
	if o.waiting > 0 {
		return b.measureWaiting(ctx, o.waiting, o.window)
	}
	return nil
}

// bench is a client, and what is known of the manager beside it.
type bench struct {
	client   client.Client
	requests *requestCounter // of the manager that startManager starts
}

func newBench(config *rest.Config) (*bench, error) {
	scheme, err := controllers.Scheme()
	if err != nil {
		return nil, err
	}
	b := &bench{requests: &requestCounter{counts: map[string]int{}}}
	config.QPS = -1 // as the manager's is by default
	if b.client, err = client.New(config, client.Options{Scheme: scheme}); err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	return b, nil
}

// startManager starts a manager in this process, whose heap and metrics are looked at.
func (b *bench) startManager(ctx context.Context, config *rest.Config) error {
	counted := rest.CopyConfig(config)
	counted.Wrap(b.requests.wrap)
	mgr, err := ctrl.NewManager(counted, ctrl.Options{
		Scheme:  b.client.Scheme(),
		Cache:   controllers.CacheOptions(),
		Metrics: metricsserver.Options{BindAddress: "0"},
	})
	if err != nil {
		return fmt.Errorf("make the manager: %w", err)
	}
	if err := controllers.SetupAll(mgr, controllers.Options{RunnerImage: "runner", ServerImage: "server"}); err != nil {
		return err
	}
	go func() {
		if err := mgr.Start(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "error: the manager ended:", err)
			os.Exit(1)
		}
	}()
	if !mgr.GetCache().WaitForCacheSync(ctx) {
		return errors.New("the manager's cache doesn't fill")
	}
	return nil
}

func (b *bench) createNamespace(ctx context.Context, name string) error {
	if err := b.client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
		return fmt.Errorf("create namespace %s: %w", name, err)
	}
	return nil
}
