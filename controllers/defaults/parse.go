// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package defaults

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// No schema bounds what a ConfigMap holds, so the schema's bounds are checked here. What core/v1 has to say of values is
// the API server's to say, where it is given a Job or a Deployment with them.

const (
	maxBytes = 16384 // of a key's text
	maxList  = 32
	maxGates = 8
	maxText  = 512
)

// metrics are those that a gate may name, and those of which less is better.
var (
	metrics = []string{
		contract.MetricAccuracy, contract.MetricPrecision, contract.MetricRecall, contract.MetricF1, contract.MetricWeightedPrecision,
		contract.MetricWeightedRecall, contract.MetricWeightedF1, contract.MetricROCAUC, contract.MetricPRAUC, contract.MetricKappa,
		contract.MetricLoss, contract.MetricCalibrationError, contract.MetricAccuracyLoss,
	}
	lessIsBetter = []string{contract.MetricLoss, contract.MetricCalibrationError, contract.MetricAccuracyLoss}
)

// Trim drops of a ConfigMap what Read doesn't look at, so that the cache holds no more of it.
func Trim(found *corev1.ConfigMap) {
	found.BinaryData = nil
	var unknown bool
	for _, key := range slices.Sorted(maps.Keys(found.Data)) {
		switch text := found.Data[key]; {
		case key == RunKey || key == ServerKey:
			found.Data[key] = strings.Clone(text[:min(len(text), maxBytes+1)])
		case unknown:
			delete(found.Data, key)
		default:
			unknown, found.Data[key] = true, ""
		}
	}
}

// parse reads the defaults under a key. The error goes on after the ConfigMap's name.
func parse(found *corev1.ConfigMap, key string) (Defaults, error) {
	for other := range found.Data {
		if other != RunKey && other != ServerKey {
			return Defaults{}, fmt.Errorf("has key %q, which nothing reads: remove it, or name it %s or %s", other, RunKey, ServerKey)
		}
	}
	text := found.Data[key]
	if len(text) > maxBytes {
		return Defaults{}, fmt.Errorf("has more than %d bytes in key %s: shorten it", maxBytes, key)
	}
	given, err := decode(text)
	if err == nil {
		err = given.check()
	}
	if err != nil {
		return Defaults{}, fmt.Errorf("can't be used: key %s: %w", key, err)
	}
	return given, nil
}

func decode(text string) (Defaults, error) {
	var given Defaults
	data, err := yaml.YAMLToJSONStrict([]byte(text))
	if err != nil {
		return given, fmt.Errorf("%w: correct the YAML", err)
	}
	strict, err := kjson.UnmarshalStrict(data, &given)
	if err == nil && len(strict) > 0 {
		err = strict[0]
	}
	if err != nil {
		return given, fmt.Errorf("%w: set image, gates, or podTemplate with resources, nodeSelector, tolerations, imagePullSecrets, as in a spec", err)
	}
	return given, nil
}

// check fails on what the schema of the kinds refuses, and names the field.
func (d *Defaults) check() error {
	if len(d.Image) > maxText || strings.ContainsFunc(d.Image, func(r rune) bool { return r <= ' ' }) {
		return fmt.Errorf("image must be an image reference of at most %d characters without spaces, such as registry.example/team/runner:v1", maxText)
	}
	pod := &d.PodTemplate
	lists := []struct {
		field     string
		has, most int
	}{
		{"gates", len(d.Gates), maxGates},
		{"podTemplate.nodeSelector", len(pod.NodeSelector), maxList},
		{"podTemplate.tolerations", len(pod.Tolerations), maxList},
		{"podTemplate.imagePullSecrets", len(pod.ImagePullSecrets), maxGates},
		{"podTemplate.resources.requests", len(pod.Resources.Requests), maxGates},
		{"podTemplate.resources.limits", len(pod.Resources.Limits), maxGates},
	}
	for _, list := range lists {
		if list.has > list.most {
			return fmt.Errorf("%s has %d entries: keep at most %d", list.field, list.has, list.most)
		}
	}
	if err := checkGates(d.Gates); err != nil {
		return err
	}
	for key, value := range pod.NodeSelector {
		if problems := append(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)...); len(problems) > 0 {
			return fmt.Errorf("podTemplate.nodeSelector[%.64q] is no label of a node: %s", key, problems[0])
		}
	}
	for i, secret := range pod.ImagePullSecrets {
		if problems := validation.IsDNS1123Subdomain(secret.Name); len(problems) > 0 {
			return fmt.Errorf("podTemplate.imagePullSecrets[%d].name is no name of a Secret: %s", i, problems[0])
		}
	}
	var requestsErr, limitsErr error
	pod.own.Requests, requestsErr = children.CoreResourceList("podTemplate.resources.requests", pod.Resources.Requests)
	pod.own.Limits, limitsErr = children.CoreResourceList("podTemplate.resources.limits", pod.Resources.Limits)
	return errors.Join(requestsErr, limitsErr)
}

func checkGates(gates []v1alpha1.Gate) error {
	p := &children.Parser{}
	seen := map[string]bool{}
	for i, gate := range gates {
		field := fmt.Sprintf("gates[%d]", i)
		bounded := gate.Min != "" && gate.Max == ""
		if slices.Contains(lessIsBetter, gate.Metric) {
			bounded = gate.Max != "" && gate.Min == ""
		}
		switch {
		case !slices.Contains(metrics, gate.Metric):
			return fmt.Errorf("%s.metric is %.32q: use one of %s", field, gate.Metric, strings.Join(metrics, ", "))
		case seen[gate.Metric]:
			return fmt.Errorf("%s is another gate on %s: keep one", field, gate.Metric)
		case !bounded:
			return fmt.Errorf("%s on %s: set max, and no min, for %s, and min, and no max, for any other metric", field, gate.Metric, strings.Join(lessIsBetter, ", "))
		}
		seen[gate.Metric] = true
		children.Gate(p, field, gate)
	}
	return p.Err
}
