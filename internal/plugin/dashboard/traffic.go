// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dashboard

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/plugin/cluster"
	"github.com/trainyard-dev/trainyard/internal/plugin/status"
)

// Traffic is what the live pods of a server say of their requests.
type Traffic struct {
	// Pods is how many have answered.
	Pods int `json:"pods"`
	// RequestsPerSecond is over the last minute, of all pods together.
	RequestsPerSecond float64 `json:"requestsPerSecond"`
	Requests          int64   `json:"requests"`
	Failures          int64   `json:"failures"`
	// P50Millis and P99Millis are those of the slowest pod: quantiles of several can't be added up.
	P50Millis float64 `json:"p50Millis"`
	P99Millis float64 `json:"p99Millis"`
	// Predictions counts images by predicted class.
	Predictions map[string]int64 `json:"predictions"`
}

// stats is what is read of a pod's /stats.
type stats struct {
	Requests          int64            `json:"requests"`
	Failures          int64            `json:"failures"`
	RequestsPerSecond float64          `json:"requestsPerSecond"`
	Predictions       map[string]int64 `json:"predictions"`
	Latency           struct {
		P50Millis float64 `json:"p50Millis"`
		P99Millis float64 `json:"p99Millis"`
	} `json:"latency"`
}

const (
	// statsTimeout bounds how long a pod may take to answer.
	statsTimeout = 2 * time.Second
	// askedTogether is how many pods are asked at the same time.
	askedTogether = 8
)

// readTraffic asks the live pods of a server, through the API server.
func readTraffic(ctx context.Context, c *cluster.Cluster, server status.Server) (*Traffic, []string) {
	live := server.Object.Status.Live
	if live == nil {
		return nil, nil
	}
	answers := make([]*stats, len(server.Pods))
	errs := make([]error, len(server.Pods))
	var group errgroup.Group
	group.SetLimit(askedTogether)
	for i, pod := range server.Pods {
		if pod.Revision == live.Revision && pod.Ready {
			group.Go(func() error {
				answers[i], errs[i] = askStats(ctx, c, pod.Name)
				return nil
			})
		}
	}
	_ = group.Wait() // errors are each pod's own
	var unread []string
	for i, err := range errs {
		switch {
		case apierrors.IsForbidden(err):
			return nil, []string{fmt.Sprintf("traffic: you may not ask pods through the API server in namespace %s", c.Namespace)}
		case err != nil:
			unread = append(unread, fmt.Sprintf("traffic of pod %s: %v", server.Pods[i].Name, err))
		}
	}
	return sum(answers), unread
}

func askStats(ctx context.Context, c *cluster.Cluster, pod string) (*stats, error) {
	ctx, cancel := context.WithTimeout(ctx, statsTimeout)
	defer cancel()
	body, err := c.Clientset.CoreV1().Pods(c.Namespace).
		ProxyGet("http", pod, strconv.Itoa(contract.HTTPPort), contract.StatsPath, nil).DoRaw(ctx)
	if err != nil {
		return nil, err
	}
	answer := &stats{}
	if err := json.Unmarshal(body, answer); err != nil {
		return nil, fmt.Errorf("read its answer: %w", err)
	}
	return answer, nil
}

// sum adds up what pods have answered, nil for those that haven't.
func sum(answers []*stats) *Traffic {
	total := &Traffic{Predictions: map[string]int64{}}
	for _, a := range answers {
		if a == nil {
			continue
		}
		total.Pods++
		total.RequestsPerSecond += a.RequestsPerSecond
		total.Requests += a.Requests
		total.Failures += a.Failures
		total.P50Millis = max(total.P50Millis, a.Latency.P50Millis)
		total.P99Millis = max(total.P99Millis, a.Latency.P99Millis)
		for class, n := range a.Predictions {
			total.Predictions[class] += n
		}
	}
	if total.Pods == 0 {
		return nil
	}
	return total
}
