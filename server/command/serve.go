// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"github.com/trainyard-dev/trainyard/internal/classifier"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/memory"
	"github.com/trainyard-dev/trainyard/internal/processors"
	"github.com/trainyard-dev/trainyard/server/internal/httpapi"
	"github.com/trainyard-dev/trainyard/server/internal/reference"
	"github.com/trainyard-dev/trainyard/server/internal/serving"
)

// serveDefaults are for a laptop; in a cluster the configuration gives every value.
func serveDefaults() contract.ServeConfig {
	return contract.ServeConfig{
		Version: contract.Version,
		Name:    "model",
		Limits: contract.Limits{
			MaxBatch:             16,
			MaxBatchDelayMillis:  2,
			MaxBodyBytes:         10 << 20,
			MaxPixels:            50_000_000,
			RequestTimeoutMillis: 30_000,
		},
		LogRequests: true,
	}
}

func serveCommand(options Options) *cobra.Command {
	var (
		src     source
		flags   = serveDefaults()
		model   modelFlags
		access  accessFlags
		fetcher fetcher
		address string
		port    int
	)
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve a model over HTTP",
		Long: `Serve a model over HTTP: POST /predict takes an image and answers its class.
Open the server's address in a browser to try a picture.

The configuration is the JSON document of --config or of the environment
variable ` + contract.ConfigEnv + `; flags override its fields. Without a
configuration, flags and their defaults apply.

SIGTERM starts the drain: readiness fails, requests are served for the drain
delay with "Connection: close", then the server finishes the requests in flight
and exits with 0. Other exit codes:
  3   the configuration is invalid
  6   the model file is invalid or has another digest
  75  something outside the server failed, such as a volume without the model file yet,
      or a place that the model can't be fetched from`,
		Example: `  server serve --model out/model.onnx
  server serve --model resnet50.onnx --classes @imagenet_class_index.json
  server serve --model s3://models/cats-vs-dogs-1a2b3c4d/model.onnx
  curl -F file=@cat.jpg localhost:8080/predict`,
		Args: cobra.NoArgs,
	}
	src.addFlags(cmd)
	cmd.Flags().StringVar(&flags.Model.Path, "model", "", "ONNX `file` to serve, or the URI of one, which the program runner fetches: s3://, gs://, azblob://, https:// or oci://.")
	cmd.Flags().StringVar(&flags.Model.SHA256, "sha256", "", "SHA-256 that the model file must have, in hex. Empty accepts any file.")
	fetcher.add(cmd.Flags())
	model.add(cmd.Flags())
	access.add(cmd.Flags())
	cmd.Flags().StringVar(&flags.Name, "name", flags.Name, "Name of the model in the Open Inference Protocol.")
	cmd.Flags().StringVar(&address, "address", "", "Address to listen on. Empty listens on all addresses.")
	cmd.Flags().IntVar(&port, "port", contract.HTTPPort, "Port to listen on.")
	cmd.Flags().StringSliceVar(&flags.CORSOrigins, "cors-origin", nil, "An `origin` whose pages may read answers, such as https://pets.example, or * for all. May be repeated.")
	cmd.Flags().IntVar(&flags.Limits.Threads, "threads", 0, "Number of threads that compute a prediction. 0 means one per CPU.")
	cmd.Flags().IntVar(&flags.DrainDelaySeconds, "drain-delay", 0, "Number of `seconds` that requests are still accepted after SIGTERM.")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		config := serveDefaults()
		err := src.read(&config)
		if err == nil {
			overrideServe(cmd, &config, flags)
			model.override(cmd.Flags(), &config.Model)
			err = checkServe(config, port)
		}
		if err != nil {
			return reportServe(&src, configError(err))
		}
		fetcher.log = cmd.ErrOrStderr()
		return reportServe(&src, fetchAndServe(cmd.Context(), &fetcher, config, fmt.Sprintf("%s:%d", address, port), &access, options))
	}
	return cmd
}

// overrideServe puts the flags that were given over the configuration.
func overrideServe(cmd *cobra.Command, config *contract.ServeConfig, flags contract.ServeConfig) {
	for name, set := range map[string]func(){
		"model":       func() { config.Model.Path = flags.Model.Path },
		"sha256":      func() { config.Model.SHA256 = flags.Model.SHA256 },
		"name":        func() { config.Name = flags.Name },
		"threads":     func() { config.Limits.Threads = flags.Limits.Threads },
		"cors-origin": func() { config.CORSOrigins = flags.CORSOrigins },
		"drain-delay": func() { config.DrainDelaySeconds = flags.DrainDelaySeconds },
	} {
		if cmd.Flags().Changed(name) {
			set()
		}
	}
}

