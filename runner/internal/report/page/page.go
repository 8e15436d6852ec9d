// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package page makes one page of a run's report, which needs nothing else: no network, no file beside it.
package page

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the page's template, style and script
	"encoding/base64"
	"fmt"
	"html/template"
	"slices"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/runner/internal/report"
)

// MaxBytes bounds a page.
const MaxBytes = 2 << 20

// Run is what a page shows.
type Run struct {
	// Run is the run's name and UID.
	Run    contract.Run
	Result contract.TrainResult
	Report *report.Report
	// Details is nil for an artifact that was published before there were any.
	Details *report.Details
}

var (
	//go:embed page.gohtml
	source string
	//go:embed style.css
	style string
	//go:embed script.js
	script string
)

var layout = template.Must(template.New("page").Parse(source))

// policy lets the page load nothing and run only its own script.
func policy() string {
	return fmt.Sprintf("default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; style-src %s; script-src %s", hash(style), hash(script))
}

func hash(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// Render returns the page of a run, of at most MaxBytes: pictures are left out if they don't fit. The same run always gives
// the same page.
func Render(run Run) ([]byte, error) {
	if err := check(run.Report, run.Details); err != nil {
		return nil, err
	}
	for _, left := range []func(report.Details) report.Details{
		func(d report.Details) report.Details { return d },
		func(d report.Details) report.Details { d.Cells = withoutPictures(d.Cells); return d },
		func(d report.Details) report.Details {
			d.Cells, d.Mistakes, d.Augmentations = nil, withoutPictures(d.Mistakes), nil
			return d
		},
	} {
		shown := run
		if run.Details != nil {
			details := left(*run.Details)
			shown.Details = &details
		}
		var b bytes.Buffer
		if err := layout.Execute(&b, newView(shown)); err != nil {
			return nil, fmt.Errorf("make the page of run %s: %w", run.Run.Name, err)
		}
		if b.Len() <= MaxBytes {
			return b.Bytes(), nil
		}
	}
	return nil, fmt.Errorf("the page of run %s has more than %d bytes without its pictures", run.Run.Name, MaxBytes)
}

func withoutPictures(pictures []report.Picture) []report.Picture {
	names := slices.Clone(pictures)
	for i := range names {
		names[i].JPEG, names[i].Map = nil, nil
	}
	return names
}

// check refuses a report that contradicts itself, as one from elsewhere may.
func check(r *report.Report, d *report.Details) error {
	classes := len(r.Dataset.Classes)
	if classes == 0 || len(r.Confusion) != classes {
		return fmt.Errorf("the report has %d classes and a confusion matrix of %d rows", classes, len(r.Confusion))
	}
	for i, row := range r.Confusion {
		if len(row) != classes {
			return fmt.Errorf("row %d of the confusion matrix has %d columns for %d classes", i, len(row), classes)
		}
	}
	if d == nil {
		return nil
	}
	for _, c := range d.Curves {
		if c.Class < 0 || c.Class >= classes || c.Positives < 1 || c.Negatives < 1 || len(c.Thresholds) != report.Thresholds {
			return fmt.Errorf("the details have a curve of class %d of %d, with %d images of it, %d others and %d thresholds",
				c.Class, classes, c.Positives, c.Negatives, len(c.Thresholds))
		}
	}
	return nil
}
