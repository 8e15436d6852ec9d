// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package workflows tests .github/workflows: the rules that its files keep.
package workflows

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const root = "../.."

// workflow is what matters here of a workflow.
type workflow struct {
	file        string
	On          triggers
	Permissions map[string]string
	Concurrency yaml.Node
	Env         map[string]string
	Jobs        jobs
}

// triggers are the names of what a workflow runs on.
type triggers struct{ names []string }

func (o *triggers) UnmarshalYAML(node *yaml.Node) error {
	for i := 0; i < len(node.Content); i += 2 {
		o.names = append(o.names, node.Content[i].Value)
	}
	return nil
}

// jobs are a workflow's in the order of the file.
type jobs []job

type job struct {
	name        string
	Permissions map[string]string
	RunsOn      string `yaml:"runs-on"`
	Timeout     int    `yaml:"timeout-minutes"`
	If          string
	Needs       yaml.Node
	Environment yaml.Node `yaml:"environment"`
	Env         map[string]string
	Steps       []step
}

type step struct {
	If   string
	Uses action
	Run  string
	With map[string]any
	Env  map[string]string
}

// action is what a step uses, with the comment behind it.
type action struct{ name, version, comment string }

func (j *jobs) UnmarshalYAML(node *yaml.Node) error {
	for i := 0; i < len(node.Content); i += 2 {
		one := job{name: node.Content[i].Value}
		if err := node.Content[i+1].Decode(&one); err != nil {
			return err
		}
		*j = append(*j, one)
	}
	return nil
}

func (a *action) UnmarshalYAML(node *yaml.Node) error {
	a.name, a.version, _ = strings.Cut(node.Value, "@")
	a.comment = node.LineComment
	return nil
}

// load reads a workflow.
func load(t *testing.T, file string) workflow {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, ".github", "workflows", file))
	if err != nil {
		t.Fatal(err)
	}
	w := workflow{file: file}
	if err := yaml.Unmarshal(data, &w); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if len(w.Jobs) == 0 {
		t.Fatalf("%s has no jobs", file)
	}
	return w
}

func loadAll(t *testing.T) []workflow {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, ".github", "workflows", "*"))
	if err != nil || len(files) < 2 {
		t.Fatalf("found the workflows %v: %v", files, err)
	}
	var all []workflow
	for _, file := range files {
		all = append(all, load(t, filepath.Base(file)))
	}
	return all
}

// targets are the Makefile's that `make help` lists.
func targets(t *testing.T) map[string]bool {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, line := range regexp.MustCompile(`(?m)^([a-z0-9 -]+):.*##`).FindAllStringSubmatch(string(data), -1) {
		for _, target := range strings.Fields(line[1]) {
			found[target] = true
		}
	}
	return found
}

// written are the permissions beyond reading that jobs need, by workflow and job.
var written = map[string][]string{
	"ci.yml push":         {"attestations", "id-token", "packages"},
	"release.yml publish": {"attestations", "contents", "id-token", "packages"},
}

func TestPermissionsAreLeast(t *testing.T) {
	for _, w := range loadAll(t) {
		if len(w.Permissions) != 1 || w.Permissions["contents"] != "read" {
			t.Errorf("%s has the permissions %v, want contents: read alone; a job that needs more says so", w.file, w.Permissions)
		}
		for _, j := range w.Jobs {
			var more []string
			for what, access := range j.Permissions {
				if access != "read" {
					more = append(more, what)
				}
			}
			slices.Sort(more)
			if where := w.file + " " + j.name; !slices.Equal(more, written[where]) {
				t.Errorf("%s may write %v, and the list allows %v", where, more, written[where])
			}
		}
	}
}

func TestJobsEnd(t *testing.T) {
	for _, w := range loadAll(t) {
		if w.Concurrency.IsZero() {
			t.Errorf("%s says nothing of concurrency", w.file)
		}
		for _, j := range w.Jobs {
			if j.Timeout == 0 || j.RunsOn == "" || strings.HasSuffix(j.RunsOn, "-latest") {
				t.Errorf("%s: job %s needs timeout-minutes, and a runner of a fixed version: %q", w.file, j.name, j.RunsOn)
			}
		}
	}
}

