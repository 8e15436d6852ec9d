// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/runner/internal/failure"
	"github.com/trainyard-dev/trainyard/runner/internal/progress"
	"github.com/trainyard-dev/trainyard/runner/internal/tracking"
)

// mlflowFlags name the server that a run is recorded in.
func mlflowFlags(flags *pflag.FlagSet, m *contract.MLflow) {
	flags.StringVar(&m.URI, "mlflow-uri", "", "MLflow server to record the run in. Empty uses MLFLOW_TRACKING_URI, or none.")
	flags.StringVar(&m.Experiment, "mlflow-experiment", "", "Experiment in MLflow. Empty uses MLFLOW_EXPERIMENT_NAME, or MLflow's default.")
	flags.StringVar(&m.RunName, "mlflow-run-name", "", "Name of the run in MLflow. Empty uses --name.")
	flags.Var((*tags)(&m.Tags), "mlflow-tag", "Tag of the run in MLflow, such as team=pets. May be repeated.")
	flags.StringVar(&m.RegisteredModel, "mlflow-registered-model", "", "Registered model in MLflow to make the model a version of. Empty registers none.")
	flags.StringVar(&m.Workspace, "mlflow-workspace", "", "Workspace of the MLflow server. Empty uses MLFLOW_WORKSPACE, or its default.")
	flags.StringVar(&m.Credentials, "mlflow-credentials", "", "Folder with the files username and password, or token, for MLflow. Empty uses MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN.")
	flags.StringVar(&m.CABundle, "mlflow-ca-bundle", "", "PEM file with certificates that are trusted for MLflow besides the public ones. Empty uses MLFLOW_TRACKING_SERVER_CERT_PATH.")
}

// environmentMLflow is the server that the environment names, by the variables of MLflow's own client. In a Job the
// configuration says it, except for the workspace.
func (a *app) environmentMLflow() contract.MLflow {
	m := contract.MLflow{Workspace: os.Getenv("MLFLOW_WORKSPACE")}
	if !a.inJob {
		m.URI, m.Experiment = os.Getenv("MLFLOW_TRACKING_URI"), os.Getenv("MLFLOW_EXPERIMENT_NAME")
		m.CABundle = os.Getenv("MLFLOW_TRACKING_SERVER_CERT_PATH")
	}
	return m
}

// givenMLflow is the server that flags, a document or the environment name, or nil. What flags say of a server needs one.
func givenMLflow(m contract.MLflow, flags *pflag.FlagSet) (*contract.MLflow, error) {
	if m.URI != "" {
		return &m, nil
	}
	var err error
	flags.Visit(func(f *pflag.Flag) {
		if strings.HasPrefix(f.Name, "mlflow-") && f.Value.String() != "" {
			err = failure.Config(fmt.Errorf("--%s says more of a server that --mlflow-uri or MLFLOW_TRACKING_URI names: name one", f.Name))
		}
	})
	return nil, err
}

// recorder returns the observer that records a run in MLflow, or nil if it is to be recorded nowhere. What becomes of that is part
// of its progress.
func (a *app) recorder(cfg contract.TrainConfig, log *slog.Logger, tracker *progress.Tracker) *tracking.Tracker {
	if cfg.Tracking.MLflow == nil {
		return nil
	}
	return tracking.New(cfg, log, tracker.SetMLflow)
}

func (a *app) mlflowCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "mlflow",
		Short: "Bring what runs have recorded to MLflow",
	}
	command.AddCommand(a.mlflowSyncCommand())
	return command
}

func (a *app) mlflowSyncCommand() *cobra.Command {
	var (
		uri, logFormat string
		access         contract.Access
	)
	command := &cobra.Command{
		Use:   "sync FOLDER",
		Short: "Deliver what runs have recorded while their MLflow server was away",
		Long: "Delivers what runs that published to a folder, or kept their checkpoints in it, have not been able to tell their MLflow\n" +
			"server, and ends those that were killed. What the server has already changes nothing there.",
		Example: "  runner mlflow sync models\n  runner mlflow sync --uri http://localhost:5000 models",
		Args:    cobra.ExactArgs(1),
	}
	flags := command.Flags()
	flags.SortFlags = false
	flags.StringVar(&uri, "uri", "", "MLflow server. Empty uses MLFLOW_TRACKING_URI, or the one that each run names.")
	accessFlags(flags, &access)
	flags.StringVar(&logFormat, "log-format", "", "Format of the log: text or json.")
	command.RunE = func(cmd *cobra.Command, args []string) error {
		a.started = true
		environment := a.environmentMLflow()
		access.CABundle = cmp.Or(access.CABundle, environment.CABundle)
		return a.mlflowSync(cmd.Context(), args[0], cmp.Or(uri, environment.URI), access, logFormat)
	}
	return command
}

func (a *app) mlflowSync(ctx context.Context, folder, uri string, access contract.Access, logFormat string) error {
	log, _, err := a.logger(logFormat)
	if err != nil {
		return err
	}
	if uri != "" {
		if err := contract.CheckMLflowURI(uri); err != nil {
			return failure.Config(fmt.Errorf("MLflow's URI %w", err))
		}
	}
	synced, err := tracking.Sync(ctx, folder, uri, access, log)
	if errors.Is(err, tracking.ErrNothing) || errors.Is(err, os.ErrNotExist) {
		return failure.Config(err)
	}
	left := 0
	for _, run := range synced {
		switch {
		case run.Err != nil:
			left++
			fmt.Fprintf(a.stdout, "%s  not sent: %v\n", run.Spool, run.Err)
		case run.Reason != "":
			left++
			fmt.Fprintf(a.stdout, "%s  %s  %s: %s\n", run.Spool, run.URL, run.Reason, run.Message)
		default:
			fmt.Fprintf(a.stdout, "%s  %s  delivered\n", run.Spool, run.URL)
		}
	}
	if err == nil && left > 0 {
		err = fmt.Errorf("%d of %d runs are not whole in MLflow: see above", left, len(synced))
	}
	if err != nil {
		return failure.Temporary(err)
	}
	return nil
}

// tags is a flag of key=value pairs, a line each. Setting it again adds to it; String gives back what Set takes.
type tags map[string]string

// String implements pflag.Value.
func (t *tags) String() string {
	var pairs []string
	for _, key := range slices.Sorted(maps.Keys(*t)) {
		pairs = append(pairs, key+"="+(*t)[key])
	}
	return strings.Join(pairs, "\n")
}

// Set implements pflag.Value.
func (t *tags) Set(value string) error {
	added := maps.Clone(*t)
	if added == nil {
		added = tags{}
	}
	for pair := range strings.SplitSeq(value, "\n") {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return fmt.Errorf("%q: give a key and a value, such as team=pets", pair)
		}
		added[key] = value
	}
	*t = added
	return nil
}

// Type implements pflag.Value.
func (t *tags) Type() string { return "key=value" }
