// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package page

import (
	"fmt"
	"html/template"
	"strings"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/measures"
	"github.com/trainyard-dev/trainyard/runner/internal/report"
)

// dataView is what a run was trained on.
type dataView struct {
	Facts         []fact
	Classes       *table
	LeftOut       *table
	Skipped       *table
	Augmentations []augmentationView
	// WithoutPictures says why there are none of the augmentation; empty if there are, or nothing is augmented.
	WithoutPictures string
}

// augmentationView is a row of pictures.
type augmentationView struct {
	Name, Setting string
	Original      template.URL
	Draws         []template.URL
}

func newDataView(r *report.Report, details *report.Details) dataView {
	d := &r.Dataset
	v := dataView{Facts: []fact{{"Images", count(d.Samples), plural(len(d.Classes), "class", "classes")}}}
	if d.Train > 0 {
		v.Facts = append(v.Facts, fact{"Training", count(d.Train), ""}, fact{"Validation", count(d.Validation), "chooses the epoch"}, fact{"Test", count(d.Test), "measures the model"})
	}
	if len(details.Classes) > 0 {
		t := classSizes(details.Classes)
		v.Classes = &t
	}
	if len(d.LeftOut) > 0 {
		t := table{Caption: "What was left out", Head: []column{words("Cause"), number("Files"), words("Such as")}}
		for _, left := range d.LeftOut {
			t.Rows = append(t.Rows, []string{left.Cause, count(left.Count), names(left.Examples)})
		}
		v.LeftOut = &t
	}
	if len(d.SkippedFiles) > 0 {
		t := table{Caption: fmt.Sprintf("Files that are no usable images: the first of %d", d.Skipped), Head: []column{words("File"), words("Cause"), words("Reason")}}
		for _, file := range d.SkippedFiles {
			t.Rows = append(t.Rows, []string{short(file.Name), file.Cause, short(file.Reason)})
		}
		t = t.cut("files")
		v.Skipped = &t
	}
	for _, a := range details.Augmentations {
		row := augmentationView{Name: "all together", Setting: ""}
		if a.Name != "" {
			row.Name, row.Setting = a.Name, setting(r.Config, a.Name)
		}
		for i, jpeg := range a.JPEGs {
			if i == 0 {
				row.Original = jpegURL(jpeg)
				continue
			}
			row.Draws = append(row.Draws, jpegURL(jpeg))
		}
		v.Augmentations = append(v.Augmentations, row)
	}
	if len(v.Augmentations) == 0 && r.Config != nil {
		v.WithoutPictures = whyNone(details)
	}
	return v
}

// whyNone says why details have no pictures; empty if they have.
func whyNone(details *report.Details) string {
	switch details.Pictures {
	case report.PicturesShown:
		return ""
	case report.PicturesDisabled:
		return "Pictures of the dataset are not shown, since they may be personal: report.samples: Enabled shows those of the next run."
	case report.PicturesFailed:
		return "The pictures could not be made; the run's log says why."
	default:
		return "The version that published this run kept no pictures for the report."
	}
}

func names(all []string) string {
	shown := make([]string, len(all))
	for i, name := range all {
		shown[i] = short(name)
	}
	return strings.Join(shown, ", ")
}

func classSizes(sizes []contract.ClassSize) table {
	t := table{Caption: "Images of each class", Head: []column{words("Class"), number("Training"), number("Validation"), number("Test")}}
	weighted := false
	for _, s := range sizes {
		weighted = weighted || s.Weight != 0
	}
	if weighted {
		t.Head = append(t.Head, number("Weight in the loss"))
	}
	for _, s := range sizes {
		row := []string{short(s.Class), count(s.Train), count(s.Validation), count(s.Test)}
		if weighted {
			row = append(row, loss(s.Weight))
		}
		t.Rows = append(t.Rows, row)
	}
	return t.cut("classes")
}

// confidence of the intervals of a class's figures.
const confidence = 0.95

// classesTable has the figures of each class, with intervals of those that are shares of images.
func classesTable(r *report.Report) table {
	t := table{Caption: "By class", Head: []column{
		words("Class"), number("Images"), number("Precision"), interval95, number("Recall"), interval95,
		number("F1"), number("ROC area"), number("Average precision"),
	}}
	area := func(v *float64) string {
		if v == nil {
			return ""
		}
		return figure("", *v)
	}
	for i, class := range r.Dataset.Classes {
		f := r.PerClass[class]
		predicted := 0
		for _, row := range r.Confusion {
			predicted += row[i]
		}
		right := r.Confusion[i][i]
		t.Rows = append(t.Rows, []string{
			short(class), count(f.Support), figure("", f.Precision), shareInterval(right, predicted),
			figure("", f.Recall), shareInterval(right, f.Support), figure("", f.F1), area(f.ROCAUC), area(f.AveragePrecision),
		})
	}
	return t.cut("classes")
}

func shareInterval(right, of int) string {
	if of == 0 {
		return ""
	}
	low, high := measures.Interval(right, of, confidence)
	return fmt.Sprintf("%.3f to %.3f", low, high)
}
