// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package contract

import (
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
	}
	if diff := cmp.Diff(names, DatasetSources()); diff != "" {
		t.Errorf("sources (-fields +listed):\n%s", diff)
	}
	if set := (Dataset{Split: Split{Seed: 1}}).Sources(); len(set) != 0 {
		t.Errorf("a dataset without a source has %v", set)
	}
}
