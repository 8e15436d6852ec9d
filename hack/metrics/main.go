// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Command metrics writes docs/reference/metrics.md: every metric of manager, server and runner, with its labels and what
// it says. It reads the sources in the working directory, which is the repository's root.
package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"os"
	"slices"
	"strings"

	"github.com/trainyard-dev/trainyard/hack/internal/sources"
)

const header = `# Metrics

Generated from the sources by ` + "`make generate`" + `; changes are lost. Beside these, each program exports what Go and its process use
(` + "`go_…`, `process_…`" + `). A histogram has the series ` + "`…_bucket`, `…_sum` and `…_count`" + `. [The manager](../manager.md) and
[the inference server](../server.md) say how theirs are reached, [Monitoring](../monitoring.md) what scrapes them and which alerts there are.
`

// section is a part of the page: the metrics of a program.
type section struct{ title, about, folder string }

var sections = []section{
	{
		title: "Manager", folder: "controllers",
		about: "What has happened is counted without names of objects, and counters begin at zero with each leader. The series of a ModelServer, at most four, are read " +
			"from the cache at each scrape, and go with it. What controller-runtime exports of any controller is there too: `controller_runtime_…`, `workqueue_…`, `rest_client_…`, `leader_election_…`.",
	},
	{title: "Inference server", folder: "server", about: "Requests of smoke tests leave no trace in them."},
	{title: "Runner", folder: "runner", about: "While a pod trains, at `/metrics` of its port `http`."},
}

// metric is a metric as its source declares it.
type metric struct {
	name, kind, help string
	labels           []string
}

func main() {
	page, err := page(".")
	if err == nil {
		_, err = os.Stdout.WriteString(page)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "metrics:", err)
		os.Exit(1)
	}
}

// page renders the page for the repository in a folder.
func page(root string) (string, error) {
	constants, err := sources.Parse(root, "internal/contract")
	if err != nil {
		return "", err
	}
	names := stringConstants(constants)
	var b strings.Builder
	b.WriteString(header)
	for _, section := range sections {
		files, err := sources.Parse(root, section.folder)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| Metric | Type | Meaning |\n|---|---|---|\n", section.title, section.about)
		for _, m := range metrics(files, names) {
			labels := ""
			if len(m.labels) > 0 {
				labels = "{" + strings.Join(m.labels, ", ") + "}"
			}
			fmt.Fprintf(&b, "| `%s%s` | %s | %s |\n", m.name, labels, m.kind, sources.Cell(m.help))
		}
	}
	return b.String(), nil
}

// metrics lists those that files declare, by name.
func metrics(files []sources.File, names map[string]string) []metric {
	var all []metric
	for _, f := range files {
		ast.Inspect(f.Syntax, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if m, ok := metricOf(call, names); ok {
					all = append(all, m)
				}
			}
			return true
		})
	}
	slices.SortFunc(all, func(a, b metric) int { return cmp.Compare(a.name, b.name) })
	return all
}

// constructors are the functions of client_golang that make a metric of a type.
var constructors = map[string]string{
	"NewCounter": "counter", "NewCounterVec": "counter",
	"NewGauge": "gauge", "NewGaugeVec": "gauge",
	"NewHistogram": "histogram", "NewHistogramVec": "histogram",
}

// metricOf returns the metric that a call declares: prometheus.NewCounterVec(prometheus.CounterOpts{Name: …, Help: …}, labels),
// say, or prometheus.NewDesc(name, help, labels, nil), which is a counter if its name ends so, else a gauge.
func metricOf(call *ast.CallExpr, names map[string]string) (metric, bool) {
	function, ok := call.Fun.(*ast.SelectorExpr)
	if pkg, isName := selected(function); !ok || !isName || pkg != "prometheus" || len(call.Args) == 0 {
		return metric{}, false
	}
	if function.Sel.Name == "NewDesc" {
		m := metric{name: value(call.Args[0], names), kind: "gauge", help: value(call.Args[1], names), labels: stringList(call.Args[2])}
		if strings.HasSuffix(m.name, "_total") {
			m.kind = "counter"
		}
		return m, true
	}
	m := metric{kind: constructors[function.Sel.Name]}
	options, ok := call.Args[0].(*ast.CompositeLit)
	if m.kind == "" || !ok {
		return metric{}, false
	}
	for _, element := range options.Elts {
		pair, ok := element.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		switch key, _ := pair.Key.(*ast.Ident); key.Name {
		case "Name":
			m.name = value(pair.Value, names)
		case "Help":
			m.help = value(pair.Value, names)
		}
	}
	if len(call.Args) > 1 {
		m.labels = stringList(call.Args[1])
	}
	return m, true
}

// selected is the package, or other name, that an expression selects from.
func selected(e *ast.SelectorExpr) (string, bool) {
	if e == nil {
		return "", false
	}
	name, ok := e.X.(*ast.Ident)
	if !ok {
		return "", false
	}
	return name.Name, true
}

// value is a string, or that of a constant of another package.
func value(e ast.Expr, names map[string]string) string {
	if constant, ok := e.(*ast.SelectorExpr); ok {
		return names[constant.Sel.Name]
	}
	s, _ := sources.Text(e)
	return s
}

func stringList(e ast.Expr) []string {
	list, ok := e.(*ast.CompositeLit)
	if !ok {
		return nil
	}
	var all []string
	for _, element := range list.Elts {
		if s, ok := sources.Text(element); ok {
			all = append(all, s)
		}
	}
	return all
}

// stringConstants are the values of constants by their names.
func stringConstants(files []sources.File) map[string]string {
	values := map[string]string{}
	for _, f := range files {
		ast.Inspect(f.Syntax, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Names) != 1 || len(spec.Values) != 1 {
				return true
			}
			if s, ok := sources.Text(spec.Values[0]); ok {
				values[spec.Names[0].Name] = s
			}
			return true
		})
	}
	return values
}
