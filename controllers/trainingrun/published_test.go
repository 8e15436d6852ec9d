// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

var hexSum = strings.Repeat("0f", 32)

// goodResult is what a runner of makeRun's run leaves.
func goodResult() *contract.TrainResult {
	return &contract.TrainResult{
		Version: 1,
		Outcome: contract.OutcomeSucceeded,
		Metrics: []contract.Metric{
			{Name: "accuracy", Value: 0.951234567, Interval: contract.Interval{Low: 0.9123456, High: 0.98}}, {Name: "loss", Value: 0.25},
		},
		Chance: &contract.Chance{Class: "cat", Accuracy: 0.5, Better: true},
		Model: &contract.ModelResult{
			URI: "pvc://models/pets-1a2b3c4d/model.onnx", SHA256: hexSum, SizeBytes: 10, ClassCount: 2, Classes: []string{"cat", "dog"},
			Samples: &contract.SamplesResult{URI: "pvc://models/pets-1a2b3c4d/samples.tar", SHA256: hexSum},
		},
		Dataset: &contract.DatasetResult{Digest: "sha256:" + hexSum, Samples: 40, TestSplitDigest: "sha256:" + hexSum},
	}
}

func encode(t *testing.T, document any) string {
	t.Helper()
	data, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestDecodePublished(t *testing.T) {
	got, err := decodePublished(makeRun().Obj(), encode(t, goodResult()))
	if err != nil {
		t.Fatal(err)
	}
	want := &publishedResult{
		model: v1alpha1.PublishedModel{
			URI: "pvc://models/pets-1a2b3c4d/model.onnx", SHA256: hexSum, SizeBytes: 10, ClassCount: 2, Classes: []string{"cat", "dog"},
			Samples: &v1alpha1.PublishedSamples{URI: "pvc://models/pets-1a2b3c4d/samples.tar", SHA256: hexSum},
			Chance:  v1alpha1.BetterThanChance, ChanceAccuracy: "0.5",
		},
		metrics: []v1alpha1.Metric{
			{Name: "accuracy", Value: "0.951235", Interval: v1alpha1.MetricInterval{Low: "0.912346", High: "0.98"}}, {Name: "loss", Value: "0.25"},
		},
		dataset: &v1alpha1.DatasetLineage{Digest: "sha256:" + hexSum, Samples: 40, TestSplitDigest: "sha256:" + hexSum},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(publishedResult{})); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
}

// Where the data lay is what the spec says; their commit is what the runner found.
func TestLineageOfTheDataset(t *testing.T) {
	commit := strings.Repeat("0a", 20)
	fromClaim := makeRun().DataPVC("photos", "pets/raw").Obj()
	withUser := fromDVC("key")
	withUser.Spec.Dataset.DVC.Repo, withUser.Spec.Dataset.DVC.Path = "ssh://git@git.example/team/pets.git", ""
	for name, tc := range map[string]struct {
		run  *v1alpha1.TrainingRun
		want string
	}{
		"claim":                 {fromClaim, "pvc://photos/pets/raw"},
		"root of a claim":       {makeRun().DataPVC("photos", "").Obj(), "pvc://photos/"},
		"bucket":                {fromBucket("key"), "s3://datasets/pets"},
		"DVC":                   {fromDVC("key"), "https://git.example/team/pets.git//data/raw"},
		"all of DVC, with user": {withUser, "ssh://git.example/team/pets.git"},
		"generated":             {makeRun().Obj(), ""},
	} {
		t.Run(name, func(t *testing.T) {
			result := goodResult()
			result.Dataset.Revision = commit
			got, err := decodePublished(tc.run, encode(t, result))
			if err != nil {
				t.Fatal(err)
			}
			if got.dataset.Location != tc.want || got.dataset.Revision != commit {
				t.Errorf("location %q, revision %q, want %q, %q", got.dataset.Location, got.dataset.Revision, tc.want, commit)
			}
		})
	}
}

func TestDecodePublishedRefuses(t *testing.T) {
	cases := map[string]struct {
		change func(*contract.TrainResult)
		want   string
	}{
		"no model":                  {func(r *contract.TrainResult) { r.Model = nil }, "no model"},
		"another version":           {func(r *contract.TrainResult) { r.Version = 9 }, "version 9"},
		"another claim":             {func(r *contract.TrainResult) { r.Model.URI = "pvc://other/pets-1a2b3c4d/model.onnx" }, "not below pvc://models/pets-1a2b3c4d/"},
		"another run's folder":      {func(r *contract.TrainResult) { r.Model.URI = "pvc://models/cats-00000000/model.onnx" }, "not below"},
		"a way out of the folder":   {func(r *contract.TrainResult) { r.Model.URI = "pvc://models/pets-1a2b3c4d/../x" }, "'..'"},
		"a folder that starts so":   {func(r *contract.TrainResult) { r.Model.URI = "pvc://models/pets-1a2b3c4dx/m" }, "not below"},
		"another scheme":            {func(r *contract.TrainResult) { r.Model.URI = "http://evil/pets-1a2b3c4d/m" }, "pvc://CLAIM/PATH"},
		"an endless URI":            {func(r *contract.TrainResult) { r.Model.URI += strings.Repeat("x", 3000) }, "more than 2048"},
		"a short digest":            {func(r *contract.TrainResult) { r.Model.SHA256 = "abc" }, "sha256 of the model"},
		"an upper-case digest":      {func(r *contract.TrainResult) { r.Model.SHA256 = strings.ToUpper(hexSum) }, "sha256 of the model"},
		"a digest with a line":      {func(r *contract.TrainResult) { r.Model.SHA256 = hexSum[:63] + "\n" }, "sha256 of the model"},
		"a negative size":           {func(r *contract.TrainResult) { r.Model.SizeBytes = -1 }, "negative"},
		"a negative class count":    {func(r *contract.TrainResult) { r.Model.ClassCount = -1 }, "negative"},
		"samples of another run":    {func(r *contract.TrainResult) { r.Model.Samples.URI = "pvc://models/x/samples.tar" }, "samples"},
		"samples without a digest":  {func(r *contract.TrainResult) { r.Model.Samples.SHA256 = "" }, "sha256 of the samples"},
		"a dataset's digest":        {func(r *contract.TrainResult) { r.Dataset.Digest = "md5:1" }, "dataset digests"},
		"a revision that is a name": {func(r *contract.TrainResult) { r.Dataset.Revision = "main" }, "revision must be a whole commit"},
		"a negative sample count":   {func(r *contract.TrainResult) { r.Dataset.Samples = -1 }, "negative number of samples"},
		"a test split's odd digest": {func(r *contract.TrainResult) { r.Dataset.TestSplitDigest = hexSum }, "dataset digests"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			result := goodResult()
			tc.change(result)
			if got, err := decodePublished(makeRun().Obj(), encode(t, result)); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("decodePublished = %+v, %v; want an error with %q", got, err, tc.want)
			}
		})
	}
}

