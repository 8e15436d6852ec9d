// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Command manager measures what waiting and ended TrainingRuns cost the manager and the
// API server, with a real API server and no nodes: the memory of ended runs, the time of
// a reconcile beside them, and how long a run of another namespace waits for its Job
// while many runs get no pod. KUBEBUILDER_ASSETS says where the API server lies.
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

func main() {
	waiting := flag.Int("waiting", 1500, "runs whose Jobs get no pod")
	ended := flag.Int("ended", 1000, "runs that have ended")
	window := flag.Duration("window", time.Minute, "how long requests are counted")
	flag.Parse()
	ctrl.SetLogger(zap.New(zap.WriteTo(io.Discard)))
	if err := run(ctrl.SetupSignalHandler(), *waiting, *ended, *window); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, waiting, ended int, window time.Duration) (err error) {
	env := &envtest.Environment{CRDDirectoryPaths: []string{filepath.Join("config", "crd", "bases")}, ErrorIfCRDPathMissing: true}
	config, err := env.Start()
	if err != nil {
		return fmt.Errorf("start the API server: %w", err)
	}
	defer func() { err = errors.Join(err, env.Stop()) }()
	ctx, stop := context.WithCancel(ctx)
	defer stop() // before the API server, which waits for its clients to leave
	b, err := newBench(ctx, config)
	if err != nil {
		return err
	}
	if err := b.measureEnded(ctx, ended); err != nil {
		return err
	}
	return b.measureWaiting(ctx, waiting, window)
}

// bench is a running manager and a client beside it.
type bench struct {
	client   client.Client
	requests *requestCounter // of the manager
}

func newBench(ctx context.Context, config *rest.Config) (*bench, error) {
	scheme, err := controllers.Scheme()
	if err != nil {
		return nil, err
	}
	b := &bench{requests: &requestCounter{counts: map[string]int{}}}
	config.QPS = -1 // as the manager's is by default
	if b.client, err = client.New(config, client.Options{Scheme: scheme}); err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	counted := rest.CopyConfig(config)
	counted.Wrap(b.requests.wrap)
	mgr, err := ctrl.NewManager(counted, ctrl.Options{
		Scheme:  scheme,
		Cache:   controllers.CacheOptions(),
		Metrics: metricsserver.Options{BindAddress: "0"},
	})
	if err != nil {
		return nil, fmt.Errorf("make the manager: %w", err)
	}
	if err := controllers.SetupAll(mgr, controllers.Options{RunnerImage: "runner", ServerImage: "server"}); err != nil {
		return nil, err
	}
	go func() {
		if err := mgr.Start(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "error: the manager ended:", err)
			os.Exit(1)
		}
	}()
	if !mgr.GetCache().WaitForCacheSync(ctx) {
		return nil, errors.New("the manager's cache doesn't fill")
	}
	return b, nil
}

func (b *bench) createNamespace(ctx context.Context, name string) error {
	if err := b.client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
		return fmt.Errorf("create namespace %s: %w", name, err)
	}
	return nil
}
