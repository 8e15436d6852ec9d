// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/trainyard-dev/trainyard/hack/cluster/internal/agent"
	"github.com/trainyard-dev/trainyard/hack/cluster/internal/build"
	"github.com/trainyard-dev/trainyard/hack/cluster/internal/cluster"
	"github.com/trainyard-dev/trainyard/hack/cluster/internal/config"
	"github.com/trainyard-dev/trainyard/hack/cluster/internal/preflight"
	"github.com/trainyard-dev/trainyard/hack/cluster/internal/progress"
)

// options are those of every subcommand.
type options struct {
	name, subnet string
	// nodes is 0 where no number is asked for.
	nodes int
}

// config is the configuration with the programs of this checkout, built or not.
func (o *options) config() (*config.Config, error) {
	source, err := build.FindSource(".")
	if err != nil {
		return nil, err
	}
	bin, err := source.BinDir()
	if err != nil {
		return nil, err
	}
	return config.Open(o.name, o.subnet, o.nodes, bin)
}

// started is the configuration of a cluster that has been started.
func (o *options) started() (*config.Config, error) {
	cfg, err := o.config()
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(cfg.Kubeconfig()); err != nil {
		return nil, fmt.Errorf("the cluster %s has not been started: run up first", cfg.Name)
	}
	return cfg, nil
}

func (o *options) cluster() (*cluster.Cluster, error) {
	cfg, err := o.config()
	if err != nil {
		return nil, err
	}
	return cluster.New(cfg, progress.New(os.Stderr)), nil
}

func newPreflightCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "preflight",
		Short: "Check what a cluster needs of this machine; on Debian and Ubuntu install missing packages",
		Long: "Check what a cluster needs of this machine and name the remedy of what is missing. On Debian and Ubuntu\n" +
			"missing packages are installed; with INSTALL=no in the environment they are only listed.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runPreflight(cmd, progress.New(os.Stderr))
		},
	}
}

func runPreflight(cmd *cobra.Command, report *progress.Reporter) error {
	source, err := build.FindSource(".")
	if err != nil {
		return err
	}
	return preflight.Run(cmd.Context(), source.PackageList(), os.Getenv("INSTALL") != "no", report)
}

func newBuildCommand() *cobra.Command {
	var envtest bool
	cmd := &cobra.Command{
		Use:   "build",
		Short: "Build the cluster's programs that the cache lacks and print their folder",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			programs := build.Cluster()
			if envtest {
				programs = build.Envtest()
			}
			bin, err := ensurePrograms(cmd, programs, progress.New(os.Stderr))
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), bin)
			return err
		},
	}
	cmd.Flags().BoolVar(&envtest, "envtest", false,
		"build only what envtest needs and print the folder for KUBEBUILDER_ASSETS")
	return cmd
}

func ensurePrograms(cmd *cobra.Command, programs []build.Program, report *progress.Reporter) (string, error) {
	source, err := build.FindSource(".")
	if err != nil {
		return "", err
	}
	return build.Ensure(cmd.Context(), source, programs, report)
}

func newUpCommand(o *options) *cobra.Command {
	var up cluster.UpOptions
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start the cluster, or what of it does not run",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			report := progress.New(os.Stderr)
			if err := runPreflight(cmd, report); err != nil {
				return err
			}
			if _, err := ensurePrograms(cmd, build.Cluster(), report); err != nil {
				return err
			}
			cfg, err := o.config()
			if err != nil {
				return err
			}
			if err := cluster.New(cfg, report).Up(cmd.Context(), up); err != nil {
				return err
			}
			report.Printf("The cluster is up: export KUBECONFIG=%s", cfg.Kubeconfig())
			return nil
		},
	}
	cmd.Flags().IntVar(&o.nodes, "nodes", 0,
		fmt.Sprintf("number of nodes, up to %d, by default those that the cluster was started with, or %d", config.MaxNodes, config.DefaultNodes))
	cmd.Flags().StringVar(&up.Data, "data", "", "folder that the cluster gets as the read-only volume trainyard-data")
	cmd.Flags().BoolVar(&up.Metrics, "metrics", false, "run metrics-server too, for autoscaling by CPU and kubectl top")
	return cmd
}

func newDownCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "End everything that runs in the cluster and remove all of it; the built programs stay",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			c, err := o.cluster()
			if err != nil {
				return err
			}
			return c.Down()
		},
	}
}

func newKillCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "kill NODE",
		Short: "End a node that has no control plane as a power cut does; up starts it again",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			c, err := o.cluster()
			if err != nil {
				return err
			}
			return c.Kill(args[0])
		},
	}
}

func newLoadCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "load ARCHIVE...",
		Short: "Import image archives, as docker save or hack/images write them, into every node",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			c, err := o.cluster()
			if err != nil {
				return err
			}
			return c.Load(args)
		},
	}
}

func newKubeconfigCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "kubeconfig",
		Short: "Print the path of the administrator's kubeconfig",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := o.started()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), cfg.Kubeconfig())
			return err
		},
	}
}

func newRegistryCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "registry",
		Short: "Print the address of the cluster's image registry, which speaks plain HTTP",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := o.started()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), cfg.Registry())
			return err
		},
	}
}

func newExecCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "exec -- COMMAND [ARG...]",
		Short: "Run a command in the first node's network, mounts and DNS, with kubectl and ctr in its PATH",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			c, err := o.cluster()
			if err != nil {
				return err
			}
			return c.Exec(args)
		},
	}
}

func newStatusCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Print what runs of the cluster; fails unless all of it does",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.cluster()
			if err != nil {
				return err
			}
			return c.Status(cmd.Context(), cmd.OutOrStdout())
		},
	}
}

// newAgentCommand is what the cluster itself runs this program as.
func newAgentCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:    config.Agent,
		Short:  "Serve the image registry and keep the volumes",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.Open(o.name, o.subnet, o.nodes, "")
			if err != nil {
				return err
			}
			return agent.Run(cmd.Context(), cfg)
		},
	}
}