func TestDecodePublishedOptional(t *testing.T) {
	result := goodResult()
	result.Model.Samples, result.Dataset, result.Metrics = nil, nil, nil
	for range 30 {
		result.Model.Classes = append(result.Model.Classes, "x\x1b"+strings.Repeat("y", 300))
	}
	got, err := decodePublished(makeRun().Obj(), encode(t, result))
	if err != nil {
		t.Fatal(err)
	}
	if got.model.Samples != nil || got.dataset != nil || got.metrics != nil {
		t.Errorf("result = %+v, want nothing that was not reported", got)
	}
	if n := len(got.model.Classes); n != 20 {
		t.Errorf("%d classes, want the first 20", n)
	}
	if last := got.model.Classes[19]; len(last) > 256 || strings.ContainsRune(last, '\x1b') {
		t.Errorf("class = %q", last)
	}
}

func TestChanceOf(t *testing.T) {
	for name, tc := range map[string]struct {
		chance   *contract.Chance
		want     v1alpha1.Chance
		accuracy string
	}{
		"not said":   {},
		"better":     {chance: &contract.Chance{Better: true, Accuracy: 0.5}, want: v1alpha1.BetterThanChance, accuracy: "0.5"},
		"no better":  {chance: &contract.Chance{Accuracy: 0.4251234567}, want: v1alpha1.NoBetterThanChance, accuracy: "0.425123"},
		"impossible": {chance: &contract.Chance{Accuracy: 17}, want: v1alpha1.NoBetterThanChance},
		"no number":  {chance: &contract.Chance{Better: true, Accuracy: math.NaN()}, want: v1alpha1.BetterThanChance},
	} {
		if verdict, accuracy := chanceOf(tc.chance); verdict != tc.want || accuracy != tc.accuracy {
			t.Errorf("%s: %q, %q, want %q, %q", name, verdict, accuracy, tc.want, tc.accuracy)
		}
	}
}

func TestCleanMetrics(t *testing.T) {
	many := make([]contract.Metric, 50)
	for i := range many {
		many[i] = contract.Metric{Name: fmt.Sprintf("m%d", i), Value: 1}
	}
	cases := map[string]struct {
		in   []contract.Metric
		want []v1alpha1.Metric
	}{
		"none": {},
		"odd values and names": {
			in: []contract.Metric{
				{Name: "nan", Value: math.NaN()}, {Name: "inf", Value: math.Inf(1)}, {Name: "", Value: 1},
				{Name: "a", Value: 1}, {Name: "a", Value: 2}, {Name: "huge", Value: 1e300}, {Name: "tiny", Value: -1.23456789e-12},
			},
			want: []v1alpha1.Metric{{Name: "a", Value: "1"}, {Name: "huge", Value: "1e+300"}, {Name: "tiny", Value: "-1.23457e-12"}},
		},
		"odd intervals": {
			in: []contract.Metric{
				{Name: "nan", Value: 1, Interval: contract.Interval{Low: math.NaN(), High: 2}}, {Name: "inf", Value: 1, Interval: contract.Interval{High: math.Inf(1)}},
				{Name: "beside", Value: 1, Interval: contract.Interval{Low: 2, High: 3}}, {Name: "turned", Value: 1, Interval: contract.Interval{Low: 2, High: 0}},
				{Name: "good", Value: 1, Interval: contract.Interval{Low: 0.5, High: 1}},
			},
			want: []v1alpha1.Metric{
				{Name: "nan", Value: "1"}, {Name: "inf", Value: "1"}, {Name: "beside", Value: "1"}, {Name: "turned", Value: "1"},
				{Name: "good", Value: "1", Interval: v1alpha1.MetricInterval{Low: "0.5", High: "1"}},
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, cleanMetrics(tc.in)); diff != "" {
				t.Errorf("cleanMetrics (-want +got):\n%s", diff)
			}
		})
	}
	if got := len(cleanMetrics(many)); got != 32 {
		t.Errorf("%d metrics, want the first 32", got)
	}
}

