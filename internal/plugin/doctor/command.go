// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/trainyard-dev/trainyard/internal/plugin/console"
	"github.com/trainyard-dev/trainyard/internal/plugin/verb"
)

type options struct {
	managerNamespace, bundle, output string
}

// New returns the verb. It asks whether the user may use the other verbs.
func New(env verb.Env, others []verb.Verb) verb.Verb {
	o := &options{}
	command := &cobra.Command{
		Use:   "doctor",
		Short: "Find what is wrong with the installation and with a namespace",
		Long: "Looks at the kinds, the manager, storage, quotas, metrics-server, network policies, objects and pods of the namespace, and at your rights.\n" +
			"Each finding has its remedy. It ends with exit code 2 if something doesn't work.\n\n" +
			"With --bundle all that was read goes into a zip file for who is asked for help. Secrets and ConfigMaps are never read; values of\n" +
			"environment variables, and what looks like a secret in a URL or a log, are replaced. Look through it before you hand it on.",
		Example: "  kubectl trainyard doctor\n" +
			"  kubectl trainyard doctor -n zoo --bundle trainyard.zip",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	flags := command.Flags()
	flags.StringVar(&o.managerNamespace, "manager-namespace", "trainyard-system", "Namespace that the manager is in.")
	flags.StringVar(&o.bundle, "bundle", "", "File to write a zip file to with all that was read, redacted.")
	flags.StringVarP(&o.output, "output", "o", "", "Format: json. Empty is for people.")
	command.RunE = func(cmd *cobra.Command, _ []string) error {
		if o.output != "" && o.output != "json" {
			return fmt.Errorf("--output is %q: use json", o.output)
		}
		return o.run(cmd.Context(), env, others)
	}
	const about = "what it is about"
	return verb.Verb{Command: command, Rights: []verb.Right{
		verb.Want(about, verb.Group, verb.Servers, "list"), verb.Want(about, verb.Group, verb.Runs, "list"),
		verb.Want(about, "", "pods", "list"), verb.Want(about, "", "events", "list"), verb.Want(about, "batch", "jobs", "list"),
		verb.Want(about, "", "persistentvolumeclaims", "list"), verb.Want(about, "", "resourcequotas", "list"),
		verb.Want(about, "networking.k8s.io", "networkpolicies", "list"),
		verb.Want("the manager, in its namespace", "apps", "deployments", "list"),
		verb.Want("the manager's log, in its namespace", "", "pods/log", "get"),
		verb.Want("storage, in the whole cluster", "storage.k8s.io", "storageclasses", "list"),
	}}
}

func (o *options) run(ctx context.Context, env verb.Env, others []verb.Verb) error {
	c, err := env.Flags.Connect()
	if err != nil {
		return err
	}
	d, err := gather(ctx, c, o.managerNamespace, others)
	if err != nil {
		return err
	}
	findings := judge(d)
	if o.bundle != "" {
		if err := o.pack(d, format(findings, d.unread).String()); err != nil {
			return err
		}
	}
	if err := o.print(env, findings, d.unread); err != nil {
		return err
	}
	if faults := count(findings, fault); faults > 0 {
		return &verb.ExitError{Code: verb.ExitStalled, Err: fmt.Errorf("%d of what was looked at doesn't work", faults)}
	}
	return nil
}

func (o *options) print(env verb.Env, findings []finding, unread []string) error {
	if o.output == "json" {
		encoder := json.NewEncoder(env.Out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(struct {
			Findings []finding `json:"findings"`
			Unread   []string  `json:"unread,omitempty"`
		}{findings, unread})
	}
	text := format(findings, unread).Render(console.HasColor(env.Out))
	if o.bundle != "" {
		text += fmt.Sprintf("\n%s: look through it before you hand it on\n", o.bundle)
	}
	_, err := fmt.Fprint(env.Out, text)
	return err
}

// pack writes the bundle into a file that isn't there yet.
func (o *options) pack(d *data, report string) error {
	file, err := os.OpenFile(o.bundle, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("--bundle: %w", err)
	}
	return errors.Join(writeBundle(file, d, report), file.Close())
}

func count(findings []finding, of level) int {
	n := 0
	for _, f := range findings {
		if f.Level == of {
			n++
		}
	}
	return n
}

// format writes findings for people.
func format(findings []finding, unread []string) *console.Page {
	page := console.NewPage()
	marks := map[level]console.Cell{
		fine: {Text: "✔", Style: console.Good}, note: {Text: "!", Style: console.Busy}, fault: {Text: "✗", Style: console.Bad},
	}
	page.Title("Findings")
	for _, f := range findings {
		page.Line(marks[f.Level], console.Text(" "), console.Cell{Text: f.Subject, Style: console.Bold}, console.Text(": "+f.Message))
		if f.Remedy != "" {
			page.Line(console.Cell{Text: "  → " + f.Remedy, Style: console.Faint})
		}
	}
	if len(unread) > 0 {
		page.Title("Not read")
		for _, text := range unread {
			page.Linef("%s", text)
		}
	}
	page.Title("Summary")
	page.Linef("%d fine, %d to note, %d that don't work", count(findings, fine), count(findings, note), count(findings, fault))
	return page
}
