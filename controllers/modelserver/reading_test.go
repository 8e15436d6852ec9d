// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

func foreignSource() *v1alpha1.ModelSource {
	return &v1alpha1.ModelSource{
		URI: "s3://models/pets.onnx",
		Input: v1alpha1.ModelInput{
			Size: 96, Resize: "Crop", ShorterSide: 110, Interpolation: "Bicubic", Layout: "NHWC", ChannelOrder: "BGR",
			Scale: "1/127.5", Mean: []string{"-0.5"}, Std: []string{"0.229", "0.224", "0.225"},
		},
		Output: v1alpha1.ModelOutput{Type: "LogProbabilities", Name: "y"},
	}
}

// What the API has and no server is told would be set in vain.
func TestEveryFieldReachesTheServer(t *testing.T) {
	server := makeServer().Obj()
	server.Spec.Model = v1alpha1.ServedModel{Source: foreignSource()}
	config := parsed(t, server)
	config.reading.Classes = []string{"cat", "dog"}
	template, err := newTemplate(templateInput{server: server, revision: "pets-1", info: infoOf("run-1", "models"), limits: config.limits, reading: config.reading})
	if err != nil {
		t.Fatal(err)
	}
	got := configOf[contract.ServeConfig](t, &template.Pod.Spec).Model
	want := contract.ServedModel{
		Path: got.Path, SHA256: got.SHA256, TrainingRun: "run-1",
		Classes: []string{"cat", "dog"},
		Input: &contract.ServedInput{
			Size: 96, Resize: "Crop", ShorterSide: 110, Interpolation: "Bicubic", Layout: "NHWC", ChannelOrder: "BGR",
			Scale: "1/127.5", Mean: []float64{-0.5}, Std: []float64{0.229, 0.224, 0.225},
		},
		Output: "logProbabilities", OutputName: "y",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the server's model (-want +got):\n%s", diff)
	}
	for _, v := range []reflect.Value{reflect.ValueOf(*want.Input), reflect.ValueOf(foreignSource().Input), reflect.ValueOf(foreignSource().Output)} {
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				t.Errorf("%s.%s isn't tested", v.Type(), v.Type().Field(i).Name)
			}
		}
	}
}

func TestEachInputIsTold(t *testing.T) {
	fields := reflect.TypeFor[v1alpha1.ModelInput]()
	for i := range fields.NumField() {
		server := makeServer().Obj()
		source := &v1alpha1.ModelSource{}
		reflect.ValueOf(&source.Input).Elem().Field(i).Set(reflect.ValueOf(foreignSource().Input).Field(i))
		server.Spec.Model = v1alpha1.ServedModel{Source: source}
		if parsed(t, server).reading.Input == nil {
			t.Errorf("the server isn't told of input.%s alone", fields.Field(i).Name)
		}
	}
	if plain := parsed(t, makeServer().Obj()); plain.reading.Input != nil || plain.reading.Output != "" {
		t.Errorf("the server of a run's model is told %+v", plain.reading)
	}
}

func TestOutputs(t *testing.T) {
	var told []string
	for _, output := range outputs {
		told = append(told, output)
	}
	if diff := cmp.Diff(slices.Sorted(slices.Values(append(contract.Outputs(), ""))), slices.Sorted(slices.Values(told))); diff != "" {
		t.Errorf("outputs (-contract +API):\n%s", diff)
	}
}
