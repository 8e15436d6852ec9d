// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/runner/internal/failure"
	"github.com/trainyard-dev/trainyard/runner/internal/transfer"
)

func (a *app) pushCommand() *cobra.Command {
	var (
		access    contract.Access
		logFormat string
	)
	command := &cobra.Command{
		Use:   "push PATH URI",
		Short: "Push a model to a registry as an OCI artifact",
		Long: "Pushes a model file, or all files of the folder that runner train published, to oci://REGISTRY/REPOSITORY:TAG, and\n" +
			"prints the artifact's URI by digest. Any OCI client reads it, such as oras pull.\n\n" +
			"Credentials are those of docker login, unless --credentials names a folder.",
		Example: "  runner push models/cats-vs-dogs-1a2b3c4d oci://registry.example/models/pets:v1\n" +
			"  runner push pets.onnx oci://localhost:5000/pets:v1",
		Args: cobra.ExactArgs(2),
	}
	flags := command.Flags()
	flags.SortFlags = false
	accessFlags(flags, &access)
	flags.StringVar(&logFormat, "log-format", "", "Format of the log: text, or json, which is the default in a pod.")
	command.RunE = func(cmd *cobra.Command, args []string) error {
		a.started = true
		return a.push(cmd.Context(), args[0], args[1], access, logFormat)
	}
	return command
}

func (a *app) push(ctx context.Context, path, uri string, access contract.Access, logFormat string) error {
	log, _, err := a.logger(logFormat)
	if err != nil {
		return err
	}
	pushed, err := transfer.NewClient(log).Push(ctx, path, uri, access)
	if err != nil {
		return failure.Transfer(err)
	}
	fmt.Fprintln(a.stdout, pushed)
	return nil
}
