// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dashboard

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/trainyard-dev/trainyard/internal/plugin/browser"
	"github.com/trainyard-dev/trainyard/internal/plugin/cluster"
	"github.com/trainyard-dev/trainyard/internal/plugin/verb"
)

const (
	// interval is how often the cluster is read for each page that is open.
	interval = 2 * time.Second
	// headerTimeout bounds how long a request's headers may take.
	headerTimeout = 5 * time.Second
	defaultPort   = 8765
)

// New returns the verb.
func New(env verb.Env) verb.Verb {
	var port int
	var open bool
	command := &cobra.Command{
		Use:   "dashboard",
		Short: "Show a namespace on a web page of this machine",
		Long: "Serves a page on this machine that follows the ModelServers and TrainingRuns of a namespace: how they stand, the curves of a run, the\n" +
			"revisions, checks and traffic of a server. It only reads, as whoever kubectl is, and answers nobody from elsewhere. It ends with Ctrl-C.",
		Example: "  kubectl trainyard dashboard --open\n" +
			"  kubectl trainyard dashboard --namespace pets --port 0",
		Args: cobra.NoArgs,
	}
	command.Flags().IntVar(&port, "port", defaultPort, "Port on the loopback interface. 0 is any that is free.")
	command.Flags().BoolVar(&open, "open", false, "Open the page in the browser.")
	command.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := env.Flags.Connect()
		if err != nil {
			return err
		}
		return run(cmd.Context(), env, c, port, open)
	}
	return verb.Verb{Command: command, Rights: []verb.Right{
		verb.Need(verb.Group, verb.Servers, "get", "list"), verb.Need(verb.Group, verb.Runs, "get", "list"),
		verb.Want("pods", "", "pods", "list"), verb.Want("events", "", "events", "list"),
		verb.Want("endpoints", "discovery.k8s.io", "endpointslices", "list"),
		verb.Want("autoscaling", "autoscaling", "horizontalpodautoscalers", "get"),
		verb.Want("curves", "", "pods/log", "get"), verb.Want("traffic", "", "pods/proxy", "get"),
	}}
}

// run serves the page until ctx ends.
func run(ctx context.Context, env verb.Env, c *cluster.Cluster, port int, open bool) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return fmt.Errorf("--port %d: %w: choose another, or 0 for any that is free", port, err)
	}
	server := &http.Server{
		Handler:           newHandler(func(ctx context.Context, ref string) (View, error) { return gather(ctx, c, ref, env.Now()) }, interval),
		ReadHeaderTimeout: headerTimeout,
		BaseContext:       func(net.Listener) context.Context { return ctx }, // ends the streams
	}
	url := "http://" + listener.Addr().String() + "/"
	fmt.Fprintf(env.Out, "Namespace %s is shown at %s until Ctrl-C\n", c.Namespace, url)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	if open {
		if err := browser.Open(ctx, url); err != nil {
			fmt.Fprintf(env.ErrOut, "%v\n", err)
		}
	}
	select {
	case err := <-ended:
		return fmt.Errorf("serve %s: %w", url, err)
	case <-ctx.Done():
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), headerTimeout)
	defer cancel()
	return server.Shutdown(stopping)
}
