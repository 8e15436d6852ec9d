// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Command plugin writes docs/reference/kubectl-trainyard.md: every verb of the kubectl plugin, with its flags and the rights
// that it needs.
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/trainyard-dev/trainyard/internal/plugin/command"
	"github.com/trainyard-dev/trainyard/internal/plugin/verb"
)

const header = `# kubectl trainyard

Generated from the sources by ` + "`make generate`" + `; changes are lost. [The guide](../kubectl-trainyard.md) shows the verbs at work. Every verb
also takes the flags of kubectl that choose a cluster, a namespace and a user: ` + "`--context`, `--namespace`, `--as`" + ` and the like.

## Rights

What a person must be allowed to do in the namespace, by a Role or a ClusterRole, for each verb. The tests run each verb as a user with these rights alone. Without a right that is for
something, a verb does without that, and says so.

| verb | API group | resources | verbs | for |
|---|---|---|---|---|
`

func main() {
	if _, err := os.Stdout.WriteString(page()); err != nil {
		fmt.Fprintln(os.Stderr, "plugin:", err)
		os.Exit(1)
	}
}

// page renders the page.
func page() string {
	_, verbs := command.New(genericiooptions.IOStreams{In: &bytes.Buffer{}, Out: io.Discard, ErrOut: io.Discard})
	var b strings.Builder
	b.WriteString(header)
	for _, v := range verbs {
		writeRights(&b, v)
	}
	b.WriteString("\nThe group of pods, their logs, events, Services, claims and the like is the empty one, core.\n")
	for _, v := range verbs {
		writeVerb(&b, v)
	}
	return b.String()
}

func writeRights(b *strings.Builder, v verb.Verb) {
	if len(v.Rights) == 0 {
		fmt.Fprintf(b, "| %s | | none | | |\n", v.Command.Name())
	}
	for _, right := range v.Rights {
		purpose := right.For
		if purpose == "" {
			purpose = "the verb"
		}
		group := strings.Join(right.APIGroups, ", ")
		if group == "" {
			group = "core"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", v.Command.Name(), group, strings.Join(right.Resources, ", "), strings.Join(right.Verbs, ", "), purpose)
	}
}

func writeVerb(b *strings.Builder, v verb.Verb) {
	c := v.Command
	fmt.Fprintf(b, "\n## %s\n\n%s.\n\n```console\n$ %s\n```\n\n", c.Name(), c.Short, strings.TrimSuffix(c.UseLine(), " [flags]"))
	if c.Long != "" {
		fmt.Fprintf(b, "%s\n\n", escaped(c.Long))
	}
	if c.Example != "" {
		fmt.Fprintf(b, "```console\n%s\n```\n", strings.ReplaceAll("\n"+c.Example, "\n  ", "\n$ ")[1:])
	}
	var rows strings.Builder
	c.LocalNonPersistentFlags().VisitAll(func(flag *pflag.Flag) {
		if flag.Name != "help" {
			fmt.Fprintf(&rows, "| `%s` | %s |\n", spelled(flag), escaped(flag.Usage))
		}
	})
	if rows.Len() > 0 {
		fmt.Fprintf(b, "\n| Flag | Meaning |\n|---|---|\n%s", rows.String())
	}
}

// spelled is a flag as it is written.
func spelled(flag *pflag.Flag) string {
	name := "--" + flag.Name
	if flag.Shorthand != "" {
		name = "-" + flag.Shorthand + ", " + name
	}
	return name
}

// escaped keeps Markdown from reading text as markup.
func escaped(text string) string {
	return strings.NewReplacer("<", "&lt;", "|", `\|`, "*", `\*`).Replace(text)
}
