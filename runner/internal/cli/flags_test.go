// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

// withoutFlag are the settings of a run that a command line doesn't give.
var withoutFlag = map[string]string{
	"config.Version":                   "that of the program",
	"config.Run.Namespace":             "of the cluster",
	"config.Run.UID":                   "of the cluster",
	"config.Tracking.DeadlineSeconds":  "of the cluster",
	"generated.Classes":                "there are no others",
	"config.Dataset.MaxInvalidPercent": "--max-invalid-percent sets it unless it is 100",
}

// Whatever a TrainingRun says can be said on a laptop too.
func TestEverySettingHasAFlag(t *testing.T) {
	o := &trainOptions{config: contract.DefaultTrainConfig(), generated: contract.DefaultGenerated()}
	flags := pflag.NewFlagSet("train", pflag.ContinueOnError)
	o.datasetFlags(flags)
	o.modelFlags(flags)
	o.outputFlags(flags)
	mlflowFlags(flags, &o.mlflow)
	changed := map[string]bool{}
	flags.VisitAll(func(f *pflag.Flag) {
		taken := false
		for _, value := range someValues {
			before := o.settings()
			if f.Value.Set(value) != nil {
				continue // of another type
			}
			taken = true
			for path, setting := range o.settings() {
				if setting != before[path] {
					changed[path] = true
				}
			}
		}
		if !taken {
			t.Errorf("--%s takes none of %q: add a value that it does take", f.Name, someValues)
		}
	})
	for path := range o.settings() {
		if _, known := withoutFlag[path]; known == changed[path] {
			t.Errorf("%s: a flag sets it: %v, want %v: give it one in train_flags.go, or say in withoutFlag why it has none", path, changed[path], !known)
		}
	}
}

// A source that flags describe and none chooses would be given in vain.
func TestEverySourceIsChosenByAFlag(t *testing.T) {
	o := &trainOptions{}
	flags := pflag.NewFlagSet("train", pflag.ContinueOnError)
	o.datasetFlags(flags)
	var chosen []string
	for _, source := range sourceFlags {
		for _, name := range source.flags {
			if flags.Lookup(name) == nil {
				t.Errorf("--%s chooses a source and is no flag", name)
			}
		}
		d := contract.Dataset{Path: "pets", URI: "s3://pets"}
		source.choose(o, &d)
		chosen = append(chosen, d.Sources()...)
	}
	want := contract.DatasetSources()
	slices.Sort(chosen)
	slices.Sort(want)
	if diff := cmp.Diff(want, chosen); diff != "" {
		t.Errorf("sources (-contract +chosen by a flag of sourceFlags):\n%s", diff)
	}
}

// someValues has values for every type of flag, among them one that is no flag's default.
var someValues = []string{"other", "s3://pets", "true", "false", "7", "0.7", "1Gi", "accuracy=0.9"}

// settings are what flags may set, as text, by the path of the field. A part of the configuration that may be missing is set
// in a field of the options of its type, or hasn't any flags.
func (o *trainOptions) settings() map[string]string {
	found, parts, of := map[string]string{}, map[reflect.Type]string{}, map[reflect.Type]bool{}
	var walk func(path string, v reflect.Value)
	walk = func(path string, v reflect.Value) {
		switch {
		case v.Kind() == reflect.Struct:
			for i := range v.NumField() {
				walk(path+"."+v.Type().Field(i).Name, v.Field(i))
			}
		case v.Kind() == reflect.Pointer && v.Type().Elem().Kind() == reflect.Struct:
			parts[v.Type().Elem()] = path
		default:
			found[path] = fmt.Sprintf("%#v", v)
		}
	}
	options := reflect.ValueOf(*o)
	for i := range options.NumField() {
		if field := options.Type().Field(i); field.Type.Kind() == reflect.Struct {
			of[field.Type] = true
			walk(field.Name, options.Field(i))
		}
	}
	for part, path := range parts {
		if !of[part] {
			found[path] = ""
		}
	}
	return found
}
