// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"

	"k8s.io/apimachinery/pkg/types"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/hack/demo/internal/tell"
)

func printMetrics(run *v1alpha1.TrainingRun) {
	fmt.Println("   on the held-out test split:" + metricsText(run.Status.Metrics))
}

// sumUp shows both objects and says whether the demo held what it promises.
func (d *demo) sumUp(ctx context.Context) error {
	tell.Title("What there is now")
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
	summary := tell.Summary{
		Runs: "TrainingRun", Accuracy: metric(run.Status.Metrics, "accuracy"), MinAccuracy: d.minAccuracy, Probed: report,
	}
	if live := s.Status.Live; live != nil {
		summary.Live = tell.Revision{Name: live.Revision, Run: live.Model.TrainingRun}
	}
	if len(s.Status.Rejected) > 0 {
		rejected := s.Status.Rejected[0]
		summary.Rejected = tell.Revision{Name: rejected.Revision, Run: rejected.Model.TrainingRun}
		summary.Reason, summary.Message = rejected.Reason, rejected.Message
	}
	summary.Tell(os.Stdout)
	return summary.Check(goodRun)
}
