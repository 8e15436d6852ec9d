// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Command cluster runs a real Kubernetes cluster of one or a few nodes on this machine, built from Go modules, without
// Docker. See docs/local-cluster.md.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/trainyard-dev/trainyard/hack/cluster/internal/config"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := newCommand().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func newCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:           "cluster",
		Short:         "A real Kubernetes cluster on this machine, without Docker",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	var o options
	cmd.PersistentFlags().StringVar(&o.name, "name", config.DefaultName, "name of the cluster")
	cmd.PersistentFlags().StringVar(&o.subnet, "subnet", "",
		"network of the cluster's addresses, a /16, by default "+config.DefaultSubnet+"; two clusters at a time need two")
	cmd.AddCommand(
		newPreflightCommand(), newBuildCommand(), newUpCommand(&o), newDownCommand(&o), newKillCommand(&o), newLoadCommand(&o),
		newKubeconfigCommand(&o), newRegistryCommand(&o), newExecCommand(&o), newStatusCommand(&o), newAgentCommand(&o),
	)
	return cmd
}
