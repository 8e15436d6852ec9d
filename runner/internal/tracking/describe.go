// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package tracking

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/version"
	"github.com/trainyard-dev/trainyard/runner/internal/tracking/mlflow"
)

const (
	// tagPrefix begins the tags that are Trainyard's own.
	tagPrefix = contract.MLflowTagPrefix
	tagUID    = tagPrefix + "uid"
	// defaultExperiment is where runs are that name no experiment: MLflow's own.
	defaultExperiment = "Default"
)

// newStart describes a run before anything is known of its data.
func newStart(cfg contract.TrainConfig, now int64) *start {
	m := cfg.Tracking.MLflow
	s := &start{
		URI: m.URI, Workspace: m.Workspace, RegisteredModel: m.RegisteredModel,
		Experiment: cmp.Or(m.Experiment, defaultExperiment), UID: cfg.Run.UID, Name: cmp.Or(m.RunName, cfg.Run.Name), Time: now,
	}
	source := "LOCAL"
	if cfg.Run.Namespace != "" {
		source = "JOB"
		s.Tags = append(s.Tags, mlflow.Tag{Key: tagPrefix + "namespace", Value: cfg.Run.Namespace})
	}
	s.Tags = append(s.Tags,
		mlflow.Tag{Key: tagUID, Value: cfg.Run.UID}, mlflow.Tag{Key: tagPrefix + "run", Value: cfg.Run.Name},
		mlflow.Tag{Key: tagPrefix + "version", Value: version.String()},
		mlflow.Tag{Key: "mlflow.source.name", Value: "trainyard"}, mlflow.Tag{Key: "mlflow.source.type", Value: source})
	if commit := commitOf(version.String()); commit != "" {
		s.Tags = append(s.Tags, mlflow.Tag{Key: "mlflow.source.git.commit", Value: commit})
	}
	for _, key := range slices.Sorted(maps.Keys(m.Tags)) { // the user's win
		s.Tags = slices.DeleteFunc(s.Tags, func(tag mlflow.Tag) bool { return tag.Key == key })
		s.Tags = append(s.Tags, mlflow.Tag{Key: key, Value: m.Tags[key]})
	}
	return s
}

// versionCommit is what a version says of its commit: v1.2-3-g1a2b3c4 or all digits.
var versionCommit = regexp.MustCompile(`^(?:.*-g)?([0-9a-f]{7,40})(?:-dirty|\+dirty)?$`)

// commitOf returns the commit that a version of the program names, or nothing.
func commitOf(version string) string {
	if match := versionCommit.FindStringSubmatch(version); match != nil {
		return match[1]
	}
	return ""
}

// datasetTags name the data whole, which a dataset of MLflow has no room for.
func datasetTags(d contract.DatasetResult) []mlflow.Tag {
	var tags []mlflow.Tag
	for _, tag := range []mlflow.Tag{
		{Key: "dataset.digest", Value: d.Digest}, {Key: "dataset.revision", Value: d.Revision},
		{Key: "dataset.testSplitDigest", Value: d.TestSplitDigest}, {Key: "dataset.samples", Value: strconv.Itoa(d.Samples)},
	} {
		if tag.Value != "" {
			tags = append(tags, mlflow.Tag{Key: tagPrefix + tag.Key, Value: tag.Value})
		}
	}
	return tags
}

// modelTags name the published model.
func modelTags(result contract.TrainResult) []mlflow.Tag {
	tags := []mlflow.Tag{
		{Key: tagPrefix + "model.uri", Value: result.Model.URI}, {Key: tagPrefix + "model.sha256", Value: result.Model.SHA256},
	}
	if result.Dataset != nil {
		tags = append(tags, mlflow.Tag{Key: tagPrefix + "dataset.digest", Value: result.Dataset.Digest})
	}
	return tags
}

// endTags say how an attempt ended. Those of an earlier one are written over.
func endTags(result contract.TrainResult) []mlflow.Tag {
	return []mlflow.Tag{
		{Key: tagPrefix + "outcome", Value: result.Outcome}, {Key: tagPrefix + "reason", Value: result.Reason},
		{Key: tagPrefix + "message", Value: result.Message},
	}
}

// sourceTypes are the sources that MLflow knows, by the scheme of a location, and the key of what it reads.
var sourceTypes = map[string]struct{ kind, key string }{
	contract.SchemeS3: {"s3", "uri"}, contract.SchemeGS: {"gs", "uri"}, contract.SchemeHTTPS: {"http", "url"},
}

// describeDataset describes the data as an input of a run.
func describeDataset(cfg contract.TrainConfig, d contract.DatasetResult) *mlflow.Dataset {
	location := cmp.Or(contract.DatasetLocation(cfg.Dataset), cfg.Dataset.Path, "generated pictures")
	scheme, _, _ := strings.Cut(location, "://")
	source, known := sourceTypes[scheme]
	if !known || cfg.Dataset.DVC != nil {
		source.kind, source.key = "local", "uri"
	}
	uri, _ := json.Marshal(map[string]string{source.key: location})
	profile, _ := json.Marshal(map[string]any{"num_samples": d.Samples, "digest": d.Digest, "revision": d.Revision})
	name := path.Base(location)
	return &mlflow.Dataset{
		Name: name, Digest: strings.TrimPrefix(d.Digest, "sha256:"), SourceType: source.kind, Source: string(uri), Profile: string(profile),
	}
}

// flatten adds the values of nested settings by their paths, with dots, to params. Those that aren't set are left out.
func flatten(at string, settings map[string]any, to []mlflow.Param) []mlflow.Param {
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		key := strings.TrimPrefix(at+"."+name, ".")
		switch value := settings[name].(type) {
		case nil:
		case map[string]any:
			to = flatten(key, value, to)
		case string:
			if value != "" {
				to = append(to, mlflow.Param{Key: key, Value: value})
			}
		case []any:
			text, _ := json.Marshal(value) // as it was decoded
			to = append(to, mlflow.Param{Key: key, Value: string(text)})
		default:
			to = append(to, mlflow.Param{Key: key, Value: fmt.Sprint(value)})
		}
	}
	return to
}
