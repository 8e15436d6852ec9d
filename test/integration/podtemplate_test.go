// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

const onSSDs = `{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"disk","operator":"In","values":["ssd"]}]}]}},` +
	`"podAntiAffinity":{"preferredDuringSchedulingIgnoredDuringExecution":[{"weight":1,"podAffinityTerm":{"topologyKey":"kubernetes.io/hostname","labelSelector":{"matchLabels":{"team":"zoo"}}}}]}}`

// everyField is a pod template that says something of each field, and needs what makeClasses makes.
func everyField() v1alpha1.PodTemplate {
	return v1alpha1.PodTemplate{
		Labels:                    map[string]string{"team": "zoo"},
		Annotations:               map[string]string{"sidecar.istio.io/inject": "false"},
		NodeSelector:              map[string]string{"pool": "ml"},
		Tolerations:               []v1alpha1.Toleration{{Key: "ml", Operator: "Exists"}},
		Affinity:                  onSSDs,
		TopologySpreadConstraints: []v1alpha1.CoreObject{`{"maxSkew":1,"topologyKey":"topology.kubernetes.io/zone","whenUnsatisfiable":"ScheduleAnyway","labelSelector":{"matchLabels":{"team":"zoo"}}}`},
		PriorityClassName:         "pods-test",
		RuntimeClassName:          "pods-test",
		ServiceAccountName:        "trainer",
		ImagePullSecrets:          []v1alpha1.SecretReference{{Name: "registry"}},
		SecurityContext: v1alpha1.PodSecurityContext{
			RunAsUser: ptr.To[int64](1000), RunAsGroup: ptr.To[int64](0), FSGroup: ptr.To[int64](2000), FSGroupChangePolicy: "Always",
			SupplementalGroups: []int64{3000}, SELinuxOptions: v1alpha1.SELinuxOptions{Level: "s0:c1,c2"},
		},
		TerminationGracePeriodSeconds: ptr.To[int64](120),
		Volumes: []v1alpha1.Volume{
			{Name: "settings", ConfigMap: &v1alpha1.ConfigMapVolume{Name: "settings"}},
			{Name: "key", Secret: &v1alpha1.SecretVolume{SecretName: "key", Items: []v1alpha1.KeyToPath{{Key: "k", Path: "key.pem"}}}},
			{Name: "shared", PersistentVolumeClaim: &v1alpha1.ClaimVolume{ClaimName: "models"}},
			{Name: "scratch", EmptyDir: &v1alpha1.EmptyDirVolume{SizeLimit: "1Gi"}},
		},
		VolumeMounts: []v1alpha1.VolumeMount{
			{Name: "settings", MountPath: "/etc/settings"}, {Name: "key", MountPath: "/etc/key", ReadOnly: ptr.To(true)},
			{Name: "shared", MountPath: "/shared"}, {Name: "scratch", MountPath: "/scratch", SubPath: "a"},
		},
	}
}

// makeClasses makes the classes that everyField names, which admission looks for.
func makeClasses(ctx context.Context) {
	GinkgoHelper()
	meta := metav1.ObjectMeta{Name: "pods-test"}
	for _, object := range []client.Object{
		&schedulingv1.PriorityClass{ObjectMeta: meta, Value: 7}, &nodev1.RuntimeClass{ObjectMeta: meta, Handler: "runc"},
	} {
		Expect(client.IgnoreAlreadyExists(k8s.Create(ctx, object))).To(Succeed())
	}
}

// enforceRestricted has a namespace take pods that keep to the restricted Pod Security level.
func enforceRestricted(ctx context.Context, name string) {
	GinkgoHelper()
	namespace := &corev1.Namespace{}
	Expect(k8s.Get(ctx, client.ObjectKey{Name: name}, namespace)).To(Succeed())
	namespace.Labels["pod-security.kubernetes.io/enforce"] = "restricted"
	Expect(k8s.Update(ctx, namespace)).To(Succeed())
}

// expectWhoAndWhere expects of a pod what holds for all of a template's.
func expectWhoAndWhere(pod *corev1.PodSpec) {
	GinkgoHelper()
	Expect(pod.Priority).To(HaveValue(BeEquivalentTo(7)))
	Expect(pod.RuntimeClassName).To(HaveValue(Equal("pods-test")))
	Expect(pod.ServiceAccountName).To(Equal("trainer"))
	Expect(pod.AutomountServiceAccountToken).To(HaveValue(BeFalse()))
	Expect(pod.ImagePullSecrets).To(ConsistOf(corev1.LocalObjectReference{Name: "registry"}))
	Expect(pod.SecurityContext.RunAsUser).To(HaveValue(BeEquivalentTo(1000)))
	Expect(pod.SecurityContext.RunAsNonRoot).To(HaveValue(BeTrue()))
	Expect(pod.Affinity.NodeAffinity).NotTo(BeNil())
}

