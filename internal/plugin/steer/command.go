// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package steer

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/plugin/cluster"
	"github.com/trainyard-dev/trainyard/internal/plugin/verb"
)

// spec is a verb that changes one object in place.
type spec struct {
	use, short, long, example string
	// server and run decide what is changed of an object of each kind; nil where the verb isn't for that kind.
	server func(*v1alpha1.ModelServer) (Change, error)
	run    func(*v1alpha1.TrainingRun) (Change, error)
}

// kinds are those that the verb is for.
func (s spec) kinds() []cluster.Kind {
	var kinds []cluster.Kind
	if s.server != nil {
		kinds = append(kinds, cluster.ModelServer)
	}
	if s.run != nil {
		kinds = append(kinds, cluster.TrainingRun)
	}
	return kinds
}

// rights are what the verb needs to read and to patch these kinds.
func (s spec) rights() []verb.Right {
	var rights []verb.Right
	for _, kind := range s.kinds() {
		rights = append(rights, verb.Need(verb.Group, resourceOf(kind), "get", "patch"))
	}
	return rights
}

func resourceOf(kind cluster.Kind) string {
	if kind == cluster.ModelServer {
		return verb.Servers
	}
	return verb.Runs
}

// newVerb returns the verb of a spec.
func newVerb(env verb.Env, s spec) verb.Verb {
	command := &cobra.Command{
		Use: s.use, Short: s.short, Long: s.long, Example: s.example,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: env.Flags.Names(s.kinds()...),
	}
	command.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := env.Flags.Connect()
		if err != nil {
			return err
		}
		found, err := c.FindOne(cmd.Context(), args[0], s.kinds()...)
		if err != nil {
			return err
		}
		return s.apply(cmd.Context(), env, c, found)
	}
	return verb.Verb{Command: command, Rights: s.rights()}
}

// apply decides what is changed of what was found, and writes it.
func (s spec) apply(ctx context.Context, env verb.Env, c *cluster.Cluster, found cluster.Found) error {
	var object client.Object = found.Server
	title := string(cluster.ModelServer)
	var change Change
	var err error
	if found.Server != nil {
		change, err = s.server(found.Server)
	} else {
		object, title = found.Run, string(cluster.TrainingRun)
		change, err = s.run(found.Run)
	}
	title += " " + object.GetName()
	if err != nil {
		return fmt.Errorf("%s: %w", title, err)
	}
	return write(ctx, env, c, object, title, change)
}

// write writes a change, and says what a GitOps tool makes of it.
func write(ctx context.Context, env verb.Env, c *cluster.Cluster, object client.Object, title string, change Change) error {
	patch, err := change.patch()
	if err != nil {
		return err
	}
	notes := warnings(slices.Clone(object.GetManagedFields()), change)
	if err := c.Patch(ctx, object, patch); err != nil {
		return fmt.Errorf("%s: %w", title, err)
	}
	fmt.Fprintf(env.Out, "%s %s\n", title, change.Done)
	for _, note := range notes {
		fmt.Fprintf(env.ErrOut, "warning: %s\n", note)
	}
	return nil
}

// New returns the verbs.
func New(env verb.Env) []verb.Verb {
	return []verb.Verb{newPromote(env), newReject(env), newPause(env), newSuspend(env), newResume(env), newRetry(env), newRollback(env)}
}

func newPromote(env verb.Env) verb.Verb {
	var revision string
	v := newVerb(env, spec{
		use: "promote NAME", short: "Approve the candidate of a ModelServer whose promotion is Manual",
		long: "Gives the candidate the traffic that awaits promotion, by the annotation " + v1alpha1.PromoteAnnotation + ". With --revision a candidate that is\n" +
			"still started or tested is approved in advance; no approval stands for a test.",
		example: "  kubectl trainyard promote pets\n  kubectl trainyard promote pets --revision pets-7be2d410",
		server:  func(server *v1alpha1.ModelServer) (Change, error) { return promote(server, revision) },
	})
	v.Command.Flags().StringVar(&revision, "revision", "", "Candidate to approve, at any stage. Empty is the one that awaits promotion.")
	return v
}

func newReject(env verb.Env) verb.Verb {
	var revision string
	v := newVerb(env, spec{
		use: "reject NAME", short: "Take back the candidate of a ModelServer, or what it bakes",
		long: "Rejects the candidate or, where there is none, the live revision during its bake, by the annotation " + v1alpha1.RejectAnnotation + ". The fallback\n" +
			"then gets the traffic in one write. A rejected revision isn't tried again before kubectl trainyard retry.",
		example: "  kubectl trainyard reject pets\n  kubectl trainyard reject pets --revision pets-7be2d410",
		server:  func(server *v1alpha1.ModelServer) (Change, error) { return reject(server, revision) },
	})
	v.Command.Flags().StringVar(&revision, "revision", "", "Revision to reject. Empty is the candidate or, without one, what is being baked.")
	return v
}

func newPause(env verb.Env) verb.Verb {
	return newVerb(env, spec{
		use: "pause NAME", short: "Stop the rollout of a ModelServer where it is",
		long: "Sets spec.rollout.paused: nothing is started, tested or promoted. What is live is served and repaired, and a bake that fails is still\n" +
			"switched back from.",
		example: "  kubectl trainyard pause pets",
		server:  pauseServer,
	})
}

