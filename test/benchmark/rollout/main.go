// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Command rollout measures, on a cluster with Trainyard in it, how long users wait for what a rollout does: how soon a model is
// promoted that has been applied, how soon clients with pooled connections are answered by it, and how soon a revision that
// fails under traffic has given its last answer. A prober sends predictions all the while, and counts those that fail.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/hack/prober/probe"
)

// options say what is measured.
type options struct {
	trials, rollouts, pooled    int
	proberImage, badServerImage string
}

func main() {
	o := options{}
	flag.IntVar(&o.rollouts, "rollouts", 5, "good models that are rolled out one after the other")
	flag.IntVar(&o.trials, "trials", 20, "bad servers that are rolled out, by turns with each of two faults")
	flag.IntVar(&o.pooled, "pooled", 20, "clients that keep a connection each")
	flag.StringVar(&o.proberImage, "prober-image", os.Getenv("PROBER_IMAGE"), "image of the prober")
	flag.StringVar(&o.badServerImage, "bad-server-image", os.Getenv("BADSERVER_IMAGE"), "image of the bad server")
	flag.Parse()
	ctrl.SetLogger(zap.New())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// bench is a namespace of a cluster, with one server in it.
type bench struct {
	options
	client    client.WithWatch
	clientset *kubernetes.Clientset
	namespace string
}

const (
	serverName = "pets"
	runName    = "drawn"
	claimName  = "models"
	// patience ends a wait that hangs; nothing is promised by it.
	patience = 5 * time.Minute
)

func run(ctx context.Context, o options) (err error) {
	config, err := ctrl.GetConfig()
	if err != nil {
		return err
	}
	if err := v1alpha1.AddToScheme(scheme.Scheme); err != nil {
		return err
	}
	b := &bench{options: o}
	if b.client, err = client.NewWithWatch(config, client.Options{Scheme: scheme.Scheme}); err != nil {
		return err
	}
	if b.clientset, err = kubernetes.NewForConfig(config); err != nil {
		return err
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "bench-rollout-"}}
	if err := b.client.Create(ctx, namespace); err != nil {
		return err
	}
	defer func() { _ = b.client.Delete(context.WithoutCancel(ctx), namespace) }()
	b.namespace = namespace.Name
	if err := b.train(ctx); err != nil {
		return err
	}
	return b.measure(ctx)
}

// figures are what is measured, in seconds.
type figures struct {
	promoted, waited []float64 // from apply to the traffic, and the controller's own part of it
	moved            []float64 // from the switch until 90 % of the pooled clients have moved
	fresh, pooled    []float64 // from the verdict to the last answer of a bad revision
	freshAll         []float64 // from its first wrong answer
	pooledAll        []float64
}

