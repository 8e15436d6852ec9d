// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/runner/internal/failure"
	"github.com/trainyard-dev/trainyard/runner/internal/transfer"
)

func (a *app) pullCommand() *cobra.Command {
	var (
		file      contract.PullConfig
		logFormat string
	)
	command := &cobra.Command{
		Use:   "pull URI FILE",
		Short: "Fetch a model, verified",
		Long: "Fetches a file from s3://BUCKET/KEY, gs://BUCKET/KEY, azblob://CONTAINER/KEY, https://HOST/PATH or the OCI artifact\n" +
			"oci://REGISTRY/REPOSITORY:TAG. It appears whole and verified, or not at all. The file - is standard output.\n\n" +
			"In a pod, " + contract.ConfigEnv + " says what to fetch.",
		Example: "  runner pull s3://models/cats-vs-dogs-1a2b3c4d/model.onnx model.onnx --sha256 c241b9f8…\n" +
			"  runner pull oci://registry.example/models/pets:v1 pets.onnx",
		Args: cobra.RangeArgs(0, 2),
	}
	flags := command.Flags()
	flags.SortFlags = false
	flags.StringVar(&file.SHA256, "sha256", "", "SHA-256 that the file must have, in hex. Empty accepts any file.")
	accessFlags(flags, &file.Access)
	flags.StringVar(&logFormat, "log-format", "", "Format of the log: text, or json, which is the default in a pod.")
	command.RunE = func(cmd *cobra.Command, args []string) error {
		a.started = true
		if err := whatToPull(&file, args); err != nil {
			return failure.Config(err)
		}
		return a.pull(cmd.Context(), file, logFormat)
	}
	return command
}

// accessFlags add flags for how to reach what isn't on this machine.
func accessFlags(flags *pflag.FlagSet, access *contract.Access) {
	flags.StringVar(&access.Credentials, "credentials", "", "Folder with a file for each credential. Empty uses those of the environment.")
	flags.StringVar(&access.CABundle, "ca-bundle", "", "PEM file with certificates that are trusted besides the public ones.")
}

// whatToPull takes what to fetch from the command line or, without arguments, from the environment.
func whatToPull(file *contract.PullConfig, args []string) error {
	switch document := os.Getenv(contract.ConfigEnv); {
	case len(args) == 2:
		file.URI, file.Path = args[0], args[1]
	case len(args) == 0 && document != "":
		if err := contract.DecodeConfig([]byte(document), file); err != nil {
			return err
		}
	default:
		return errors.New("name what to fetch and the file to write, such as runner pull s3://models/pets/model.onnx model.onnx")
	}
	if file.Path == "" {
		return errors.New("path is empty: name the file to write")
	}
	return nil
}

func (a *app) pull(ctx context.Context, file contract.PullConfig, logFormat string) error {
	log, _, err := a.logger(logFormat)
	if err != nil {
		return err
	}
	if file.Path == standardOutput {
		return a.pullToStdout(ctx, transfer.NewClient(log), file)
	}
	digest, err := transfer.NewClient(log).Pull(ctx, file)
	if err != nil {
		return failure.Transfer(err)
	}
	if !a.inJob {
		fmt.Fprintf(a.stdout, "%s  %s\n", digest, file.Path)
	}
	return nil
}

// pullToStdout fetches into a file first, so that nothing is printed of what is refused or breaks off.
func (a *app) pullToStdout(ctx context.Context, client *transfer.Client, file contract.PullConfig) (err error) {
	folder, err := os.MkdirTemp("", "trainyard-pull-")
	if err != nil {
		return failure.Output(err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	file.Path = filepath.Join(folder, "file")
	if _, err := client.Pull(ctx, file); err != nil {
		return failure.Transfer(err)
	}
	fetched, err := os.Open(file.Path)
	if err != nil {
		return failure.Output(err)
	}
	_, err = io.Copy(a.stdout, fetched)
	return errors.Join(err, fetched.Close())
}
