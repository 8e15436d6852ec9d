// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"encoding/json"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

// publishOn has a Complete TrainingRun say that its model lies on this claim.
func publishOn(ctx context.Context, namespace, name, claim string) {
	GinkgoHelper()
	Eventually(func() error {
		run := &v1alpha1.TrainingRun{}
		if err := k8s.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, run); err != nil {
			return err
		}
		run.Status.Model.URI = "pvc://" + claim + "/" + name + "/model.onnx"
		run.Status.Model.Samples.URI = "pvc://" + claim + "/" + name + "/samples.tar"
		return k8s.Status().Update(ctx, run)
	}).Should(Succeed())
}

// makeClaim makes a claim, which nothing binds.
func makeClaim(ctx context.Context, namespace, name string) {
	GinkgoHelper()
	Expect(k8s.Create(ctx, &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
		},
	})).To(Succeed())
}

// claims returns the claims in a pod template, by the names of its volumes.
func claims(spec *corev1.PodSpec) map[string]string {
	found := map[string]string{}
	for i := range spec.Volumes {
		if claim := spec.Volumes[i].PersistentVolumeClaim; claim != nil {
			found[spec.Volumes[i].Name] = claim.ClaimName
		}
	}
	return found
}

// smokeConfigOf reads what a test's Job is to do.
func smokeConfigOf(job *batchv1.Job) contract.SmokeConfig {
	GinkgoHelper()
	var config contract.SmokeConfig
	Expect(decodeConfig(&job.Spec.Template.Spec, &config)).To(Succeed())
	return config
}

