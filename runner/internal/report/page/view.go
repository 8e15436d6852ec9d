// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package page

import (
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/runner/internal/report"
)

// view is what the template shows.
type view struct {
	Title, Policy string
	Style         template.CSS
	Script        template.JS
	// Verdict is what became of the run; Good says whether that is well.
	Verdict  string
	Good     bool
	Headline []fact
	Warnings []string
	Metrics  table
	Classes  table
	Before   *comparison
	Data     dataView
	Training *trainingView
	Matrix   matrix
	Ranking  *rankingView
	Mistakes mistakesView
	Settings table
	Lineage  table
	Serve    []snippet
}

// fact is a figure with its name.
type fact struct{ Name, Value, Note string }

// table is shown as one: its first column names the rows.
type table struct {
	Caption string
	Head    []column
	Rows    [][]string
	// More says what is left out.
	More string
}

// column is the head of one, with the class that its cells have in the style.
type column struct{ Name, Class string }

func words(name string) column  { return column{Name: name} }
func number(name string) column { return column{Name: name, Class: "number"} } // on the right

// interval95 is the head of a column of intervals, each on one line.
var interval95 = column{Name: "95 % interval", Class: "span"}

// maxRows bounds a table.
const maxRows = 200

// cut leaves out rows beyond maxRows.
func (t table) cut(what string) table {
	if n := len(t.Rows); n > maxRows {
		t.Rows, t.More = t.Rows[:maxRows], fmt.Sprintf("%d more %s are in report.json.", n-maxRows, what)
	}
	return t
}

func newView(run Run) view {
	r := run.Report
	details := run.Details
	if details == nil {
		details = &report.Details{}
	}
	v := view{
		Title: "Run " + contract.ArtifactName(run.Run), Policy: policy(), Style: template.CSS(style), Script: template.JS(script),
		Warnings: r.Warnings, Headline: headline(r), Metrics: metricsTable(r), Classes: classesTable(r), Before: newComparison(r, details.Before),
		Data: newDataView(r, details), Training: newTrainingView(r), Matrix: newMatrix(r, details), Ranking: newRankingView(r, details),
		Mistakes: newMistakesView(r, details, run.Details != nil), Settings: settingsTable(r), Lineage: lineageTable(run), Serve: snippets(run),
	}
	v.Verdict, v.Good = verdict(run.Result)
	return v
}

func verdict(result contract.TrainResult) (says string, good bool) {
	switch {
	case result.Reason == contract.ReasonGateNotMet:
		return "Published, but a gate is not met: " + result.Message + ".", false
	case result.Outcome == contract.OutcomeSucceeded:
		return "Published.", true
	default:
		return result.Outcome + ". " + result.Message, false
	}
}

func headline(r *report.Report) []fact {
	var facts []fact
	for _, m := range r.Metrics {
		if m.Name == contract.MetricAccuracy {
			facts = append(facts, fact{"Accuracy", share(m.Value), share(m.Interval.Low) + " to " + share(m.Interval.High) + " with 95 % confidence"})
		}
	}
	images := 0
	for _, row := range r.Confusion {
		for _, n := range row {
			images += n
		}
	}
	facts = append(facts, fact{"Test images", count(images), plural(len(r.Dataset.Classes), "class", "classes")})
	if chance := r.Chance; chance != nil {
		note := "always guessing " + short(chance.Class)
		if !chance.Better {
			note += "; the model may be no better"
		}
		facts = append(facts, fact{"Chance", share(chance.Accuracy), note})
	}
	if h := r.History; h != nil {
		facts = append(facts, fact{"Epoch kept", count(h.BestEpoch), fmt.Sprintf("of %d trained", len(h.Epochs))})
	}
	return facts
}

// comparison is with the run before.
type comparison struct {
	Says  []string
	Table table
}

func newComparison(r *report.Report, before *report.Before) *comparison {
	if before == nil {
		return nil
	}
	c := &comparison{}
	c.Says = append(c.Says, "The run before is "+contract.ArtifactName(before.Run)+", the newest in the same folder with these classes.")
	switch {
	case before.SameDataset && before.SameTestImages:
		c.Says = append(c.Says, "Both have the same dataset digest, and were measured on the same test images.")
	case before.SameDataset:
		c.Says = append(c.Says, "Both have the same dataset digest, but were measured on other test images: part of the change may be theirs.")
	case before.SameTestImages:
		c.Says = append(c.Says, "The dataset is not the same (then "+before.DatasetDigest+"), but the test images are.")
	default:
		c.Says = append(c.Says, "The dataset is not the same (then "+before.DatasetDigest+"), nor are the test images: part of the change may be theirs.")
	}
	c.Table = table{Caption: "Metrics beside the run before", Head: []column{words("Metric"), number("Before"), number("Now"), number("Change"), words("")}}
	for _, m := range r.Metrics {
		i := slices.IndexFunc(before.Metrics, func(b contract.Metric) bool { return b.Name == m.Name })
		if i < 0 {
			continue
		}
		was, change := before.Metrics[i].Value, m.Value-before.Metrics[i].Value
		judgment := "same"
		switch {
		case change == 0:
		case (change > 0) != contract.LessIsBetter(m.Name):
			judgment = "better"
		default:
			judgment = "worse"
		}
		c.Table.Rows = append(c.Table.Rows, []string{m.Name, figure(m.Name, was), figure(m.Name, m.Value), difference(m.Name, change), judgment})
	}
	return c
}

// metricsTable has the metrics with their intervals and gates.
func metricsTable(r *report.Report) table {
	t := table{Caption: "Metrics on the test images", Head: []column{words("Metric"), number("Value"), interval95}}
	gates := r.Config != nil && len(r.Config.Gates) > 0
	if gates {
		t.Head = append(t.Head, words("Gate"))
	}
	if r.Float32Metrics != nil {
		t.Head = append(t.Head, number("Float32"))
	}
	for _, m := range r.Metrics {
		row := []string{m.Name, figure(m.Name, m.Value), interval(m.Interval)}
		if gates {
			row = append(row, gate(r.Config.Gates, m))
		}
		if r.Float32Metrics != nil {
			row = append(row, value(r.Float32Metrics, m.Name))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func value(metrics []contract.Metric, name string) string {
	for _, m := range metrics {
		if m.Name == name {
			return figure(name, m.Value)
		}
	}
	return ""
}

// gate says what the gates ask of a metric.
func gate(gates []contract.Gate, m contract.Metric) string {
	var says []string
	for _, g := range gates {
		if g.Metric != m.Name {
			continue
		}
		met := "not met"
		if g.Admits(m.Value) {
			met = "met"
		}
		says = append(says, g.Range()+": "+met)
	}
	return strings.Join(says, "; ")
}
