// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/cache"

	"github.com/trainyard-dev/trainyard/controllers"
)

func TestParseFlags(t *testing.T) {
	images := []string{"--runner-image=r", "--server-image=s"}
	cases := map[string]struct {
		args      []string
		wantError string
	}{
		"images are enough":  {args: images},
		"no runner image":    {args: images[1:], wantError: "--runner-image and --server-image are required"},
		"no server image":    {args: images[:1], wantError: "--runner-image and --server-image are required"},
		"an unknown flag":    {args: append([]string{"--webhook"}, images...), wantError: "not defined: -webhook"},
		"a stray argument":   {args: append([]string{"serve"}, images...), wantError: `unexpected argument "serve"`},
		"no reconciles":      {args: append([]string{"--max-concurrent-reconciles=0"}, images...), wantError: "--max-concurrent-reconciles is 0: set it to 1 or more"},
		"a namespace's name": {args: append([]string{"--watch-namespaces=team-a, team-b"}, images...), wantError: `" team-b" is not the name of a namespace`},
		"no requests":        {args: append([]string{"--kube-api-qps=0"}, images...), wantError: "--kube-api-qps must not be 0"},
		"no burst":           {args: append([]string{"--kube-api-burst=0"}, images...), wantError: "--kube-api-burst must be 1 or more"},
		"everything is said": {args: append([]string{"--leader-elect", "--metrics-bind-address=0", "--health-probe-bind-address=0", "--zap-log-level=debug",
			"--max-concurrent-reconciles=16", "--kube-api-qps=50", "--kube-api-burst=100"}, images...)},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := parseFlags(tc.args)
			if tc.wantError != "" {
				if err == nil || !strings.Contains(err.Error(), tc.wantError) {
					t.Errorf("error = %v, want one with %q", err, tc.wantError)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.controllers.RunnerImage != "r" || got.controllers.ServerImage != "s" {
				t.Errorf("images = %+v", got.controllers)
			}
		})
	}
}

func TestParseFlagsDefaults(t *testing.T) {
	got, err := parseFlags([]string{"--runner-image=r", "--server-image=s"})
	if err != nil {
		t.Fatal(err)
	}
	if got.apiQPS != -1 || got.controllers.MaxConcurrentReconciles != controllers.DefaultConcurrentReconciles {
		t.Errorf("defaults = %+v", got)
	}
	if got.leaderElect || got.probeAddress != ":8081" || got.metricsAddress != ":8443" {
		t.Errorf("defaults = %+v", got)
	}
}

func TestWatchNamespaces(t *testing.T) {
	cases := map[string]struct {
		value string
		want  map[string]cache.Config
	}{
		"all":  {value: ""},
		"one":  {value: "team-a", want: map[string]cache.Config{"team-a": {}}},
		"some": {value: "team-a,team-b", want: map[string]cache.Config{"team-a": {}, "team-b": {}}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f, err := parseFlags([]string{"--runner-image=r", "--server-image=s", "--watch-namespaces=" + tc.value})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, f.managerOptions(nil).Cache.DefaultNamespaces); diff != "" {
				t.Errorf("namespaces of the cache (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHelpIsNoFailure(t *testing.T) {
	if _, err := parseFlags([]string{"--help"}); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("error = %v, want flag.ErrHelp", err)
	}
}
