// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package helm deploys the chart. Helm keeps each revision in the cluster with all its objects, so that the way back needs nothing but the cluster.
package helm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// release is the name of the installation.
const release = "trainyard"

// Release is the chart in a namespace of a cluster, kubectl's current one.
type Release struct {
	// Helm is the path of the program.
	Helm string
	// Chart is its folder, or a package.
	Chart string
	// Namespace of the manager.
	Namespace string
	// Registry and Tag of the images; empty for those of the chart.
	Registry, Tag string
	// Values are files of the site's values.
	Values []string
	// Timeout bounds each change of the cluster.
	Timeout time.Duration
}

func (r Release) run(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, r.Helm, append(args, "--namespace", r.Namespace)...).Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = errors.New(strings.TrimSpace(string(exit.Stderr)))
		}
		return "", fmt.Errorf("helm %s: %w", args[0], err)
	}
	return string(out), nil
}

// Current is the revision that is deployed.
func (r Release) Current(ctx context.Context) (int, error) {
	out, err := r.run(ctx, "list", "--deployed", "--filter", "^"+release+"$", "--output", "json")
	if err != nil {
		return 0, err
	}
	return revision([]byte(out))
}

// revision reads a list of at most one release.
func revision(list []byte) (int, error) {
	var releases []struct{ Revision string }
	if err := json.Unmarshal(list, &releases); err != nil {
		return 0, fmt.Errorf("read what helm lists: %w", err)
	}
	if len(releases) == 0 {
		return 0, nil
	}
	return strconv.Atoi(releases[0].Revision)
}

// Install installs or upgrades the chart and waits until all of it is ready.
func (r Release) Install(ctx context.Context) error {
	_, err := r.run(ctx, r.installArgs()...)
	return err
}

func (r Release) installArgs() []string {
	args := []string{"upgrade", "--install", release, r.Chart, "--create-namespace", "--wait", "--timeout", r.Timeout.String()}
	for _, file := range r.Values {
		args = append(args, "--values", file)
	}
	if r.Registry != "" {
		args = append(args, "--set-string", "images.registry="+r.Registry)
	}
	if r.Tag != "" {
		args = append(args, "--set-string", "images.tag="+r.Tag)
	}
	return args
}

// Back returns to a revision, or removes what was installed where there was nothing. CustomResourceDefinitions, and so what users have, stay.
func (r Release) Back(ctx context.Context, revision int) error {
	if revision == 0 {
		_, err := r.run(ctx, "uninstall", release, "--ignore-not-found", "--wait", "--timeout", r.Timeout.String())
		return err
	}
	_, err := r.run(ctx, "rollback", release, strconv.Itoa(revision), "--wait", "--timeout", r.Timeout.String())
	return err
}
