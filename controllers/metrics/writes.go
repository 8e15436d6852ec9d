// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

var apiWrites = prometheus.NewCounterVec(prometheus.CounterOpts{
	Name: "trainyard_api_writes_total",
	Help: "Writes of the controllers to the API server, by the object's kind, the subresource if it is one, the verb and the result: Written, Conflict with another writer, or Error. Dry runs and events aren't counted.",
}, []string{"kind", "subresource", "verb", "result"})

func init() { metrics.Registry.MustRegister(apiWrites) }

// CountWrites returns a client that counts its creates, patches and deletes, and those of
// status; the controllers write in no other way.
func CountWrites(c client.Client) client.Client { return countingClient{c} }

type countingClient struct{ client.Client }

// count counts a write that was answered with err.
func count(c client.Client, object client.Object, subresource, verb string, err error) {
	kind := "unknown"
	if gvk, kindErr := c.GroupVersionKindFor(object); kindErr == nil {
		kind = gvk.Kind
	}
	result := "Error"
	switch {
	case err == nil:
		result = "Written"
	case apierrors.IsConflict(err):
		result = "Conflict"
	}
	apiWrites.WithLabelValues(kind, subresource, verb, result).Inc()
}

// Create implements client.Client.
func (c countingClient) Create(ctx context.Context, object client.Object, options ...client.CreateOption) error {
	err := c.Client.Create(ctx, object, options...)
	if len((&client.CreateOptions{}).ApplyOptions(options).DryRun) == 0 {
		count(c, object, "", "create", err)
	}
	return err
}

// Patch implements client.Client.
func (c countingClient) Patch(ctx context.Context, object client.Object, patch client.Patch, options ...client.PatchOption) error {
	err := c.Client.Patch(ctx, object, patch, options...)
	if len((&client.PatchOptions{}).ApplyOptions(options).DryRun) == 0 {
		count(c, object, "", "patch", err)
	}
	return err
}

// Delete implements client.Client.
func (c countingClient) Delete(ctx context.Context, object client.Object, options ...client.DeleteOption) error {
	err := c.Client.Delete(ctx, object, options...)
	count(c, object, "", "delete", err)
	return err
}

// Status implements client.Client.
func (c countingClient) Status() client.SubResourceWriter {
	return countingStatus{c.Client.Status(), c.Client}
}

type countingStatus struct {
	client.SubResourceWriter
	client client.Client
}

// Patch implements client.SubResourceWriter.
func (c countingStatus) Patch(ctx context.Context, object client.Object, patch client.Patch, options ...client.SubResourcePatchOption) error {
	err := c.SubResourceWriter.Patch(ctx, object, patch, options...)
	count(c.client, object, "status", "patch", err)
	return err
}