func newSuspend(env verb.Env) verb.Verb {
	return newVerb(env, spec{
		use: "suspend NAME", short: "Stop a TrainingRun, which keeps its checkpoint",
		long:    "Sets spec.suspend: the run's Job is deleted, and its checkpoint stays for kubectl trainyard resume.",
		example: "  kubectl trainyard suspend pets-2026-05",
		run:     suspendRun,
	})
}

func newResume(env verb.Env) verb.Verb {
	return newVerb(env, spec{
		use: "resume [KIND/]NAME", short: "Go on with a paused ModelServer or a suspended TrainingRun",
		long:    "Sets spec.rollout.paused of a ModelServer, or spec.suspend of a TrainingRun, to false.",
		example: "  kubectl trainyard resume pets\n  kubectl trainyard resume trainingrun/pets",
		server:  resumeServer,
		run:     resumeRun,
	})
}

func newRollback(env verb.Env) verb.Verb {
	var to string
	command := &cobra.Command{
		Use: "rollback NAME", Short: "Have a ModelServer serve the model before",
		Long: "During a bake the live revision is rejected, so that the fallback has the traffic again in one write. After it, spec.model names the\n" +
			"newest run of status.history whose model served well, or that of --to: a rollout as any other, tested before it has traffic.",
		Example:           "  kubectl trainyard rollback pets\n  kubectl trainyard rollback pets --to pets-2026-04",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: env.Flags.Names(cluster.ModelServer),
	}
	command.Flags().StringVar(&to, "to", "", "TrainingRun whose model is served. Empty is the one before.")
	command.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := env.Flags.Connect()
		if err != nil {
			return err
		}
		found, err := c.FindOne(cmd.Context(), args[0], cluster.ModelServer)
		if err != nil {
			return err
		}
		title := "ModelServer " + found.Server.Name
		change, err := rollback(found.Server, to)
		if err == nil && change.Field == runField {
			err = servable(cmd.Context(), c, fmt.Sprint(change.Value))
		}
		if err != nil {
			return fmt.Errorf("%s: %w", title, err)
		}
		return write(cmd.Context(), env, c, found.Server, title, change)
	}
	return verb.Verb{Command: command, Rights: []verb.Right{
		verb.Need(verb.Group, verb.Servers, "get", "patch"), verb.Need(verb.Group, verb.Runs, "get"),
	}}
}

// servable tells why the model of a run can't be served, if it can't.
func servable(ctx context.Context, c *cluster.Cluster, name string) error {
	found, err := c.Find(ctx, "trainingrun/"+name, cluster.TrainingRun)
	if err != nil {
		return err
	}
	conditions := found.Run.Status.Conditions
	switch {
	case !meta.IsStatusConditionTrue(conditions, v1alpha1.CompleteCondition):
		return fmt.Errorf("TrainingRun %s isn't Complete: name another one with --to", name)
	case isPruned(conditions):
		return fmt.Errorf("the model of TrainingRun %s was deleted, for its spec.output.retention was over: name another run with --to", name)
	}
	return nil
}

// isPruned tells whether what a run has left is deleted, or is about to be.
func isPruned(conditions []metav1.Condition) bool {
	c := meta.FindStatusCondition(conditions, v1alpha1.PrunedCondition)
	return c != nil && (c.Status == metav1.ConditionTrue || c.Reason == v1alpha1.PruningReason)
}

func newRetry(env verb.Env) verb.Verb {
	var name string
	kinds := []cluster.Kind{cluster.ModelServer, cluster.TrainingRun}
	command := &cobra.Command{
		Use: "retry [KIND/]NAME", Short: "Try a rejected revision again, or train a failed run anew",
		Long: "Of a ModelServer spec.retry gets another value, so that the revision that the spec asks for is tried again from the start. A TrainingRun\n" +
			"can't be changed: another one with the same spec is created, NAME-retry-1 or that of --name.",
		Example:           "  kubectl trainyard retry pets\n  kubectl trainyard retry trainingrun/pets --name pets-second",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: env.Flags.Names(kinds...),
	}
	command.Flags().StringVar(&name, "name", "", "Name of the new TrainingRun. Empty counts on from the failed one's.")
	command.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := env.Flags.Connect()
		if err != nil {
			return err
		}
		found, err := c.FindOne(cmd.Context(), args[0], kinds...)
		if err != nil {
			return err
		}
		if found.Run != nil {
			return trainAnew(cmd.Context(), env, c, found.Run, name)
		}
		if name != "" {
			return fmt.Errorf("--name is for a TrainingRun, and %s is a ModelServer", args[0])
		}
		return spec{server: retryServer}.apply(cmd.Context(), env, c, found)
	}
	return verb.Verb{Command: command, Rights: []verb.Right{
		verb.Need(verb.Group, verb.Servers, "get", "patch"), verb.Need(verb.Group, verb.Runs, "get", "create"),
	}}
}

// trainAnew creates the run that does the same as a failed one, under the next name that is free.
func trainAnew(ctx context.Context, env verb.Env, c *cluster.Cluster, failed *v1alpha1.TrainingRun, name string) error {
	chosen := name != ""
	if !chosen {
		name = nextName(failed.Name)
	}
	for {
		again, err := retryRun(failed, name)
		if err == nil {
			err = c.Client.Create(ctx, again, client.FieldOwner(cluster.FieldManager))
		}
		if apierrors.IsAlreadyExists(err) && !chosen {
			name = nextName(name)
			continue
		}
		if err != nil {
			return fmt.Errorf("TrainingRun %s: %w", failed.Name, err)
		}
		fmt.Fprintf(env.Out, "TrainingRun %s is trained anew as %s\n", failed.Name, name)
		return nil
	}
}