var _ = Describe("A pod template", func() {
	It("is the runner's, under the restricted Pod Security level", func(ctx SpecContext) {
		ns := makeNamespace(ctx)
		makeClasses(ctx)
		enforceRestricted(ctx, ns)
		run := create(ctx, wrappers.MakeTrainingRun("pets", ns).PodTemplate(everyField()).Obj())
		pod := makeJobPod(ctx, jobOf(ctx, run))
		expectWhoAndWhere(&pod.Spec)
		Expect(pod.Labels).To(HaveKeyWithValue("team", "zoo"))
		Expect(pod.Labels).To(HaveKeyWithValue(v1alpha1.TrainingRunLabel, "pets"))
		Expect(pod.Annotations).To(HaveKeyWithValue("sidecar.istio.io/inject", "false"))
		Expect(pod.Spec.Affinity.PodAntiAffinity).NotTo(BeNil())
		Expect(pod.Spec.TopologySpreadConstraints).To(HaveLen(1))
		Expect(pod.Spec.TerminationGracePeriodSeconds).To(HaveValue(BeEquivalentTo(120)))

		By("mounting the claim of the output once more")
		Expect(pod.Spec.Containers[0].VolumeMounts).To(ContainElements(
			HaveField("MountPath", "/etc/settings"), HaveField("MountPath", "/etc/key"),
			SatisfyAll(HaveField("MountPath", "/shared"), HaveField("Name", "output")), SatisfyAll(HaveField("MountPath", "/scratch"), HaveField("SubPath", "a"))))

		By("keeping what is in affinity, too")
		changed := run.DeepCopy()
		changed.Spec.PodTemplate.Affinity = `{"nodeAffinity":{}}`
		err := k8s.Patch(ctx, changed, client.MergeFrom(run))
		Expect(apierrors.IsInvalid(err)).To(BeTrue(), "%v", err)
		Expect(err).To(MatchError(ContainSubstring("spec is immutable except suspend")))
		changed = run.DeepCopy()
		changed.Spec.PodTemplate.TopologySpreadConstraints[0] = `{"maxSkew":2}`
		Expect(apierrors.IsInvalid(k8s.Patch(ctx, changed, client.MergeFrom(run)))).To(BeTrue())
	})

	It("is the servers', and tests get what they need of it", func(ctx SpecContext) {
		cluster, pets := startServers(ctx)
		makeClasses(ctx)
		enforceRestricted(ctx, pets.namespace)
		Expect(k8s.Create(ctx, wrappers.MakeModelServer("pets", pets.namespace, "run-1").PodTemplate(everyField()).BakeTime("1s").Obj())).To(Succeed())
		var test corev1.Pod
		Eventually(func(g Gomega) {
			pods := &corev1.PodList{}
			g.Expect(k8s.List(ctx, pods, client.InNamespace(pets.namespace), client.MatchingLabels{v1alpha1.ComponentLabel: "smoke"})).To(Succeed())
			g.Expect(pods.Items).NotTo(BeEmpty())
			test = pods.Items[0]
		}).Should(Succeed())
		expectWhoAndWhere(&test.Spec)
		Expect(test.Labels).NotTo(HaveKey("team"))
		Expect(test.Annotations).To(HaveKeyWithValue("sidecar.istio.io/inject", "false"))
		Expect(test.Spec.Affinity.PodAntiAffinity).To(BeNil())
		Expect(test.Spec.TopologySpreadConstraints).To(BeEmpty())

		live := pets.reaches(ctx, v1alpha1.ServingReason).Status.Live.Revision
		pods := pets.podsOf(ctx, live)
		Expect(pods).NotTo(BeEmpty())
		expectWhoAndWhere(&pods[0].Spec)
		Expect(pods[0].Labels).To(HaveKeyWithValue("team", "zoo"))
		Expect(pods[0].Spec.Containers[0].VolumeMounts).To(ContainElement(SatisfyAll(HaveField("MountPath", "/model"), HaveField("Name", "shared"))))

		By("making a new revision of a change")
		pets.update(ctx, func(s *v1alpha1.ModelServer) { s.Spec.PodTemplate.Affinity = "" })
		Eventually(func() string { return pets.reaches(ctx, v1alpha1.ServingReason).Status.Live.Revision }).ShouldNot(Equal(live))
		Expect(cluster.selections()).To(HaveExactElements(live, pets.get(ctx).Status.Live.Revision))
	})

	It("that core/v1 doesn't know is told by the field's path", func(ctx SpecContext) {
		_, pets := startServers(ctx)
		misspelled := v1alpha1.PodTemplate{Affinity: `{"nodeAfinity":{}}`}
		const want = `spec.podTemplate.affinity is no Affinity of core/v1: unknown field "nodeAfinity": correct it`
		run := create(ctx, wrappers.MakeTrainingRun("pets", pets.namespace).PodTemplate(misspelled).Obj())
		expectState(ctx, run, v1alpha1.InvalidSpecReason, stall)
		Expect(readyMessage(fetch(ctx, run))).To(Equal(want))

		Expect(k8s.Create(ctx, wrappers.MakeModelServer("pets", pets.namespace, "run-1").PodTemplate(misspelled).BakeTime("1s").Obj())).To(Succeed())
		Expect(message(pets.reaches(ctx, v1alpha1.InvalidSpecReason), v1alpha1.ReadyCondition)).To(ContainSubstring(want))
		pets.update(ctx, func(s *v1alpha1.ModelServer) { s.Spec.PodTemplate.Affinity = onSSDs })
		pets.reaches(ctx, v1alpha1.ServingReason)
	})
})
