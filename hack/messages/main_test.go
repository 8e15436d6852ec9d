// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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
	err = fmt.Errorf("the API server refuses %s: %w", name, err)
	return loop.Stalled(reason, fmt.Errorf("read template %s: %w", name, err))
	if strings.Contains(s, "quota is used") {}
}
`,
		"controllers/status_test.go": `package controllers; var s = "no message at all"`,
		"internal/conditions/a.go":   `package conditions`,
		"main.go":                    `package main; func f() { set.StringVar(&x, "listen", ":80", "address to listen on") }`,
		"runner/train.go": `package runner
func f() { c := cobra.Command{Use: "train --data FOLDER"}; flags.IntVar(&x, "epochs", 1, fmt.Sprintf("at most %d epochs", most)); flags.IntVar(&x, "steps", 1, "at most " + most + " steps"); flags.Other(&x, "no", 1, "flag") }
`,
		"server/a.go": `package server`,
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

In the order of the sources. Some are parts of others.

controllers/status.go:

- the pod … is gone
- … of …% &lt;are> ready
- the API server refuses …: …
- read template …: …

## Refused by the API server

- n must be "1" or more

## Flags

` + "`manager`:" + `

| Flag | Meaning |
|---|---|
| ` + "`--listen`" + ` | address to listen on |

` + "`runner train`:" + `

| Flag | Meaning |
|---|---|
| ` + "`--epochs`" + ` | at most … epochs |
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
