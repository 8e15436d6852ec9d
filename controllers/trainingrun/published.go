// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	"errors"
	"fmt"
	"math"
	"path"
	"regexp"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/text"
)

// Bounds of what a runner may put into a status; those of the API are no tighter.
const (
	maxMetrics     = 32
	maxMetricName  = 63
	maxClasses     = 20
	maxClassName   = 256
	maxURI         = 2048
	maxLocation    = 4096
	maxMessage     = 1024
	maxLogTail     = 2048
	metricDigits   = 6 // significant digits of a metric's value
	sha256Hex      = `[0-9a-f]{64}`
	sha256Prefixed = `sha256:` + sha256Hex
)

var (
	sha256Pattern = regexp.MustCompile(`^` + sha256Hex + `$`)
	digestPattern = regexp.MustCompile(`^` + sha256Prefixed + `$`)
	// revisionPattern is that of Git's commits, by either of its hashes.
	revisionPattern = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
)

// publishedResult is a successful result that has been checked.
type publishedResult struct {
	model   v1alpha1.PublishedModel
	metrics []v1alpha1.Metric
	dataset *v1alpha1.DatasetLineage
	trained *contract.Checkpoint // nil: all epochs
	// warnings are the runner's on what it has published, "" if it has none.
	warnings string
}

// decodePublished reads the termination message of a runner that has published a
// model, and refuses one that this run can't have published: it comes from an image
// that a user may have chosen.
func decodePublished(run *v1alpha1.TrainingRun, message string) (*publishedResult, error) {
	result := &contract.TrainResult{}
	if err := contract.DecodeResult([]byte(message), result); err != nil {
		return nil, err
	}
	return checkPublished(run, result)
}

func checkPublished(run *v1alpha1.TrainingRun, result *contract.TrainResult) (*publishedResult, error) {
	if result.Model == nil {
		return nil, errors.New("result names no model")
	}
	model := v1alpha1.PublishedModel{
		URI:        result.Model.URI,
		SHA256:     result.Model.SHA256,
		SizeBytes:  result.Model.SizeBytes,
		ClassCount: clampInt32(int64(result.Model.ClassCount)),
	}
	model.Chance, model.ChanceAccuracy = chanceOf(result.Chance)
	if err := checkArtifact(run, "model", model.URI, model.SHA256); err != nil {
		return nil, err
	}
	if model.SizeBytes < 0 || result.Model.ClassCount < 0 {
		return nil, errors.New("result has a negative model size or class count")
	}
	for _, class := range result.Model.Classes[:min(len(result.Model.Classes), maxClasses)] {
		model.Classes = append(model.Classes, text.Clean(class, maxClassName))
	}
	if s := result.Model.Samples; s != nil {
		if err := checkArtifact(run, "samples", s.URI, s.SHA256); err != nil {
			return nil, err
		}
		model.Samples = &v1alpha1.PublishedSamples{URI: s.URI, SHA256: s.SHA256}
	}
	dataset, err := checkDataset(run, result.Dataset)
	if err != nil {
		return nil, err
	}
	return &publishedResult{
		model: model, metrics: cleanMetrics(result.Metrics), dataset: dataset, trained: result.Trained,
		warnings: text.Clean(strings.Join(result.Warnings, "; "), maxMessage),
	}, nil
}

// publishedBy returns the result of the pod that succeeded, or why there is none.
func publishedBy(run *v1alpha1.TrainingRun, pods []*corev1.Pod) (*publishedResult, error) {
	for _, pod := range pods {
		if pod.Status.Phase != corev1.PodSucceeded {
			continue
		}
		end := podstate.FindContainerEnd(pod, contract.RunnerContainer)
		if end == nil {
			return nil, fmt.Errorf("pod %s doesn't tell how its container %s ended", pod.Name, contract.RunnerContainer)
		}
		published, err := decodePublished(run, end.Output)
		if err != nil {
			return nil, fmt.Errorf("pod %s: %w", pod.Name, err)
		}
		return published, nil
	}
	return nil, errors.New("its pod is gone")
}

