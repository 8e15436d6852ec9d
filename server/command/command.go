// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package command is the command line of the inference server, which programs that wrap it share.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/version"
)

// Options are what a program that embeds the server may change.
type Options struct {
	// Wrap, if set, goes around the server's routes.
	Wrap func(http.Handler) http.Handler
}

// Run runs the command line and returns the process's exit code, one of the contract's.
// SIGTERM and SIGINT end it gracefully; the second one ends it at once.
func Run(args []string, options Options) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	go func() {
		<-ctx.Done()
		stop() // the next signal has its default effect
	}()
	return run(ctx, args, os.Stdout, os.Stderr, options)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer, options Options) int {
	root := &cobra.Command{
		Use:           "server",
		Short:         "Serve an image classifier, or test servers that do",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.AddCommand(serveCommand(options), smokeCommand(), &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), version.String())
			return err
		},
	})
	err := root.ExecuteContext(ctx)
	if err == nil {
		return contract.ExitOK
	}
	fmt.Fprintln(stderr, "error:", err)
	var exit *exitError
	if errors.As(err, &exit) {
		return exit.code
	}
	return contract.ExitConfig // cobra's own: an unknown command or flag
}

// exitError is an error with the exit code that the contract gives it.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func configError(err error) error {
	return &exitError{code: contract.ExitConfig, err: fmt.Errorf("invalid configuration: %w", err)}
}
