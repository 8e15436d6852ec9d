// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"net/http"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

// metrics are a server's own, not the process's, so that several servers can live in one test.
type metrics struct {
	registry    *prometheus.Registry
	requests    *prometheus.CounterVec
	latency     *prometheus.HistogramVec
	predictions *prometheus.CounterVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: contract.ServerRequestsMetric, Help: "Inference requests answered, by endpoint and HTTP status.",
		}, []string{"endpoint", "status"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: contract.ServerLatencyMetric, Help: "Time from the first byte of an inference request to its answer.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"endpoint"}),
		predictions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: contract.ServerPredictionsMetric, Help: "Images classified, by predicted class.",
		}, []string{"predicted_class"}),
	}
	m.registry.MustRegister(
		m.requests, m.latency, m.predictions,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	// A series that exists from the start has a rate from its first increment on.
	for _, endpoint := range inferenceEndpoints {
		m.requests.WithLabelValues(endpoint, "200")
		m.latency.WithLabelValues(endpoint)
	}
	return m
}

// metricsHandler answers the metrics, with a series for each class from the first scrape after the model was loaded.
func (s *Server) metricsHandler() http.Handler {
	var classes sync.Once
	handler := promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{Registry: s.metrics.registry})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if model, err := s.service.Model(); err == nil {
			classes.Do(func() {
				for _, class := range model.Classes {
					s.metrics.predictions.WithLabelValues(class)
				}
			})
		}
		handler.ServeHTTP(w, r)
	})
}
