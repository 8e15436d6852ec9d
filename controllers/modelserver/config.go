// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"fmt"
	"math"
	"time"

	"k8s.io/apimachinery/pkg/labels"
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
	deadline     time.Duration // of a candidate's start
	gates        []promotionGate
	selector     labels.Selector // of TrainingRuns; nil if the spec has none
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
		deadline:   children.Parse(p, "spec.rollout.progressDeadline", spec.Rollout.ProgressDeadline),
		bakeTime:   children.Parse(p, "spec.promotion.bakeTime", spec.Promotion.BakeTime),
	}
	if server.Calibration == v1alpha1.TemperatureCalibration {
		config.reading.Calibration = contract.CalibrationTemperature
	}
	if spec.Smoke.MinAgreement != "" {
		config.minAgreement = ptr.To(children.Parse(p, "spec.smoke.minAgreement", spec.Smoke.MinAgreement))
	}
	if selects(spec) {
		config.selector = parseSelector(p, spec.Model.TrainingRunSelector)
	}
	config.gates = parseGates(p, spec.Promotion.Gates)
	return config, p.Err
}

func parseGates(p *children.Parser, gates []v1alpha1.PromotionGate) []promotionGate {
	var parsed []promotionGate
	for i, gate := range gates {
		parsed = append(parsed, parseGate(p, fmt.Sprintf("spec.promotion.gates[%d]", i), gate))
	}
	return parsed
}

// millis and seconds round up: a limit below one unit must not become none.
func millis(d time.Duration) int  { return int(math.Ceil(float64(d) / float64(time.Millisecond))) }
func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

// desiredReplicas is the number of replicas that a spec asks for: within the bounds of
// its autoscaling, and at least 1.
func desiredReplicas(spec *v1alpha1.ModelServerSpec) int32 {
	replicas := ptr.Deref(spec.Replicas, 1)
	if a := spec.Autoscaling; a != nil {
		replicas = min(max(replicas, a.MinReplicas), a.MaxReplicas)
	}
	return max(replicas, 1)
}
