// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/hack/internal/sources"
)

func TestPage(t *testing.T) {
	root := t.TempDir()
	for path, source := range map[string]string{
		"api/v1/types.go": `package v1
const (
	// ReadyCondition is True when
	// it serves.
	ReadyCondition = "Ready"
	// PendingReason surfaces before the start.
	PendingReason = "Pending"
)
// +kubebuilder:validation:XValidation:rule="self > 0",message="n must be \"1\" or more"
type T struct{}
`,
		"api/v1/zz_generated.go": `package v1; const OtherReason = "Other"`,
		"controllers/status.go": `package controllers
import "a path/with spaces"
// repairedReason surfaces when it is set back.
const repairedReason = "Repaired"
func f() {
	log.Info("Deleted the Job", "why", "it was old")
	set("the pod " + name + " is gone", "Pending", "^matches this$")
	set(fmt.Sprintf("%d of %.2f%% <are> ready", 1, 2))
	set("the pod " + name + " is gone")
	err = fmt.Errorf("get Job %s: %w", name, err)
	return stale("Job %s has changed", name)
	err = fmt.Errorf("the API server refuses %s: %w", name, err)
	return loop.Stalled(reason, fmt.Errorf("read template %s: %w", name, err))
	if strings.Contains(s, "quota is used") {}
	found := map[string]string{"looked up by": "%.*q of %d%% validation"}
	opts := prometheus.Opts{Help: "Runs that ended."}
	flags.IntVar(&x, "epochs", 1, "number of epochs")
}
var quotaSigns = []string{"exceeded quota: "}
var refusals = []refusal{{sign: "failed quota: x", remedy: "raise the quota"}}
`,
		"controllers/setup.go":       `package controllers; var err = errors.New("no image is set")`,
		"controllers/metrics/a.go":   `package metrics; var err = errors.New("register the metrics")`,
		"controllers/status_test.go": `package controllers; var s = "no message at all"`,
		"internal/conditions/a.go":   `package conditions`,
		"main.go":                    `package main; func f() { set.StringVar(&x, "listen", ":80", "address to listen on") }`,
		"runner/train.go": `package runner
func f() { c := cobra.Command{Use: "train --data FOLDER"}; flags.IntVar(&x, "epochs", 1, fmt.Sprintf("at most %d epochs", most)); flags.IntVar(&x, "steps", 1, "at most " + most + " steps"); flags.Other(&x, "no", 1, "flag") }
func pictures(flags *pflag.FlagSet) { flags.IntVar(&x, "pictures", 1, "most pictures") }
`,
		"runner/push.go":             `package runner; func g() { c := cobra.Command{Use: "push"}; pictures(flags); f() }`,
		"runner/internal/cli/log.go": `package cli; func f() { log.Warn("not in status", "a", 1); return fmt.Errorf("read %s: %w", path, err) }`,
		"internal/access/a.go":       `package access; var ErrNone = errors.New("no credentials")`,
		"internal/artifact/a.go":     `package artifact`,
		"internal/dataset/a.go":      `package dataset`,
		"internal/objectstore/a.go":  `package objectstore`,
		"internal/web/a.go":          `package web`,
		"internal/classifier/a.go":   `package classifier; var ErrModel = errors.New("invalid model")`,
		"server/internal/smoke/a.go": `package smoke; func f() { failed("answered %d", code) }`,
	} {
		if err := os.MkdirAll(filepath.Join(root, filepath.Dir(path)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, path), []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := page(root)
	if err != nil {
		t.Fatal(err)
	}
	want := header + `## Conditions

| Type | Meaning |
|---|---|
| Ready | is True when it serves. |

## Reasons

Of conditions, and of the events of their transitions.

| Reason | Meaning |
|---|---|
| Pending | surfaces before the start. |
| Repaired | surfaces when it is set back. |

## Messages of conditions and events

` + sections[0].about + `

controllers/status.go:

- the pod … is gone
- … of …% &lt;are> ready
- get Job …: …
- the API server refuses …: …
- read template …: …
- … of …% validation
- raise the quota

## Messages of runs

` + sections[1].about + `

runner/internal/cli/log.go:

- read …: …

internal/access/a.go:

- no credentials

## Messages of smoke tests

` + sections[2].about + `

server/internal/smoke/a.go:

- answered …

## Messages of models that are refused

` + sections[3].about + `

internal/classifier/a.go:

- invalid model

## Refused by the API server

- n must be "1" or more

## Flags

` + "`manager`:" + `

| Flag | Meaning |
|---|---|
| ` + "`--listen`" + ` | address to listen on |

` + "`runner push`:" + `

| Flag | Meaning |
|---|---|
| ` + "`--pictures`" + ` | most pictures |

` + "`runner train`:" + `

| Flag | Meaning |
|---|---|
| ` + "`--epochs`" + ` | at most … epochs |
| ` + "`--pictures`" + ` | most pictures |
| ` + "`--steps`" + ` | at most … steps |
`
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("page (-want +got):\n%s", diff)
	}
}

func TestPageNeedsItsSources(t *testing.T) {
	if _, err := page(t.TempDir()); err == nil {
		t.Error("page() of an empty folder is no error")
	}
}

// Sentences start small, as they are put together, unless with the kind of an object, whose name is as kubectl prints it,
// without quotes: those are of what a user wrote.
func TestMessagesReadAlike(t *testing.T) {
	files, err := sources.Parse("../..", sections[0].folders...)
	if err != nil {
		t.Fatal(err)
	}
	kind := `(Job|Deployment|Service|Secret|ConfigMap|TrainingRun|ModelServer|ControllerRevision|ConfigMap|HorizontalPodAutoscaler|PersistentVolumeClaim|EndpointSlice|LimitRange|PodDisruptionBudget)`
	capital := regexp.MustCompile(`^[A-Z]`)
	begins := regexp.MustCompile(`^(` + kind + `|Trainyard's) `)
	quoted := regexp.MustCompile(`(` + kind + `|pod|node|namespace|claim|container|revision) %(\[[0-9]\])?q`)
	for _, f := range files {
		for _, sentence := range sentences(f) {
			if capital.MatchString(sentence) && !begins.MatchString(sentence) {
				t.Errorf("%s: %q: start small, or with the object's kind", f.Path, sentence)
			}
			if quoted.MatchString(sentence) {
				t.Errorf("%s: %q: an object's name has no quotes", f.Path, sentence)
			}
		}
	}
}

// A flag's meaning is a sentence, as in Kubernetes' own programs.
func TestFlagsReadAlike(t *testing.T) {
	files, err := sources.Parse("../..", "main.go", "runner", "server")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| `--.*$").FindAllString(flags(files), -1)
	if len(rows) < 50 {
		t.Fatalf("%d flags, want all of them", len(rows))
	}
	sentence := regexp.MustCompile(`\| [A-Z].*[.] \|$`)
	for _, row := range rows {
		if !sentence.MatchString(row) {
			t.Errorf("%s: start with a capital letter and end with a full stop", row)
		}
	}
}

// Whoever meets a reason looks up when it surfaces.
func TestReasonsSaySurfaces(t *testing.T) {
	files, err := sources.Parse("../..", "api", "controllers")
	if err != nil {
		t.Fatal(err)
	}
	for row := range strings.Lines(constants(files, "Reason")) {
		if !strings.Contains(row, "| surfaces ") {
			t.Errorf("%s: the constant's comment must say \"surfaces when …\"", strings.TrimSpace(row))
		}
	}
}
