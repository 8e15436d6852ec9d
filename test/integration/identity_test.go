// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

// What tools and people do to the metadata of an object that isn't theirs.
const (
	takenByHelm   = `{"metadata":{"labels":{"app.kubernetes.io/managed-by":"Helm"}}}`
	labelsRemoved = `{"metadata":{"labels":null}}`
	renamedServer = `{"metadata":{"labels":{"trainyard.dev/model-server":"cats"}}}`
	ownerRemoved  = `{"metadata":{"ownerReferences":null}}`
	allRemoved    = `{"metadata":{"labels":null,"ownerReferences":null}}`
	takenOver     = `{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"x","uid":"x","controller":true}]}}`
)

// change patches an object as a person would.
func change(ctx context.Context, object client.Object, patch string) {
	GinkgoHelper()
	Expect(k8s.Patch(ctx, object, client.RawPatch(types.MergePatchType, []byte(patch)))).To(Succeed())
}

// changeStatus sends what edit changes in the status of an object as a patch, so that what
// the controller writes to the object meanwhile is no conflict.
func changeStatus(ctx context.Context, object client.Object, edit func()) {
	GinkgoHelper()
	before := object.DeepCopyObject().(client.Object)
	edit()
	Expect(k8s.Status().Patch(ctx, object, client.MergeFrom(before))).To(Succeed())
}

// expectIdentity waits until an object has the labels and owners that it had. The API
// server and others may have added labels.
func expectIdentity(ctx context.Context, before client.Object) {
	GinkgoHelper()
	after := before.DeepCopyObject().(client.Object)
	Eventually(func(g Gomega) {
		g.Expect(k8s.Get(ctx, client.ObjectKeyFromObject(before), after)).To(Succeed())
		g.Expect(after.GetUID()).To(Equal(before.GetUID()))
		for key, value := range before.GetLabels() {
			g.Expect(after.GetLabels()).To(HaveKeyWithValue(key, value))
		}
		g.Expect(after.GetOwnerReferences()).To(Equal(before.GetOwnerReferences()))
	}).Should(Succeed())
}

// repairs returns the notes of the RolloutRepaired events in a namespace.
func repairs(ctx context.Context, namespace string) []string {
	GinkgoHelper()
	list := &eventsv1.EventList{}
	Expect(k8s.List(ctx, list, client.InNamespace(namespace))).To(Succeed())
	var notes []string
	for i := range list.Items {
		if e := &list.Items[i]; e.Reason == "RolloutRepaired" {
			times := int32(1)
			if e.Series != nil {
				times = e.Series.Count
			}
			notes = append(notes, fmt.Sprintf("%s (%d)", e.Note, times))
		}
	}
	return notes
}

