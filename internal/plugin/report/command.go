// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
	"github.com/trainyard-dev/trainyard/internal/plugin/browser"
	"github.com/trainyard-dev/trainyard/internal/plugin/cluster"
	"github.com/trainyard-dev/trainyard/internal/plugin/verb"
)

const (
	pollInterval = 500 * time.Millisecond
	cleanupLimit = 30 * time.Second
)

type options struct {
	out, image string
	open       bool
	timeout    time.Duration
}

// New returns the verb.
func New(env verb.Env) verb.Verb {
	o := &options{}
	command := &cobra.Command{
		Use:   "report NAME",
		Short: "Fetch the report of a TrainingRun as one HTML page",
		Long: "Starts a pod of the runner's image that prints the report out of the volume or the bucket that the artifact lies in, writes the page to\n" +
			"a file, and deletes the pod. A volume that is ReadWriteOnce and in use is read on the node that uses it.",
		Example: "  kubectl trainyard report pets-2026-05 --open\n" +
			"  kubectl trainyard report pets-2026-05 --out pets.html",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: env.Flags.Names(cluster.TrainingRun),
	}
	flags := command.Flags()
	flags.StringVar(&o.out, "out", "", "File to write the page to. Empty is NAME.html, and - is standard output.")
	flags.BoolVar(&o.open, "open", false, "Open the page in the browser.")
	flags.StringVar(&o.image, "image", "", "Image of the pod. Empty is the one that the run was trained in.")
	flags.DurationVar(&o.timeout, "timeout", 3*time.Minute, "Time that the pod may take.")
	command.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := env.Flags.Connect()
		if err != nil {
			return err
		}
		return o.run(cmd.Context(), env, c, args[0])
	}
	return verb.Verb{Command: command, Rights: []verb.Right{
		verb.Need(verb.Group, verb.Runs, "get"), verb.Need("", "pods", "create", "get", "delete"), verb.Need("", "pods/log", "get"),
		verb.Want("the image of the run's Job", "batch", "jobs", "get"),
	}}
}

func (o *options) run(ctx context.Context, env verb.Env, c *cluster.Cluster, name string) error {
	found, err := c.FindOne(ctx, name, cluster.TrainingRun)
	if err != nil {
		return err
	}
	job, err := jobOf(ctx, c, found.Run)
	if err != nil {
		return err
	}
	pod, err := reader(found.Run, job, o.image)
	if err != nil {
		return fmt.Errorf("TrainingRun %s: %w", found.Run.Name, err)
	}
	page, err := fetch(ctx, c, pod, o.timeout)
	if err != nil {
		return err
	}
	if o.out == "-" {
		_, err := env.Out.Write(page)
		return err
	}
	out := o.out
	if out == "" {
		out = found.Run.Name + ".html"
	}
	if err := os.WriteFile(out, page, 0o600); err != nil {
		return err
	}
	fmt.Fprintln(env.Out, out)
	if o.open {
		return browser.Open(ctx, out)
	}
	return nil
}

// jobOf reads the Job of a run, which may be gone, or not be the user's to read.
func jobOf(ctx context.Context, c *cluster.Cluster, run *v1alpha1.TrainingRun) (*batchv1.Job, error) {
	if run.Status.JobName == "" {
		return nil, nil
	}
	job := &batchv1.Job{}
	err := c.Client.Get(ctx, client.ObjectKey{Namespace: run.Namespace, Name: run.Status.JobName}, job)
	switch {
	case apierrors.IsNotFound(err), apierrors.IsForbidden(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("get Job %s: %w", run.Status.JobName, err)
	}
	return job, nil
}

// fetch runs a reader and returns the page that it prints. The reader is deleted whatever happens.
func fetch(ctx context.Context, c *cluster.Cluster, pod *corev1.Pod, limit time.Duration) (page []byte, err error) {
	if err := c.Client.Create(ctx, pod, client.FieldOwner(cluster.FieldManager)); err != nil {
		return nil, fmt.Errorf("create the pod that reads the report: %w", err)
	}
	defer func() {
		cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupLimit)
		defer cancel()
		err = errors.Join(err, client.IgnoreNotFound(c.Client.Delete(cleanup, pod)))
	}()
	err = wait.PollUntilContextTimeout(ctx, pollInterval, limit, true, func(ctx context.Context) (bool, error) {
		if err := c.Client.Get(ctx, client.ObjectKeyFromObject(pod), pod); err != nil {
			return false, fmt.Errorf("get the pod that reads the report: %w", err)
		}
		return podstate.IsTerminated(pod), nil
	})
	switch {
	case wait.Interrupted(err):
		return nil, fmt.Errorf("pod %s hasn't read the report after %s: %s", pod.Name, limit, waitsFor(pod))
	case err != nil:
		return nil, err
	}
	log, err := c.Clientset.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{}).DoRaw(ctx)
	switch {
	case apierrors.IsForbidden(err):
		return nil, fmt.Errorf("the report is printed by pod %s: %w", pod.Name, err)
	case err != nil:
		return nil, fmt.Errorf("read the log of pod %s: %w", pod.Name, err)
	case pod.Status.Phase != corev1.PodSucceeded:
		return nil, fmt.Errorf("pod %s can't read the report: %.1000s", pod.Name, log)
	}
	return pageIn(log)
}

// waitsFor is what keeps a pod from running, or its phase.
func waitsFor(pod *corev1.Pod) string {
	if problem := podstate.FindProblem(pod); problem.Message != "" {
		return problem.Message
	}
	return "it is " + string(pod.Status.Phase)
}
