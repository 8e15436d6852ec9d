// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package agent is the tool's own component of a running cluster: the image registry, and the care of the
// volumes.
package agent

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/trainyard-dev/trainyard/hack/cluster/internal/config"
	"github.com/trainyard-dev/trainyard/hack/cluster/internal/volume"
)

const (
	headerTimeout   = 10 * time.Second
	shutdownTimeout = 2 * time.Second
)

// Run serves until the context ends.
func Run(ctx context.Context, cfg *config.Config) error {
	rest, err := clientcmd.BuildConfigFromFlags("", cfg.KubeconfigFile(config.Agent))
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(rest)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	keeper := &volume.Keeper{Client: client, Dir: cfg.VolumesDir(), Nodes: cfg.AllNodes()}
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		keeper.Run(ctx)
	}()
	err = serveRegistry(ctx, cfg.Registry(), cfg.Path("registry"))
	cancel()
	<-kept
	return err
}

// serveRegistry serves an image registry over plain HTTP. Its layers are on disk, its manifests in memory.
func serveRegistry(ctx context.Context, addr, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	server := &http.Server{
		Addr: addr,
		Handler: registry.New(
			registry.WithBlobHandler(registry.NewDiskBlobHandler(dir)),
			registry.Logger(log.New(os.Stderr, "", log.LstdFlags)),
		),
		ReadHeaderTimeout: headerTimeout,
	}
	stopped := context.AfterFunc(ctx, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		_ = server.Shutdown(ctx) // the process ends right after
	})
	defer stopped()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the registry: %w", err)
	}
	return nil
}
