// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Command deploy brings the cluster of kubectl's current context to a version of the operator by Helm, waits until it is ready, tries it with a model of its
// own, and goes back to the version before if any of it fails. It runs in the repository's root.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/trainyard-dev/trainyard/hack/deploy/internal/deploy"
	"github.com/trainyard-dev/trainyard/hack/deploy/internal/helm"
	"github.com/trainyard-dev/trainyard/hack/deploy/internal/trial"
	"github.com/trainyard-dev/trainyard/internal/plugin/cluster"
)

// Variables of the environment that a workflow sets.
const (
	// kubeconfigData is a kubeconfig, for a secret is a text and no file.
	kubeconfigData = "KUBECONFIG_DATA"
	// summaryFile is where GitHub wants what its page of a run says.
	summaryFile = "GITHUB_STEP_SUMMARY"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := newCommand().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "deploy:", err)
		os.Exit(1)
	}
}

func newCommand() *cobra.Command {
	var (
		release helm.Release
		server  string
	)
	cmd := &cobra.Command{
		Use:           "deploy",
		Short:         "Deploy the operator by Helm, try it, and roll back if it fails",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			remove, err := useKubeconfig()
			if err != nil {
				return err
			}
			defer remove()
			err = run(cmd.Context(), release, server, cmd.OutOrStdout())
			return errors.Join(err, summarize(os.Getenv(summaryFile), release, err))
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&release.Helm, "helm", "bin/helm", "path of Helm")
	flags.StringVar(&release.Chart, "chart", "dist/chart", "folder or package of the chart")
	flags.StringVar(&release.Namespace, "namespace", "trainyard-system", "namespace of the manager")
	flags.StringVar(&release.Registry, "registry", "", "registry, and path in it, of the images; empty for the chart's")
	flags.StringVar(&release.Tag, "tag", "", "tag of the images; empty for the chart's")
	flags.StringArrayVar(&release.Values, "values", nil, "file of further values; may be repeated")
	flags.DurationVar(&release.Timeout, "timeout", 5*time.Minute, "how long the manager may take to get ready, and then the trial")
	flags.StringVar(&server, "server", "bin/server", "path of the server program, whose smoke test is made")
	return cmd
}

func run(ctx context.Context, release helm.Release, server string, log io.Writer) error {
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(clientcmd.NewDefaultClientConfigLoadingRules(), nil).ClientConfig()
	if err != nil {
		return fmt.Errorf("read the kubeconfig, which KUBECONFIG names or %s is: %w", kubeconfigData, err)
	}
	c, err := cluster.New(config, release.Namespace)
	if err != nil {
		return err
	}
	checks := []deploy.Check{
		&trial.Servers{Cluster: c, Settle: release.Timeout},
		trial.Model{Cluster: c, Server: server, Timeout: release.Timeout, Log: log},
	}
	return deploy.Run(ctx, release, checks, log)
}

// useKubeconfig has everything here use the kubeconfig of the environment, if there is one, as long as this program runs.
func useKubeconfig() (remove func(), err error) {
	data := os.Getenv(kubeconfigData)
	if data == "" {
		return func() {}, nil
	}
	file, err := os.CreateTemp("", "kubeconfig-")
	if err != nil {
		return nil, err
	}
	remove = func() { os.Remove(file.Name()) }
	_, err = file.WriteString(data)
	if err := errors.Join(err, file.Close(), os.Setenv("KUBECONFIG", file.Name())); err != nil {
		remove()
		return nil, err
	}
	return remove, nil
}

// summarize writes how it went for the page of a run.
func summarize(path string, release helm.Release, failure error) error {
	if path == "" {
		return nil
	}
	text := fmt.Sprintf("Deployed %s of %s.\n", release.Tag, release.Registry)
	if failure != nil {
		text = fmt.Sprintf("**Not deployed: %s of %s.**\n\n```\n%v\n```\n", release.Tag, release.Registry, failure)
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}
