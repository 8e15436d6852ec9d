// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each field of Dataset is a source, which Sources tells apart, except what holds for all of them.
func TestSourcesOfADataset(t *testing.T) {
	typ := reflect.TypeFor[Dataset]()
	var names []string
	for i := range typ.NumField() {
		field := typ.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if slices.Contains([]string{"cache", "labels", "maxInvalidPercent", "split", "augmentation"}, name) || field.Anonymous {
			continue
		}
		names = append(names, name)
		var d Dataset
		switch value := reflect.ValueOf(&d).Elem().Field(i); field.Type.Kind() {
		case reflect.Pointer:
			value.Set(reflect.New(field.Type.Elem()))
		case reflect.String:
			value.SetString("x")
		default:
			t.Fatalf("a source is a pointer or a string, %s is a %s", field.Name, field.Type)
		}
		if diff := cmp.Diff([]string{name}, d.Sources()); diff != "" {
			t.Errorf("sources of a dataset with %s only (-want +got):\n%s", name, diff)
		}
		kept := d
		if kept.ClearSources(name); len(kept.Sources()) != 1 {
			t.Errorf("%s is cleared although it is to be kept", name)
		}
		if d.ClearSources(); len(d.Sources()) != 0 {
			t.Errorf("%s is still there after ClearSources", name)
		}
	}
	if diff := cmp.Diff(names, DatasetSources()); diff != "" {
		t.Errorf("sources (-fields +listed):\n%s", diff)
	}
	if set := (Dataset{Split: Split{Seed: 1}}).Sources(); len(set) != 0 {
		t.Errorf("a dataset without a source has %v", set)
	}
}

// Runners of older images refuse a field that they don't know, so a run that doesn't use a newer one must not carry it.
func TestDefaultsCarryNoNewField(t *testing.T) {
	config, generated := DefaultTrainConfig(), DefaultGenerated()
	config.Dataset.Generated = &generated
	config.Gates = []Gate{{Metric: "accuracy", Min: 0.9}}
	got, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"version":1,"run":{"name":"local"}` +
		`,"dataset":{"generated":{"samplesPerClass":400,"classes":["cat","dog"],"seed":1,"labelNoisePercent":0}` +
		`,"split":{"validationPercent":10,"testPercent":10,"seed":42},"augmentation":{"rotationDegrees":0,"horizontalFlip":true,"brightness":0,"contrast":0,"saturation":0}}` +
		`,"model":{"architecture":"BaselineCNN","imageSize":224,"dropout":0.5},"training":{"epochs":20,"batchSize":32,"learningRate":0.001,"optimizer":"AdamW","weightDecay":0.0001,"seed":42,"workers":0}` +
		`,"output":{"path":"models"},"gates":[{"metric":"accuracy","min":0.9}]}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("a new field needs omitempty or omitzero, and a default that is its zero (-first version +now):\n%s", diff)
	}
}
