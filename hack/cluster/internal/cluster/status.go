// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// errNotUp is the error of a status that shows anything but a whole cluster.
var errNotUp = errors.New("the cluster is not up")

// Status prints the cluster's processes with their memory, and how many nodes are ready. It returns an
// error unless all that a cluster needs runs.
func (c *Cluster) Status(ctx context.Context, out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NODE\tCOMPONENT\tPID\tMEMORY")
	whole := true
	var total int64
	components := append(c.cfg.ControlPlane(), c.cfg.FirstNode()...)
	for _, n := range c.cfg.Workers() {
		components = append(components, n.Worker()...)
	}
	required := len(components)
	for i, component := range append(components, c.cfg.Metrics()) {
		p, ok := c.running(component)
		switch {
		case ok:
			total += p.Memory()
			fmt.Fprintf(w, "%s\t%s\t%d\t%s\n", component.Node.Name(), component.Name, p.PID, mebibytes(p.Memory()))
		case i < required:
			whole = false
			fmt.Fprintf(w, "%s\t%s\tnot running\t\n", component.Node.Name(), component.Name)
		}
	}
	fmt.Fprintf(w, "together\t\t\t%s\n", mebibytes(total))
	if err := w.Flush(); err != nil {
		return err
	}
	if !whole || !c.kubeconfigExists() {
		return errNotUp
	}
	return c.nodeStatus(ctx, out)
}

func (c *Cluster) nodeStatus(ctx context.Context, out io.Writer) error {
	const timeout = 5 * time.Second
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	client, err := c.client()
	if err != nil {
		return err
	}
	ready := 0
	for _, n := range c.nodes {
		ok, err := nodeReady(ctx, client, n.Name())
		if err != nil {
			return fmt.Errorf("%w: %w", errNotUp, err)
		}
		if ok {
			ready++
		}
	}
	pods, err := client.CoreV1().Pods("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\nAPI server  %s\nregistry    %s\nnodes ready %d of %d\npods        %d\n",
		c.cfg.APIServerURL(), c.cfg.Registry(), ready, len(c.nodes), len(pods.Items))
	if ready < len(c.nodes) {
		return errNotUp
	}
	return nil
}

func mebibytes(b int64) string {
	return fmt.Sprintf("%d MiB", b>>20)
}