var _ = Describe("ModelServer, when the labels or the owner of a child are changed", func() {
	var (
		cluster *fakeCluster
		pets    servers
		first   string
	)
	BeforeEach(func(ctx SpecContext) {
		cluster, pets = startServers(ctx)
		server := wrappers.MakeModelServer("pets", pets.namespace, "run-1").Obj()
		server.Spec.Autoscaling = &v1alpha1.Autoscaling{MinReplicas: 1, MaxReplicas: 2, TargetCPUUtilizationPercentage: ptr.To[int32](70)}
		Expect(k8s.Create(ctx, server)).To(Succeed())
		first = pets.reaches(ctx, v1alpha1.ServingReason).Status.Live.Revision
	})
	children := map[string]func(context.Context) client.Object{
		"Service": func(ctx context.Context) client.Object {
			service := &corev1.Service{}
			Expect(k8s.Get(ctx, client.ObjectKey{Namespace: pets.namespace, Name: "pets"}, service)).To(Succeed())
			return service
		},
		"Deployment":         func(ctx context.Context) client.Object { return pets.deployment(ctx, first) },
		"ControllerRevision": func(ctx context.Context) client.Object { return &pets.templates(ctx)[0] },
		"HorizontalPodAutoscaler": func(ctx context.Context) client.Object {
			autoscaler := &autoscalingv2.HorizontalPodAutoscaler{}
			Eventually(func() error {
				return k8s.Get(ctx, client.ObjectKey{Namespace: pets.namespace, Name: "pets"}, autoscaler)
			}).Should(Succeed())
			return autoscaler
		},
	}
	DescribeTable("puts them back, says so once, and goes on serving", func(ctx SpecContext, kind, patch string) {
		before := children[kind](ctx)
		changed := before.DeepCopyObject().(client.Object)
		change(ctx, changed, patch)
		expectIdentity(ctx, before)
		Eventually(repairs).WithContext(ctx).WithArguments(pets.namespace).Should(ConsistOf(
			And(ContainSubstring(kind+" "+before.GetName()+" were changed outside Trainyard; restored them"), HaveSuffix("(1)"))))
		pets.staysAsItIs(ctx)
		server := pets.reaches(ctx, v1alpha1.ServingReason)
		Expect(condition(server, v1alpha1.AvailableCondition)).To(Equal("True/MinimumReplicasAvailable"))
		Expect(cluster.selections()).To(Equal([]string{first}))
		Expect(repairs(ctx, pets.namespace)).To(HaveLen(1))
	},
		Entry("Service taken by Helm", "Service", takenByHelm),
		Entry("Service without labels and owner", "Service", allRemoved),
		Entry("Deployment taken by Helm", "Deployment", takenByHelm),
		Entry("Deployment of another server", "Deployment", renamedServer),
		Entry("Deployment without owner", "Deployment", ownerRemoved),
		Entry("Deployment without labels and owner", "Deployment", allRemoved),
		Entry("ControllerRevision taken by Helm", "ControllerRevision", takenByHelm),
		Entry("ControllerRevision without labels and owner", "ControllerRevision", allRemoved),
		Entry("autoscaler taken by Helm", "HorizontalPodAutoscaler", takenByHelm),
		Entry("autoscaler without labels and owner", "HorizontalPodAutoscaler", allRemoved),
	)

	DescribeTable("promotes nothing without its fallback, and goes back to it, even if they can't be put back", func(ctx SpecContext, patch string) {
		faults.set(func(verb string, object client.Object) error {
			if object.GetNamespace() == pets.namespace && verb == "patch" && object.GetName() == first {
				return errCrashed
			}
			return nil
		})
		DeferCleanup(func() { faults.set(nil) })
		change(ctx, pets.deployment(ctx, first), patch)
		cluster.model(digestOf("2"), failsBake)
		pets.serve(ctx, "run-2")
		server := pets.reaches(ctx, v1alpha1.BakeFailedReason)
		Expect(server.Status.Live.Revision).To(Equal(first))
		Expect(condition(server, v1alpha1.AvailableCondition)).To(Equal("True/MinimumReplicasAvailable"))
		Expect(*server.Status.ReadyReplicas).To(BeEquivalentTo(1))
		Expect(cluster.selections()).To(HaveLen(3))
		Expect(repairs(ctx, pets.namespace)).To(BeEmpty())
	},
		Entry("taken by Helm", takenByHelm),
		Entry("without an owner", ownerRemoved),
	)

	It("keeps a pod that was taken by Helm", func(ctx SpecContext) {
		pods := &corev1.PodList{}
		Expect(k8s.List(ctx, pods, client.InNamespace(pets.namespace), client.MatchingLabels{v1alpha1.RevisionLabel: first})).To(Succeed())
		before := pods.Items[0].DeepCopy()
		change(ctx, &pods.Items[0], takenByHelm)
		expectIdentity(ctx, before)
		Consistently(func() string { return condition(pets.get(ctx), v1alpha1.ReadyCondition) }).Should(Equal("True/Serving"))
	})

	It("sees what comes of a test whose Job was taken by Helm", func(ctx SpecContext) {
		cluster.model(digestOf("2"), bakesForEver)
		pets.serve(ctx, "run-2")
		second := pets.reaches(ctx, v1alpha1.BakingReason).Status.Live.Revision
		change(ctx, pets.test(ctx, second, "bake"), `{"metadata":{"labels":{"app.kubernetes.io/managed-by":"Helm"},"ownerReferences":null}}`)
		cluster.model(digestOf("2"), behavesWell)
		Expect(pets.reaches(ctx, v1alpha1.ServingReason).Status.Live.Model.TrainingRun).To(Equal("run-2"))
	})

	It("deletes an autoscaler that lost its labels while the manager was away", func(ctx SpecContext) {
		autoscaler := children["HorizontalPodAutoscaler"](ctx)
		stopManager()
		change(ctx, autoscaler, takenByHelm)
		pets.update(ctx, func(server *v1alpha1.ModelServer) { server.Spec.Autoscaling = nil })
		manager = startManager()
		Eventually(func() error {
			return client.IgnoreNotFound(k8s.Get(ctx, client.ObjectKeyFromObject(autoscaler), autoscaler))
		}).Should(Succeed())
		Eventually(func() bool {
			return strings.Contains(fmt.Sprint(k8s.Get(ctx, client.ObjectKeyFromObject(autoscaler), autoscaler)), "not found")
		}).Should(BeTrue())
	})

	It("sets the selector back to a live revision that only the spec can recreate", func(ctx SpecContext) {
		stopManager()
		kept := &pets.templates(ctx)[0]
		Expect(k8s.Delete(ctx, kept)).To(Succeed())
		Expect(k8s.Delete(ctx, pets.deployment(ctx, first))).To(Succeed())
		change(ctx, children["Service"](ctx), `{"spec":{"selector":{"changed-by":"somebody"}}}`)
		manager = startManager()
		pets.expectRoutedTo(ctx, first)
		pets.reaches(ctx, v1alpha1.ServingReason)
	})
})

