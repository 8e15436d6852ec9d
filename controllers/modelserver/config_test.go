// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"strings"
	"testing"
	"time"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

func TestDesiredReplicas(t *testing.T) {
	for name, tc := range map[string]struct {
		server *wrappers.ModelServerWrapper
		want   int32
	}{
		"as asked":        {makeServer().Replicas(3), 3},
		"the least":       {makeServer().Replicas(1).Autoscaling(2, 5), 2},
		"the most":        {makeServer().Replicas(9).Autoscaling(2, 5), 5},
		"within":          {makeServer().Replicas(4).Autoscaling(2, 5), 4},
		"never less than": {makeServer().Replicas(0), 1},
	} {
		if got := desiredReplicas(&tc.server.Obj().Spec); got != tc.want {
			t.Errorf("%s: %d replicas, want %d", name, got, tc.want)
		}
	}
}

func TestParseServing(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*v1alpha1.ModelServerSpec)
		want   string
	}{
		"delay": {func(s *v1alpha1.ModelServerSpec) { s.Server.MaxBatchDelay = "5d" }, `spec.server.maxBatchDelay is "5d"`},
		"body":  {func(s *v1alpha1.ModelServerSpec) { s.Server.MaxBodyBytes = "ten" }, `spec.server.maxBodyBytes is "ten"`},
		"gate": {func(s *v1alpha1.ModelServerSpec) {
			s.Promotion.Gates = []v1alpha1.PromotionGate{{Metric: "f1", Min: "x"}}
		}, `spec.promotion.gates[0].min is "x"`},
		"margin": {func(s *v1alpha1.ModelServerSpec) {
			s.Promotion.Gates = []v1alpha1.PromotionGate{{Metric: "f1", Min: "0.5"}, {Metric: "kappa", NotWorseThanLive: "1e-2"}}
		}, `spec.promotion.gates[1].notWorseThanLive is "1e-2"`},
		"selector's key": {func(s *v1alpha1.ModelServerSpec) {
			s.Model.TrainingRunSelector = v1alpha1.TrainingRunSelector{MatchLabels: map[string]string{"a b": "c"}}
		}, `spec.model.trainingRunSelector is no selector of labels: key: Invalid value: "a b"`},
		"selector's value": {func(s *v1alpha1.ModelServerSpec) {
			s.Model.TrainingRunSelector = v1alpha1.TrainingRunSelector{MatchExpressions: []v1alpha1.LabelRequirement{{Key: "app", Operator: "In", Values: []string{"-"}}}}
		}, `spec.model.trainingRunSelector is no selector of labels: values[0][app]: Invalid value: "-"`},
		"mean": {func(s *v1alpha1.ModelServerSpec) {
			s.Model.Source = &v1alpha1.ModelSource{Input: v1alpha1.ModelInput{Mean: []string{"1", "--1"}}}
		}, `spec.model.source.input.mean[1] is "-1"`},
		"std": {func(s *v1alpha1.ModelServerSpec) {
			s.Model.Source = &v1alpha1.ModelSource{Input: v1alpha1.ModelInput{Std: []string{"x"}}}
		}, `spec.model.source.input.std[0] is "x"`},
		"scale": {func(s *v1alpha1.ModelServerSpec) {
			s.Model.Source = &v1alpha1.ModelSource{Input: v1alpha1.ModelInput{Scale: "2/3"}}
		}, `spec.model.source.input.scale is "2/3"`},
		"timeout": {func(s *v1alpha1.ModelServerSpec) { s.Smoke.Timeout = "soon" }, `spec.smoke.timeout is "soon"`},
	} {
		t.Run(name, func(t *testing.T) {
			server := makeServer().Obj()
			tc.change(&server.Spec)
			if _, err := parseServing(&server.Spec); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error = %v, want one with %s", err, tc.want)
			}
		})
	}
	if got := seconds(1500 * time.Millisecond); got != 2 {
		t.Errorf("seconds(1.5s) = %d, want 2", got)
	}
}

func TestServingCalibrated(t *testing.T) {
	for calibration, want := range map[v1alpha1.Calibration]string{
		"": "", v1alpha1.NoCalibration: "", v1alpha1.TemperatureCalibration: contract.CalibrationTemperature,
	} {
		server := makeServer().Obj()
		server.Spec.Server.Calibration = calibration
		if got, err := parseServing(&server.Spec); err != nil || got.reading.Calibration != want {
			t.Errorf("%q: the server is told %q (%v), want %q", calibration, got.reading.Calibration, err, want)
		}
	}
}
