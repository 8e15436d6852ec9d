// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package children

import (
	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// Gate parses a gate, the value of a field.
func Gate(p *Parser, field string, gate v1alpha1.Gate) contract.Gate {
	return contract.Gate{Metric: gate.Metric, Min: Parse(p, field+".min", gate.Min), Max: Parse(p, field+".max", gate.Max)}
}
