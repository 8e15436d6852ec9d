// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package page

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/trainyard-dev/trainyard/internal/measures"
	"github.com/trainyard-dev/trainyard/runner/internal/report"
)

// rankingView is how well probabilities tell the classes apart, and how far they can be believed.
type rankingView struct {
	ROC, PR     *chart
	Calibration *chart
	Thresholds  []thresholds
}

// thresholds are what each one comes to for a class.
type thresholds struct {
	Class string
	// Data is what the script knows: the images of the class, the others, then for each hundredth those of both that reach it.
	Data  string
	Best  string
	Table table
}

func newRankingView(r *report.Report, details *report.Details) *rankingView {
	if len(details.Curves) == 0 && len(details.Calibration) == 0 {
		return nil
	}
	v := &rankingView{}
	drawn := r.Drawn(details)
	if len(drawn) > 0 {
		more := ""
		if n := len(details.Curves); n > len(drawn) {
			more = fmt.Sprintf(" Drawn are the %d classes that are told apart worst.", len(drawn))
		}
		v.ROC, v.PR = rocChart(r, drawn, more), prChart(r, drawn, more)
	}
	if len(details.Calibration) > 0 {
		v.Calibration = calibrationChart(details.Calibration)
	}
	for _, curve := range details.Curves {
		v.Thresholds = append(v.Thresholds, newThresholds(short(r.Dataset.Classes[curve.Class]), curve))
	}
	return v
}

var shares = axes{xMax: 1, yMax: 1}

// sharesChart is an empty chart of two shares.
func sharesChart(c chart) (*chart, *plotter) {
	c.XTicks, c.YTicks = shareTicks(shares.x), shareTicks(shares.y)
	return &c, &plotter{axes: shares, chart: &c}
}

func diagonal() string {
	return fmt.Sprintf("M%v %vL%v %v", shares.x(0), shares.y(0), shares.x(1), shares.y(1))
}

func rocChart(r *report.Report, curves []report.Curve, more string) *chart {
	c, p := sharesChart(chart{ID: "roc", Title: "ROC", X: "false positive rate", Y: "recall", Diagonal: diagonal(),
		Describe: "Recall over false positive rate of each class against all others, over all thresholds; guessing is the diagonal." + more})
	c.Table = table{Caption: "ROC", Head: []column{words("Class"), number("Area"), number("Recall at 1 % false positives"), number("at 5 %"), number("at 10 %")}}
	for _, curve := range curves {
		name := short(r.Dataset.Classes[curve.Class])
		x, y := curve.ROC()
		p.add(name, x, y, false, false, func(i int) string {
			if i == 0 {
				return name + ": nothing is taken for it"
			}
			return fmt.Sprintf("%s from %s: recall %s, false positives %s", name, probability(curve.Points[i-1].Threshold), share(y[i]), share(x[i]))
		})
		area := ""
		if a := r.PerClass[r.Dataset.Classes[curve.Class]].ROCAUC; a != nil {
			area = figure("", *a)
		}
		c.Table.Rows = append(c.Table.Rows, []string{name, area, recallAt(x, y, 0.01), recallAt(x, y, 0.05), recallAt(x, y, 0.1)})
	}
	p.done()
	return c
}

// recallAt is the highest y whose x is at most that.
func recallAt(x, y []float64, most float64) string {
	best := 0.0
	for i := range x {
		if x[i] <= most {
			best = max(best, y[i])
		}
	}
	return share(best)
}

