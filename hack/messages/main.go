// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Command messages writes docs/reference/messages.md: every condition, reason and flag, the messages that the controllers
// write into conditions and events, those that runs, models and smoke tests end with, and those with which the API server
// refuses an object. It reads the sources in the working directory, which is the repository's root.
package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/trainyard-dev/trainyard/hack/internal/sources"
)

const header = `# Messages

Generated from the sources by ` + "`make generate`" + `; changes are lost. "…" stands for a name, a number or a cause.

`

// section is a part of the page: the messages in some folders.
type section struct {
	title, about string
	folders      []string
}

var sections = []section{
	{
		title:   "Messages of conditions and events",
		about:   "In the order of the sources. Some are parts of others. Those of requests that the API server doesn't answer as they should are tried again.",
		folders: []string{"api", "controllers", "internal/conditions"},
	}, {
		title:   "Messages of runs",
		about:   "Why a run has failed, or warns: in the Failed condition and in status.lastFailure. Where a pod's model can't be fetched, they are in the conditions of a ModelServer.",
		folders: []string{"runner/internal", "internal/access", "internal/artifact", "internal/dataset", "internal/objectstore", "internal/web"},
	}, {
		title:   "Messages of smoke tests",
		about:   "In status.candidate.checks, in status.rejected and in the conditions of a ModelServer.",
		folders: []string{"server/internal/smoke"},
	}, {
		title:   "Messages of models that are refused",
		about:   "Why a server doesn't load its model, with reason ModelInvalid.",
		folders: []string{"internal/classifier"},
	},
}

func main() {
	page, err := page(".")
	if err == nil {
		_, err = os.Stdout.WriteString(page)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "messages:", err)
		os.Exit(1)
	}
}

// page renders the page for the repository in a folder.
func page(root string) (string, error) {
	api, err := sources.Parse(root, "api")
	if err != nil {
		return "", err
	}
	controllers, err := sources.Parse(root, "controllers", "internal/conditions")
	if err != nil {
		return "", err
	}
	programs, err := sources.Parse(root, "main.go", "runner", "server")
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(header)
	b.WriteString("## Conditions\n\n| Type | Meaning |\n|---|---|\n" + constants(api, "Condition"))
	b.WriteString("\n## Reasons\n\nOf conditions, and of the events of their transitions.\n\n| Reason | Meaning |\n|---|---|\n" + constants(slices.Concat(api, controllers), "Reason"))
	for _, section := range sections {
		files, err := sources.Parse(root, section.folders...)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n%s", section.title, section.about, messages(files))
	}
	b.WriteString("\n## Refused by the API server\n\n" + refusals(api))
	b.WriteString("\n## Flags\n\n" + flags(programs))
	return b.String(), nil
}
