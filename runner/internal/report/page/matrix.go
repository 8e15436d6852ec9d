// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package page

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"

	"github.com/trainyard-dev/trainyard/runner/internal/report"
)

const (
	// maxMatrix is the number of classes up to which the matrix is shown whole.
	maxMatrix = 30
	// maxConfusions is how many pairs of classes are listed beyond that.
	maxConfusions = 50
	// shades are how many a cell's share of its row is shown by.
	shades = 10
)

// matrix is the confusion matrix, whole or the largest cells off its diagonal.
type matrix struct {
	Classes []string
	Rows    []matrixRow
	// Pairs are listed instead of Rows.
	Pairs *table
	// Pictures are shown when a cell is chosen.
	Pictures []pictureView
	Without  string
}

type matrixRow struct {
	Class string
	Cells []cell
	Total int
}

// cell counts images.
type cell struct {
	Label, Predicted int
	Count            int
	Share            string
	Shade            int
	Says             string
	Right            bool
}

func newMatrix(r *report.Report, details *report.Details) matrix {
	var m matrix
	for _, class := range r.Dataset.Classes {
		m.Classes = append(m.Classes, short(class))
	}
	if len(m.Classes) > maxMatrix {
		pairs := confusions(r, m.Classes)
		m.Pairs = &pairs
	} else {
		m.Rows = matrixRows(r, m.Classes)
	}
	for _, p := range details.Cells {
		m.Pictures = append(m.Pictures, newPictureView(r, p))
	}
	if len(m.Pictures) > 0 {
		m.Without = whyNone(details)
	}
	return m
}

func matrixRows(r *report.Report, classes []string) []matrixRow {
	var rows []matrixRow
	for i, counts := range r.Confusion {
		row := matrixRow{Class: classes[i]}
		for _, n := range counts {
			row.Total += n
		}
		for j, n := range counts {
			c := cell{Label: i, Predicted: j, Count: n, Right: i == j}
			if row.Total > 0 {
				part := float64(n) / float64(row.Total)
				c.Share, c.Shade = share(part), int(part*shades+0.5)
			}
			c.Says = fmt.Sprintf("%s of %s taken for %s", plural(n, "image", "images"), classes[i], classes[j])
			row.Cells = append(row.Cells, c)
		}
		rows = append(rows, row)
	}
	return rows
}

// confusions lists the most frequent mistakes.
func confusions(r *report.Report, classes []string) table {
	type pair struct{ label, predicted, n int }
	var pairs []pair
	for i, row := range r.Confusion {
		for j, n := range row {
			if i != j && n > 0 {
				pairs = append(pairs, pair{i, j, n})
			}
		}
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return cmp.Compare(b.n, a.n) })
	t := table{Caption: "The most frequent mistakes", Head: []column{words("Class"), words("Taken for"), number("Images"), number("Of the class")}}
	if n := len(pairs); n > maxConfusions {
		pairs, t.More = pairs[:maxConfusions], fmt.Sprintf("%d more pairs are in report.json.", n-maxConfusions)
	}
	for _, p := range pairs {
		of := 0
		for _, n := range r.Confusion[p.label] {
			of += n
		}
		t.Rows = append(t.Rows, []string{classes[p.label], classes[p.predicted], count(p.n), share(float64(p.n) / float64(of))})
	}
	return t
}

// mistakesView are the most confident mistakes.
type mistakesView struct {
	Pictures []pictureView
	Suspects int
	Maps     bool
	// Says what there is to know where there are none.
	Says    string
	Without string
}

func newMistakesView(r *report.Report, details *report.Details, known bool) mistakesView {
	v := mistakesView{Maps: details.Maps}
	for _, p := range details.Mistakes {
		v.Pictures = append(v.Pictures, newPictureView(r, p))
		if p.Suspect {
			v.Suspects++
		}
	}
	v.Without = whyNone(details)
	if len(v.Pictures) > 0 {
		return v
	}
	v.Says, v.Without = "The model took every test image for what it is.", ""
	switch wrong := mistakes(r); {
	case !known:
		v.Says = whyNone(details)
	case wrong > 0:
		v.Says = "There are too many test images for the answers to be kept one by one."
	}
	return v
}

func mistakes(r *report.Report) int {
	n := 0
	for i, row := range r.Confusion {
		for j, c := range row {
			if i != j {
				n += c
			}
		}
	}
	return n
}

// pictureView is a test image and the answer to it.
type pictureView struct {
	report.Picture

	Name, Label, Predicted, Confidence, Probability string
	Image, Heat                                     template.URL
	// At is the cell that it belongs to.
	AtLabel, AtPredicted int
}

func newPictureView(r *report.Report, p report.Picture) pictureView {
	class := func(i int) string {
		if i < 0 || i >= len(r.Dataset.Classes) {
			return "?"
		}
		return short(r.Dataset.Classes[i])
	}
	v := pictureView{
		Picture: p, Name: short(p.Name), Label: class(p.Label), Predicted: class(p.Predicted), Confidence: share(p.Confidence), Probability: share(p.Probability),
		AtLabel: p.Label, AtPredicted: p.Predicted,
	}
	if p.JPEG != nil {
		v.Image = jpegURL(p.JPEG)
		if p.Map != nil {
			v.Heat = heatURL(p.Map)
		}
	}
	return v
}
