// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"context"
	"log/slog"
	"strings"

	"github.com/trainyard-dev/trainyard/internal/dataset"
)

// maxLogged is how many unusable files of a dataset that is used are logged one by one: all that are known are in the report.
const maxLogged = 20

// LogDataset logs what is special about a dataset: its manifest, the parts that it is split into, its first unusable files one by one, then everything that was left out by
// cause.
func LogDataset(log *slog.Logger, d *dataset.Dataset) {
	if d.Labels != "" {
		log.Info("A manifest gives the labels", "labels", dataset.Shown(d.Labels), "images", len(d.Samples)+d.Skipped.Count)
	}
	if given := givenParts(d); given != nil {
		log.Info("The dataset is split already; its parts are used", "parts", given, "splitBy", d.SplitBy)
	}
	logLeftOut(log, d, maxLogged)
	for _, warning := range d.Warnings {
		log.Warn("Dataset: " + warning)
	}
}

// LogRefused logs what is wrong with a dataset that can't be used, down to each file that is known by name: there is no report of a run that it
// ends.
func LogRefused(log *slog.Logger, d *dataset.Dataset) { logLeftOut(log, d, len(d.Skipped.First)) }

// logLeftOut logs the first unusable files one by one, at most as many as said, then everything that was left out by cause.
func logLeftOut(log *slog.Logger, d *dataset.Dataset, most int) {
	for _, file := range d.Skipped.First[:min(len(d.Skipped.First), most)] {
		log.Warn("File left out of the dataset", "file", file.Name, "error", file.Err)
	}
	for _, left := range d.LeftOut {
		level := slog.LevelWarn
		if left.Cause.Expected() {
			level = slog.LevelInfo
		}
		log.Log(context.Background(), level, "Left out of the dataset", "cause", left.Cause, "count", left.Count,
			"examples", strings.Join(left.First, ", "))
	}
}

// DescribeDataset describes a dataset, without its split.
func DescribeDataset(d *dataset.Dataset) Dataset {
	described := Dataset{Digest: d.Digest, Revision: d.Revision, Classes: d.Classes, Samples: len(d.Samples), Skipped: d.Skipped.Count, Labels: dataset.Shown(d.Labels)}
	described.GivenParts, described.SplitBy = givenParts(d), d.SplitBy
	for _, file := range d.Skipped.First {
		described.SkippedFiles = append(described.SkippedFiles, SkippedFile{Name: file.Name, Cause: string(file.Cause), Reason: file.Err.Error()})
	}
	for _, left := range d.LeftOut {
		described.LeftOut = append(described.LeftOut, LeftOut{Cause: string(left.Cause), Count: left.Count, Examples: left.First})
	}
	return described
}

func givenParts(d *dataset.Dataset) []string {
	var names []string
	for _, part := range d.GivenParts() {
		names = append(names, part.String())
	}
	return names
}
