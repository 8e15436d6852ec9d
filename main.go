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
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/trainyard-dev/trainyard/controllers"
	"github.com/trainyard-dev/trainyard/internal/version"
)

const leaderElectionID = "manager.trainyard.dev"

// What the end of a leader costs. One that is told to stop gives its lease up, as soon as
// its reconciles have ended or shutdownTimeout has passed: less than the grace period of
// its pod, which ends it without a word. After one that ends otherwise the lease runs out.
const (
	shutdownTimeout = 5 * time.Second
	leaseDuration   = 10 * time.Second
	renewDeadline   = 7 * time.Second
	retryPeriod     = time.Second
)

type flags struct {
	controllers    controllers.Options
	leaderElect    bool
	leaseNamespace string
	leaseDuration  time.Duration
	renewDeadline  time.Duration
	retryPeriod    time.Duration
	probeAddress   string
	metricsAddress string
	apiQPS         float64
	apiBurst       int
	log            zap.Options
}

func parseFlags(args []string) (*flags, error) {
	f := &flags{}
	set := flag.NewFlagSet("trainyard", flag.ContinueOnError)
	set.StringVar(&f.controllers.RunnerImage, "runner-image", "", "Runner image of TrainingRuns that leave spec.image out. Required.")
	set.StringVar(&f.controllers.ServerImage, "server-image", "", "Server image of ModelServers that leave spec.image out. Required.")
	set.BoolVar(&f.leaderElect, "leader-elect", false, "Elect a leader among several managers; only the leader works.")
	set.StringVar(&f.leaseNamespace, "leader-elect-namespace", "", "Namespace of the lease. Empty is the pod's own; required outside a cluster.")
	set.DurationVar(&f.leaseDuration, "leader-elect-lease-duration", leaseDuration, "Duration after the leader's last renewal of the lease after which another manager may take it.")
	set.DurationVar(&f.renewDeadline, "leader-elect-renew-deadline", renewDeadline, "Duration for which the leader tries to renew its lease before it exits. Must be less than --leader-elect-lease-duration.")
	set.DurationVar(&f.retryPeriod, "leader-elect-retry-period", retryPeriod, "Duration between attempts to acquire or renew the lease.")
	set.StringVar(&f.probeAddress, "health-probe-bind-address", ":8081", "Address to serve /healthz and /readyz on. 0 disables them.")
	set.StringVar(&f.metricsAddress, "metrics-bind-address", ":8443", "Address to serve /metrics on, over TLS, to clients that the API server authorizes. 0 disables it.")
	set.IntVar(&f.controllers.MaxConcurrentReconciles, "max-concurrent-reconciles", controllers.DefaultConcurrentReconciles,
		"Maximum number of objects of each kind that are reconciled concurrently.")
	set.Func("watch-namespaces", "Comma-separated namespaces to work in. Empty is all of them.", f.setWatchNamespaces)
	set.Float64Var(&f.apiQPS, "kube-api-qps", -1, "Maximum number of requests to the API server per second. -1 leaves the limit to the API server's priority and fairness.")
	set.IntVar(&f.apiBurst, "kube-api-burst", 30, "Maximum burst of requests to the API server above --kube-api-qps.")
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

// setWatchNamespaces takes the value of --watch-namespaces.
func (f *flags) setWatchNamespaces(value string) error {
	f.controllers.Namespaces = nil
	if value == "" {
		return nil
	}
	for namespace := range strings.SplitSeq(value, ",") {
		if problems := validation.IsDNS1123Label(namespace); len(problems) > 0 {
			return fmt.Errorf("%q is not the name of a namespace: separate names by commas, without spaces", namespace)
		}
		f.controllers.Namespaces = append(f.controllers.Namespaces, namespace)
	}
	return nil
}

func (f *flags) managerOptions(scheme *runtime.Scheme) ctrl.Options {
	return ctrl.Options{
		Scheme:                 scheme,
		Cache:                  controllers.CacheOptions(f.controllers.Namespaces...),
		HealthProbeBindAddress: f.probeAddress,
		Metrics: metricsserver.Options{
			BindAddress:    f.metricsAddress,
			SecureServing:  true,
			FilterProvider: filters.WithAuthenticationAndAuthorization,
		},
		LeaderElection:          f.leaderElect,
		LeaderElectionID:        leaderElectionID,
		LeaderElectionNamespace: f.leaseNamespace,
		LeaseDuration:           &f.leaseDuration,
		RenewDeadline:           &f.renewDeadline,
		RetryPeriod:             &f.retryPeriod,
		// The process ends when the manager does, so another may lead at once.
		LeaderElectionReleaseOnCancel: true,
		GracefulShutdownTimeout:       ptr.To(shutdownTimeout),
	}
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
	mgr, err := ctrl.NewManager(config, f.managerOptions(scheme))
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
