// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Command release makes everything that a release consists of from a commit: images for several CPUs, the Helm chart, install.yaml, the kubectl
// plugin, lists of what is in the programs, where they come from, checksums and notes. The same commit gives the same bytes. It runs in the
// repository's root.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/trainyard-dev/trainyard/hack/release/internal/assemble"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := newCommand().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func newCommand() *cobra.Command {
	var o assemble.Options
	cmd := &cobra.Command{
		Use:           "release --version v1.2.3",
		Short:         "Make all files of a release from the commit that is checked out",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return assemble.Run(cmd.Context(), o, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&o.Version, "version", "", "version to release, such as v1.2.3 or v1.2.3-rc.1")
	cmd.Flags().StringVar(&o.Registry, "registry", "", "registry, and path in it, that the images will be pulled from")
	cmd.Flags().StringVar(&o.Out, "out", "out/release", "folder of the files; what is in it is removed")
	cmd.Flags().StringVar(&o.Helm, "helm", "bin/helm", "path of Helm")
	return cmd
}
