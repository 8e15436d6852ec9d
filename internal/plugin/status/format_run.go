// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/plugin/console"
)

func (f formatter) runRow(table *console.Table, r *Run) {
	progress := ""
	if p := r.Object.Status.Progress; p != nil && p.Percent != nil {
		progress = fmt.Sprintf("%d %%", *p.Percent)
	}
	table.Row(console.Text(r.Object.Name), symbol(r.readiness()), console.Text(progress), console.Text(accuracyOf(r.Object.Status.Metrics)),
		console.Text(f.age(r.Object.CreationTimestamp)))
}

func (f formatter) run(r *Run) {
	run, state := r.Object, r.readiness()
	f.Title("TrainingRun " + run.Name)
	head := console.NewTable()
	field(head, "Namespace", run.Namespace)
	head.Row(console.Text("Status:"), symbol(state))
	optional(head, "Message", state.message)
	field(head, "Dataset", datasetText(run.Spec.Dataset))
	field(head, "Output", outputText(run.Spec.Output))
	field(head, "Gates", runGatesText(run.Spec.Gates))
	field(head, "Took", f.took(run))
	f.Table(head)

	f.progress(run)
	f.podsOf(r)
	f.failure(run)
	f.artifact(r)
	f.lineage(run)
	f.events(r.Events)
	f.unread(r.Unread)
}

// datasetText says where the data lie, without the parameters of a URI.
func datasetText(d v1alpha1.Dataset) string {
	uri, _, _ := strings.Cut(d.URI, "?")
	switch {
	case d.PVC != nil:
		return strings.TrimSuffix(fmt.Sprintf("pvc://%s/%s", d.PVC.ClaimName, d.PVC.Path), "/")
	case uri != "":
		return uri
	case d.DVC != nil:
		return strings.TrimSpace(fmt.Sprintf("%s %s, kept by DVC", d.DVC.Repo, d.DVC.Rev))
	case d.Generated != nil:
		return fmt.Sprintf("drawn, %d pictures a class", d.Generated.SamplesPerClass)
	default:
		return ""
	}
}

func outputText(o v1alpha1.Output) string {
	if o.URI != "" {
		uri, _, _ := strings.Cut(o.URI, "?")
		return uri
	}
	return "pvc://" + o.PVC.ClaimName
}

func runGatesText(gates []v1alpha1.Gate) string {
	var parts []string
	for _, gate := range gates {
		if gate.Min != "" {
			parts = append(parts, fmt.Sprintf("%s at least %s", gate.Metric, gate.Min))
		}
		if gate.Max != "" {
			parts = append(parts, fmt.Sprintf("%s at most %s", gate.Metric, gate.Max))
		}
	}
	return strings.Join(parts, ", ")
}

func (f formatter) took(run *v1alpha1.TrainingRun) string {
	start, end := run.Status.StartTime, run.Status.CompletionTime
	switch {
	case start == nil:
		return "not started yet"
	case end == nil:
		return duration.HumanDuration(f.now.Sub(start.Time)) + " so far"
	default:
		return duration.HumanDuration(end.Sub(start.Time))
	}
}

// barWidth is that of a progress bar.
const barWidth = 30

// Bar draws a share of 100 percent.
func Bar(percent int32) string {
	done := int(min(100, max(0, percent))) * barWidth / 100
	return strings.Repeat("█", done) + strings.Repeat("░", barWidth-done)
}

// ProgressText is how far a run has come, in a line.
func ProgressText(status v1alpha1.TrainingRunStatus, now time.Time) string {
	p := status.Progress
	if p == nil {
		return ""
	}
	percent := ptr.Deref(p.Percent, 0)
	text := fmt.Sprintf("%s %3d %%", Bar(percent), percent)
	if p.Stage != "" {
		text += "  " + p.Stage
	}
	if p.Epochs > 0 {
		text += fmt.Sprintf("  epoch %d/%d", p.Epoch, p.Epochs)
	}
	if d := p.Data; d != nil {
		text += fmt.Sprintf("  %d/%d files", d.Files, d.TotalFiles)
	}
	if p.ImagesPerSecond != "" {
		text += fmt.Sprintf("  %s images/s", p.ImagesPerSecond)
	}
	if accuracy := accuracyOf(status.Metrics); accuracy != "" && status.CompletionTime == nil {
		text += "  accuracy " + accuracy
	}
	if t := p.EstimatedCompletionTime; t != nil && t.After(now) && status.CompletionTime == nil {
		text += "  " + duration.HumanDuration(t.Sub(now)) + " left"
	}
	return text
}

