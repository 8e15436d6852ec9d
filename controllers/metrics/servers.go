// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// Of each ModelServer there are at most four series.
var (
	serverReadyDesc = prometheus.NewDesc("trainyard_modelserver_ready",
		"1 while the Ready condition of a ModelServer is True, else 0, and the condition's reason.", []string{"namespace", "modelserver", "reason"}, nil)
	serverLiveDesc = prometheus.NewDesc("trainyard_modelserver_live_info",
		"The live revision of a ModelServer, and the TrainingRun that its model is from, if it is from one; always 1.", []string{"namespace", "modelserver", "revision", "trainingrun"}, nil)
	serverCandidateDesc = prometheus.NewDesc("trainyard_modelserver_candidate_info",
		"The candidate of a ModelServer and its stage, Starting, Smoking or AwaitingPromotion; always 1.", []string{"namespace", "modelserver", "revision", "stage"}, nil)
	serverCandidateStartDesc = prometheus.NewDesc("trainyard_modelserver_candidate_start_time_seconds",
		"When the Deployment of a ModelServer's candidate was created, in seconds since 1970: time() less this is the candidate's age.", []string{"namespace", "modelserver"}, nil)
)

// collectServer tells how a ModelServer stands.
func collectServer(metrics chan<- prometheus.Metric, server *v1alpha1.ModelServer) {
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, append([]string{server.Namespace, server.Name}, labels...)...)
	}
	if ready := meta.FindStatusCondition(server.Status.Conditions, v1alpha1.ReadyCondition); ready != nil {
		value := 0.0
		if ready.Status == metav1.ConditionTrue {
			value = 1
		}
		gauge(serverReadyDesc, value, ready.Reason)
	}
	if live := server.Status.Live; live != nil {
		gauge(serverLiveDesc, 1, live.Revision, live.Model.TrainingRun)
	}
	if candidate := server.Status.Candidate; candidate != nil {
		gauge(serverCandidateDesc, 1, candidate.Revision, string(candidate.Stage))
		if candidate.StartTime != nil {
			gauge(serverCandidateStartDesc, float64(candidate.StartTime.Unix()))
		}
	}
}