// What a workflow runs, everyone can run: a step is one target of the Makefile, and what it is told is in its environment.
func TestStepsAreTargets(t *testing.T) {
	known, steps := targets(t), 0
	single := regexp.MustCompile(`^make (sudo-)?([a-z0-9-]+)$`)
	for _, w := range loadAll(t) {
		for _, j := range w.Jobs {
			for _, s := range j.Steps {
				if s.Run == "" {
					continue
				}
				steps++
				if match := single.FindStringSubmatch(s.Run); match == nil || !known[match[2]] {
					t.Errorf("%s: job %s runs %q, which is not one target of the Makefile that make help lists", w.file, j.name, s.Run)
				}
			}
		}
	}
	t.Logf("%d steps are targets of the Makefile", steps)
}

// An action is code of others with the rights of its job: it is the commit that somebody has looked up, the same everywhere.
func TestActionsArePinned(t *testing.T) {
	pinned := map[string]action{}
	for _, w := range loadAll(t) {
		for _, j := range w.Jobs {
			for _, s := range j.Steps {
				a := s.Uses
				switch {
				case (a.name == "") == (s.Run == ""):
					t.Errorf("%s: a step of job %s neither uses an action nor runs a command, or both", w.file, j.name)
					continue
				case a.name == "":
					continue
				case !regexp.MustCompile(`^[0-9a-f]{40}$`).MatchString(a.version) || !regexp.MustCompile(`^# v\d+\.\d+\.\d+$`).MatchString(a.comment):
					t.Errorf("%s: job %s uses %s@%s %s: pin it to a commit, with the version in a comment", w.file, j.name, a.name, a.version, a.comment)
				case a.name == "actions/checkout" && s.With["persist-credentials"] != false:
					t.Errorf("%s: job %s leaves the token in the checkout: persist-credentials: false", w.file, j.name)
				}
				if other, ok := pinned[a.name]; ok && other != a {
					t.Errorf("%s is pinned to %s and to %s", a.name, other.version, a.version)
				}
				pinned[a.name] = a
			}
		}
	}
	t.Logf("%d actions are pinned: %s", len(pinned), strings.Join(slices.Sorted(maps.Keys(pinned)), ", "))
}

// A pull request and a release are checked by what .ci/run runs.
func TestWorkflowsCheckWhatCIChecks(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(root, ".ci", "run"))
	if err != nil {
		t.Fatal(err)
	}
	match := regexp.MustCompile(`for target in ([a-z0-9 -]+); do`).FindStringSubmatch(string(data))
	if match == nil {
		t.Fatal(".ci/run lists no targets")
	}
	for file, last := range map[string]string{"ci.yml": "push", "release.yml": "publish"} {
		checks := map[string]string{} // jobs by what they run
		var needed []string
		for _, j := range load(t, file).Jobs {
			for _, s := range j.Steps {
				checks[strings.TrimPrefix(strings.TrimPrefix(s.Run, "make "), "sudo-")] = j.name
			}
			if j.name == last {
				if err := j.Needs.Decode(&needed); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, target := range strings.Fields(match[1]) {
			if by := checks[target]; by == "" || !slices.Contains(needed, by) {
				t.Errorf("%s doesn't run make %s, which .ci/run does, before its job %s", file, target, last)
			}
		}
	}
}

// A secret is for those whom its environment lets have it, and for a job that nothing of others gets into.
func TestSecretsAreGuarded(t *testing.T) {
	secret := regexp.MustCompile(`secrets\.(\w+)`)
	for _, w := range loadAll(t) {
		for _, j := range w.Jobs {
			text, err := yaml.Marshal(j.Steps)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range secret.FindAllStringSubmatch(string(text), -1) {
				if name[1] != "GITHUB_TOKEN" && j.Environment.IsZero() {
					t.Errorf("%s: job %s reads the secret %s and has no environment", w.file, j.name, name[1])
				}
			}
		}
	}
}

// What runs after another workflow has the rights of the main branch: it must not run for what a fork has pushed.
func TestChainedWorkflowsAreOfPushes(t *testing.T) {
	for _, w := range loadAll(t) {
		if !slices.Contains(w.On.names, "workflow_run") {
			continue
		}
		for _, j := range w.Jobs {
			if !strings.Contains(j.If, "workflow_run.event == 'push'") || !strings.Contains(j.If, "workflow_run.conclusion == 'success'") {
				t.Errorf("%s: job %s runs after another workflow: it has to ask that this was a push and went well", w.file, j.name)
			}
		}
	}
}