func prChart(r *report.Report, curves []report.Curve, more string) *chart {
	c, p := sharesChart(chart{ID: "pr", Title: "Precision and recall", X: "recall", Y: "precision",
		Describe: "Precision over recall of each class, over all thresholds." + more})
	c.Table = table{Caption: "Precision and recall", Head: []column{words("Class"), number("Average precision"), number("Precision at 50 % recall"), number("at 90 %"), number("at 99 %")}}
	for _, curve := range curves {
		name := short(r.Dataset.Classes[curve.Class])
		x, y := curve.PR()
		p.add(name, x, y, false, false, func(i int) string {
			return fmt.Sprintf("%s from %s: recall %s, precision %s", name, probability(curve.Points[i].Threshold), share(x[i]), share(y[i]))
		})
		average := ""
		if a := r.PerClass[r.Dataset.Classes[curve.Class]].AveragePrecision; a != nil {
			average = figure("", *a)
		}
		c.Table.Rows = append(c.Table.Rows, []string{name, average, precisionAt(x, y, 0.5), precisionAt(x, y, 0.9), precisionAt(x, y, 0.99)})
	}
	p.done()
	return c
}

// precisionAt is the highest y whose x is at least that.
func precisionAt(x, y []float64, least float64) string {
	best := 0.0
	for i := range x {
		if x[i] >= least {
			best = max(best, y[i])
		}
	}
	return share(best)
}

func probability(v float64) string { return strconv.FormatFloat(v, 'f', 3, 64) }

func calibrationChart(bins []measures.Bin) *chart {
	c, p := sharesChart(chart{ID: "calibration", Title: "Calibration", X: "confidence", Y: "accuracy", Diagonal: diagonal(),
		Describe: "Share of right answers over the confidence that they were given with. On the diagonal, answers of 80 % confidence are right in 80 of 100 cases; below it the model is too sure."})
	c.Table = table{Caption: "Calibration", Head: []column{words("Confidence"), number("Answers"), number("Mean confidence"), number("Right"), interval95}}
	var x, y []float64
	var shown []measures.Bin
	for i, bin := range bins {
		if bin.Answers == 0 {
			continue
		}
		right := float64(bin.Right) / float64(bin.Answers)
		x, y, shown = append(x, bin.Confidence), append(y, right), append(shown, bin)
		from, to := float64(i)/float64(len(bins)), float64(i+1)/float64(len(bins))
		c.Table.Rows = append(c.Table.Rows, []string{
			fmt.Sprintf("%.2f to %.2f", from, to), count(bin.Answers), share(bin.Confidence), share(right), shareInterval(bin.Right, bin.Answers),
		})
	}
	p.add("answers", x, y, false, true, func(i int) string {
		return fmt.Sprintf("%s of mean confidence %s: %s right", plural(shown[i].Answers, "answer", "answers"), share(x[i]), share(y[i]))
	})
	p.done()
	return c
}

// newThresholds lists what thresholds come to for a class.
func newThresholds(class string, curve report.Curve) thresholds {
	t := thresholds{Class: class, Table: table{
		Caption: "Thresholds of " + class,
		Head:    []column{words("Threshold"), number("Taken for it"), number("Precision"), number("Recall"), number("False positive rate"), number("F1")},
	}}
	data := []int{curve.Positives, curve.Negatives}
	best, at := -1.0, 0.0
	for i, p := range curve.Thresholds {
		data = append(data, p.True, p.False)
		precision, recall := 0.0, float64(p.True)/float64(curve.Positives)
		if taken := p.True + p.False; taken > 0 {
			precision = float64(p.True) / float64(taken)
		}
		f1 := 0.0
		if precision+recall > 0 {
			f1 = 2 * precision * recall / (precision + recall)
		}
		if f1 > best {
			best, at = f1, p.Threshold
		}
		if i%10 == 0 {
			t.Table.Rows = append(t.Table.Rows, []string{
				strconv.FormatFloat(p.Threshold, 'f', 2, 64), count(p.True + p.False), share(precision), share(recall),
				share(float64(p.False) / float64(curve.Negatives)), figure("", f1),
			})
		}
	}
	t.Best = fmt.Sprintf("The highest F1 is %.4f, at %.2f.", best, at)
	encoded, err := json.Marshal(data)
	if err != nil {
		return t // numbers can be written
	}
	t.Data = string(encoded)
	return t
}
