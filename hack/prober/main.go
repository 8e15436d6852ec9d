// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Command prober sends predictions to a Service and counts what comes back: one
// client with a fresh connection per request and some that keep theirs, none of
// which ever retries. GET /stats answers the counts as JSON.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/trainyard-dev/trainyard/hack/prober/probe"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "prober:", err)
		os.Exit(1)
	}
}

func run() error {
	var cfg probe.Config
	var listen string
	flag.StringVar(&cfg.URL, "url", "", "base URL of the Service, such as http://pets.default.svc")
	flag.DurationVar(&cfg.Interval, "interval", 20*time.Millisecond, "time between two requests on fresh connections, and on pooled ones")
	flag.DurationVar(&cfg.Timeout, "timeout", 30*time.Second, "time after which a request counts as failed")
	flag.IntVar(&cfg.Pooled, "pooled", 1, "number of clients that keep a connection each")
	flag.BoolVar(&cfg.PortsInTurn, "ports-in-turn", false, "fresh connections come from one source port after the other, none again within minutes")
	flag.StringVar(&listen, "listen", ":8080", "address of GET /stats")
	flag.Parse()
	if cfg.URL == "" {
		return errors.New("--url is missing: give the Service's base URL")
	}
	if cfg.Pooled < 1 {
		return fmt.Errorf("--pooled is %d: give at least 1", cfg.Pooled)
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	p, err := probe.Start(ctx, cfg)
	if err != nil {
		return err
	}
	server := &http.Server{Addr: listen, Handler: p, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	p.Wait()
	return nil
}
