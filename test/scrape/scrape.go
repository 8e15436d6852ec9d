// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package scrape reads metrics for tests, from a registry or as a server writes them.
package scrape

import (
	"fmt"
	"io"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Samples are the series of one scrape and their values. A histogram has two here, with
// _count and _sum after its name.
type Samples []Sample

// Sample is the value of a series.
type Sample struct {
	Name   string
	Labels map[string]string
	Value  float64
}

// Registry reads what a registry exports now.
func Registry(registry prometheus.Gatherer) (Samples, error) {
	families, err := registry.Gather()
	if err != nil {
		return nil, fmt.Errorf("gather metrics: %w", err)
	}
	var samples Samples
	for _, family := range families {
		samples = samples.add(family)
	}
	return samples, nil
}

// Text reads Prometheus' text format.
func Text(r io.Reader) (Samples, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(r)
	if err != nil {
		return nil, fmt.Errorf("parse metrics: %w", err)
	}
	var samples Samples
	for _, family := range families {
		samples = samples.add(family)
	}
	return samples, nil
}

func (s Samples) add(family *dto.MetricFamily) Samples {
	for _, metric := range family.Metric {
		labels := map[string]string{}
		for _, label := range metric.Label {
			labels[label.GetName()] = label.GetValue()
		}
		if h := metric.GetHistogram(); h != nil {
			s = append(s, Sample{family.GetName() + "_count", labels, float64(h.GetSampleCount())}, Sample{family.GetName() + "_sum", labels, h.GetSampleSum()})
			continue
		}
		s = append(s, Sample{family.GetName(), labels, metric.GetCounter().GetValue() + metric.GetGauge().GetValue() + metric.GetUntyped().GetValue()})
	}
	return s
}

// Find returns the series of this name with these labels, each "name=value".
func (s Samples) Find(name string, labels ...string) Samples {
	var found Samples
	for _, sample := range s {
		if sample.Name == name && sample.has(labels) {
			found = append(found, sample)
		}
	}
	return found
}

// Sum is the sum of the series that [Samples.Find] returns.
func (s Samples) Sum(name string, labels ...string) (sum float64) {
	for _, sample := range s.Find(name, labels...) {
		sum += sample.Value
	}
	return sum
}

func (s Sample) has(labels []string) bool {
	for _, label := range labels {
		name, value, _ := strings.Cut(label, "=")
		if s.Labels[name] != value {
			return false
		}
	}
	return true
}
