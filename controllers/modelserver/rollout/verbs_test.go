// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

var update = flag.Bool("update", false, "write the table of verbs into docs/modelserver.md")

// stage is how far a rollout has come, and the revision that a person's annotations name then.
type stage struct {
	name, revision string
	observed       func() *Observed
}

// stages are those of a rollout from revision a to revision b.
var stages = []stage{
	{"to be started", "b", func() *Observed { return observed("b", bakedRecord("a"), revision("a", 2)) }},
	{"starting", "b", func() *Observed { return startingB(time.Minute) }},
	{"didn't start, waits to be tried again", "b", func() *Observed {
		o := observed("b", bakedRecord("a"), revision("a", 2))
		o.Service.Record.Postponed = postponedB(1, time.Minute)
		return o
	}},
	{"to be tested", "b", func() *Observed { return observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)) }},
	{"being tested", "b", func() *Observed {
		return observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).smoke("b", JobRunning)
	}},
	{"passed, mode Automatic", "b", func() *Observed {
		return observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).smoke("b", JobPassed)
	}},
	{"passed, mode Manual", "b", func() *Observed {
		return observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).smoke("b", JobPassed).but(func(o *Observed) { o.Steering.Manual = true })
	}},
	{"bakes", "b", func() *Observed {
		return observed("b", bakingRecord("b", "a"), revision("a", 2), revision("b", 2)).bake(JobRunning)
	}},
	{"bakes, and waits for `minRequests`", "b", func() *Observed {
		return observed("b", bakingRecord("b", "a"), revision("a", 2), revision("b", 2)).bake(JobRunning).but(func(o *Observed) {
			o.MinRequests, o.Jobs[0].MinRequests = 100, 100
		})
	}},
	{"passed, while another bakes", "c", func() *Observed {
		return observed("c", bakingRecord("b", "a"), revision("a", 2), revision("b", 2), revision("c", 2)).bake(JobRunning).smoke("c", JobPassed)
	}},
	{"bakes, the fallback has no ready replica", "b", func() *Observed {
		return observed("b", bakingRecord("b", "a"), revision("a", 2), revision("b", 2)).bake(JobRunning).but(func(o *Observed) { o.Revisions["a"].Available = 0 })
	}},
	{"bakes, and is the first", "b", func() *Observed { return observed("b", bakingRecord("b", ""), revision("b", 2)).bake(JobRunning) }},
	{"has passed its bake", "b", func() *Observed {
		return observed("b", bakingRecord("b", "a"), revision("a", 2), revision("b", 2)).bake(JobPassed)
	}},
	{"serves", "b", func() *Observed { return observed("b", bakedRecord("b"), revision("b", 2)) }},
	{"is the fallback, while another bakes", "a", func() *Observed {
		return observed("b", bakingRecord("b", "a"), revision("a", 2), revision("b", 2)).bake(JobRunning)
	}},
	{"was rejected", "b", func() *Observed {
		return observed("b", &Record{Switch: 1, At: at0, Live: "a", Available: 2, Baked: true, Rejected: []Rejection{rejection("b", "p", "SmokeFailed")}}, revision("a", 2))
	}},
	{"was rejected, and is the first", "b", func() *Observed {
		return observed("b", &Record{Switch: 1, At: at0, Live: "b", Available: 2, Rejected: []Rejection{rejection("b", "p", "BakeFailed")}}, revision("b", 2))
	}},
	{"paused, to be started", "b", func() *Observed { return observed("b", bakedRecord("a"), revision("a", 2)).but(paused) }},
	{"paused, starting", "b", func() *Observed { return startingB(-1).but(paused) }},
	{"paused, to be tested", "b", func() *Observed {
		return observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).but(paused)
	}},
	{"paused, passed", "b", func() *Observed {
		return observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).smoke("b", JobPassed).but(paused)
	}},
	{"paused, bakes", "b", func() *Observed {
		return observed("b", bakingRecord("b", "a"), revision("a", 2), revision("b", 2)).bake(JobRunning).but(paused)
	}},
	{"paused, has passed its bake", "b", func() *Observed {
		return observed("b", bakingRecord("b", "a"), revision("a", 2), revision("b", 2)).bake(JobPassed).but(paused)
	}},
	{"paused, serves", "b", func() *Observed { return observed("b", bakedRecord("b"), revision("b", 2)).but(paused) }},
	{"its TrainingRun is gone", "b", func() *Observed {
		return observed("", bakedRecord("a"), revision("a", 2), revision("b", 2)).smoke("b", JobPassed).
			but(func(o *Observed) { o.Unresolved.Reason = v1alpha1.TrainingRunNotFoundReason })
	}},
	{"no revision of the server", "x", func() *Observed { return observed("b", bakedRecord("b"), revision("b", 2)) }},
}

// verbs are what a person may ask for; the first asks for nothing.
var verbs = []struct {
	name string
	ask  func(*Steering, string)
}{
	{"nothing", func(*Steering, string) {}},
	{"`promote`", func(s *Steering, revision string) { s.Promote = revision }},
	{"`reject`", func(s *Steering, revision string) { s.Reject = revision }},
	{"`paused`", func(s *Steering, _ string) { s.Paused = true }},
	{"`resume`", func(s *Steering, _ string) { s.Paused = false }},
	{"`retry`", func(s *Steering, _ string) { s.Retry = "again" }},
}

