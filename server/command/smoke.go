// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/server/internal/smoke"
)

// smokeFlags are the flags of a command that can do without a configuration.
type smokeFlags struct {
	contract.SmokeConfig
	samples, liveSamples, pictures  string
	agreement                       float64
	allowChance                     bool
	timeout, duration, delay, limit time.Duration
}

func smokeCommand() *cobra.Command {
	var (
		src   source
		flags smokeFlags
	)
	cmd := &cobra.Command{
		Use:   "smoke",
		Short: "Test servers of a model",
		Long: `Test servers of a model: whether they answer on every endpoint, whether they
answer what the model answered at training (integrity), and whether they
classify held-out samples well enough (quality). Every target must pass.

A table of the checks goes to stderr and the report, in JSON, to stdout.
The configuration is the JSON document of --config or of the environment
variable ` + contract.ConfigEnv + `; flags override its fields. Without a
configuration, flags and their defaults apply.

Exit codes:
  0   all checks passed
  7   a check failed
  3   the configuration is invalid
  75  no verdict: the checks could not be made, or servers were not reached and
      no answer was wrong`,
		Example: `  server smoke --url http://localhost:8080 --samples out/samples.tar
  server smoke --url http://localhost:8080 --pictures pets/test
  server smoke --url http://pets.default.svc --for 5m`,
		Args: cobra.NoArgs,
	}
	src.addFlags(cmd)
	flags.add(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		config := contract.SmokeConfig{Version: contract.Version, Attempts: 5, TimeoutSeconds: 120}
		err := src.read(&config)
		if err == nil {
			flags.override(cmd, &config)
			err = smoke.Validate(config)
		}
		if err != nil {
			return reportSmoke(cmd, &src, contract.SmokeReport{Message: err.Error()}, configError(err))
		}
		report, err := smoke.Run(cmd.Context(), config)
		switch {
		case err != nil:
			report.Message = err.Error()
			return reportSmoke(cmd, &src, report, &exitError{code: contract.ExitTemporary, err: err})
		case !report.Passed:
			err = &exitError{code: contract.ExitSmoke, err: errors.New("smoke test: " + report.Message)}
		}
		return reportSmoke(cmd, &src, report, err)
	}
	return cmd
}

// add adds the flags to those of a command.
func (f *smokeFlags) add(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.Targets, "url", nil, "Base `URL` of a server. May be repeated.")
	flags.StringVar(&f.samples, "samples", "", "Samples `file`, the samples.tar published with the model.")
	flags.StringVar(&f.liveSamples, "live-samples", "", "Samples `file`, the samples.tar published with the live model.")
	flags.StringVar(&f.pictures, "pictures", "", "Folder of class folders with pictures, or samples.tar `file`, to judge quality by instead of --samples.")
	flags.StringVar(&f.SHA256, "sha256", "", "SHA-256 that the served model must have, in hex. Empty accepts any model.")
	flags.StringVar(&f.Revision, "revision", "", "Revision that the server must report. Empty accepts any revision.")
	flags.Float64Var(&f.agreement, "min-agreement", 0, "Minimum share of samples classified as labeled. 0 accepts any share; by default, up to 0.10 below the score of the samples' own model.")
	flags.BoolVar(&f.allowChance, "allow-chance", false, "Accept a model that is no better than guessing by --pictures without a model's answers.")
	flags.DurationVar(&f.limit, "max-latency", 0, "Maximum median latency of a prediction. 0 accepts any latency.")
	flags.IntVar(&f.Attempts, "attempts", 5, "Number of attempts per check.")
	flags.DurationVar(&f.timeout, "timeout", 2*time.Minute, "Maximum duration of one round of all checks on one server.")
	flags.DurationVar(&f.delay, "delay", 0, "Delay before the first check.")
	flags.DurationVar(&f.duration, "for", 0, "Duration for which the checks are repeated. 0 makes them once.")
}

// override puts the flags that were given over the configuration.
func (f *smokeFlags) override(cmd *cobra.Command, config *contract.SmokeConfig) {
	for name, set := range map[string]func(){
		"url":           func() { config.Targets = f.Targets },
		"samples":       func() { config.Model = &contract.Samples{Path: f.samples} },
		"live-samples":  func() { config.Live = &contract.Samples{Path: f.liveSamples} },
		"pictures":      func() { config.Pictures = &contract.Samples{Path: f.pictures} },
		"sha256":        func() { config.SHA256 = f.SHA256 },
		"revision":      func() { config.Revision = f.Revision },
		"min-agreement": func() { config.MinAgreement = &f.agreement },
		"allow-chance":  func() { config.AllowChance = f.allowChance },
		"max-latency":   func() { config.MaxLatencyMillis = int(f.limit.Milliseconds()) },
		"attempts":      func() { config.Attempts = f.Attempts },
		"timeout":       func() { config.TimeoutSeconds = int(f.timeout.Seconds()) },
		"delay":         func() { config.DelaySeconds = int(f.delay.Seconds()) },
		"for":           func() { config.ForSeconds = int(f.duration.Seconds()) },
	} {
		if cmd.Flags().Changed(name) {
			set()
		}
	}
}

// reportSmoke prints a report, leaves it where the operator finds it, and returns err. A report that
// can't be left there is worth no more than none.
func reportSmoke(cmd *cobra.Command, src *source, report contract.SmokeReport, err error) error {
	if len(report.Checks) > 0 {
		if err := smoke.WriteTable(cmd.ErrOrStderr(), report); err != nil {
			return &exitError{code: contract.ExitTemporary, err: err}
		}
		printed, err := json.MarshalIndent(report, "", "  ")
		if err != nil {
			return &exitError{code: contract.ExitTemporary, err: err}
		}
		fmt.Fprintln(cmd.OutOrStdout(), string(printed))
	}
	data, writeErr := contract.EncodeSmokeReport(report)
	if writeErr == nil {
		writeErr = src.writeResult(data)
	}
	if writeErr != nil {
		return &exitError{code: contract.ExitTemporary, err: errors.Join(err, writeErr)}
	}
	return err
}
