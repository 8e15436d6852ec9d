// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"net/http"
	"strconv"
	"sync"
	"time"

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
	rejections  *prometheus.CounterVec
	stages      *prometheus.HistogramVec
	batches     prometheus.Histogram
	predictions *prometheus.CounterVec
	confidence  prometheus.Histogram
	feedback    *prometheus.CounterVec

	// classes has a series for each class made once the model is loaded.
	classes sync.Once
}

// newMetrics returns the metrics of requests to endpoints, which may be refused with codes.
func newMetrics(endpoints, codes []string) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: contract.ServerRequestsMetric, Help: "Inference requests answered, by endpoint and HTTP status.",
		}, []string{"endpoint", "status"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: contract.ServerLatencyMetric, Help: "Time from the first byte of an inference request to its answer.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"endpoint"}),
		rejections: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "inference_requests_rejected_total", Help: "Inference requests answered with a problem, by its code.",
		}, []string{"reason"}),
		stages: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "inference_stage_duration_seconds",
			Help:    "Time that an inference request spent in a stage: read (the body arrives), decode (with resizing), preprocess, queue, infer, encode (the answer).",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"stage"}),
		batches: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "inference_batch_images", Help: "Images that were computed together with those of an inference request, its own included.",
			Buckets: []float64{1, 2, 4, 8, 16, 32, 64, 128},
		}),
		predictions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: contract.ServerPredictionsMetric, Help: "Images classified, by predicted class.",
		}, []string{"predicted_class"}),
		confidence: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "prediction_confidence", Help: "Probability of the predicted class.",
			Buckets: []float64{.1, .2, .3, .4, .5, .6, .7, .8, .9, .95, .99, 1},
		}),
	}
	m.feedback = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "prediction_feedback_total", Help: "Requests that were given a label, by that label and by whether they were answered right or wrong.",
	}, []string{"label", "result"})
	m.registry.MustRegister(
		m.requests, m.latency, m.rejections, m.stages, m.batches, m.predictions, m.confidence, m.feedback,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	// A series that exists from the start has a rate from its first increment on.
	for _, endpoint := range endpoints {
		m.requests.WithLabelValues(endpoint, "200")
		m.latency.WithLabelValues(endpoint)
	}
	for _, code := range codes {
		m.rejections.WithLabelValues(code)
	}
	for _, stage := range stages {
		m.stages.WithLabelValues(stage.name)
	}
	return m
}

// stages are those of a request, in their order.
var stages = []struct {
	name string
	took func(*Request) time.Duration
}{
	{"read", func(r *Request) time.Duration { return r.Read }},
	{"decode", func(r *Request) time.Duration { return r.Timings.Decode }},
	{"preprocess", func(r *Request) time.Duration { return r.Timings.Preprocess }},
	{"queue", func(r *Request) time.Duration { return r.Timings.Queue }},
	{"infer", func(r *Request) time.Duration { return r.Timings.Infer }},
	{"encode", func(r *Request) time.Duration { return r.Encode }},
}

func (m *metrics) add(r *Request) {
	m.requests.WithLabelValues(r.Endpoint, strconv.Itoa(r.Status)).Inc()
	const millis = 1000
	m.latency.WithLabelValues(r.Endpoint).Observe(r.LatencyMillis / millis)
	if r.Code != "" {
		m.rejections.WithLabelValues(r.Code).Inc()
	}
	for _, stage := range stages {
		if took := stage.took(r); took > 0 { // else the request didn't come that far
			m.stages.WithLabelValues(stage.name).Observe(took.Seconds())
		}
	}
	if n := r.Timings.BatchImages; n > 0 {
		m.batches.Observe(float64(n))
	}
	for _, p := range r.Predictions {
		m.predictions.WithLabelValues(p.Class).Inc()
		m.confidence.Observe(p.Confidence)
	}
}

func (m *metrics) nameClasses(classes []string) {
	m.classes.Do(func() {
		for _, class := range classes {
			m.predictions.WithLabelValues(class)
			for _, result := range []string{"right", "wrong"} {
				m.feedback.WithLabelValues(class, result)
			}
		}
	})
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}
