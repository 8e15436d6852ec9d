// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package logs

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/plugin/cluster"
	"github.com/trainyard-dev/trainyard/internal/plugin/console"
	"github.com/trainyard-dev/trainyard/internal/plugin/status"
	"github.com/trainyard-dev/trainyard/internal/plugin/verb"
)

// progressInterval is how often the progress of a run is read.
const progressInterval = time.Second

// maxLineBytes is the longest line that is read: a longer one would be no log.
const maxLineBytes = 1 << 20

type options struct {
	follow, raw bool
	tail        int64
	pod         string
}

// New returns the verb.
func New(env verb.Env) verb.Verb {
	o := &options{}
	kinds := []cluster.Kind{cluster.TrainingRun, cluster.ModelServer}
	command := &cobra.Command{
		Use:   "logs [KIND/]NAME",
		Short: "Print the log of a TrainingRun, or of the pods that a ModelServer has live",
		Long: "Prints the log of a run's newest pod, or those of a server's live pods. The lines of JSON that runner and server write become readable;\n" +
			"--raw leaves them as they are. With --follow it goes on until the pods end, with the progress of a run below the lines on a terminal.",
		Example: "  kubectl trainyard logs trainingrun/pets -f\n" +
			"  kubectl trainyard logs modelserver/pets --tail 20\n" +
			"  kubectl trainyard logs pets --pod pets-7be2d410-ccccc --raw",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: env.Flags.Names(kinds...),
	}
	flags := command.Flags()
	flags.BoolVarP(&o.follow, "follow", "f", false, "Go on printing what is written.")
	flags.Int64Var(&o.tail, "tail", -1, "Number of lines to print of what was written before. -1 is all.")
	flags.StringVar(&o.pod, "pod", "", "Pod to print the log of. Empty is the newest of a run, and each live one of a server.")
	flags.BoolVar(&o.raw, "raw", false, "Print the lines as they are.")
	command.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := env.Flags.Connect()
		if err != nil {
			return err
		}
		found, err := c.FindOne(cmd.Context(), args[0], kinds...)
		if err != nil {
			return err
		}
		return o.run(cmd.Context(), env, c, found)
	}
	return verb.Verb{Command: command, Rights: []verb.Right{
		verb.Need(verb.Group, verb.Servers, "get"), verb.Need(verb.Group, verb.Runs, "get"),
		verb.Need("", "pods", "get", "list"), verb.Need("", "pods/log", "get"),
	}}
}

func (o *options) run(ctx context.Context, env verb.Env, c *cluster.Cluster, found cluster.Found) error {
	var pods corev1.PodList
	var label client.MatchingLabels
	if found.Run != nil {
		label = client.MatchingLabels{v1alpha1.TrainingRunLabel: found.Run.Name}
	} else {
		label = client.MatchingLabels{v1alpha1.ModelServerLabel: found.Server.Name}
	}
	if err := c.Client.List(ctx, &pods, client.InNamespace(c.Namespace), label); err != nil {
		return fmt.Errorf("list pods: %w", err)
	}
	chosen, err := choose(found, pods.Items, o.pod)
	if err != nil {
		return err
	}
	p := &printer{
		out: env.Out, color: console.HasColor(env.Out), raw: o.raw, location: time.Local,
		terminal: o.follow && !o.raw && found.Run != nil && console.IsTerminal(env.Out),
	}
	ended, end := context.WithCancel(ctx)
	defer end()
	group, reading := errgroup.WithContext(ctx)
	for _, pod := range chosen {
		name := ""
		if len(chosen) > 1 {
			name = pod.Name
		}
		group.Go(func() error { return o.read(reading, c, pod, func(line []byte) error { return p.line(name, line) }) })
	}
	progress := make(chan error, 1)
	go func() { progress <- follow(ended, env, c, found.Run, p) }()
	err = group.Wait()
	end()
	err = errors.Join(err, <-progress)
	if ctx.Err() != nil { // the person has seen enough
		return nil
	}
	return err
}

// choose picks the pods to read: the one that is named, a run's newest, or a server's live ones.
func choose(found cluster.Found, pods []corev1.Pod, named string) ([]corev1.Pod, error) {
	slices.SortFunc(pods, func(a, b corev1.Pod) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) })
	names := make([]string, 0, len(pods))
	var chosen []corev1.Pod
	for _, pod := range pods {
		names = append(names, pod.Name)
		switch {
		case named != "":
			if pod.Name == named {
				chosen = append(chosen, pod)
			}
		case found.Run != nil:
			chosen = []corev1.Pod{pod}
		case found.Server.Status.Live != nil && pod.Labels[v1alpha1.RevisionLabel] == found.Server.Status.Live.Revision:
			chosen = append(chosen, pod)
		}
	}
	switch {
	case len(chosen) > 0:
		return chosen, nil
	case named != "":
		return nil, fmt.Errorf("%s isn't among the pods of it: %s", named, listed(names))
	case found.Run != nil:
		return nil, fmt.Errorf("TrainingRun %s has no pod: see kubectl trainyard status trainingrun/%[1]s", found.Run.Name)
	default:
		return nil, fmt.Errorf("ModelServer %s has no live pod: name one of its pods with --pod: %s", found.Server.Name, listed(names))
	}
}

func listed(names []string) string {
	if len(names) == 0 {
		return "there are none"
	}
	return strings.Join(names, ", ")
}

// read reads the log of a pod line by line.
func (o *options) read(ctx context.Context, c *cluster.Cluster, pod corev1.Pod, print func([]byte) error) error {
	options := &corev1.PodLogOptions{Container: container(pod), Follow: o.follow}
	if o.tail >= 0 {
		options.TailLines = ptr.To(o.tail)
	}
	stream, err := c.Clientset.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, options).Stream(ctx)
	if err != nil {
		return fmt.Errorf("read the log of pod %s: %w", pod.Name, err)
	}
	return errors.Join(lines(stream, print), stream.Close())
}

// lines hands each line on.
func lines(stream io.Reader, print func([]byte) error) error {
	scanner := bufio.NewScanner(stream)
	scanner.Buffer(nil, maxLineBytes)
	for scanner.Scan() {
		if err := print(scanner.Bytes()); err != nil {
			return err
		}
	}
	return scanner.Err()
}

// container is the one of a pod that does the work.
func container(pod corev1.Pod) string {
	for _, c := range pod.Spec.Containers {
		if slices.Contains([]string{contract.RunnerContainer, contract.ServerContainer, contract.SmokeContainer}, c.Name) {
			return c.Name
		}
	}
	return ""
}

// follow shows how far a run has come until its log ends.
func follow(ctx context.Context, env verb.Env, c *cluster.Cluster, run *v1alpha1.TrainingRun, p *printer) error {
	if !p.terminal {
		return nil
	}
	for {
		if err := p.show(status.ProgressText(run.Status, env.Now())); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return p.show("")
		case <-time.After(progressInterval):
		}
		if err := c.Client.Get(ctx, client.ObjectKeyFromObject(run), run); err != nil && ctx.Err() == nil {
			return errors.Join(p.show(""), fmt.Errorf("get TrainingRun %s: %w", run.Name, err))
		}
	}
}