var _ = Describe("ModelServer, when a model moves or its volume is lost", func() {
	var (
		cluster *fakeCluster
		pets    servers
		first   string
	)
	BeforeEach(func(ctx SpecContext) {
		cluster, pets = startServers(ctx)
		makeClaim(ctx, pets.namespace, "models")
		Expect(k8s.Create(ctx, wrappers.MakeModelServer("pets", pets.namespace, "run-1").Obj())).To(Succeed())
		first = pets.reaches(ctx, v1alpha1.ServingReason).Status.Live.Revision
	})
	// follows waits until a revision's Deployment, pods and template load from this claim.
	follows := func(ctx context.Context, revision, claim string) {
		GinkgoHelper()
		Eventually(func(g Gomega) {
			deployment := pets.deployment(ctx, revision)
			g.Expect(claims(&deployment.Spec.Template.Spec)).To(Equal(map[string]string{"model": claim}))
			pods := &corev1.PodList{}
			g.Expect(k8s.List(ctx, pods, client.InNamespace(pets.namespace), client.MatchingLabels{v1alpha1.RevisionLabel: revision})).To(Succeed())
			g.Expect(pods.Items).NotTo(BeEmpty())
			for i := range pods.Items {
				g.Expect(claims(&pods.Items[i].Spec)).To(Equal(map[string]string{"model": claim}))
				var config contract.ServeConfig
				g.Expect(decodeConfig(&pods.Items[i].Spec, &config)).To(Succeed())
				g.Expect(config.Model.SHA256).To(Equal(digestOf("1")))
			}
			found := false
			for _, kept := range pets.templates(ctx) {
				var template struct {
					Info struct {
						Model struct{ URI string }
					}
					Template corev1.PodTemplateSpec
				}
				g.Expect(json.Unmarshal(kept.Data.Raw, &template)).To(Succeed())
				if kept.Name == revision {
					found = true
					g.Expect(template.Info.Model.URI).To(HavePrefix("pvc://" + claim + "/"))
					g.Expect(claims(&template.Template.Spec)).To(Equal(map[string]string{"model": claim}))
				}
			}
			g.Expect(found).To(BeTrue())
		}).Should(Succeed())
	}

	It("has the live pods follow the same bytes to another claim, without a rollout", func(ctx SpecContext) {
		before := pets.deployment(ctx, first)
		publishOn(ctx, pets.namespace, "run-1", "models-2")
		follows(ctx, first, "models-2")
		server := pets.reaches(ctx, v1alpha1.ServingReason)
		Expect(server.Status.Live.Revision).To(Equal(first))
		Expect(server.Status.Live.Model.URI).To(Equal("pvc://models-2/run-1/model.onnx"))
		Expect(server.Status.History).To(BeEmpty())
		after := pets.deployment(ctx, first)
		Expect(after.UID).To(Equal(before.UID))
		Expect(after.Spec.Template.Spec.Containers[0].Image).To(Equal(before.Spec.Template.Spec.Containers[0].Image))
		Expect(cluster.selections()).To(Equal([]string{first}))
		Expect(repairs(ctx, pets.namespace)).To(BeEmpty())
		pets.staysAsItIs(ctx)

		By("recreating the Deployment where the model is now")
		Expect(k8s.Delete(ctx, after)).To(Succeed())
		Eventually(func() bool {
			again := &appsv1.Deployment{}
			return k8s.Get(ctx, client.ObjectKeyFromObject(after), again) == nil && again.UID != after.UID
		}).Should(BeTrue())
		follows(ctx, first, "models-2")
	})

	It("follows another run that trained the same bytes", func(ctx SpecContext) {
		publish(ctx, pets.namespace, "run-3", "1")
		publishOn(ctx, pets.namespace, "run-3", "models-3")
		pets.serve(ctx, "run-3")
		follows(ctx, first, "models-3")
		Expect(pets.reaches(ctx, v1alpha1.ServingReason).Status.Live.Model.TrainingRun).To(Equal("run-3"))
		Expect(cluster.selections()).To(Equal([]string{first}))
	})

	It("says that pods can't follow, and leaves the others serving", func(ctx SpecContext) {
		cluster.model(digestOf("1"), neverReady)
		publishOn(ctx, pets.namespace, "run-1", "models-2")
		server := pets.reaches(ctx, v1alpha1.StartingReason)
		Expect(message(server, v1alpha1.ReadyCondition)).To(ContainSubstring("the model of revision " + first + " has moved to pvc://models-2/run-1/model.onnx; pods that still load it from where it was: 1"))
		Expect(condition(server, v1alpha1.AvailableCondition)).To(Equal("True/MinimumReplicasAvailable"))
	})

	It("has live and fallback follow that aren't what the spec asks for", func(ctx SpecContext) {
		cluster.model(digestOf("2"), bakesForEver)
		pets.serve(ctx, "run-2")
		pets.reaches(ctx, v1alpha1.BakingReason)
		publishOn(ctx, pets.namespace, "run-1", "models-2")
		follows(ctx, first, "models-2")
		Expect(pets.get(ctx).Status.Rejected).To(BeEmpty())
	})

	It("tests on the candidate's own samples where those of live are lost, and says so", func(ctx SpecContext) {
		claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "models", Namespace: pets.namespace}}
		Expect(k8s.Patch(ctx, claim, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`)))).To(Succeed())
		Expect(client.IgnoreNotFound(k8s.Delete(ctx, claim))).To(Succeed())
		makeClaim(ctx, pets.namespace, "models-2")
		publishOn(ctx, pets.namespace, "run-2", "models-2")
		cluster.model(digestOf("2"), neverFinishes)
		pets.serve(ctx, "run-2")
		Eventually(func() string { return message(pets.get(ctx), v1alpha1.ReadyCondition) }).Should(
			ContainSubstring("not compared with the revision before, because claim models doesn't exist: its own samples decide"))
		job := pets.test(ctx, pets.get(ctx).Status.Candidate.Revision, "smoke")
		Expect(claims(&job.Spec.Template.Spec)).To(Equal(map[string]string{"model": "models-2"}))
		Expect(smokeConfigOf(job).Live).To(BeNil())
		Eventually(func(g Gomega) {
			list := &eventsv1.EventList{}
			g.Expect(k8s.List(ctx, list, client.InNamespace(pets.namespace))).To(Succeed())
			g.Expect(list.Items).To(ContainElement(HaveField("Reason", "ComparisonSkipped")))
		}).Should(Succeed())
		cluster.model(digestOf("2"), behavesWell)
		Expect(pets.reaches(ctx, v1alpha1.ServingReason).Status.Live.Model.TrainingRun).To(Equal("run-2"))
	})

	It("does without the samples of live where no pod can reach both volumes", func(ctx SpecContext) {
		makeClaim(ctx, pets.namespace, "models-2")
		publishOn(ctx, pets.namespace, "run-2", "models-2")
		cluster.model(digestOf("2"), neverFinishes)
		pets.serve(ctx, "run-2")
		candidate := pets.reaches(ctx, v1alpha1.SmokingReason).Status.Candidate.Revision
		job := pets.test(ctx, candidate, "smoke")
		Expect(claims(&job.Spec.Template.Spec)).To(Equal(map[string]string{"model": "models-2", "live": "models"}))
		pod := podFrom(job, batchv1.SchemeGroupVersion.WithKind("Job"), &job.Spec.Template)
		pod.Labels[batchv1.JobNameLabel] = job.Name
		Expect(k8s.Create(ctx, pod)).To(Succeed())
		changeStatus(ctx, pod, func() {
			pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable,
				Message: "0/2 nodes are available: 2 node(s) had volume node affinity conflict."}}
		})
		clk.Step(3 * time.Minute)
		// The clock wakes nobody, but the event of the status may still be on its way: then the
		// controller has repeated the test, and deleted its pod, before this change arrives.
		wake := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":{"a":"b"}}}`))
		Expect(client.IgnoreNotFound(k8s.Patch(ctx, pod, wake))).To(Succeed())
		Eventually(func(g Gomega) {
			var last batchv1.Job // the attempt before it is kept
			for _, job := range pets.jobs(ctx) {
				if job.Annotations[v1alpha1.AttemptAnnotation] == "1" {
					last = job
				}
			}
			g.Expect(claims(&last.Spec.Template.Spec)).To(Equal(map[string]string{"model": "models-2"}))
		}, "40s").Should(Succeed())
		cluster.model(digestOf("2"), behavesWell)
		Expect(pets.reaches(ctx, v1alpha1.ServingReason).Status.Live.Model.TrainingRun).To(Equal("run-2"))
	})
})
