// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Command recordings writes config/compose/recordings.yml: the recording rules of config/monitoring in the form that Prometheus reads itself,
// for where no operator makes it of them. Alerts are left out: they tell what to do in a cluster. It reads the rules in the working
// directory, which is the repository's root.
package main

import (
	"bytes"
	"fmt"
	"os"

	"go.yaml.in/yaml/v3"
)

const (
	source = "config/monitoring/rules.yaml"

	header = "# Recording rules that the dashboards ask for. Generated from " + source + " by `make generate`; changes are lost.\n"
)

// ruleFile is a file of rules as Prometheus reads it, which also is the spec of a PrometheusRule.
type ruleFile struct {
	Groups []group `yaml:"groups"`
}

type group struct {
	Name  string `yaml:"name"`
	Rules []rule `yaml:"rules"`
}

type rule struct {
	Record string `yaml:"record"`
	Expr   string `yaml:"expr"`
}

func main() {
	data, err := os.ReadFile(source)
	if err == nil {
		data, err = recordings(data)
	}
	if err == nil {
		_, err = os.Stdout.Write(data)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "recordings:", err)
		os.Exit(1)
	}
}

// recordings returns the recording rules of a PrometheusRule as a file of rules.
func recordings(manifest []byte) ([]byte, error) {
	var object struct {
		Spec ruleFile `yaml:"spec"`
	}
	if err := yaml.Unmarshal(manifest, &object); err != nil {
		return nil, fmt.Errorf("read %s: %w", source, err)
	}
	var file ruleFile
	for _, g := range object.Spec.Groups {
		kept := group{Name: g.Name}
		for _, r := range g.Rules {
			if r.Record != "" {
				kept.Rules = append(kept.Rules, r)
			}
		}
		if len(kept.Rules) > 0 {
			file.Groups = append(file.Groups, kept)
		}
	}
	out := bytes.NewBufferString(header)
	encoder := yaml.NewEncoder(out)
	encoder.SetIndent(2)
	if err := encoder.Encode(file); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
