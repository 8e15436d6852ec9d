// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

func printMetrics(run *v1alpha1.TrainingRun) {
	fmt.Println("   on the held-out test split:" + metricsText(run.Status.Metrics))
}

// sumUp shows both objects and says whether the demo held what it promises.
func (d *demo) sumUp(ctx context.Context) error {
	fmt.Println("\n\033[1m== What there is now\033[0m")
	if err := d.kubectl(ctx, "get", "trainingruns,modelservers", "-n", namespace); err != nil {
		return err
	}
	var run v1alpha1.TrainingRun
	if err := d.client.Get(ctx, types.NamespacedName{Namespace: namespace, Name: goodRun}, &run); err != nil {
		return err
	}
	var s v1alpha1.ModelServer
	if err := d.client.Get(ctx, types.NamespacedName{Namespace: namespace, Name: server}, &s); err != nil {
		return err
	}
	report, err := d.probed(ctx)
	if err != nil {
		return err
	}
	if err := d.kubectl(ctx, "delete", "pod", "prober", "-n", namespace, "--wait=false"); err != nil {
		return err
	}

	fmt.Print(`
Try next:
  kubectl get trainingruns,modelservers -A -w
  kubectl describe modelserver ` + server + ` -n ` + namespace + `      # conditions, checks, history
  kubectl explain trainingrun.spec.training
  make demo DATA=<folder of class folders>                      # your own pictures
  make demo-down                                                # leaves nothing

`)
	accuracy := metric(run.Status.Metrics, "accuracy")
	requests, failed := report.Fresh.Requests+report.Pooled.Requests, report.Fresh.Failed+report.Pooled.Failed
	live, rejected := s.Status.Live, s.Status.Rejected
	if live == nil || len(rejected) == 0 {
		return fmt.Errorf("ModelServer %s: live %v, rejected %v: want one of each", server, live, rejected)
	}
	fmt.Printf("accuracy  %.4f", accuracy)
	if d.settings.MinAccuracy > 0 {
		fmt.Printf(" (at least %.2f)", d.settings.MinAccuracy)
	}
	fmt.Println()
	fmt.Printf("live      %s (model of TrainingRun %s)\n", live.Revision, live.Model.TrainingRun)
	fmt.Printf("rejected  %s (model of TrainingRun %s): %s: %s\n", rejected[0].Revision, rejected[0].Model.TrainingRun, rejected[0].Reason, rejected[0].Message)
	fmt.Printf("requests  %d sent while the bad model was rolled out (%d on fresh, %d on pooled connections), %d failed\n",
		requests, report.Fresh.Requests, report.Pooled.Requests, failed)
	switch {
	case accuracy < d.settings.MinAccuracy:
		return fmt.Errorf("accuracy %.4f is below %.2f", accuracy, d.settings.MinAccuracy)
	case live.Model.TrainingRun != goodRun:
		return fmt.Errorf("the live model is that of TrainingRun %s, want %s", live.Model.TrainingRun, goodRun)
	case failed > 0:
		return fmt.Errorf("%d requests failed: %+v", failed, append(report.Fresh.Failures, report.Pooled.Failures...))
	}
	return nil
}
