// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package classifier

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/trainyard-dev/trainyard/internal/onnx"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

// describe returns what is known of a model: what is told, what its file says and, of a file that other tools wrote, what
// has to be assumed, which is said in a sentence each.
func describe(file *onnx.Model, told Told) (metadata *onnx.Metadata, assumed []string, err error) {
	metadata, err = file.Metadata()
	switch {
	case errors.Is(err, onnx.ErrNoMetadata):
		return describeForeign(file, told)
	case err != nil:
		return nil, nil, err
	}
	if len(told.Classes) > 0 {
		metadata.Classes = told.Classes
	}
	metadata.Preprocess = told.Input.overlay(metadata.Preprocess)
	return metadata, nil, checkTold(metadata)
}

// describeForeign is describe for a file without Trainyard's metadata.
func describeForeign(file *onnx.Model, told Told) (*onnx.Metadata, []string, error) {
	input, err := file.ImageInput(told.Input.Layout)
	if err != nil {
		return nil, nil, err
	}
	metadata := &onnx.Metadata{Classes: told.Classes}
	if metadata.Output, err = file.ToldOutput(); err != nil {
		return nil, nil, err
	}
	if len(metadata.Classes) == 0 {
		if metadata.Classes, err = classesOf(file.Properties); err != nil {
			return nil, nil, err
		}
	}
	spec, assumed := usualSpec(input, told.Input, isUltralytics(file.Properties))
	metadata.Preprocess = told.Input.overlay(spec)
	return metadata, assumed, checkTold(metadata)
}

// checkTold checks what was put together of the file and what is told.
func checkTold(metadata *onnx.Metadata) error {
	if err := metadata.Preprocess.Validate(); err != nil {
		return fmt.Errorf("input: %w", err)
	}
	return nil
}

// assumedSize is the size of images that a network takes which takes any.
const assumedSize = 224

// usualSpec is the preprocessing that networks of such an input are usually trained with, except for what is told, and what
// of it is assumed.
func usualSpec(input onnx.ImageInput, told Input, ultralytics bool) (spec preprocess.Spec, assumed []string) {
	say := func(field, format string, args ...any) {
		assumed = append(assumed, field+": "+fmt.Sprintf(format, args...))
	}
	spec.Size = cmp.Or(told.Size, input.Size, assumedSize)
	if told.Size == 0 && input.Size == 0 {
		say("input.size", "%d, as the file leaves it open", spec.Size)
	}
	whose := "torchvision"
	if input.Layout == onnx.LayoutNHWC {
		whose = "Keras"
	}
	resizeTold := told.Resize != "" || told.ShorterSide != 0
	switch {
	case ultralytics:
		spec.Resize, spec.ShorterSide = preprocess.ResizeCrop, spec.Size
	case input.Layout == onnx.LayoutNHWC:
		spec.Resize = preprocess.ResizeBilinear
		if !resizeTold {
			say("input.resize", "Stretch, as %s does", whose)
		}
	default:
		spec.Resize, spec.ShorterSide = preprocess.ResizeCrop, usualShorterSide(spec.Size)
		if !resizeTold {
			say("input.resize", "Crop, of the shorter side at %d, as %s does", spec.ShorterSide, whose)
		}
	}
	spec.Std = [preprocess.Channels]float32{1, 1, 1}
	switch {
	case ultralytics, told.scales():
	case input.Pixels:
		spec.Scale = 1 // what the file says
	case input.Layout == onnx.LayoutNHWC:
		spec.Scale, spec.Mean = 1/127.5, [preprocess.Channels]float32{1, 1, 1}
		say("input.scale, mean, std", "1/127.5, 1 and 1, pixels from -1 to 1, as for Keras's MobileNet")
	default:
		usual := preprocess.DefaultSpec(spec.Size)
		spec.Mean, spec.Std = usual.Mean, usual.Std
		say("input.scale, mean, std", "1/255, %v and %v, as for torchvision's weights", spec.Mean, spec.Std)
	}
	if told.ChannelOrder == "" && !ultralytics {
		say("input.channelOrder", "%s", preprocess.ChannelsRGB)
	}
	return spec, assumed
}
