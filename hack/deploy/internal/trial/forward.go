// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"context"
	"fmt"
	"io"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/plugin/cluster"
)

// forwarding is a port of this machine behind which a pod is.
type forwarding struct {
	url  string
	stop func()
}

// forward opens a port to a pod of the trial's server, as kubectl port-forward does.
func forward(ctx context.Context, c *cluster.Cluster, namespace string) (forwarding, error) {
	pod, err := livePod(ctx, c, namespace)
	if err != nil {
		return forwarding{}, err
	}
	roundTripper, upgrader, err := spdy.RoundTripperFor(c.Config)
	if err != nil {
		return forwarding{}, err
	}
	url := c.Clientset.CoreV1().RESTClient().Post().Namespace(namespace).Resource("pods").Name(pod).SubResource("portforward").URL()
	dialer := spdy.NewDialer(upgrader, &http.Client{Transport: roundTripper}, http.MethodPost, url)
	stop, ready, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	f, err := portforward.New(dialer, []string{fmt.Sprintf("0:%d", contract.HTTPPort)}, stop, ready, io.Discard, io.Discard)
	if err != nil {
		return forwarding{}, err
	}
	go func() { ended <- f.ForwardPorts() }()
	select {
	case <-ready:
	case err := <-ended:
		return forwarding{}, fmt.Errorf("forward a port to Pod %s: %w", pod, err)
	case <-ctx.Done():
		close(stop)
		return forwarding{}, ctx.Err()
	}
	ports, err := f.GetPorts()
	if err != nil {
		close(stop)
		return forwarding{}, err
	}
	end := func() {
		close(stop)
		<-ended //nolint:errcheck // it was asked to end
	}
	return forwarding{fmt.Sprintf("http://127.0.0.1:%d", ports[0].Local), end}, nil
}

// livePod is a ready pod that the Service of the trial's server selects.
func livePod(ctx context.Context, c *cluster.Cluster, namespace string) (string, error) {
	service := &corev1.Service{}
	if err := c.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: serverName}, service); err != nil {
		return "", err
	}
	pods := &corev1.PodList{}
	if err := c.Client.List(ctx, pods, client.InNamespace(namespace), client.MatchingLabels(service.Spec.Selector)); err != nil {
		return "", err
	}
	for _, pod := range pods.Items {
		for _, condition := range pod.Status.Conditions {
			if condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue {
				return pod.Name, nil
			}
		}
	}
	return "", fmt.Errorf("no ready pod is behind Service %s/%s", namespace, serverName)
}
