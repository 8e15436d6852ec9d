// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package progress

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

// Handler serves the tracker's progress, health and Prometheus metrics.
func Handler(tracker *Tracker, log *slog.Logger) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collector{tracker},
	)
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+contract.ProgressPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(tracker.Snapshot()); err != nil {
			log.Debug("Answer to a progress request not written", "error", err)
		}
	})
	mux.HandleFunc("GET "+contract.HealthPath, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusOK)
	})
	mux.Handle("GET "+contract.MetricsPath, promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return mux
}

// Serve serves handler on address until ctx ends. It returns the address that it listens on, at once; an error if it
// can't.
func Serve(ctx context.Context, address string, handler http.Handler, log *slog.Logger) (net.Addr, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("serve progress: %w", err)
	}
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
	}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("Progress is no longer served", "error", err)
		}
	}()
	return listener.Addr(), nil
}

// collector shows the progress to Prometheus.
type collector struct{ tracker *Tracker }

var (
	progressDesc   = prometheus.NewDesc("trainyard_training_progress_ratio", "Progress of the run, 0 to 1.", nil, nil)
	epochDesc      = prometheus.NewDesc("trainyard_training_epoch", "The current epoch, from 1.", nil, nil)
	stepsDesc      = prometheus.NewDesc("trainyard_training_steps_total", "Optimizer steps done, over all epochs and restarts.", nil, nil)
	imagesDesc     = prometheus.NewDesc("trainyard_training_images_total", "Images trained on since this process started.", nil, nil)
	metricDesc     = prometheus.NewDesc("trainyard_training_metric", "The newest metrics, on the validation split while training and on the test split after.", []string{"metric"}, nil)
	checkpointDesc = prometheus.NewDesc("trainyard_training_checkpoint_step", "Step of the last checkpoint.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c collector) Describe(descs chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, descs) }

// Collect implements prometheus.Collector.
func (c collector) Collect(metrics chan<- prometheus.Metric) {
	p := c.tracker.Snapshot()
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	counter := func(desc *prometheus.Desc, value float64) {
		metrics <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, value)
	}
	gauge(progressDesc, float64(p.Percent)/100)
	gauge(epochDesc, float64(p.Epoch))
	counter(stepsDesc, float64(p.Step))
	counter(imagesDesc, float64(c.tracker.Images()))
	for _, m := range p.Metrics {
		gauge(metricDesc, m.Value, m.Name)
	}
	if p.Checkpoint != nil {
		gauge(checkpointDesc, float64(p.Checkpoint.Step))
	}
}
