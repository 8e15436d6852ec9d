// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strconv"
	"time"

	"github.com/spf13/pflag"

	"github.com/trainyard-dev/trainyard/server/internal/guard"
	"github.com/trainyard-dev/trainyard/server/internal/httpapi"
)

// accessFlags say who may reach a server, and how. Without any, everybody may.
type accessFlags struct {
	certificate, key string
	tokens           string
	rate             float64
	debugPort        int
}

// add adds the flags to those of a command.
func (f *accessFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.certificate, "tls-cert", "", "PEM `file` with the certificate chain to serve TLS with. It is read again when it changes.")
	flags.StringVar(&f.key, "tls-key", "", "PEM `file` with the certificate's private key.")
	flags.StringVar(&f.tokens, "tokens", "", "A `file` with a bearer token a line, one of which requests must have, except those for health. It is read again when it changes.")
	flags.Float64Var(&f.rate, "rate-limit", 0, "Number of predictions a second that a client may ask for. 0 sets no limit.")
	flags.IntVar(&f.debugPort, "debug-port", 0, "Port of the loopback address to answer Go's profiler on. 0 answers none.")
}

// apply makes what the flags ask for a part of a server's configuration.
func (f *accessFlags) apply(config *httpapi.Config) error {
	if (f.certificate == "") != (f.key == "") {
		return errors.New("--tls-cert and --tls-key: set both or neither")
	}
	if f.rate < 0 {
		return fmt.Errorf("--rate-limit %v: must not be negative", f.rate)
	}
	var err error
	if f.certificate != "" {
		if config.TLS, err = guard.TLS(f.certificate, f.key, config.Logger); err != nil {
			return fmt.Errorf("--tls-cert, --tls-key: %w", err)
		}
	}
	if f.tokens != "" {
		if config.Guards.Tokens, err = guard.ReadTokens(f.tokens, config.Logger); err != nil {
			return fmt.Errorf("--tokens: %w", err)
		}
	}
	if f.rate > 0 {
		config.Guards.Rate = guard.NewRate(f.rate)
	}
	return nil
}

// profile answers the profiler's requests from this machine until ctx ends.
func (f *accessFlags) profile(ctx context.Context, log *slog.Logger) error {
	if f.debugPort == 0 {
		return nil
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(f.debugPort)))
	if err != nil {
		return fmt.Errorf("--debug-port: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	log.Info("Answering the profiler", "address", listener.Addr().String())
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("The profiler is not answered any more", "error", err)
		}
	}()
	return nil
}
