// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/plugin/console"
)

func (f formatter) serverRow(table *console.Table, s *Server) {
	live, accuracy, candidate := "", "", ""
	if l := s.Object.Status.Live; l != nil {
		live, accuracy = l.Revision, accuracyOf(l.Metrics)
	}
	if c := s.Object.Status.Candidate; c != nil {
		candidate = c.Revision
	}
	table.Row(console.Text(s.Object.Name), symbol(s.readiness()), console.Text(live), console.Text(candidate), console.Text(accuracy),
		console.Text(readyText(s.Object)), console.Text(f.age(s.Object.CreationTimestamp)))
}

func readyText(server *v1alpha1.ModelServer) string {
	return fmt.Sprintf("%d/%d", ptr.Deref(server.Status.ReadyReplicas, 0), ptr.Deref(server.Status.Replicas, 0))
}

func (f formatter) server(s *Server) {
	server, state := s.Object, s.readiness()
	f.Title("ModelServer " + server.Name)
	head := console.NewTable()
	field(head, "Namespace", server.Namespace)
	head.Row(console.Text("Status:"), symbol(state))
	optional(head, "Message", state.message)
	for _, name := range []string{v1alpha1.ModelResolvedCondition, v1alpha1.ScalingActiveCondition} {
		for _, c := range server.Status.Conditions {
			if c.Type == name && c.Status != "True" {
				field(head, name, c.Reason+": "+c.Message)
			}
		}
	}
	for _, c := range server.Status.Conditions {
		if c.Type == v1alpha1.RequestRefusedCondition && c.Status == "True" {
			field(head, "Refused", c.Reason+": "+c.Message)
		}
	}
	field(head, "Model", modelText(server))
	field(head, "URL", cmp.Or(server.Status.URL, "none before the first promotion"))
	field(head, "Promotion", promotionText(server))
	field(head, "Gates", gatesText(server.Spec.Promotion.Gates))
	f.Table(head)

	f.revisions(s)
	if c := server.Status.Candidate; c != nil {
		f.Title("Checks of candidate " + c.Revision)
		if len(c.Checks) == 0 {
			f.Linef("None yet: the candidate is %s", c.Stage)
		} else {
			f.checks(c.Checks)
		}
	}
	f.rejected(server)
	f.selection(server)
	f.autoscaling(s)
	f.endpoints(s)
	f.history(server)
	f.events(s.Events)
	f.unread(s.Unread)
}

// modelText says which model the spec asks for.
func modelText(server *v1alpha1.ModelServer) string {
	model := server.Spec.Model
	switch {
	case model.TrainingRunRef.Name != "":
		return "of TrainingRun " + model.TrainingRunRef.Name
	case model.Source != nil && model.Source.URI != "":
		return model.Source.URI
	case model.Source != nil:
		return fmt.Sprintf("pvc://%s/%s", model.Source.PVC.ClaimName, model.Source.PVC.Path)
	default:
		return "of the newest TrainingRun that spec.model.trainingRunSelector matches"
	}
}

func promotionText(server *v1alpha1.ModelServer) string {
	text := fmt.Sprintf("%s, baked for %s", server.Spec.Promotion.Mode, server.Spec.Promotion.BakeTime)
	if ptr.Deref(server.Spec.Rollout.Paused, false) {
		text += ", paused"
	}
	return text
}

func gatesText(gates []v1alpha1.PromotionGate) string {
	var parts []string
	for _, gate := range gates {
		for _, bound := range []struct{ word, value string }{
			{"at least", string(gate.Min)}, {"at most", string(gate.Max)}, {"not worse than live by more than", string(gate.NotWorseThanLive)},
		} {
			if bound.value != "" {
				parts = append(parts, fmt.Sprintf("%s %s %s", gate.Metric, bound.word, bound.value))
			}
		}
	}
	return strings.Join(parts, ", ")
}

// revision is a revision of the tree.
type revision struct {
	name, role string
	status     console.Cell
	age, info  string
	pods       []Pod
}

// revisions writes the tree: the server's revisions, and their pods below them.
func (f formatter) revisions(s *Server) {
	f.Title("Revisions")
	revisions := f.revisionsOf(s)
	if len(revisions) == 0 {
		f.Linef("None yet")
		return
	}
	table := console.NewTable("NAME", "ROLE", "STATUS", "AGE", "INFO")
	table.Row(console.Text(s.Object.Name), console.Text("server"), symbol(s.readiness()), console.Text(f.age(s.Object.CreationTimestamp)),
		console.Text(readyText(s.Object)+" ready"))
	for i, r := range revisions {
		last := i == len(revisions)-1
		table.Row(console.Text(pick(last, branch, lastBranch)+r.name), console.Text(r.role), r.status, console.Text(r.age), console.Text(r.info))
		for j, pod := range r.pods {
			f.pod(table, pick(last, trunk, noTrunk)+pick(j == len(r.pods)-1, branch, lastBranch), pod)
		}
	}
	f.Table(table)
}

