// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package monitoring reads config/monitoring for tests. Its own check the rules with promtool, and that rules, dashboards
// and pages of the docs agree with what the programs export; test/integration has Prometheus evaluate all of it.
package monitoring

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"sigs.k8s.io/yaml"
)

// Rule is a rule of a PrometheusRule: an alert or a record.
type Rule struct {
	Alert       string            `json:"alert"`
	Record      string            `json:"record"`
	Expr        string            `json:"expr"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

// RuleFile returns the rules in a folder of manifests as Prometheus reads them.
func RuleFile(folder string) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(folder, "rules.yaml"))
	if err != nil {
		return nil, err
	}
	var object struct {
		Spec any `json:"spec"`
	}
	if err := yaml.Unmarshal(data, &object); err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	return yaml.Marshal(object.Spec)
}

// Rules returns the rules in a folder of manifests.
func Rules(folder string) ([]Rule, error) {
	data, err := RuleFile(folder)
	if err != nil {
		return nil, err
	}
	var file struct {
		Groups []struct {
			Rules []Rule `json:"rules"`
		} `json:"groups"`
	}
	if err := yaml.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	var all []Rule
	for _, group := range file.Groups {
		all = append(all, group.Rules...)
	}
	return all, nil
}

// Dashboard is what matters of one of Grafana's.
type Dashboard struct {
	UID    string  `json:"uid"`
	Title  string  `json:"title"`
	Panels []Panel `json:"panels"`
}

// Panel is a panel of a dashboard, with the expressions that it shows.
type Panel struct {
	ID      int    `json:"id"`
	Title   string `json:"title"`
	Targets []struct {
		Expr string `json:"expr"`
	} `json:"targets"`
}

// Dashboards returns the dashboards in a folder of manifests.
func Dashboards(folder string) ([]Dashboard, error) {
	files, err := filepath.Glob(filepath.Join(folder, "dashboards", "*.json"))
	if err != nil {
		return nil, err
	}
	var all []Dashboard
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var d Dashboard
		if err := json.Unmarshal(data, &d); err != nil {
			return nil, fmt.Errorf("read dashboard %s: %w", file, err)
		}
		all = append(all, d)
	}
	return all, nil
}
