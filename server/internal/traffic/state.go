// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/trainyard-dev/trainyard/internal/version"
	"github.com/trainyard-dev/trainyard/server/internal/serving"
)

// What a server is and holds at the moment of a scrape.
var (
	waitingDesc = prometheus.NewDesc("inference_queue_requests",
		"Inference requests that wait for a prediction or get one. Smoke tests' count too.", nil, nil)
	inFlightDesc = prometheus.NewDesc("inference_requests_in_flight",
		"Inference requests from their first byte until their answer is sent. Smoke tests' count too.", nil, nil)
	bodiesDesc = prometheus.NewDesc("inference_body_bytes",
		"Memory that the bodies of requests in flight hold.", nil, nil)
	modelDesc = prometheus.NewDesc("inference_model_info",
		"The model that is served and the version of the server; always 1.",
		[]string{"name", "revision", "sha256", "architecture", "version"}, nil)
	loadDesc = prometheus.NewDesc("inference_model_load_seconds",
		"Time that reading, verifying and compiling the model took.", nil, nil)
	startDesc = prometheus.NewDesc("inference_start_seconds",
		"Time from the start of the server until the model was loaded.", nil, nil)
)

// state collects what a service is and holds.
type state struct {
	service        *serving.Service
	name, revision string
}

// Describe implements prometheus.Collector.
func (s *state) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{waitingDesc, inFlightDesc, bodiesDesc, modelDesc, loadDesc, startDesc} {
		descs <- desc
	}
}

// Collect implements prometheus.Collector.
func (s *state) Collect(metrics chan<- prometheus.Metric) {
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	held := s.service.Held()
	gauge(waitingDesc, float64(s.service.Waiting()))
	gauge(inFlightDesc, float64(held.Requests))
	gauge(bodiesDesc, float64(held.BodyBytes))
	model, err := s.service.Model()
	load, loaded := s.service.Loaded()
	if err != nil || !loaded {
		return
	}
	gauge(modelDesc, 1, s.name, s.revision, model.SHA256, model.Architecture, version.String())
	gauge(loadDesc, load.Took.Seconds())
	gauge(startDesc, load.Ready.Seconds())
}

var (
	indexDesc = prometheus.NewDesc("prediction_drift_index",
		"Population stability index of the last predictions' classes against those on the test split, less what chance makes of it; from 200 predictions on, where the run's report lies beside the model.",
		nil, nil)
	confidenceShiftDesc = prometheus.NewDesc("prediction_confidence_shift",
		"Mean probability of the last predictions' classes less that on the test split, where that is known.", nil, nil)
)

// shift collects how far the last predictions are from those on the test split.
type shift struct{ recorder *Recorder }

// Describe implements prometheus.Collector.
func (s *shift) Describe(descs chan<- *prometheus.Desc) {
	descs <- indexDesc
	descs <- confidenceShiftDesc
}

// Collect implements prometheus.Collector.
func (s *shift) Collect(metrics chan<- prometheus.Metric) {
	now, ok := s.recorder.shift()
	if !ok {
		return
	}
	metrics <- prometheus.MustNewConstMetric(indexDesc, prometheus.GaugeValue, now.Index)
	if now.Expected > 0 {
		metrics <- prometheus.MustNewConstMetric(confidenceShiftDesc, prometheus.GaugeValue, now.Confidence-now.Expected)
	}
}