// happens says in a few words what a rule does.
var happens = map[string]string{
	"switchBack": "the fallback gets the traffic",
	"rebake":     "baked again",
	"finishBake": "the fallback goes",
	"reject":     "rejected",
	"promote":    "gets the traffic",
	"noteStart":  "its time to start stands still",
}

// rests says what becomes of a rollout of which nothing is written.
func rests(s Status) string {
	switch {
	case s.Outcome != Reconciling:
		return "stays"
	case s.Reason == v1alpha1.StartingReason || s.Reason == v1alpha1.SmokingReason || s.Reason == v1alpha1.BakingReason:
		return "goes on"
	default:
		return "waits"
	}
}

// expectAnswers holds at each stage, whatever a person asks for: the revision that users are sent to has been tested, its
// Deployment stays, and as many of its replicas answer as of the one before.
func expectAnswers(t *testing.T, cell string, o *Observed, a Actions) {
	t.Helper()
	before, after := o.Service.Record, o.Service.Record
	if a.Record != nil {
		after = a.Record
	}
	from, to := o.Revisions[before.Live], o.Revisions[after.Live]
	switch {
	case to == nil || to.Deleting || after.isRetiring(to.Name):
		t.Errorf("%s: the traffic is with %q, whose Deployment goes", cell, after.Live)
	case to.Available < from.Available:
		t.Errorf("%s: %d replicas of %s answer, after %d of %s", cell, to.Available, to.Name, from.Available, from.Name)
	case from != to && to.Name != before.Fallback && !o.passed(to):
		t.Errorf("%s: %s has the traffic, and hasn't been tested", cell, to.Name)
	}
	for _, scaled := range a.Scale {
		if scaled.Revision == after.Live && scaled.Replicas < from.Available {
			t.Errorf("%s: live is scaled from %d to %d replicas", cell, from.Available, scaled.Replicas)
		}
	}
	for _, deleted := range a.DeleteRevisions {
		if deleted.Name == after.Live || deleted.Name == after.Fallback {
			t.Errorf("%s: %s is deleted", cell, deleted.Name)
		}
	}
}

// outcome says what the next pass does, and Ready's reason after it.
func outcome(t *testing.T, o *Observed) string {
	t.Helper()
	if Describe(o).Refused != nil {
		return "refused"
	}
	a := Plan(o)
	what := happens[a.Rule]
	switch {
	case a.Record != nil && what == "":
		t.Fatalf("say in happens what rule %s does", a.Rule)
	case a.Rule == "noteStart" && a.Record.Starting != nil:
		what = "its time to start runs"
	case a.Rule == "switchBack" && a.Record.Live == o.Service.Record.Live:
		what = "rejected, stays selected"
	case len(a.Create) > 0:
		what = "started"
	case len(a.Start) > 0:
		what = "tested"
	case a.Record == nil:
		what = rests(Describe(o))
	}
	if a.Record != nil {
		o.Service = &Service{Selected: a.Record.Live, Record: a.Record}
	}
	return fmt.Sprintf("%s (%s)", what, Describe(o).Reason)
}

// tableOfVerbs has what each verb does at each stage.
func tableOfVerbs(t *testing.T) string {
	t.Helper()
	var table strings.Builder
	table.WriteString("| the revision")
	for _, verb := range verbs {
		table.WriteString(" | " + verb.name)
	}
	table.WriteString(" |\n|" + strings.Repeat("---|", len(verbs)+1) + "\n")
	for _, stage := range stages {
		table.WriteString("| " + stage.name)
		byItself := ""
		for i, verb := range verbs {
			o := stage.observed()
			verb.ask(&o.Steering, stage.revision)
			expectAnswers(t, stage.name+", "+verb.name, o, Plan(o))
			cell := outcome(t, o)
			switch {
			case i == 0:
				byItself = cell
			case cell == byItself:
				cell = "the same"
			}
			table.WriteString(" | " + cell)
		}
		table.WriteString(" |\n")
	}
	return table.String()
}

// The table in the documentation is what the planner does.
func TestTableOfVerbs(t *testing.T) {
	const page, begin, end = "../../../docs/modelserver.md", "<!-- go test ./controllers/modelserver/rollout -run TestTableOfVerbs -update -->\n", "<!-- end of the table -->\n"
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(data), begin)
	got, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no table between %q and %q", page, begin, end)
	}
	want := tableOfVerbs(t)
	if *update {
		if err := os.WriteFile(page, []byte(before+begin+want+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("table in %s (-want +got); write it with -update:\n%s", page, diff)
	}
}

// A verb that is said twice does what it does once.
func TestVerbsAreIdempotent(t *testing.T) {
	for _, stage := range stages {
		for _, verb := range verbs {
			o := stage.observed()
			verb.ask(&o.Steering, stage.revision)
			rules := map[string]int{}
			for range 10 {
				a := Plan(o)
				if a.Record == nil {
					break
				}
				o.Service = &Service{Selected: a.Record.Live, Record: a.Record}
				rules[a.Rule]++
			}
			for rule, n := range rules {
				if n > 1 {
					t.Errorf("%s, %s: rule %s is followed %d times, want once", stage.name, verb.name, rule, n)
				}
			}
		}
	}
}
