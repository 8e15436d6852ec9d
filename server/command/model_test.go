// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package command

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

// Flags that say what a model file leaves open go over the configuration, and leave the rest of it.
func TestModelFlags(t *testing.T) {
	config := contract.ServedModel{Path: "m", Labels: "a\nb", Input: &contract.ServedInput{Size: 96, Layout: "NCHW"}}
	cases := map[string]struct {
		args string
		want contract.ServedModel
	}{
		"none":        {want: config},
		"a list":      {args: "--classes cat,dog", want: contract.ServedModel{Path: "m", Classes: []string{"cat", "dog"}, Input: config.Input}},
		"a file":      {args: "--classes @labels.txt", want: contract.ServedModel{Path: "m", LabelsPath: "labels.txt", Input: config.Input}},
		"calibration": {args: "--calibration Temperature", want: contract.ServedModel{Path: "m", Labels: "a\nb", Calibration: "Temperature", Input: config.Input}},
		"outputs":     {args: "--output sigmoid --output-name y", want: contract.ServedModel{Path: "m", Labels: "a\nb", Output: "sigmoid", OutputName: "y", Input: config.Input}},
		"input": {
			args: "--input-resize Crop --input-shorter-side 112 --input-interpolation Bicubic --input-layout NHWC --input-channel-order BGR --input-scale 1 --input-mean 103.9,116.8,123.7 --input-std 2",
			want: contract.ServedModel{Path: "m", Labels: "a\nb", Input: &contract.ServedInput{
				Size: 96, Resize: "Crop", ShorterSide: 112, Interpolation: "Bicubic", Layout: "NHWC", ChannelOrder: "BGR", Scale: "1", Mean: []float64{103.9, 116.8, 123.7}, Std: []float64{2},
			}},
		},
		"size": {args: "--input-size 64", want: contract.ServedModel{Path: "m", Labels: "a\nb", Input: &contract.ServedInput{Size: 64, Layout: "NCHW"}}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var flags modelFlags
			set := pflag.NewFlagSet("serve", pflag.ContinueOnError)
			flags.add(set)
			if err := set.Parse(strings.Fields(tc.args)); err != nil {
				t.Fatal(err)
			}
			got := config
			flags.override(set, &got)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("model (-want +got):\n%s", diff)
			}
		})
	}
	if config.Input.Size != 96 {
		t.Error("the configuration's own input has been changed")
	}
}
