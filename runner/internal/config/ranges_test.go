// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/test/crd"
)

// applicable makes a field mean something that only some runs have, by its path or that of the part that it is in.
var applicable = map[string]func(c *contract.TrainConfig){
	"dataset.generated": func(c *contract.TrainConfig) {
		generated := contract.DefaultGenerated()
		c.Dataset.Path, c.Dataset.Generated = "", &generated
	},
	"dataset.cache": func(c *contract.TrainConfig) { c.Dataset.Path, c.Dataset.URI = "", "s3://datasets/pets" },
	"dataset.augmentation.randomResizedCrop": func(c *contract.TrainConfig) {
		c.Dataset.Augmentation.RandomResizedCrop = contract.RandomResizedCrop{MinScale: 0.0001, MinRatio: 0.1, MaxRatio: 10}
	},
	"dataset.augmentation.randomErasing": func(c *contract.TrainConfig) {
		c.Dataset.Augmentation.RandomErasing = contract.RandomErasing{Probability: 0.5, MinScale: 0.0001, MinRatio: 0.1, MaxRatio: 10}
	},
	"gates[0].min":                       func(c *contract.TrainConfig) { c.Gates = []contract.Gate{{Metric: contract.MetricAccuracy}} },
	"gates[0].max":                       func(c *contract.TrainConfig) { c.Gates = []contract.Gate{{Metric: contract.MetricLoss}} },
	"training.momentum":                  func(c *contract.TrainConfig) { c.Training.Optimizer = contract.OptimizerSGD },
	"training.scheduler.factor":          func(c *contract.TrainConfig) { c.Training.Scheduler.Type = contract.SchedulerStep },
	"training.scheduler.patience":        func(c *contract.TrainConfig) { c.Training.Scheduler.Type = contract.SchedulerReduceOnPlateau },
	"training.scheduler.stepEpochs":      func(c *contract.TrainConfig) { c.Training.Scheduler.Type = contract.SchedulerStep },
	"training.scheduler.minLearningRate": func(c *contract.TrainConfig) { c.Training.Scheduler.Type = contract.SchedulerCosine },
	"training.earlyStopping": func(c *contract.TrainConfig) {
		c.Training.EarlyStopping = contract.EarlyStopping{Metric: contract.MetricLoss, Patience: 1}
	},
}

// notInTheAPI are the numbers that the API has in another form, and their ranges.
var notInTheAPI = map[string]crd.Range{
	"version":                  {Least: math.Inf(-1), Most: math.Inf(1)}, // checked when the document is decoded
	"dataset.cache.maxBytes":   {Least: 0, Most: math.Inf(1)},            // a quantity
	"tracking.deadlineSeconds": {Least: 0, Most: 31_536_000},             // activeDeadlineSeconds, or none
}

// The runner refuses whatever the API server does: a document may come from elsewhere, and flags do.
func TestValidateKeepsToTheAPIsRanges(t *testing.T) {
	ranges, err := crd.Ranges("trainingruns")
	if err != nil {
		t.Fatal(err)
	}
	paths := numbers(reflect.TypeFor[contract.TrainConfig](), "")
	if len(paths) == 0 {
		t.Fatal("the configuration has no numbers")
	}
	for _, path := range paths {
		bounds, known := notInTheAPI[path]
		if !known {
			bounds, known = ranges[strings.ReplaceAll(path, "[0]", "[]")]
		}
		if !known {
			t.Errorf("%s has no range: give it one in the API, for a decimal by a rule whose message is worded as others are, or say in notInTheAPI which it has", path)
			continue
		}
		t.Run(path, func(t *testing.T) { checkRange(t, path, bounds) })
	}
}

// checkRange expects a configuration to be refused, by the field's name, with values out of range and for nothing else.
func checkRange(t *testing.T, path string, bounds crd.Range) {
	t.Helper()
	const step = 0.001 // decimals are as coarse
	cfg := valid()
	for part, apply := range applicable {
		if path == part || strings.HasPrefix(path, part+".") {
			apply(&cfg)
		}
	}
	at := fieldAt(reflect.ValueOf(&cfg).Elem(), path)
	isInteger := at.CanInt()
	set := func(value float64) error {
		if isInteger {
			at.SetInt(int64(value))
		} else {
			at.SetFloat(value)
		}
		return Validate(cfg)
	}
	within, below, above := bounds.Least+step, bounds.Least-step, bounds.Most+step
	if isInteger {
		within, below, above = max(bounds.Least, 0), bounds.Least-1, bounds.Most+1
		if below == 0 {
			below = -1 // 0 may stand for a field that is left out
		}
	}
	if err := set(within); err != nil {
		t.Fatalf("%v is refused: %v: if the field is for some runs only, say in applicable for which", within, err)
	}
	values := []float64{below, above}
	if !isInteger {
		values = append(values, math.NaN())
	}
	for _, value := range values {
		if math.IsInf(value, 0) {
			continue
		}
		if err := set(value); err == nil || !strings.Contains(err.Error(), path+" ") {
			t.Errorf("%v, which the API server refuses: got %v, want an error that names the field: check it in Validate", value, err)
		}
	}
}

// numbers are the paths of all numbers in a document, with one item for each list.
func numbers(of reflect.Type, path string) (paths []string) {
	switch of.Kind() {
	case reflect.Pointer:
		return numbers(of.Elem(), path)
	case reflect.Slice:
		return numbers(of.Elem(), path+"[0]")
	case reflect.Struct:
		for field := range of.Fields() {
			paths = append(paths, numbers(field.Type, join(path, field))...)
		}
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Float64:
		return []string{path}
	default:
	}
	return paths
}

// join returns the path of a field of what has a path.
func join(path string, field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	switch {
	case name == "": // embedded
		return path
	case path == "":
		return name
	default:
		return path + "." + name
	}
}

// fieldAt returns the number at a path. What is missing on the way to it is made.
func fieldAt(v reflect.Value, path string) reflect.Value {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		return fieldAt(v.Elem(), path)
	case reflect.Slice:
		if v.Len() == 0 {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		}
		return fieldAt(v.Index(0), path)
	case reflect.Struct:
		name, rest, _ := strings.Cut(path, ".")
		for i := range v.NumField() {
			if join("", v.Type().Field(i)) == strings.TrimSuffix(name, "[0]") {
				return fieldAt(v.Field(i), rest)
			}
		}
	default:
	}
	return v
}
