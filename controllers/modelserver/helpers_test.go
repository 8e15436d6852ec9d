// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

var t0 = wrappers.T0

func makeServer() *wrappers.ModelServerWrapper {
	return wrappers.MakeModelServer("pets", "zoo", "run-1").UID("0f7c2b1e-0000-4000-8000-000000000000").Generation(3)
}

func infoOf(run, claim string) revisionInfo {
	return revisionInfo{
		Image: "server:v1",
		Model: v1alpha1.RevisionModel{URI: "pvc://" + claim + "/" + run + "/model.onnx", SHA256: strings.Repeat("a", 64), TrainingRun: run},
		Samples: &v1alpha1.PublishedSamples{
			URI: "pvc://" + claim + "/" + run + "/samples.tar", SHA256: strings.Repeat("b", 64),
		},
		Metrics: []v1alpha1.Metric{{Name: "accuracy", Value: "0.95"}},
	}
}

// parsed parses a server's spec.
func parsed(t *testing.T, server *v1alpha1.ModelServer) servingConfig {
	t.Helper()
	config, err := parseServing(&server.Spec)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// configOf decodes the configuration of a pod's only container.
func configOf[T any](t *testing.T, spec *corev1.PodSpec) T {
	t.Helper()
	var config T
	env := spec.Containers[0].Env[0]
	if env.Name != contract.ConfigEnv {
		t.Fatalf("the first variable is %s, want %s", env.Name, contract.ConfigEnv)
	}
	if err := contract.DecodeConfig([]byte(env.Value), &config); err != nil {
		t.Fatal(err)
	}
	return config
}
