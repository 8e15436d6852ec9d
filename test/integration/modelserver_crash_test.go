// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"errors"
	"fmt"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

// crasher lets the controller's writes in each namespace through up to the namespace's
// k-th, which fails like all that follow, until revive.
type crasher struct {
	mu     sync.Mutex
	left   map[string]int // writes before the crash
	writes map[string]int
}

var errCrashed = errors.New("the manager has crashed")

func (c *crasher) decide(_ string, object client.Object) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	left, ok := c.left[object.GetNamespace()]
	if !ok {
		return nil
	}
	c.writes[object.GetNamespace()]++
	if left == 0 {
		return errCrashed
	}
	c.left[object.GetNamespace()]--
	return nil
}

// crashed tells whether the k-th write in a namespace has been tried.
func (c *crasher) crashed(namespace string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.left[namespace] == 0
}

func (c *crasher) revive() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left = map[string]int{}
}

// The controller dies before each of its writes in turn, in a namespace of its own for
// each; then the manager is restarted. Wherever that was, the rollout ends as if
// nothing had happened, and the fake cluster has checked the Service at each version.
var _ = Describe("ModelServer, when the controller dies", func() {
	const crashes = 26 // more than a rollout has writes
	type scenario struct {
		behaves behavior
		reason  string
		// traffic is what the Service selects in turn, by the model's run.
		traffic []string
	}
	DescribeTable("before any write of a rollout", func(ctx SpecContext, tc scenario) {
		c := &crasher{left: map[string]int{}, writes: map[string]int{}}
		DeferCleanup(func() { faults.set(nil) })
		var all []servers
		clusters := map[string]*fakeCluster{}
		for range crashes {
			pets := servers{namespace: makeNamespace(ctx)}
			all = append(all, pets)
			cluster := startCluster(pets.namespace, 200*time.Millisecond)
			cluster.model(digestOf("2"), tc.behaves)
			clusters[pets.namespace] = cluster
			publish(ctx, pets.namespace, "run-1", "1")
			publish(ctx, pets.namespace, "run-2", "2")
			Expect(k8s.Create(ctx, wrappers.MakeModelServer("pets", pets.namespace, "run-1").Obj())).To(Succeed())
		}
		for _, pets := range all {
			pets.reaches(ctx, v1alpha1.ServingReason)
			Eventually(func() int { return len(pets.jobs(ctx)) }).Should(BeZero())
		}
		for k, pets := range all {
			c.left[pets.namespace] = k
		}
		faults.set(c.decide)
		for _, pets := range all {
			pets.serve(ctx, "run-2")
		}
		ended := func(pets servers) bool {
			server := pets.get(ctx)
			return condition(server, v1alpha1.ReadyCondition) == "True/Serving" && server.Status.ObservedGeneration == server.Generation ||
				condition(server, v1alpha1.StalledCondition) == "True/"+tc.reason
		}
		for _, pets := range all {
			Eventually(func() bool { return c.crashed(pets.namespace) || ended(pets) }).Should(BeTrue())
		}
		restartManager()
		c.revive()
		for k, pets := range all {
			By(fmt.Sprintf("crash before write %d, in %s", k+1, pets.namespace))
			server := pets.reaches(ctx, tc.reason)
			live := server.Status.Live
			Expect(live.Model.TrainingRun).To(Equal(tc.traffic[len(tc.traffic)-1]))
			Expect(server.Status.Candidate).To(BeNil())
			Expect(server.Status.Fallback).To(BeNil())
			Eventually(pets.deployments).WithContext(ctx).Should(ConsistOf(live.Revision))
			Eventually(func() int { return len(pets.jobs(ctx)) }).Should(BeZero())
			Expect(clusters[pets.namespace].selections()).To(HaveLen(len(tc.traffic)))
		}
		Expect(c.writes[all[crashes-1].namespace]).To(BeNumerically("<", crashes), "raise crashes: some writes were not tried")
	},
		Entry("that ends well", scenario{behavesWell, v1alpha1.ServingReason, []string{"run-1", "run-2"}}),
		Entry("whose smoke test fails", scenario{failsSmoke, v1alpha1.SmokeFailedReason, []string{"run-1"}}),
		Entry("whose bake fails", scenario{failsBake, v1alpha1.BakeFailedReason, []string{"run-1", "run-2", "run-1"}}),
	)
})
