// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package command

import (
	"strings"

	"github.com/spf13/pflag"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

// modelFlags say of a model what its file may leave open.
type modelFlags struct {
	classes     []string
	output      string
	name        string
	calibration string
	input       contract.ServedInput
}

// add adds the flags to those of a command.
func (f *modelFlags) add(flags *pflag.FlagSet) {
	flags.StringSliceVar(&f.classes, "classes", nil, "Names of the classes in the order of the network's numbers, or @`FILE` with a name a line or JSON. Empty reads them from the model file.")
	flags.StringVar(&f.output, "output", "", "What the network yields: logits, probabilities, logProbabilities, sigmoid or logit. Empty detects it.")
	flags.StringVar(&f.name, "output-name", "", "Output with a number for each class. Needed only for networks with several outputs.")
	flags.StringVar(&f.calibration, "calibration", "", "Temperature divides logits by the temperature in the model file before they become probabilities.")
	flags.IntVar(&f.input.Size, "input-size", 0, "Side in pixels of the images that the network takes. 0 reads it from the model file.")
	flags.StringVar(&f.input.Resize, "input-resize", "", "How images are brought to that size: Stretch, or Crop to cut out the middle.")
	flags.IntVar(&f.input.ShorterSide, "input-shorter-side", 0, "Shorter side in pixels of an image before Crop cuts it. 0 is 256 for a size of 224, and in proportion.")
	flags.StringVar(&f.input.Interpolation, "input-interpolation", "", "Filter that images are resized by: Bilinear or Bicubic. Empty is Bilinear.")
	flags.StringVar(&f.input.Layout, "input-layout", "", "Order of the input's dimensions: NCHW or NHWC. Empty reads it from the model file.")
	flags.StringVar(&f.input.ChannelOrder, "input-channel-order", "", "Order of the channels: RGB or BGR. Empty is RGB.")
	flags.StringVar(&f.input.Scale, "input-scale", "", "Number that pixels from 0 to 255 are multiplied by, such as 1/255, 1/127.5 or 1.")
	flags.Float64SliceVar(&f.input.Mean, "input-mean", nil, "Mean that is subtracted after scaling: a number for each channel, or one for all.")
	flags.Float64SliceVar(&f.input.Std, "input-std", nil, "Deviation by which channels are divided: a number for each channel, or one for all.")
}

// override puts the flags that were given over the configuration.
func (f *modelFlags) override(flags *pflag.FlagSet, model *contract.ServedModel) {
	input := contract.ServedInput{}
	if model.Input != nil {
		input = *model.Input
	}
	for name, set := range map[string]func(){
		"classes":             func() { f.overrideClasses(model) },
		"output":              func() { model.Output = f.output },
		"output-name":         func() { model.OutputName = f.name },
		"calibration":         func() { model.Calibration = f.calibration },
		"input-size":          func() { input.Size = f.input.Size },
		"input-resize":        func() { input.Resize = f.input.Resize },
		"input-shorter-side":  func() { input.ShorterSide = f.input.ShorterSide },
		"input-interpolation": func() { input.Interpolation = f.input.Interpolation },
		"input-layout":        func() { input.Layout = f.input.Layout },
		"input-channel-order": func() { input.ChannelOrder = f.input.ChannelOrder },
		"input-scale":         func() { input.Scale = f.input.Scale },
		"input-mean":          func() { input.Mean = f.input.Mean },
		"input-std":           func() { input.Std = f.input.Std },
	} {
		if flags.Changed(name) {
			set()
		}
	}
	model.Input = &input
}

// overrideClasses puts the names of --classes, or the file that it names, in the place of the configuration's.
func (f *modelFlags) overrideClasses(model *contract.ServedModel) {
	model.Classes, model.Labels, model.LabelsPath = f.classes, "", ""
	if len(f.classes) == 1 {
		if path, isFile := strings.CutPrefix(f.classes[0], "@"); isFile {
			model.Classes, model.LabelsPath = nil, path
		}
	}
}
