// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// outputs are what networks yield, as servers call it.
var outputs = map[v1alpha1.OutputType]string{
	"":                              "",
	v1alpha1.LogitsOutput:           contract.OutputLogits,
	v1alpha1.ProbabilitiesOutput:    contract.OutputProbabilities,
	v1alpha1.LogProbabilitiesOutput: contract.OutputLogProbabilities,
	v1alpha1.SigmoidOutput:          contract.OutputSigmoid,
	v1alpha1.LogitOutput:            contract.OutputLogit,
}

// parseReading parses what a spec says of its model besides where it is; source is nil if that is a TrainingRun's.
func parseReading(p *children.Parser, source *v1alpha1.ModelSource) contract.ServedModel {
	if source == nil {
		return contract.ServedModel{}
	}
	model := contract.ServedModel{Output: outputs[source.Output.Type], OutputName: source.Output.Name}
	if given := source.Input; given.Size != 0 || given.Resize != "" || given.ShorterSide != 0 || given.Interpolation != "" || given.Layout != "" ||
		given.ChannelOrder != "" || given.Scale != "" || len(given.Mean)+len(given.Std) > 0 {
		model.Input = &contract.ServedInput{
			Size:          int(given.Size),
			Resize:        string(given.Resize),
			ShorterSide:   int(given.ShorterSide),
			Interpolation: string(given.Interpolation),
			Layout:        string(given.Layout),
			ChannelOrder:  string(given.ChannelOrder),
			Scale:         parseScale(p, given.Scale),
			Mean:          parseChannels(p, "spec.model.source.input.mean", given.Mean),
			Std:           parseChannels(p, "spec.model.source.input.std", given.Std),
		}
	}
	return model
}

// scale is what the schema's rule lets in.
var scale = regexp.MustCompile(`^((1/)?[0-9]{1,6}([.][0-9]{1,15})?)?$`)

func parseScale(p *children.Parser, value string) string {
	if !scale.MatchString(value) {
		p.Fail(fmt.Errorf("spec.model.source.input.scale is %q: use a decimal, or one divided by it, such as \"1/127.5\"", value))
	}
	return value
}

// parseChannels parses decimals, which may be below 0.
func parseChannels(p *children.Parser, field string, values []string) []float64 {
	var numbers []float64
	for i, value := range values {
		digits, negative := strings.CutPrefix(value, "-")
		number := children.Parse(p, fmt.Sprintf("%s[%d]", field, i), v1alpha1.Decimal(digits))
		if negative {
			number = -number
		}
		numbers = append(numbers, number)
	}
	return numbers
}