// modelName is what can stand in the path of a URL as it is.
var modelName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$`)

// origins are those of browsers: scheme, host and perhaps a port.
var origins = regexp.MustCompile(`^(\*|https?://[A-Za-z0-9.\-\[\]:]+)$`)

func checkServe(config contract.ServeConfig, port int) error {
	const maxPort = 65535
	switch {
	case config.Model.Path == "":
		return errors.New("model.path: must be set, on the command line with --model FILE")
	case config.Name == "":
		return errors.New("name: must be set")
	case !modelName.MatchString(config.Name):
		return fmt.Errorf("name: %q can't stand in a URL: use letters, digits, '.', '_' and '-'", config.Name)
	case port < 0 || port > maxPort:
		return fmt.Errorf("--port %d: must be from 0 to %d", port, maxPort)
	}
	for _, origin := range config.CORSOrigins {
		if !origins.MatchString(origin) {
			return fmt.Errorf("corsOrigins: %q is no origin: write it as https://pets.example or http://localhost:3000, or * for all", origin)
		}
	}
	return nil
}

// fetchAndServe serves a model of this machine or one that has to be fetched.
func fetchAndServe(
	ctx context.Context, fetcher *fetcher, config contract.ServeConfig, address string, access *accessFlags, options Options,
) error {
	if isRemote(config.Model.Path) {
		file, discard, err := fetcher.fetch(ctx, config.Model.Path, config.Model.SHA256)
		defer discard()
		switch {
		case ctx.Err() != nil: // stopped as asked
			return nil
		case err != nil:
			return err
		}
		config.Model.Path = file
	}
	return serve(ctx, config, address, access, fetcher.log, options)
}

func serve(ctx context.Context, config contract.ServeConfig, address string, access *accessFlags, log io.Writer, options Options) error {
	told, err := classifier.ReadTold(config.Model)
	switch {
	case errors.Is(err, fs.ErrNotExist): // its volume may be late
		return &exitError{code: contract.ExitTemporary, err: err}
	case err != nil:
		return configError(err)
	}
	processors.FollowQuota()
	limit := memory.Limit()
	memory.BoundHeap(limit)
	settings := httpapi.Config{
		Config: serving.Config{
			Name:        config.Name,
			Revision:    config.Revision,
			TrainingRun: config.Model.TrainingRun,
			Limits:      config.Limits,
			DecodeBytes: memory.ServingDecodeBudget(limit),
			DrainDelay:  time.Duration(config.DrainDelaySeconds) * time.Second,
			Logger:      slog.New(slog.NewJSONHandler(log, nil)),
		},
		Report: func(model *classifier.Model) (*reference.Report, error) {
			return reference.Read(config.Model.Path, model.SHA256)
		},
		Addr:        address,
		LogRequests: config.LogRequests,
		CORSOrigins: config.CORSOrigins,
		Wrap:        options.Wrap,
	}
	if err := access.apply(&settings); err != nil {
		return configError(err)
	}
	server, err := httpapi.New(settings, func(context.Context) (*classifier.Model, error) {
		return classifier.Load(config.Model.Path, config.Model.SHA256, classifier.Options{Told: told, Threads: config.Limits.Threads, Fastest: true})
	})
	if err != nil {
		return configError(err)
	}
	if err := access.profile(ctx, settings.Logger); err != nil {
		return &exitError{code: contract.ExitTemporary, err: err}
	}
	err = server.Start(ctx)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, classifier.ErrInvalid):
		return &exitError{code: contract.ExitArtifact, err: err}
	default:
		return &exitError{code: contract.ExitTemporary, err: err}
	}
}

// reportServe leaves the reason of a failure where the operator finds it.
func reportServe(src *source, err error) error {
	var exit *exitError
	if !errors.As(err, &exit) {
		return err
	}
	reason := map[int]string{
		contract.ExitConfig:   contract.ReasonConfigInvalid,
		contract.ExitArtifact: contract.ReasonArtifactInvalid,
	}[exit.code]
	data, encodeErr := contract.EncodeServeResult(contract.ServeResult{
		Outcome: contract.OutcomeFailed, Reason: reason, Message: err.Error(),
	})
	if encodeErr == nil {
		encodeErr = src.writeResult(data)
	}
	if encodeErr != nil {
		return &exitError{code: exit.code, err: errors.Join(err, encodeErr)}
	}
	return err
}
