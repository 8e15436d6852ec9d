// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// notForTheRunner are the fields of what describes a training that its Job has and the runner is not told.
var notForTheRunner = map[string]string{
	"dataset.pvc.claimName": "the Job mounts it",
	"output.retention":      "another Job deletes what the run has left",
	// The paths of what is mounted don't depend on what it is.
	"dataset.secretRef.name":             "the Job mounts it",
	"dataset.caBundle.configMapRef.name": "the Job mounts it",
	"dataset.caBundle.configMapRef.key":  "the Job mounts it",
	"dataset.caBundle.secretRef.name":    "the Job mounts it",
	"dataset.caBundle.secretRef.key":     "the Job mounts it",

	"dataset.dvc.secretRef.name":             "the Job mounts it",
	"dataset.dvc.caBundle.configMapRef.name": "the Job mounts it",
	"dataset.dvc.caBundle.configMapRef.key":  "the Job mounts it",
	"dataset.dvc.caBundle.secretRef.name":    "the Job mounts it",
	"dataset.dvc.caBundle.secretRef.key":     "the Job mounts it",

	"tracking.mlflow.secretRef.name":             "the Job mounts it",
	"tracking.mlflow.caBundle.configMapRef.name": "the Job mounts it",
	"tracking.mlflow.caBundle.configMapRef.key":  "the Job mounts it",
}

// otherValues are those of fields for which not every value means something.
var otherValues = map[string]string{
	"dataset.augmentation.horizontalFlip": string(v1alpha1.Disabled),
	"dataset.uri":                         "s3://datasets/others",
	"training.nesterov":                   string(v1alpha1.Enabled),
	"dataset.cache.sizeLimit":             "40Gi",
	"output.quantization":                 string(v1alpha1.Int8Quantization),
	"output.calibration":                  string(v1alpha1.TemperatureCalibration),
	"training.classWeights":               string(v1alpha1.BalancedClassWeights),
}

// A field that the API has and no runner is told would be set in vain.
func TestEveryFieldReachesTheRunner(t *testing.T) {
	generated := makeRun().Gate("accuracy", "0.90").Obj()
	generated.Spec.Training.Optimizer = v1alpha1.SGD
	generated.Spec.Gates[0].Max = "0.25" // the schema allows it of other metrics only
	fromClaim := generated.DeepCopy()
	fromClaim.Spec.Dataset.Generated = nil
	fromClaim.Spec.Dataset.PVC = &v1alpha1.DatasetPVC{ClaimName: "pets", Path: "raw"}
	seen, unset := map[string]bool{}, map[string]bool{}
	bucket := fromBucket("key")
	bucket.Spec.Dataset.CABundle.ConfigMapRef = v1alpha1.CABundleReference{Name: "ca", Key: "ca.crt"}
	fromClaim.Spec.Dataset.Split.Folders = v1alpha1.SplitFolders{Train: "train"}
	bucket.Spec.Dataset.Labels = v1alpha1.DatasetLabels{File: "labels.csv"}
	bucket.Spec.Dataset.Cache = v1alpha1.DatasetCache{SizeLimit: "20Gi"}
	kept := fromDVC("key")
	kept.Spec.Dataset.DVC.CABundle.ConfigMapRef = v1alpha1.CABundleReference{Name: "ca", Key: "ca.crt"}
	recorded := makeRun().Obj()
	recorded.Spec.Tracking.MLflow = v1alpha1.MLflowTracking{
		URI: "http://mlflow:5000", Tags: map[string]v1alpha1.MLflowTag{"team": "a"}, SecretRef: v1alpha1.SecretReference{Name: "key"},
		CABundle: v1alpha1.TrackingCABundle{ConfigMapRef: v1alpha1.CABundleReference{Name: "ca", Key: "ca.crt"}},
	}
	for _, run := range []*v1alpha1.TrainingRun{fromClaim, generated, bucket, kept, recorded} {
		before, err := trainConfig(run)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{"Dataset", "Model", "Training", "Output", "Gates", "Tracking"} {
			fields := reflect.ValueOf(&run.Spec).Elem().FieldByName(part)
			if part == "Tracking" && fields.IsZero() {
				continue // without a server the rest says nothing
			}
			changeEach(fields, strings.ToLower(part), func(field string) {
				seen[field] = true
				after, err := trainConfig(run)
				if err != nil {
					t.Errorf("spec.%s: %v", field, err)
				}
				if _, hidden := notForTheRunner[field]; cmp.Equal(before, after) != hidden {
					t.Errorf("spec.%s: the runner's configuration is the same with another value: %v, want %v", field, !hidden, hidden)
				}
			}, func(member string, isSet bool) {
				if isSet {
					seen[member] = true
				} else {
					unset[member] = true
				}
			})
		}
	}
	for member := range unset {
		if !seen[member] {
			t.Errorf("no run here has spec.%s, so nothing tells whether its fields reach the runner: add one", member)
		}
	}
	for field := range notForTheRunner {
		if !seen[field] {
			t.Errorf("spec.%s is no field", field)
		}
	}
}

// changeEach calls check with the path of each field within v that holds no others, while that has another value, and member
// with each member of a union.
func changeEach(v reflect.Value, path string, check func(path string), member func(path string, isSet bool)) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			changeEach(v.Field(i), path+"."+name, check, member)
		}
		return
	case reflect.Pointer:
		isStruct := v.Type().Elem().Kind() == reflect.Struct
		if isStruct {
			member(path, !v.IsNil())
		}
		if !v.IsNil() {
			changeEach(v.Elem(), path, check, member)
			return
		}
		if isStruct {
			return
		}
	case reflect.Slice:
		if v.Len() > 0 && v.Index(0).Kind() == reflect.Struct {
			changeEach(v.Index(0), path, check, member)
			return
		}
	case reflect.String:
		if path == "dataset.uri" && v.Len() == 0 {
			return // a member of a union that is not set
		}
	default:
	}
	before := reflect.New(v.Type()).Elem()
	before.Set(v)
	v.Set(other(v, path))
	check(path)
	v.Set(before)
}

// other returns another value than v.
func other(v reflect.Value, path string) reflect.Value {
	changed := reflect.New(v.Type()).Elem()
	switch v.Kind() {
	case reflect.Pointer:
		changed.Set(reflect.New(v.Type().Elem()))
		changed.Elem().Set(other(changed.Elem(), path))
	case reflect.Slice:
		changed.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
	case reflect.Map:
		changed.Set(reflect.MakeMap(v.Type()))
		changed.SetMapIndex(reflect.ValueOf("other"), reflect.Zero(v.Type().Elem()))
	case reflect.String:
		changed.SetString("0.125")
		if value, ok := otherValues[path]; ok {
			changed.SetString(value)
		}
	default:
		changed.SetInt(v.Int() + 1)
	}
	return changed
}