// checkArtifact checks that a file lies in the run's own folder of its output.
func checkArtifact(run *v1alpha1.TrainingRun, what, uri, sha256 string) error {
	if len(uri) > maxURI {
		return fmt.Errorf("result's URI of the %s has %d bytes, more than %d", what, len(uri), maxURI)
	}
	if run.Spec.Output.URI == "" {
		if _, _, err := contract.ParsePVCURI(uri); err != nil {
			return fmt.Errorf("result's %s: %w", what, err)
		}
	}
	folder, parameters, _ := strings.Cut(contract.BelowURI(outputURI(run), jobName(run)), "?")
	at, given, _ := strings.Cut(uri, "?")
	if name, below := strings.CutPrefix(at, folder+"/"); !below || given != parameters || name == "" || path.Clean("/"+name) != "/"+name {
		return fmt.Errorf("result's %s is %q, which is not below %s/", what, uri, folder)
	}
	if !sha256Pattern.MatchString(sha256) {
		return fmt.Errorf("result's sha256 of the %s must be 64 lower-case hexadecimal digits", what)
	}
	return nil
}

func checkDataset(run *v1alpha1.TrainingRun, dataset *contract.DatasetResult) (*v1alpha1.DatasetLineage, error) {
	if dataset == nil {
		return nil, nil
	}
	for _, digest := range []string{dataset.Digest, dataset.TestSplitDigest} {
		if digest != "" && !digestPattern.MatchString(digest) {
			return nil, errors.New("result's dataset digests must be sha256: and 64 lower-case hexadecimal digits")
		}
	}
	if dataset.Samples < 0 {
		return nil, errors.New("result has a negative number of samples")
	}
	if dataset.Revision != "" && !revisionPattern.MatchString(dataset.Revision) {
		return nil, errors.New("result's dataset revision must be a whole commit: 40 or 64 lower-case hexadecimal digits")
	}
	return &v1alpha1.DatasetLineage{
		Location:        text.Clean(datasetLocation(run), maxLocation),
		Revision:        dataset.Revision,
		Digest:          dataset.Digest,
		Samples:         int64(dataset.Samples),
		TestSplitDigest: dataset.TestSplitDigest,
	}, nil
}

// cleanMetrics keeps the first of each name, at most maxMetrics, and only finite values.
func cleanMetrics(metrics []contract.Metric) []v1alpha1.Metric {
	var cleaned []v1alpha1.Metric
	seen := map[string]bool{}
	for _, metric := range metrics {
		name := text.Clean(metric.Name, maxMetricName)
		if name == "" || seen[name] || math.IsNaN(metric.Value) || math.IsInf(metric.Value, 0) {
			continue
		}
		if len(cleaned) == maxMetrics {
			break
		}
		seen[name] = true
		cleaned = append(cleaned, v1alpha1.Metric{Name: name, Value: formatMetric(metric.Value), Interval: cleanInterval(metric)})
	}
	return cleaned
}

// cleanInterval keeps an interval that the metric's value lies in.
func cleanInterval(metric contract.Metric) v1alpha1.MetricInterval {
	low, high := metric.Interval.Low, metric.Interval.High
	if low == high || !(low <= metric.Value && metric.Value <= high) || math.IsInf(low, 0) || math.IsInf(high, 0) {
		return v1alpha1.MetricInterval{}
	}
	return v1alpha1.MetricInterval{Low: formatMetric(low), High: formatMetric(high)}
}

func formatMetric(value float64) string { return strconv.FormatFloat(value, 'g', metricDigits, 64) }

// chanceOf is what a runner says of the model beside guessing, and the accuracy of that.
func chanceOf(chance *contract.Chance) (verdict v1alpha1.Chance, accuracy string) {
	if chance == nil {
		return "", ""
	}
	verdict = v1alpha1.NoBetterThanChance
	if chance.Better {
		verdict = v1alpha1.BetterThanChance
	}
	if chance.Accuracy >= 0 && chance.Accuracy <= 1 {
		accuracy = formatMetric(chance.Accuracy)
	}
	return verdict, accuracy
}

// gateMissed returns what a run that missed a gate has published all the same.
func gateMissed(run *v1alpha1.TrainingRun, pod *corev1.Pod) *publishedResult {
	end := podstate.FindContainerEnd(pod, contract.RunnerContainer)
	if end == nil || ptr.Deref(end.ExitCode, 0) != contract.ExitGate {
		return nil
	}
	published, err := decodePublished(run, end.Output)
	if err != nil {
		return nil
	}
	return published
}

func clampInt32(n int64) int32 {
	return int32(max(0, min(n, math.MaxInt32)))
}
