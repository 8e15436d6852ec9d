// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

// place is a flag that names a folder, or by a URI what lies elsewhere.
type place contract.Dataset

// String implements pflag.Value.
func (p *place) String() string { return p.Path + p.URI }

// Set implements pflag.Value.
func (p *place) Set(value string) error {
	p.Path, p.URI = value, ""
	if strings.Contains(value, "://") {
		p.Path, p.URI = "", value
	}
	return nil
}

// Type implements pflag.Value.
func (p *place) Type() string { return "folder|uri" }

// optional is a flag of a number that may be left out.
type optional struct{ number **float64 }

// String implements pflag.Value.
func (o optional) String() string {
	if o.number == nil || *o.number == nil {
		return ""
	}
	return strconv.FormatFloat(**o.number, 'g', -1, 64)
}

// Set implements pflag.Value.
func (o optional) Set(value string) error {
	number, err := strconv.ParseFloat(value, 64)
	if err != nil {
		return fmt.Errorf("%q is no number", value)
	}
	*o.number = &number
	return nil
}

// Type implements pflag.Value.
func (o optional) Type() string { return "float" }

// gates is a flag of metric=bound pairs. Setting it again adds to it; String gives back what Set takes.
type gates []contract.Gate

// String implements pflag.Value.
func (g *gates) String() string {
	pairs := make([]string, len(*g))
	for i, gate := range *g {
		pairs[i] = gate.Metric + "=" + strconv.FormatFloat(gate.Bound(), 'g', -1, 64)
	}
	return strings.Join(pairs, ",")
}

// Set implements pflag.Value.
func (g *gates) Set(value string) error {
	for pair := range strings.SplitSeq(value, ",") {
		metric, value, _ := strings.Cut(pair, "=")
		bound, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return fmt.Errorf("%q: give a metric and its least value, such as accuracy=0.9, or its most, such as loss=0.3", pair)
		}
		gate := contract.Gate{Metric: metric, Min: bound}
		if contract.LessIsBetter(metric) {
			gate.Min, gate.Max = 0, bound
		}
		*g = append(*g, gate)
	}
	return nil
}

// Type implements pflag.Value.
func (g *gates) Type() string { return "metric=bound" }
