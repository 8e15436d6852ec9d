// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cli is the command line of the runner. The same program runs on a laptop and in a Job: there the contract's
// environment variable holds the configuration, progress is served over HTTP, the log is JSON, and the result goes to
// the termination message.
package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/version"
	"github.com/trainyard-dev/trainyard/runner/internal/failure"
	"github.com/trainyard-dev/trainyard/runner/internal/logging"
	"github.com/trainyard-dev/trainyard/runner/internal/progress"
)

// logTailBytes of the log go into the result of a failed run.
const logTailBytes = 1024

// app is one call of the program.
type app struct {
	stdout, stderr io.Writer
	// inJob: the configuration comes from the environment, so results and progress are wanted.
	inJob      bool
	resultFile string
	started    bool // the command line could be read
	tail       *logging.Tail
	result     contract.TrainResult
}

// Main runs the program with its arguments and returns the exit code. SIGTERM and SIGINT stop it in good order; a
// second one ends it at once.
func Main(args []string, stdout, stderr io.Writer) int {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	defer signal.Stop(signals)
	go func() {
		select {
		case <-signals:
			signal.Stop(signals)
			if interactive(stderr) {
				fmt.Fprintln(stderr, "\nStopping; a training writes a checkpoint first. Ctrl-C again ends it at once.")
			}
			cancel(failure.ErrInterrupted)
		case <-ctx.Done():
		}
	}()

	return newApp(stdout, stderr).run(ctx, args)
}

// interactive tells whether a person reads what is written there.
func interactive(out io.Writer) bool {
	file, ok := out.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

func newApp(stdout, stderr io.Writer) *app {
	a := &app{
		stdout: stdout, stderr: stderr,
		inJob: os.Getenv(contract.ConfigEnv) != "",
		tail:  logging.NewTail(logTailBytes),
	}
	if _, err := os.Stat(contract.TerminationLog); a.inJob && err == nil {
		a.resultFile = contract.TerminationLog
	}
	return a
}

// run runs a command and leaves the result, whatever happens.
func (a *app) run(ctx context.Context, args []string) (exitCode int) {
	defer func() {
		if r := recover(); r != nil {
			err := fmt.Errorf("the program failed, which is an error in it: %v", r)
			fmt.Fprintf(io.MultiWriter(a.stderr, a.tail), "%v\n%s", err, debug.Stack())
			exitCode = a.finish(err)
		}
	}()
	root := a.rootCommand()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil && !a.started { // the command line is at fault
		err = failure.Config(err)
	}
	if err != nil {
		fmt.Fprintf(a.stderr, "runner: %v\n", err)
	}
	return a.finish(err)
}

// finish writes the result and returns the exit code for err.
func (a *app) finish(err error) int {
	code := contract.ExitOK
	if err != nil {
		var reason string
		reason, code = failure.Of(err)
		if a.result.Outcome == "" {
			a.result.Outcome, a.result.Reason, a.result.Message = contract.OutcomeFailed, reason, err.Error()
		}
		a.result.LogTail = a.tail.String()
	}
	if a.resultFile == "" || a.result.Outcome == "" {
		return code
	}
	encoded, err := contract.EncodeTrainResult(a.result)
	if err == nil {
		err = os.WriteFile(a.resultFile, encoded, 0o644)
	}
	if err != nil {
		fmt.Fprintf(a.stderr, "runner: write result: %v\n", err)
		if code == contract.ExitOK {
			return contract.ExitTemporary // published, but nobody knows: the next attempt says it again
		}
	}
	return code
}

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "runner",
		Short:         "Trains image classifiers and publishes them as ONNX models",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.AddCommand(a.trainCommand(), a.evaluateCommand(), a.quantizeCommand(), a.reportCommand(), a.generateCommand(), a.pullCommand(), a.pushCommand(), a.pruneCommand(), a.mlflowCommand(), &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		Run:   func(*cobra.Command, []string) { fmt.Fprintln(a.stdout, version.String()) },
	})
	return root
}

// action makes run what a command does.
func (a *app) action(run func(ctx context.Context) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		a.started = true
		return run(cmd.Context())
	}
}

// logger returns a logger of the given format, or of that which fits where the program runs if it is empty. The
// terminal, nil if there is none, is what a progress bar can be shown on.
func (a *app) logger(format string) (*slog.Logger, *progress.Terminal, error) {
	if format == "" {
		format = logging.Text
		if a.inJob {
			format = logging.JSON
		}
	}
	out := a.stderr
	var terminal *progress.Terminal
	if format == logging.Text && interactive(a.stderr) {
		terminal = progress.NewTerminal(a.stderr, time.Now)
		out = terminal
	}
	log, err := logging.New(io.MultiWriter(out, a.tail), format, terminal != nil)
	if err != nil {
		return nil, nil, failure.Config(err)
	}
	return log, terminal, nil
}
