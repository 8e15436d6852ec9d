// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

// The API server's own admission judges each pod that a Job or Deployment makes.
var _ = Describe("In a namespace with quotas and LimitRanges", func() {
	quantities := func(cpu, memory string) corev1.ResourceList {
		return corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory)}
	}
	quota := func(names ...corev1.ResourceName) []client.Object {
		hard := corev1.ResourceList{}
		for _, name := range names {
			hard[name] = resource.MustParse("100Gi")
		}
		return []client.Object{&corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "q"}, Spec: corev1.ResourceQuotaSpec{Hard: hard}}}
	}
	limitRange := func(item corev1.LimitRangeItem) []client.Object {
		return []client.Object{&corev1.LimitRange{ObjectMeta: metav1.ObjectMeta{Name: "l"}, Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{item}}}}
	}
	limited := v1alpha1.ResourceRequirements{Limits: v1alpha1.ResourceList{"cpu": "1", "memory": "300Mi"}}
	small := v1alpha1.ResourceRequirements{Limits: v1alpha1.ResourceList{"memory": "20Mi"}}

	DescribeTable("every pod is admitted",
		func(ctx SpecContext, policies []client.Object, asked, smoke v1alpha1.ResourceRequirements) {
			namespace := makeNamespace(ctx)
			for _, policy := range policies {
				makePolicy(ctx, namespace, policy)
			}
			startCluster(namespace, 20*time.Millisecond) // whose servers are never ready, and tests never end, without pods

			run := wrappers.MakeTrainingRun("dogs", namespace).PodTemplate(v1alpha1.PodTemplate{Resources: asked}).Obj()
			Expect(k8s.Create(ctx, run)).To(Succeed())
			job := &batchv1.Job{}
			Eventually(func() error {
				return k8s.Get(ctx, client.ObjectKey{Namespace: namespace, Name: "dogs-" + string(run.UID[:8])}, job)
			}).Should(Succeed())
			makeJobPod(ctx, job)

			publish(ctx, namespace, "run-1", "1")
			server := wrappers.MakeModelServer("pets", namespace, "run-1").PodTemplate(v1alpha1.PodTemplate{Resources: asked}).Obj()
			server.Spec.Smoke.Resources = smoke
			Expect(k8s.Create(ctx, server)).To(Succeed())
			servers{namespace: namespace}.reaches(ctx, v1alpha1.ServingReason)
		},
		Entry("a quota on limits", quota("limits.cpu", "limits.memory", "requests.cpu", "requests.memory", "pods"), limited, v1alpha1.ResourceRequirements{}),
		Entry("a quota on limits, and resources of the test's own", quota("limits.memory"), limited, small),
		Entry("a LimitRange's maximum below our requests", limitRange(corev1.LimitRangeItem{Type: corev1.LimitTypeContainer, Max: quantities("40m", "32Mi")}), v1alpha1.ResourceRequirements{}, v1alpha1.ResourceRequirements{}),
		Entry("a LimitRange's minimum above our requests and limits", limitRange(corev1.LimitRangeItem{Type: corev1.LimitTypeContainer, Min: quantities("2", "2Gi")}), v1alpha1.ResourceRequirements{}, v1alpha1.ResourceRequirements{}),
		Entry("a LimitRange's default limit below our requests", limitRange(corev1.LimitRangeItem{Type: corev1.LimitTypeContainer, Default: quantities("40m", "32Mi")}), v1alpha1.ResourceRequirements{}, v1alpha1.ResourceRequirements{}),
		Entry("a ratio of limit to request", limitRange(corev1.LimitRangeItem{
			Type: corev1.LimitTypeContainer, Default: quantities("2", "4Gi"), MaxLimitRequestRatio: quantities("1.5", "3"),
		}), v1alpha1.ResourceRequirements{}, v1alpha1.ResourceRequirements{}),
		Entry("a ratio, and limits of the user's", limitRange(corev1.LimitRangeItem{
			Type: corev1.LimitTypeContainer, MaxLimitRequestRatio: quantities("1", "1"),
		}), limited, v1alpha1.ResourceRequirements{}),
		Entry("a LimitRange of pods", limitRange(corev1.LimitRangeItem{
			Type: corev1.LimitTypePod, Min: quantities("100m", "100Mi"), Max: quantities("1", "400Mi"), MaxLimitRequestRatio: quantities("4", "2"),
		}), limited, v1alpha1.ResourceRequirements{}),
	)

	It("gives pods other resources when a LimitRange comes later", func(ctx SpecContext) {
		cluster, pets := startServers(ctx)
		Expect(k8s.Create(ctx, wrappers.MakeModelServer("pets", pets.namespace, "run-1").Obj())).To(Succeed())
		live := pets.reaches(ctx, v1alpha1.ServingReason).Status.Live.Revision
		cluster.model(digestOf("2"), neverFinishes)
		pets.serve(ctx, "run-2")
		candidate := pets.reaches(ctx, v1alpha1.SmokingReason).Status.Candidate.Revision
		pets.test(ctx, candidate, "smoke")

		By("allowing less than all of them ask for")
		makePolicy(ctx, pets.namespace, limitRange(corev1.LimitRangeItem{Type: corev1.LimitTypeContainer, Max: quantities("40m", "32Mi")})[0])
		most := resource.MustParse("32Mi")
		asks := func(pod *corev1.PodSpec) string { return pod.Containers[0].Resources.Requests.Memory().String() }
		clk.Step(30 * time.Second)
		pets.update(ctx, func(server *v1alpha1.ModelServer) { server.Spec.Replicas = ptr.To[int32](2) })
		Eventually(func(g Gomega) {
			pods := pets.podsOf(ctx, live)
			g.Expect(pods).To(HaveLen(2))
			for i := range pods {
				g.Expect(asks(&pods[i].Spec)).To(Equal(most.String()))
			}
			g.Expect(pets.jobs(ctx)).To(ContainElement(Satisfy(func(job batchv1.Job) bool {
				return asks(&job.Spec.Template.Spec) == most.String()
			})), "a test made anew, whose name may come before that of the voided one")
		}).Should(Succeed())
		cluster.model(digestOf("2"), behavesWell)
		Expect(pets.reaches(ctx, v1alpha1.ServingReason).Status.Live.Model.SHA256).To(Equal(digestOf("2")))
	})
})

// makePolicy makes a quota or LimitRange and waits until the API server heeds it, which
// reads both from a cache. For a quota somebody has to have counted, which is no
// controller here.
func makePolicy(ctx context.Context, namespace string, policy client.Object) {
	GinkgoHelper()
	policy = policy.DeepCopyObject().(client.Object)
	policy.SetNamespace(namespace)
	Expect(k8s.Create(ctx, policy)).To(Succeed())
	if quota, ok := policy.(*corev1.ResourceQuota); ok {
		quota.Status.Hard = quota.Spec.Hard
		quota.Status.Used = corev1.ResourceList{}
		for name := range quota.Spec.Hard {
			quota.Status.Used[name] = resource.MustParse("0")
		}
		Expect(k8s.Status().Update(ctx, quota)).To(Succeed())
	}
	bare := corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "bare", Namespace: namespace},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "i"}}},
	}
	Eventually(func() bool {
		pod := bare.DeepCopy()
		err := k8s.Create(ctx, pod, client.DryRunAll)
		_, changed := pod.Annotations["kubernetes.io/limit-ranger"] // which the LimitRange's defaults do
		return changed || apierrors.IsForbidden(err)
	}).Should(BeTrue())
}
