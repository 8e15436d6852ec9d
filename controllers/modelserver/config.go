// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

const (
	// drainDelay is how long a server goes on serving after SIGTERM, so that everybody
	// who holds its address learns that it is going.
	drainDelay = 10 * time.Second
	// requestTimeout bounds one request.
	requestTimeout = 30 * time.Second
	// exitGrace is what a server gets on top, to end.
	exitGrace = 5 * time.Second
)

// servingConfig is a ModelServer's spec, parsed.
type servingConfig struct {
	limits       contract.Limits
	reading      contract.ServedModel // what the spec says of its model, the classes by resolveModel
	timeout      time.Duration        // of one round of smoke checks
	maxLatency   time.Duration        // 0: off
	minAgreement *float64             // nil: relative to the live model
	bakeTime     time.Duration
	gates        []contract.Gate
}

// parseServing parses what the API keeps as text. It fails on what the schema would
// have refused, and names the field.
func parseServing(spec *v1alpha1.ModelServerSpec) (servingConfig, error) {
	p := &children.Parser{}
	server := spec.Server
	config := servingConfig{
		limits: contract.Limits{
			MaxBatch:             int(server.MaxBatch),
			MaxBatchDelayMillis:  millis(children.Parse(p, "spec.server.maxBatchDelay", server.MaxBatchDelay)),
			MaxBodyBytes:         children.Parse(p, "spec.server.maxBodyBytes", server.MaxBodyBytes),
			MaxPixels:            children.Parse(p, "spec.server.maxPixels", server.MaxPixels),
			RequestTimeoutMillis: millis(requestTimeout),
			Threads:              int(ptr.Deref(server.Threads, 0)),
		},
		reading:    parseReading(p, spec.Model.Source),
		timeout:    children.Parse(p, "spec.smoke.timeout", spec.Smoke.Timeout),
		maxLatency: children.Parse(p, "spec.smoke.maxLatency", spec.Smoke.MaxLatency),
		bakeTime:   children.Parse(p, "spec.promotion.bakeTime", spec.Promotion.BakeTime),
	}
	if spec.Smoke.MinAgreement != "" {
		config.minAgreement = ptr.To(children.Parse(p, "spec.smoke.minAgreement", spec.Smoke.MinAgreement))
	}
	for i, gate := range spec.Promotion.Gates {
		config.gates = append(config.gates, children.Gate(p, fmt.Sprintf("spec.promotion.gates[%d]", i), gate))
	}
	return config, p.Err
}

// millis and seconds round up: a limit below one unit must not become none.
func millis(d time.Duration) int  { return int(math.Ceil(float64(d) / float64(time.Millisecond))) }
func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

// gateFailure says which gate a model's metrics miss; empty if none.
func gateFailure(gates []contract.Gate, metrics []v1alpha1.Metric) string {
	for _, gate := range gates {
		value, found := findMetric(metrics, gate.Metric)
		if !found {
			return fmt.Sprintf("the model has no metric %s, which spec.promotion.gates requires: remove that gate, or serve a TrainingRun that reports the metric", gate.Metric)
		}
		if !gate.Admits(value) {
			return fmt.Sprintf("metric %s is %s; spec.promotion.gates requires %s", gate.Metric, formatShare(value), gate.Range())
		}
	}
	return ""
}

func findMetric(metrics []v1alpha1.Metric, name string) (value float64, found bool) {
	for _, metric := range metrics {
		if metric.Name == name {
			value, err := strconv.ParseFloat(metric.Value, 64)
			return value, err == nil && !math.IsNaN(value)
		}
	}
	return 0, false
}

func formatShare(x float64) string { return strconv.FormatFloat(x, 'g', 6, 64) }

// desiredReplicas is the number of replicas that a spec asks for: within the bounds of
// its autoscaling, and at least 1.
func desiredReplicas(spec *v1alpha1.ModelServerSpec) int32 {
	replicas := ptr.Deref(spec.Replicas, 1)
	if a := spec.Autoscaling; a != nil {
		replicas = min(max(replicas, a.MinReplicas), a.MaxReplicas)
	}
	return max(replicas, 1)
}
