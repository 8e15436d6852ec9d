// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package classifier

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/onnx"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

// Told is what those who serve a model say of it. What is left out is read from the file or, where that doesn't say it
// either, assumed.
type Told struct {
	// Classes are the names of the classes in the order of the network's numbers.
	Classes []string
	// Output is what the network's numbers mean.
	Output onnx.Output
	// OutputName is the output that has them, of several.
	OutputName string
	Input      Input
	// Calibrated asks for probabilities by the temperature in the file.
	Calibrated bool
}

// temperature is what logits are divided by, 0 if they aren't.
func (t *Told) temperature(metadata *onnx.Metadata) (float64, error) {
	switch {
	case !t.Calibrated:
		return 0, nil
	case metadata.Temperature == 0:
		return 0, errors.New("model.calibration asks for the temperature in the model file, which has none (trainyard.temperature): train with output.calibration Temperature, or leave model.calibration out")
	default:
		return metadata.Temperature, nil
	}
}

// Input is what is said of how an image becomes the network's input; see preprocess.Spec.
type Input struct {
	Layout       onnx.Layout
	Size         int
	Resize       string
	ShorterSide  int
	Filter       string
	ChannelOrder string
	Scale        float64
	Mean, Std    *[preprocess.Channels]float32
}

// resizes are the rules of preprocess by the names that configurations have for them.
var resizes = map[string]string{
	"": "", contract.ResizeStretch: preprocess.ResizeBilinear, contract.ResizeCrop: preprocess.ResizeCrop,
}

// filters are those of preprocess by the names that configurations have for them.
var filters = map[string]string{
	"": "", contract.InterpolationBilinear: "", contract.InterpolationBicubic: preprocess.FilterBicubic,
}

// ReadTold reads what a configuration says of its model. The error names the fields that can't be used.
func ReadTold(model contract.ServedModel) (Told, error) {
	told := Told{Output: onnx.Output(model.Output), OutputName: model.OutputName}
	var errs []error
	note := func(field string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("model.%s: %w", field, err))
		}
	}
	var err error
	told.Classes, err = toldClasses(model)
	note("classes", err)
	note("output", told.Output.Validate())
	told.Calibrated = model.Calibration == contract.CalibrationTemperature
	if !slices.Contains(contract.Calibrations(), model.Calibration) {
		note("calibration", fmt.Errorf("%q is not known: use %s, or leave it out", model.Calibration, contract.CalibrationTemperature))
	}
	if model.Input != nil {
		told.Input, err = readInput(*model.Input)
		note("input", err)
	}
	return told, errors.Join(errs...)
}

func readInput(given contract.ServedInput) (Input, error) {
	input := Input{
		Layout: onnx.Layout(given.Layout), Size: given.Size, ShorterSide: given.ShorterSide, ChannelOrder: given.ChannelOrder,
	}
	resize, known := resizes[given.Resize]
	input.Resize = resize
	var errs []error
	if !known {
		errs = append(errs, fmt.Errorf("resize: %q is not known; it must be %s or %s", given.Resize, contract.ResizeStretch, contract.ResizeCrop))
	}
	if input.Filter, known = filters[given.Interpolation]; !known {
		errs = append(errs, fmt.Errorf("interpolation: %q is not known; it must be %s or %s", given.Interpolation, contract.InterpolationBilinear, contract.InterpolationBicubic))
	}
	if err := input.Layout.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("layout: %w", err))
	}
	var err error
	if input.Scale, err = readScale(given.Scale); err != nil {
		errs = append(errs, fmt.Errorf("scale: %w", err))
	}
	for _, channels := range []struct {
		name  string
		given []float64
		to    **[preprocess.Channels]float32
	}{{"mean", given.Mean, &input.Mean}, {"std", given.Std, &input.Std}} {
		if *channels.to, err = readChannels(channels.given); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", channels.name, err))
		}
	}
	return input, errors.Join(errs...)
}

// readScale reads a decimal or one divided by a decimal, such as 1/127.5; 0 if it is empty.
func readScale(text string) (float64, error) {
	if text == "" {
		return 0, nil
	}
	divisor, inverse := strings.CutPrefix(text, "1/")
	v, err := strconv.ParseFloat(divisor, 64)
	if inverse {
		v = 1 / v
	}
	if err != nil || !(v > 0) || math.IsInf(v, 0) {
		return 0, fmt.Errorf("%q is no number above 0, such as 1/127.5", text)
	}
	return v, nil
}

// readChannels reads a number for all channels, or one for each; nil if there are none.
func readChannels(given []float64) (*[preprocess.Channels]float32, error) {
	var values [preprocess.Channels]float32
	switch len(given) {
	case 0:
		return nil, nil
	case 1:
		for c := range values {
			values[c] = float32(given[0])
		}
	case preprocess.Channels:
		for c := range values {
			values[c] = float32(given[c])
		}
	default:
		return nil, fmt.Errorf("has %d numbers; it must have one for each of the %d channels, or one for all", len(given), preprocess.Channels)
	}
	return &values, nil
}

// overlay puts what is told over a Spec that the file has.
func (i Input) overlay(spec preprocess.Spec) preprocess.Spec {
	set(&spec.Size, i.Size)
	if i.Resize != "" || i.ShorterSide != 0 {
		spec.Resize, spec.ShorterSide = i.resize(spec.Size)
	}
	set(&spec.Filter, i.Filter)
	set(&spec.ChannelOrder, i.ChannelOrder)
	if i.scales() {
		spec.Scale, spec.Mean, spec.Std = i.scaling()
	}
	return spec
}

func set[T comparable](field *T, value T) {
	var zero T
	if value != zero {
		*field = value
	}
}

// resize is the rule told. Without a ShorterSide it is torchvision's for ImageNet: 256 for a size of 224.
func (i Input) resize(size int) (rule string, shorterSide int) {
	if i.Resize == preprocess.ResizeBilinear {
		return i.Resize, i.ShorterSide // which can't be with this rule: Spec.Validate says so
	}
	if i.ShorterSide != 0 {
		return preprocess.ResizeCrop, i.ShorterSide
	}
	return preprocess.ResizeCrop, usualShorterSide(size)
}

func usualShorterSide(size int) int { return int(math.Round(float64(size) * 256 / 224)) }

// scales reports whether anything is told of how pixels become numbers.
func (i Input) scales() bool { return i.Scale != 0 || i.Mean != nil || i.Std != nil }

// scaling is what is told of that; what is left out changes nothing, except that pixels are brought to [0, 1].
func (i Input) scaling() (scale float64, mean, std [preprocess.Channels]float32) {
	std = [preprocess.Channels]float32{1, 1, 1}
	if i.Mean != nil {
		mean = *i.Mean
	}
	if i.Std != nil {
		std = *i.Std
	}
	return i.Scale, mean, std
}
