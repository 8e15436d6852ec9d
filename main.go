// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Command trainyard is the manager: it runs the controllers of TrainingRun and
// ModelServer.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/trainyard-dev/trainyard/controllers"
	"github.com/trainyard-dev/trainyard/internal/version"
)

const leaderElectionID = "manager.trainyard.dev"

type flags struct {
	controllers    controllers.Options
	leaderElect    bool
	probeAddress   string
	metricsAddress string
	apiQPS         float64
	apiBurst       int
	log            zap.Options
}

func parseFlags(args []string) (*flags, error) {
	f := &flags{}
	set := flag.NewFlagSet("trainyard", flag.ContinueOnError)
	set.StringVar(&f.controllers.RunnerImage, "runner-image", "", "Image that trains where a TrainingRun names none. Required.")
	set.StringVar(&f.controllers.ServerImage, "server-image", "", "Image that serves where a ModelServer names none. Required.")
	set.BoolVar(&f.leaderElect, "leader-elect", false, "Work only while holding the lease, so that several managers may run.")
	set.StringVar(&f.probeAddress, "health-probe-bind-address", ":8081", "Address of /healthz and /readyz; 0 turns them off.")
	set.StringVar(&f.metricsAddress, "metrics-bind-address", ":8443", "Address of /metrics, served over TLS to whom the API server authorizes; 0 turns it off.")
	set.IntVar(&f.controllers.MaxConcurrentReconciles, "max-concurrent-reconciles", controllers.DefaultConcurrentReconciles,
		"Objects of a kind that are worked on side by side.")
	set.Float64Var(&f.apiQPS, "kube-api-qps", -1, "Requests to the API server per second; -1 leaves the limit to the API server's priority and fairness.")
	set.IntVar(&f.apiBurst, "kube-api-burst", 30, "Requests to the API server that may exceed --kube-api-qps for a moment.")
	f.log.BindFlags(set)
	ctrl.RegisterFlags(set)
	if err := set.Parse(args); err != nil {
		return nil, err
	}
	if set.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", set.Arg(0))
	}
	if f.controllers.RunnerImage == "" || f.controllers.ServerImage == "" {
		return nil, errors.New("--runner-image and --server-image are required")
	}
	if f.controllers.MaxConcurrentReconciles < 1 {
		return nil, fmt.Errorf("--max-concurrent-reconciles is %d: set it to 1 or more", f.controllers.MaxConcurrentReconciles)
	}
	if f.apiQPS == 0 || f.apiBurst < 1 {
		return nil, errors.New("--kube-api-qps must not be 0 and --kube-api-burst must be 1 or more")
	}
	return f, nil
}

func run(args []string) error {
	f, err := parseFlags(args)
	if err != nil {
		return err
	}
	ctrl.SetLogger(zap.New(zap.UseFlagOptions(&f.log)))
	ctrl.Log.Info("Starting", "version", version.String())
	scheme, err := controllers.Scheme()
	if err != nil {
		return err
	}
	config, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("find the cluster: %w", err)
	}
	config.QPS, config.Burst = float32(f.apiQPS), f.apiBurst
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:                 scheme,
		Cache:                  controllers.CacheOptions(),
		HealthProbeBindAddress: f.probeAddress,
		Metrics: metricsserver.Options{
			BindAddress:    f.metricsAddress,
			SecureServing:  true,
			FilterProvider: filters.WithAuthenticationAndAuthorization,
		},
		LeaderElection:   f.leaderElect,
		LeaderElectionID: leaderElectionID,
		// The process ends when the manager does, so another may lead at once.
		LeaderElectionReleaseOnCancel: true,
	})
	if err != nil {
		return fmt.Errorf("make the manager: %w", err)
	}
	if err := controllers.SetupAll(mgr, f.controllers); err != nil {
		return err
	}
	if err := errors.Join(
		mgr.AddHealthzCheck("healthz", healthz.Ping),
		mgr.AddReadyzCheck("readyz", healthz.Ping),
	); err != nil {
		return fmt.Errorf("add the health checks: %w", err)
	}
	return mgr.Start(ctrl.SetupSignalHandler())
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return
		}
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}