func (f formatter) progress(run *v1alpha1.TrainingRun) {
	f.Title("Progress")
	text := ProgressText(run.Status, f.now)
	if text == "" {
		f.Linef("None yet")
		return
	}
	f.Linef("%s", text)
	if c := run.Status.Checkpoint; c != nil {
		f.Linef("checkpoint of epoch %d, step %d", c.Epoch, c.Step)
	}
}

func (f formatter) podsOf(r *Run) {
	f.Title("Pods")
	if len(r.Pods) == 0 {
		f.Linef("None")
		return
	}
	table := console.NewTable("NAME", "KIND", "STATUS", "AGE", "INFO")
	table.Row(console.Text(r.Object.Status.JobName), console.Text("job"))
	for i, pod := range r.Pods {
		f.pod(table, pick(i == len(r.Pods)-1, branch, lastBranch), pod)
	}
	f.Table(table)
}

// logLines is how much of the end of a failed pod's log is shown.
const logLines = 10

func (f formatter) failure(run *v1alpha1.TrainingRun) {
	failure := run.Status.LastFailure
	if failure == nil {
		return
	}
	f.Title("Last failure")
	table := console.NewTable()
	table.Row(console.Text("Reason:"), console.Cell{Text: failure.Reason, Style: console.Bad})
	optional(table, "Message", failure.Message)
	if failure.ExitCode != nil {
		field(table, "Exit code", strconv.Itoa(int(*failure.ExitCode)))
	}
	optional(table, "Pod", failure.PodName)
	optional(table, "Age", f.ageOf(failure.Time))
	f.Table(table)
	if tail := strings.TrimRight(failure.LogTail, "\n"); tail != "" {
		lines := strings.Split(tail, "\n")
		for _, line := range lines[max(0, len(lines)-logLines):] {
			f.Linef("  %s", line)
		}
	}
}

func (f formatter) artifact(r *Run) {
	f.Title("Artifact")
	model := r.Object.Status.Model
	if model == nil {
		f.Linef("None: the run has published no model")
		return
	}
	table := console.NewTable()
	field(table, "Model", model.URI)
	field(table, "SHA-256", model.SHA256)
	field(table, "Size", fmt.Sprintf("%.1f MB", float64(model.SizeBytes)/1e6))
	classes := strings.Join(model.Classes, ", ")
	if int(model.ClassCount) > len(model.Classes) {
		classes += fmt.Sprintf(" and %d more", int(model.ClassCount)-len(model.Classes))
	}
	field(table, "Classes", classes)
	field(table, "Metrics", metricsText(r.Object.Status.Metrics))
	optional(table, "Chance", string(model.Chance))
	served := strings.Join(r.ServedBy, ", ")
	if served == "" {
		served = "no ModelServer of this namespace"
	}
	field(table, "Served by", served)
	f.Table(table)
}

func (f formatter) lineage(run *v1alpha1.TrainingRun) {
	f.Title("Lineage")
	lineage := run.Status.Lineage
	if lineage == nil {
		f.Linef("None yet")
		return
	}
	table := console.NewTable()
	if d := lineage.Dataset; d != nil {
		optional(table, "Dataset", d.Location)
		optional(table, "Revision", d.Revision)
		optional(table, "Digest", d.Digest)
		if d.Samples > 0 {
			field(table, "Samples", strconv.FormatInt(d.Samples, 10))
		}
	}
	optional(table, "Image", lineage.Image)
	mlflow := lineage.MLflow.URL
	if mlflow == "" {
		mlflow = lineage.MLflow.RunID
	}
	field(table, "MLflow", mlflow)
	f.Table(table)
}