func (f formatter) revisionsOf(s *Server) []revision {
	status := s.Object.Status
	var all []revision
	add := func(name, role string, cell console.Cell, age, info string) {
		r := revision{name: name, role: role, status: cell, age: age, info: info}
		for _, pod := range s.Pods {
			if pod.Revision == name {
				r.pods = append(r.pods, pod)
			}
		}
		all = append(all, r)
	}
	if live := status.Live; live != nil {
		cell := console.Cell{Text: "✔ Live", Style: console.Good}
		if s.readiness().reason == v1alpha1.BakingReason {
			cell = console.Cell{Text: "◌ Baking", Style: console.Busy}
		}
		add(live.Revision, "live", cell, f.ageOf(live.Since), revisionInfo(live.Model, live.Metrics))
	}
	if fallback := status.Fallback; fallback != nil {
		add(fallback.Revision, "fallback", console.Cell{Text: "✔ Ready to go back to", Style: console.Good}, f.ageOf(fallback.Since),
			revisionInfo(fallback.Model, fallback.Metrics))
	}
	if candidate := status.Candidate; candidate != nil {
		mark := "◌ "
		if candidate.Stage == v1alpha1.CandidateAwaitingPromotion {
			mark = "‖ "
		}
		add(candidate.Revision, "candidate", console.Cell{Text: mark + string(candidate.Stage), Style: console.Busy}, f.ageOf(candidate.StartTime),
			revisionInfo(candidate.Model, nil))
	}
	if tests := podsWithoutRevision(s.Pods); len(tests) > 0 {
		all = append(all, revision{name: "tests", role: "smoke test", pods: tests})
	}
	return all
}

// podsWithoutRevision are those that test.
func podsWithoutRevision(pods []Pod) []Pod {
	return slices.DeleteFunc(slices.Clone(pods), func(pod Pod) bool { return pod.Revision != "" })
}

func revisionInfo(model v1alpha1.RevisionModel, metrics []v1alpha1.Metric) string {
	text := model.URI
	if model.TrainingRun != "" {
		text = "TrainingRun " + model.TrainingRun
	}
	if accuracy := accuracyOf(metrics); accuracy != "" {
		text += ", accuracy " + accuracy
	}
	return text
}

func (f formatter) rejected(server *v1alpha1.ModelServer) {
	f.Title("Rejected")
	if len(server.Status.Rejected) == 0 {
		f.Linef("None")
		return
	}
	table := console.NewTable("REVISION", "REASON", "AGE", "MESSAGE")
	for _, r := range server.Status.Rejected {
		table.Row(console.Text(r.Revision), console.Cell{Text: "✗ " + r.Reason, Style: console.Bad}, console.Text(f.ageOf(r.Time)), console.Text(r.Message))
	}
	f.Table(table)
}

func (f formatter) selection(server *v1alpha1.ModelServer) {
	selection := server.Status.Selection
	if selection == nil {
		return
	}
	f.Title("Selection")
	f.Linef("TrainingRun %s, of %d Complete ones that match", cmp.Or(selection.TrainingRun, "none"), selection.Complete)
	if len(selection.PassedOver) == 0 {
		return
	}
	table := console.NewTable("PASSED OVER", "REASON", "MESSAGE")
	for _, run := range selection.PassedOver {
		table.Row(console.Text(run.TrainingRun), console.Text(run.Reason), console.Text(run.Message))
	}
	f.Table(table)
}

func (f formatter) autoscaling(s *Server) {
	f.Title("Autoscaling")
	switch {
	case s.Object.Spec.Autoscaling == nil:
		f.Linef("%s: spec.replicas is %d", notConfigured, ptr.Deref(s.Object.Spec.Replicas, 1))
	case s.Autoscaler == nil:
		f.Linef("%d to %d replicas, from the first promotion on", s.Object.Spec.Autoscaling.MinReplicas, s.Object.Spec.Autoscaling.MaxReplicas)
	default:
		a := s.Autoscaler
		f.Linef("%d to %d replicas: %d now, %d wanted", a.Min, a.Max, a.Current, a.Desired)
		for _, text := range a.Metrics {
			f.Linef("%s", text)
		}
	}
}

func (f formatter) endpoints(s *Server) {
	f.Title("Endpoints")
	if len(s.Endpoints) == 0 {
		f.Linef("None: Service %s answers nobody", s.Object.Name)
		return
	}
	table := console.NewTable("ADDRESS", "READY", "POD")
	for _, e := range s.Endpoints {
		cell := console.Cell{Text: "✔ yes", Style: console.Good}
		if !e.Ready {
			cell = console.Cell{Text: "◌ no", Style: console.Busy}
		}
		table.Row(console.Text(e.Address), cell, console.Text(e.Pod))
	}
	f.Table(table)
}

func (f formatter) history(server *v1alpha1.ModelServer) {
	f.Title("History")
	if len(server.Status.History) == 0 {
		f.Linef("None: no revision was replaced yet")
		return
	}
	table := console.NewTable("REVISION", "MODEL", "UNTIL", "REASON", "MOVED BY")
	for _, h := range server.Status.History {
		table.Row(console.Text(h.Revision), console.Text(revisionInfo(h.Model, nil)), console.Text(f.ageOf(h.RetiredTime)), console.Text(h.Reason), console.Text(h.MovedBy))
	}
	f.Table(table)
}