var _ = Describe("TrainingRun, when the labels or the owner of its Job are changed", func() {
	DescribeTable("puts them back and collects the result", func(ctx SpecContext, patch string) {
		namespace := makeNamespace(ctx)
		run := wrappers.MakeTrainingRun("pets", namespace).Obj()
		Expect(k8s.Create(ctx, run)).To(Succeed())
		job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "pets-" + string(run.UID[:8])}}
		Eventually(func() error { return k8s.Get(ctx, client.ObjectKeyFromObject(job), job) }).Should(Succeed())
		Eventually(func(g Gomega) {
			g.Expect(k8s.Get(ctx, client.ObjectKeyFromObject(run), run)).To(Succeed())
			g.Expect(run.Status.JobName).To(Equal(job.Name))
		}).Should(Succeed())
		change(ctx, job.DeepCopy(), patch)
		expectIdentity(ctx, job)
		Consistently(func(g Gomega) {
			g.Expect(k8s.Get(ctx, client.ObjectKeyFromObject(run), run)).To(Succeed())
			g.Expect(run.Status.Conditions).NotTo(ContainElement(HaveField("Type", v1alpha1.StalledCondition)))
		}).Should(Succeed())

		By("suspending it, which deletes the Job wherever it is")
		change(ctx, run, `{"spec":{"suspend":true}}`)
		Eventually(func(g Gomega) {
			g.Expect(k8s.Get(ctx, client.ObjectKeyFromObject(job), job)).To(Succeed())
			g.Expect(job.DeletionTimestamp).NotTo(BeNil())
		}).Should(Succeed())
	},
		Entry("taken by Helm", takenByHelm),
		Entry("without labels", labelsRemoved),
		Entry("of another run", `{"metadata":{"labels":{"trainyard.dev/training-run":"cats"}}}`),
		Entry("without owner", ownerRemoved),
		Entry("without labels and owner", allRemoved),
	)
})
