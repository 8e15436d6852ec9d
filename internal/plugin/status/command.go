// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/trainyard-dev/trainyard/internal/plugin/cluster"
	"github.com/trainyard-dev/trainyard/internal/plugin/console"
	"github.com/trainyard-dev/trainyard/internal/plugin/verb"
)

// interval is how often what is watched or waited for is read.
const interval = time.Second

// options are what the flags of status say.
type options struct {
	watch, wait bool
	timeout     time.Duration
	output      string
}

// New returns the verb.
func New(env verb.Env) verb.Verb {
	o := &options{}
	kinds := []cluster.Kind{cluster.ModelServer, cluster.TrainingRun}
	command := &cobra.Command{
		Use:   "status [[KIND/]NAME]",
		Short: "Show how a ModelServer or a TrainingRun stands",
		Long: "Shows a ModelServer with its revisions, pods, checks, autoscaling and endpoints, or a TrainingRun with its progress, pods, cause of\n" +
			"failure, artifact and lineage; and the newest events of either. Without a name it lists what there is in the namespace.\n\n" +
			"The objects are read one after the other, so a figure may be a moment older than another.\n\n" +
			"With --wait it ends when the object is Ready, with exit code 0; when a person has to act, with 2; or after --timeout, with 3.",
		Example: "  kubectl trainyard status\n" +
			"  kubectl trainyard status pets --watch\n" +
			"  kubectl trainyard status modelserver/pets --wait --timeout 10m\n" +
			"  kubectl trainyard status trainingrun/pets -o json",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: env.Flags.Names(kinds...),
	}
	flags := command.Flags()
	flags.BoolVarP(&o.watch, "watch", "w", false, "Show it again whenever it changes.")
	flags.BoolVar(&o.wait, "wait", false, "Wait until the object is Ready, or until a person has to act.")
	flags.DurationVar(&o.timeout, "timeout", 0, "Time after which --wait gives up. 0 never does.")
	flags.StringVarP(&o.output, "output", "o", "", "Format: json or yaml. Empty is for people.")
	command.RunE = func(cmd *cobra.Command, args []string) error {
		if err := o.check(args); err != nil {
			return err
		}
		c, err := env.Flags.Connect()
		if err != nil {
			return err
		}
		return o.run(cmd.Context(), env, func(ctx context.Context) (Data, error) {
			if len(args) == 0 {
				return GatherAll(ctx, c)
			}
			found, err := c.Find(ctx, args[0], kinds...)
			if err != nil {
				return Data{}, err
			}
			return Gather(ctx, c, found)
		}, len(args) == 0)
	}
	return verb.Verb{Command: command, Rights: []verb.Right{
		verb.Need(verb.Group, verb.Servers, "get", "list"), verb.Need(verb.Group, verb.Runs, "get", "list"),
		verb.Want("pods", "", "pods", "list"), verb.Want("events", "", "events", "list"),
		verb.Want("endpoints", "discovery.k8s.io", "endpointslices", "list"),
		verb.Want("autoscaling", "autoscaling", "horizontalpodautoscalers", "get"),
	}}
}

func (o *options) check(args []string) error {
	switch {
	case !slices.Contains([]string{"", "json", "yaml"}, o.output):
		return fmt.Errorf("--output is %q: use json or yaml", o.output)
	case o.wait && len(args) == 0:
		return errors.New("--wait needs the name of what is waited for")
	case o.timeout != 0 && !o.wait:
		return errors.New("--timeout is for --wait")
	case o.timeout < 0:
		return errors.New("--timeout must not be negative")
	}
	return nil
}

// run shows what is gathered: once, or until it is settled or its caller has seen enough.
func (o *options) run(ctx context.Context, env verb.Env, gather func(context.Context) (Data, error), all bool) error {
	deadline := ctx
	if o.timeout > 0 {
		limited, cancel := context.WithTimeout(ctx, o.timeout)
		defer cancel()
		deadline = limited
	}
	view := &view{options: o, env: env, all: all, screen: console.NewScreen(env.Out)}
	for {
		data, err := gather(ctx)
		if err != nil {
			return err
		}
		settled, verdict := judge(data)
		ends := !o.watch && !o.wait || o.wait && settled
		if o.watch || ends {
			if err := view.show(data); err != nil {
				return err
			}
		}
		if ends {
			if !o.wait {
				return nil
			}
			return verdict
		}
		select {
		case <-deadline.Done():
			if ctx.Err() != nil { // the person has seen enough
				return nil
			}
			return errors.Join(view.show(data), &verb.ExitError{Code: verb.ExitTimeout, Err: fmt.Errorf("not Ready after %s: %s", o.timeout, waitsFor(data))})
		case <-time.After(interval):
		}
	}
}

// judge tells whether objects are settled, and how: nil if all are Ready.
func judge(data Data) (settled bool, verdict error) {
	settled = true
	for _, o := range readinessAll(data) {
		if o.stalled {
			return true, &verb.ExitError{Code: verb.ExitStalled, Err: fmt.Errorf("%s: %s: %s", o.name, o.reason, o.message)}
		}
		settled = settled && o.ready
	}
	return settled, nil
}

// waitsFor says what isn't Ready.
func waitsFor(data Data) string {
	for _, o := range readinessAll(data) {
		if !o.ready {
			return fmt.Sprintf("%s: %s: %s", o.name, o.reason, o.message)
		}
	}
	return ""
}

type namedReadiness struct {
	name string
	readiness
}

func readinessAll(data Data) []namedReadiness {
	var all []namedReadiness
	for i := range data.Servers {
		all = append(all, namedReadiness{"ModelServer " + data.Servers[i].Object.Name, data.Servers[i].readiness()})
	}
	for i := range data.Runs {
		all = append(all, namedReadiness{"TrainingRun " + data.Runs[i].Object.Name, data.Runs[i].readiness()})
	}
	return all
}

// view shows data in the format that is asked for.
type view struct {
	*options
	env    verb.Env
	all    bool
	screen *console.Screen
	last   string
}

func (v *view) show(data Data) error {
	document, err := json.MarshalIndent(data, "", "  ")
	if err != nil {
		return err
	}
	if string(document) == v.last && !v.screen.Redraws() {
		return nil
	}
	v.last = string(document)
	switch v.output {
	case "json":
		_, err = fmt.Fprintf(v.env.Out, "%s\n", document)
	case "yaml":
		err = writeYAML(v.env.Out, document)
	default:
		format := Format
		if v.all {
			format = FormatAll
		}
		text := format(data, v.env.Now()).Render(console.HasColor(v.env.Out))
		if !v.watch {
			_, err = io.WriteString(v.env.Out, text)
			return err
		}
		err = v.screen.Show(text)
	}
	return err
}

func writeYAML(out io.Writer, document []byte) error {
	text, err := yaml.JSONToYAML(document)
	if err == nil {
		_, err = fmt.Fprintf(out, "---\n%s", text)
	}
	return err
}
