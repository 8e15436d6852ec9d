// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

// playedRun is a TrainingRun whose Jobs are played at once, and how many pods they have had.
type playedRun struct {
	*v1alpha1.TrainingRun
	trained, pruned int
}

// play has each of the run's Jobs succeed, and go once it is deleted.
func (r *playedRun) play(ctx context.Context) {
	GinkgoHelper()
	for _, job := range jobsIn(ctx, r.Namespace)() {
		switch {
		case job.DeletionTimestamp != nil:
			collectJob(ctx, &job)
		case len(job.Status.Conditions) > 0:
		case strings.HasSuffix(job.Name, "-prune"):
			r.pruned++
			endPod(ctx, makeJobPod(ctx, &job), 0, "Completed", "")
			completeJob(ctx, &job)
		default:
			r.trained++
			endPod(ctx, makeJobPod(ctx, &job), 0, "Completed", successOf(r.TrainingRun))
			completeJob(ctx, &job)
		}
	}
}

// The controller dies before each of its writes in turn, as it does for rollouts: wherever that was, a run is trained once, and
// what it has left is deleted once.
var _ = Describe("TrainingRun, when the controller dies", func() {
	const crashes = 20 // more than a run has writes
	It("before any write from its start until nothing is left of it", func(ctx SpecContext) {
		c := &crasher{left: map[string]int{}, writes: map[string]int{}}
		DeferCleanup(func() { faults.set(nil) })
		faults.set(c.decide)
		clk.Step(10 * time.Second) // so retention is over when a run ends: Jobs end by the real clock
		var all []*playedRun
		for k := range crashes {
			run := wrappers.MakeTrainingRun("pets", makeNamespace(ctx)).Obj()
			run.Spec.TTLSecondsAfterFinished = ptr.To[int32](0)
			run.Spec.Output.Retention = "1s"
			c.stopAfter(run.Namespace, k)
			all = append(all, &playedRun{TrainingRun: create(ctx, run)})
		}
		over := func(run *playedRun) bool {
			run.play(ctx)
			return prunedOf(ctx, run.Namespace) == "True/"+v1alpha1.PrunedReason && len(jobsIn(ctx, run.Namespace)()) == 0
		}
		for _, run := range all {
			Eventually(func() bool { return over(run) || c.crashed(run.Namespace) }).Should(BeTrue())
		}
		restartManager()
		c.revive()
		for k, run := range all {
			By(fmt.Sprintf("crash before write %d, in %s", k+1, run.Namespace))
			Eventually(func() bool { return over(run) }).Should(BeTrue())
			expectState(ctx, run.TrainingRun, v1alpha1.ModelPublishedReason, success)
			Expect(run.trained).To(Equal(1), "it was trained again")
			Expect(run.pruned).To(Equal(1), "what it has left was deleted again")
		}
		writes := c.writes[all[crashes-1].Namespace]
		Expect(writes).To(BeNumerically("<", crashes), "raise crashes: some writes were not tried")
		AddReportEntry("crashes", fmt.Sprintf("before each of %d writes", writes))
	})
})
