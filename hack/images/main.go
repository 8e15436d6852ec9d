// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Command images packs this repository's programs into container images and delivers them to a registry or
// a cluster, without a Docker engine.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/trainyard-dev/trainyard/hack/images/internal/compile"
	"github.com/trainyard-dev/trainyard/hack/images/internal/deliver"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := newCommand().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "images:", err)
		os.Exit(1)
	}
}

func newCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:           "images",
		Short:         "Build this repository's container images without Docker",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	cmd.AddCommand(newBuildCommand(), newPushCommand(), newLoadCommand())
	return cmd
}

func newBuildCommand() *cobra.Command {
	var o compile.Options
	cmd := &cobra.Command{
		Use:     "build NAME=PACKAGE...",
		Short:   "Build an image of each main package and write it to DIR/NAME.tar",
		Example: "  images build -o bin/images trainyard-manager=. trainyard-runner=./runner",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			targets, err := compile.ParseTargets(args)
			if err != nil {
				return err
			}
			return compile.Build(cmd.Context(), o, targets, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVarP(&o.Dir, "output", "o", "bin/images", "folder of the archives")
	cmd.Flags().StringVar(&o.Registry, "registry", "trainyard.local", "registry, and path in it, that the images' names begin with")
	cmd.Flags().StringVar(&o.Version, "version", "", "version that the programs say is theirs")
	cmd.Flags().StringVar(&o.Architecture, "arch", runtime.GOARCH, "architecture of the CPUs that the programs run on: amd64, arm64, …")
	cmd.Flags().StringToIntVar(&o.MaxMegabytes, "max-mb", nil, "greatest compressed sizes in MB by NAME, such as trainyard-server=12; a larger image is an error")
	cmd.Flags().StringVar(&o.Tag, "tag", "dev", "tag of the images")
	return cmd
}

func newPushCommand() *cobra.Command {
	var tags []string
	cmd := &cobra.Command{
		Use:   "push ARCHIVE...",
		Short: "Push each archive's image to the registry that its name begins with",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return deliver.Push(cmd.Context(), args, tags, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringArrayVar(&tags, "tag", nil, "further tag of each image; may be repeated")
	return cmd
}

func newLoadCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "load ARCHIVE...",
		Short: "Load each archive into the kind or minikube cluster of kubectl's current context",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return deliver.Load(cmd.Context(), args, cmd.OutOrStdout())
		},
	}
}