// runnerPodThat returns a failed pod of a runner.
func runnerPodThat(change func(*corev1.Pod)) *corev1.Pod {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "pets-1"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "runner"}}},
		Status:     corev1.PodStatus{Phase: corev1.PodFailed},
	}
	change(pod)
	return pod
}

func exited(reason string, code int32, output string) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{terminatedContainer(reason, code, output)}
	}
}

func TestDecodePublishedKeepsWarnings(t *testing.T) {
	result := goodResult()
	result.Warnings = []string{"the loss\x1b[31m explodes", "two classes are alike"}
	published, err := decodePublished(makeRun().Obj(), encode(t, result))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("the loss [31m explodes; two classes are alike", published.warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

func TestGateMissed(t *testing.T) {
	missed := goodResult()
	missed.Outcome, missed.Reason = contract.OutcomeFailed, contract.ReasonGateNotMet
	cases := map[string]struct {
		pod  func(*corev1.Pod)
		want bool
	}{
		"published all the same":    {pod: exited("Error", 5, encode(t, missed)), want: true},
		"another exit code":         {pod: exited("Error", 4, encode(t, missed))},
		"nothing readable":          {pod: exited("Error", 5, "x")},
		"it never ran":              {pod: func(*corev1.Pod) {}},
		"the container has gone on": {pod: func(pod *corev1.Pod) { pod.Status.Phase = corev1.PodRunning }},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := gateMissed(makeRun().Obj(), runnerPodThat(tc.pod)); (got != nil) != tc.want {
				t.Errorf("gateMissed = %+v, want one: %t", got, tc.want)
			}
		})
	}
}

func TestPublishedBy(t *testing.T) {
	succeeded := func(output string) *corev1.Pod {
		return runnerPodThat(func(pod *corev1.Pod) {
			exited("Completed", 0, output)(pod)
			pod.Status.Phase = corev1.PodSucceeded
		})
	}
	silent := succeeded("")
	silent.Status.ContainerStatuses = nil
	cases := map[string]struct {
		pods []*corev1.Pod
		want string // a part of the error; empty: a result
	}{
		"a failed one, then one with a result": {pods: []*corev1.Pod{runnerPodThat(exited("Error", 1, "")), succeeded(encode(t, goodResult()))}},
		"none succeeded":                       {pods: []*corev1.Pod{runnerPodThat(exited("Error", 1, ""))}, want: "its pod is gone"},
		"no document":                          {pods: []*corev1.Pod{succeeded("bye")}, want: "pod pets-1: decode document"},
		"no word of its container":             {pods: []*corev1.Pod{silent}, want: "doesn't tell how its container runner ended"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := publishedBy(makeRun().Obj(), tc.pods)
			if (err == nil) != (tc.want == "") || (got != nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("publishedBy = %+v, %v; want an error with %q", got, err, tc.want)
			}
		})
	}
}

// FuzzRunnerOutput checks that nothing a container says breaks a status.
func FuzzRunnerOutput(f *testing.F) {
	f.Add(`{"version":1,"reason":"GateNotMet","message":"x","model":{"uri":"pvc://models/pets-1a2b3c4d/m"}}`, int32(5))
	f.Add(`{"version":1,"metrics":[{"name":"a","value":1e308}],"logTail":"\u202e"}`, int32(1))
	f.Add("panic: \xff", int32(2))
	f.Fuzz(func(t *testing.T, output string, code int32) {
		pod := runnerPodThat(exited("Error", code, output))
		failure := podFailure(pod)
		if failure.Reason == "" || len(failure.Reason) > 64 || len(failure.Message) > 1024 || len(failure.LogTail) > 2048 {
			t.Errorf("failure = %+v", failure)
		}
		for _, s := range []string{failure.Reason, failure.Message, failure.LogTail} {
			if !utf8.ValidString(s) {
				t.Errorf("%q is not valid UTF-8", s)
			}
		}
		if published := gateMissed(makeRun().Obj(), pod); published != nil && !strings.HasPrefix(published.model.URI, "pvc://models/pets-1a2b3c4d/") {
			t.Errorf("model = %+v", published.model)
		}
	})
}
