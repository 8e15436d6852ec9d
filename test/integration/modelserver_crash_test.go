// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
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

// stopAfter has the manager crash before its write in a namespace after so many.
func (c *crasher) stopAfter(namespace string, writes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left[namespace] = writes
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

// revisionOf is the revision that a server asks for with the model that has the digest made from c.
func revisionOf(server *v1alpha1.ModelServer, c string) string {
	GinkgoHelper()
	name, err := rollout.RevisionName(server, digestOf(c), "")
	Expect(err).NotTo(HaveOccurred())
	return name
}

// The controller dies before each of its writes in turn, in a namespace of its own for
// each; then the manager is restarted. Wherever that was, the rollout ends as if
// nothing had happened, and the fake cluster has checked the Service at each version.
var _ = Describe("ModelServer, when the controller dies", func() {
	const few, many = 10, 25 // more than a rollout has writes that is over before a candidate starts, or that goes on
	type scenario struct {
		crashes int
		behaves behavior // of run-2
		worse   bool     // so is the accuracy of run-2
		guesses bool     // and run-2 does no better than that
		// before has happened when the writes begin to be counted; it may be nil.
		before func(context.Context, *fakeCluster, servers)
		// ask is what a person asks for then.
		ask    func(*v1alpha1.ModelServer)
		reason string // of Ready in the end
		// traffic is what the Service selects in turn, by the model's run.
		traffic []string
	}
	next := func(server *v1alpha1.ModelServer) { server.Spec.Model.TrainingRunRef.Name = "run-2" }
	nextAnd := func(change func(*v1alpha1.ModelServer)) func(*v1alpha1.ModelServer) {
		return func(server *v1alpha1.ModelServer) {
			next(server)
			change(server)
		}
	}
	annotated := func(annotation string) func(*v1alpha1.ModelServer) {
		return func(server *v1alpha1.ModelServer) {
			metav1.SetMetaDataAnnotation(&server.ObjectMeta, annotation, revisionOf(server, "2"))
		}
	}
	DescribeTable("before any write of a rollout", func(ctx SpecContext, tc scenario) {
		c := &crasher{left: map[string]int{}, writes: map[string]int{}}
		DeferCleanup(func() { faults.set(nil) })
		second := ended{name: "run-2", digest: "2", minute: 2, accuracy: "0.95", testSplit: "sha256:1"}
		if tc.worse {
			second.accuracy = "0.9"
		}
		if tc.guesses {
			second.chance = v1alpha1.NoBetterThanChance
		}
		var all []servers
		clusters := map[string]*fakeCluster{}
		for range tc.crashes {
			pets := servers{namespace: makeNamespace(ctx)}
			all = append(all, pets)
			cluster := startCluster(pets.namespace, 200*time.Millisecond)
			cluster.model(digestOf("2"), tc.behaves)
			cluster.users(5)
			clusters[pets.namespace] = cluster
			publishEnded(ctx, pets.namespace, ended{name: "run-1", digest: "1", minute: 1, accuracy: "0.95", testSplit: "sha256:1"})
			publishEnded(ctx, pets.namespace, second)
			Expect(k8s.Create(ctx, wrappers.MakeModelServer("pets", pets.namespace, "run-1").Obj())).To(Succeed())
		}
		for _, pets := range all {
			pets.reaches(ctx, v1alpha1.ServingReason)
			Eventually(func() int { return len(pets.jobs(ctx)) }).Should(BeZero())
		}
		if tc.before != nil {
			for _, pets := range all {
				tc.before(ctx, clusters[pets.namespace], pets)
			}
		}
		for k, pets := range all {
			c.stopAfter(pets.namespace, k)
		}
		faults.set(c.decide)
		for _, pets := range all {
			pets.update(ctx, tc.ask)
		}
		over := func(pets servers) bool {
			server := pets.get(ctx)
			return condition(server, v1alpha1.ReadyCondition) == "True/Serving" && server.Status.ObservedGeneration == server.Generation ||
				condition(server, v1alpha1.StalledCondition) == "True/"+tc.reason
		}
		for _, pets := range all {
			Eventually(func() bool { return c.crashed(pets.namespace) || over(pets) }).Should(BeTrue())
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
		writes := c.writes[all[tc.crashes-1].namespace]
		Expect(writes).To(BeNumerically("<", tc.crashes), "raise crashes: some writes were not tried")
		AddReportEntry("crashes", fmt.Sprintf("before each of %d writes", writes))
	},
		Entry("that ends well", scenario{crashes: many, ask: next, reason: v1alpha1.ServingReason, traffic: []string{"run-1", "run-2"}}),
		Entry("whose smoke test fails", scenario{crashes: many, behaves: failsSmoke, ask: next, reason: v1alpha1.SmokeFailedReason, traffic: []string{"run-1"}}),
		Entry("whose bake fails", scenario{crashes: many, behaves: failsBake, ask: next, reason: v1alpha1.BakeFailedReason, traffic: []string{"run-1", "run-2", "run-1"}}),
		Entry("whose model is no better than guessing", scenario{crashes: few, guesses: true, ask: next, reason: v1alpha1.NoBetterThanChanceReason, traffic: []string{"run-1"}}),
		Entry("whose model is worse than live's", scenario{crashes: few, worse: true, reason: v1alpha1.GateNotMetReason, traffic: []string{"run-1"}, ask: nextAnd(func(server *v1alpha1.ModelServer) {
			server.Spec.Promotion.Gates = []v1alpha1.PromotionGate{{Metric: "accuracy", NotWorseThanLive: "0.01"}}
		})}),
		Entry("whose bake waits for users", scenario{crashes: many, reason: v1alpha1.ServingReason, traffic: []string{"run-1", "run-2"}, ask: nextAnd(func(server *v1alpha1.ModelServer) {
			server.Spec.Promotion.MinRequests = ptr.To[int32](5)
		})}),
		Entry("whose run a selector has chosen, and whose bake fails", scenario{
			crashes: many, behaves: failsBake, reason: v1alpha1.ServingReason, traffic: []string{"run-1", "run-2", "run-1"}, ask: func(server *v1alpha1.ModelServer) {
				server.Spec.Model = v1alpha1.ServedModel{TrainingRunSelector: v1alpha1.TrainingRunSelector{MatchLabels: map[string]string{"app": "pets"}}}
			},
		}),
		Entry("that a person has approved", scenario{crashes: many, reason: v1alpha1.ServingReason, traffic: []string{"run-1", "run-2"}, ask: nextAnd(func(server *v1alpha1.ModelServer) {
			server.Spec.Promotion.Mode = v1alpha1.ManualPromotion
			annotated(v1alpha1.PromoteAnnotation)(server)
		})}),
		Entry("that a person has rejected", scenario{crashes: few, reason: v1alpha1.AbortedReason, traffic: []string{"run-1"}, ask: nextAnd(annotated(v1alpha1.RejectAnnotation))}),
		Entry("that a person rejects in its bake", scenario{
			crashes: few, behaves: bakesForEver, reason: v1alpha1.AbortedReason, traffic: []string{"run-1", "run-2", "run-1"},
			before: func(ctx context.Context, _ *fakeCluster, pets servers) {
				pets.update(ctx, next)
				pets.reaches(ctx, v1alpha1.BakingReason)
			},
			ask: annotated(v1alpha1.RejectAnnotation),
		}),
		Entry("that was paused and goes on", scenario{
			crashes: many, reason: v1alpha1.ServingReason, traffic: []string{"run-1", "run-2"},
			before: func(ctx context.Context, _ *fakeCluster, pets servers) {
				pets.update(ctx, nextAnd(func(server *v1alpha1.ModelServer) { server.Spec.Rollout.Paused = ptr.To(true) }))
				pets.reaches(ctx, v1alpha1.PausedReason)
			},
			ask: func(server *v1alpha1.ModelServer) { server.Spec.Rollout.Paused = ptr.To(false) },
		}),
		Entry("that is tried again", scenario{
			crashes: many, behaves: failsSmoke, reason: v1alpha1.ServingReason, traffic: []string{"run-1", "run-2"},
			before: func(ctx context.Context, cluster *fakeCluster, pets servers) {
				pets.update(ctx, next)
				pets.reaches(ctx, v1alpha1.SmokeFailedReason)
				Eventually(func() int { return len(pets.jobs(ctx)) }).Should(BeZero())
				cluster.model(digestOf("2"), behavesWell)
			},
			ask: func(server *v1alpha1.ModelServer) { server.Spec.Retry = "again" },
		}),
	)
})