func (b *bench) measure(ctx context.Context) error {
	f := figures{}
	fmt.Println("The first rollout")
	first, err := b.rollOut(ctx, b.createServer)
	if err != nil {
		return err
	}
	f.promoted, f.waited = append(f.promoted, first.promoted()), append(f.waited, first.waited())
	if err := b.until(ctx, "the server is Ready", b.serving); err != nil {
		return err
	}
	if err := b.startProber(ctx); err != nil {
		return err
	}
	for n := range b.rollouts {
		if err := b.measureGood(ctx, n, &f); err != nil {
			return err
		}
	}
	failed, err := b.failures(ctx)
	if err != nil {
		return err
	}
	for n := range b.trials {
		if err := b.measureBad(ctx, n, &f); err != nil {
			return err
		}
	}
	report, err := b.probed(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("bench-rollout: apply_to_promoted_s=%s controller_wait_s=%s pooled_90_moved_s=%s failed_in_good_rollouts=%d requests=%d\n",
		spread(f.promoted), spread(f.waited), spread(f.moved), failed, report.Fresh.Requests+report.Pooled.Requests)
	fmt.Printf("bench-rollout: verdict_to_last_answer_fresh_s=%s verdict_to_last_answer_pooled_s=%s first_500_to_last_answer_fresh_s=%s first_500_to_last_answer_pooled_s=%s refused=%d\n",
		spread(f.fresh), spread(f.pooled), spread(f.freshAll), spread(f.pooledAll), report.Fresh.Refused+report.Pooled.Refused)
	return nil
}

// spread is the median and the greatest of some, which of up to 100 is the 99th percentile too.
func spread(seconds []float64) string {
	if len(seconds) == 0 {
		return "none"
	}
	sorted := slices.Sorted(slices.Values(seconds))
	return fmt.Sprintf("%.2f/%.2f", sorted[len(sorted)/2], sorted[len(sorted)-1])
}

// measureGood rolls out the same model with another setting. It is one by which more requests may wait than there are clients: the
// machine may have other work, and what it refuses for that says nothing of a rollout.
func (b *bench) measureGood(ctx context.Context, n int, f *figures) error {
	t, err := b.rollOut(ctx, func(ctx context.Context) error {
		return b.edit(ctx, func(s *v1alpha1.ModelServer) { s.Spec.Server.MaxBatch = int32(17 + n) })
	})
	if err != nil {
		return err
	}
	var moved time.Time
	if err := b.until(ctx, "90 % of the pooled clients have moved", func(ctx context.Context) (bool, error) {
		report, err := b.probed(ctx)
		if err != nil {
			return false, err
		}
		var heard []time.Time
		for _, at := range report.Pooled.Answers[t.revision].Clients {
			heard = append(heard, at)
		}
		slices.SortFunc(heard, time.Time.Compare)
		if most := (b.pooled*9 + 9) / 10; len(heard) >= most {
			moved = heard[most-1]
		}
		return !moved.IsZero(), nil
	}); err != nil {
		return err
	}
	f.promoted, f.waited = append(f.promoted, t.promoted()), append(f.waited, t.waited())
	f.moved = append(f.moved, moved.Sub(t.switched).Seconds())
	fmt.Printf("Rollout %d: promoted after %.2f s, of which the controller waited %.2f s; 90 %% of the pooled clients had moved %.2f s later\n",
		n+1, t.promoted(), t.waited(), moved.Sub(t.switched).Seconds())
	return b.until(ctx, "the server is Ready", b.serving)
}

// measureBad rolls out a server that fails under traffic: everything, by turns, or users' predictions alone.
func (b *bench) measureBad(ctx context.Context, n int, f *figures) error {
	liveOnly := n%2 == 1
	verdict := make(chan time.Time, 1)
	t, err := b.rollOut(ctx, func(ctx context.Context) error {
		return b.edit(ctx, func(s *v1alpha1.ModelServer) {
			s.Spec.Image = b.badServerImage
			s.Spec.PodTemplate.Env = []v1alpha1.EnvVar{
				{Name: "BADSERVER_AFTER", Value: fmt.Sprintf("%d.%03ds", 7+n%3, n)},
				{Name: "BADSERVER_LIVE_ONLY", Value: strconv.FormatBool(liveOnly)},
			}
		})
	})
	if err != nil {
		return err
	}
	go func() {
		at, err := b.lastLine(ctx, t.revision+"-b-")
		if err != nil {
			fmt.Fprintln(os.Stderr, "read the bake's log:", err)
		}
		verdict <- at
	}()
	back, err := b.watchBack(ctx, t.revision)
	if err != nil {
		return err
	}
	var message string
	if err := b.until(ctx, "it is rolled back", func(ctx context.Context) (bool, error) {
		s, err := b.server(ctx)
		if err != nil || len(s.Status.Rejected) == 0 || s.Status.Rejected[0].Revision != t.revision {
			return false, err
		}
		message = s.Status.Rejected[0].Message
		return true, nil
	}); err != nil {
		return err
	}
	report, err := b.probed(ctx)
	if err != nil {
		return err
	}
	at := <-verdict
	fresh, pooled := report.Fresh.Answers[t.revision], report.Pooled.Answers[t.revision]
	since := func(last, first time.Time) float64 { return max(0, last.Sub(first).Seconds()) }
	if at.IsZero() || back.followed.IsZero() || fresh.Last.IsZero() || fresh.FirstFailed.IsZero() {
		return fmt.Errorf("trial %d: no verdict in the log (%s), no answer of %s on fresh connections (%+v), or its endpoints stayed (%+v)", n, at, t.revision, fresh, back)
	}
	firstFailed := fresh.FirstFailed
	f.fresh, f.freshAll = append(f.fresh, since(fresh.Last, at)), append(f.freshAll, since(fresh.Last, firstFailed))
	f.pooled, f.pooledAll = append(f.pooled, since(pooled.Last, at)), append(f.pooledAll, since(pooled.Last, firstFailed))
	fmt.Printf("Trial %d (live only: %t): verdict %.2f s after the first 500; last answer %.2f s after the verdict on fresh, %.2f s on pooled connections (%d answers): %s\n",
		n+1, liveOnly, at.Sub(firstFailed).Seconds(), since(fresh.Last, at), since(pooled.Last, at), pooled.Count, message)
	fmt.Printf("  after the verdict: %.2f s the Service is switched back, %.2f s its endpoints have followed, %.2f s the pod is told to stop%s\n",
		since(back.switched, at), since(back.followed, at), since(back.stopping, at), after(back.followed, at, fresh.Latest))
	return nil
}

// after lists the answers that a revision gave on fresh connections once it was no endpoint any more.
func after(followed, verdict time.Time, answers []probe.Answer) string {
	var list strings.Builder
	for _, a := range answers {
		if a.Answered.After(followed) {
			fmt.Fprintf(&list, "\n  %.3f s answered; sent %.3f s, connected %.3f s, port %d, status %d", a.Answered.Sub(verdict).Seconds(),
				a.Sent.Sub(verdict).Seconds(), a.Connected.Sub(verdict).Seconds(), a.Port, a.Status)
		}
	}
	return list.String()
}

// failures is how many requests have failed so far.
func (b *bench) failures(ctx context.Context) (int, error) {
	report, err := b.probed(ctx)
	return report.Fresh.Failed + report.Pooled.Failed, err
}

func (b *bench) probed(ctx context.Context) (probe.Report, error) {
	data, err := b.clientset.CoreV1().RESTClient().Get().Namespace(b.namespace).Resource("pods").
		Name("prober:8080").SubResource("proxy").Suffix("stats").DoRaw(ctx)
	if err != nil {
		return probe.Report{}, fmt.Errorf("ask the prober: %w", err)
	}
	var report probe.Report
	return report, json.Unmarshal(data, &report)
}

// lastLine is when the container of a test wrote the last line of its log, which is its verdict.
func (b *bench) lastLine(ctx context.Context, prefix string) (time.Time, error) {
	var name string
	if err := b.until(ctx, "the bake's test runs", func(ctx context.Context) (bool, error) {
		var pods corev1.PodList
		if err := b.client.List(ctx, &pods, client.InNamespace(b.namespace)); err != nil {
			return false, err
		}
		for _, pod := range pods.Items {
			if strings.HasPrefix(pod.Name, prefix) && pod.Status.Phase == corev1.PodRunning {
				name = pod.Name
			}
		}
		return name != "", nil
	}); err != nil {
		return time.Time{}, err
	}
	data, err := b.clientset.CoreV1().Pods(b.namespace).GetLogs(name, &corev1.PodLogOptions{Follow: true, Timestamps: true}).DoRaw(ctx)
	if err != nil {
		return time.Time{}, err
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	stamp, _, _ := strings.Cut(lines[len(lines)-1], " ")
	return time.Parse(time.RFC3339Nano, stamp)
}
