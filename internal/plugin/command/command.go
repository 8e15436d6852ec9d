// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package command is the command line of the plugin: all verbs below one root.
package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/trainyard-dev/trainyard/internal/plugin/cluster"
	"github.com/trainyard-dev/trainyard/internal/plugin/dashboard"
	"github.com/trainyard-dev/trainyard/internal/plugin/doctor"
	"github.com/trainyard-dev/trainyard/internal/plugin/logs"
	"github.com/trainyard-dev/trainyard/internal/plugin/predict"
	"github.com/trainyard-dev/trainyard/internal/plugin/report"
	"github.com/trainyard-dev/trainyard/internal/plugin/scaffold"
	"github.com/trainyard-dev/trainyard/internal/plugin/status"
	"github.com/trainyard-dev/trainyard/internal/plugin/steer"
	"github.com/trainyard-dev/trainyard/internal/plugin/verb"
	"github.com/trainyard-dev/trainyard/internal/version"
)

// name is what people type.
const name = "kubectl trainyard"

// Main runs the plugin with its arguments and returns the exit code. A signal ends it in good order.
func Main(args []string, streams genericiooptions.IOStreams) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root, _ := New(streams)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintf(streams.ErrOut, "error: %v\n", err)
	var exit *verb.ExitError
	if errors.As(err, &exit) {
		return exit.Code
	}
	return 1
}

// New returns the root command and its verbs.
func New(streams genericiooptions.IOStreams) (*cobra.Command, []verb.Verb) {
	root := &cobra.Command{
		Use:   "kubectl-trainyard",
		Short: "Train image classifiers and keep them serving",
		Long: "Shows and steers TrainingRuns and ModelServers, as whoever kubectl is.\n\n" +
			"An object is named by NAME or KIND/NAME, such as modelserver/pets or trun/pets.",
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: name},
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.ErrOut)
	env := verb.Env{IOStreams: streams, Flags: cluster.NewFlags(), Now: time.Now}
	env.Flags.AddTo(root)
	verbs := slices.Concat(
		[]verb.Verb{status.New(env), dashboard.New(env), logs.New(env)},
		steer.New(env),
		[]verb.Verb{predict.New(env), report.New(env), scaffold.New(env)},
	)
	verbs = append(verbs, doctor.New(env, verbs))
	for _, v := range verbs {
		root.AddCommand(v.Command)
	}
	root.AddCommand(&cobra.Command{
		Use:   "version",
		Short: "Print the version of the plugin",
		Args:  cobra.NoArgs,
		Run:   func(*cobra.Command, []string) { fmt.Fprintln(streams.Out, version.String()) },
	})
	return root, verbs
}
