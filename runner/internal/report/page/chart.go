// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package page

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Size and margins of a chart, in the units of its drawing.
const (
	chartWidth, chartHeight = 420, 300
	marginLeft, marginRight = 58, 14
	marginTop, marginBottom = 12, 46
	plotWidth               = chartWidth - marginLeft - marginRight
	plotHeight              = chartHeight - marginTop - marginBottom
)

// chart is a drawing of lines, its values as a table, and what is said of each point when it is pointed at.
type chart struct {
	ID, Title string
	// Describe says what the chart shows to those who don't see it.
	Describe, X, Y string
	XTicks, YTicks []tick
	Lines          []line
	Diagonal       string // a path, if there is one
	Marks          []mark
	// Points is what the script knows: [x, y, series, words] of each.
	Points string
	Table  table
}

// tick marks a place on an axis.
type tick struct {
	At    float64
	Label string
}

// line is a curve.
type line struct {
	Name   string
	Series int
	Path   string
	Dots   []mark
	Dashed bool
}

// mark is a point.
type mark struct {
	X, Y   float64
	Series int
	Label  string
}

// The geometry of all charts, for the template.
func (chart) ViewBox() string { return fmt.Sprintf("0 0 %d %d", chartWidth, chartHeight) }
func (chart) Left() int       { return marginLeft }
func (chart) Right() int      { return chartWidth - marginRight }
func (chart) Top() int        { return marginTop }
func (chart) Bottom() int     { return chartHeight - marginBottom }
func (chart) Middle() int     { return marginLeft + plotWidth/2 }
func (chart) Center() int     { return marginTop + plotHeight/2 }

// axes are the ranges of a chart.
type axes struct{ xMin, xMax, yMin, yMax float64 }

func (a axes) x(v float64) float64 {
	return rounded(marginLeft + plotWidth*(v-a.xMin)/(a.xMax-a.xMin))
}

func (a axes) y(v float64) float64 {
	return rounded(chartHeight - marginBottom - plotHeight*(v-a.yMin)/(a.yMax-a.yMin))
}

// rounded keeps a tenth of a unit.
func rounded(v float64) float64 { return math.Round(10*v) / 10 }

// plotter collects the points of a chart.
type plotter struct {
	axes
	chart  *chart
	points [][4]any
}

// add draws one more line through points; those that are not finite interrupt it. says has the words for each point.
func (p *plotter) add(name string, x, y []float64, dashed, dots bool, says func(i int) string) {
	l := line{Name: name, Series: len(p.chart.Lines), Dashed: dashed}
	var path strings.Builder
	pen := "M"
	for i := range x {
		if !finite(x[i]) || !finite(y[i]) {
			pen = "M"
			continue
		}
		px, py := p.x(x[i]), p.y(y[i])
		fmt.Fprintf(&path, "%s%s %s", pen, number1(px), number1(py))
		pen = "L"
		if dots {
			l.Dots = append(l.Dots, mark{X: px, Y: py, Series: l.Series})
		}
		p.points = append(p.points, [4]any{px, py, l.Series, says(i)})
	}
	l.Path = path.String()
	p.chart.Lines = append(p.chart.Lines, l)
}

// done writes down the points for the script.
func (p *plotter) done() {
	encoded, err := json.Marshal(p.points)
	if err != nil {
		return // there are no points that can't be written: all are finite
	}
	p.chart.Points = string(encoded)
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

func number1(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// shareTicks are 0, 0.2 and so on up to 1, by way of the axis.
func shareTicks(at func(float64) float64) []tick {
	var ticks []tick
	for i := range 6 {
		v := float64(i) / 5
		ticks = append(ticks, tick{At: at(v), Label: strconv.FormatFloat(v, 'g', 2, 64)})
	}
	return ticks
}

// niceTicks are about five round numbers between two.
func niceTicks(low, high float64, whole bool, at func(float64) float64) []tick {
	step := niceStep((high - low) / 5)
	if whole {
		step = max(1, math.Ceil(step))
	}
	var ticks []tick
	for v := math.Ceil(low/step) * step; v <= high+step/1e6; v += step {
		ticks = append(ticks, tick{At: at(v), Label: strconv.FormatFloat(math.Round(v/step)*step, 'g', 4, 64)})
	}
	return ticks
}

// niceStep is 1, 2 or 5 times a power of ten that is at least so large.
func niceStep(least float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(least)))
	for _, by := range []float64{1, 2, 5} {
		if by*power >= least {
			return by * power
		}
	}
	return 10 * power
}
