// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"encoding/json"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

// otherModel is a configuration that has a server load another model under the revision's name.
func otherModel(d *appsv1.Deployment) {
	env := d.Spec.Template.Spec.Containers[0].Env
	var config map[string]any
	Expect(json.Unmarshal([]byte(env[0].Value), &config)).To(Succeed())
	config["model"] = map[string]any{"path": "/model/run-2/model.onnx", "sha256": digestOf("2")}
	data, err := json.Marshal(config)
	Expect(err).NotTo(HaveOccurred())
	env[0].Value = string(data)
}

func addEnv(d *appsv1.Deployment) {
	c := &d.Spec.Template.Spec.Containers[0]
	c.Env = append(c.Env, corev1.EnvVar{Name: "GODEBUG", Value: "x=1"})
}

func setImage(d *appsv1.Deployment) {
	d.Spec.Template.Spec.Containers[0].Image = "registry.example/other"
}

// setPodImage gives a running pod another image, as kubectl set image pod/NAME does.
func setPodImage(ctx context.Context, pod corev1.Pod) {
	GinkgoHelper()
	before := client.MergeFrom(pod.DeepCopy())
	pod.Spec.Containers[0].Image = "registry.example/other"
	Expect(k8s.Patch(ctx, &pod, before)).To(Succeed())
}

// test waits until the only Job is a test of a revision, and returns it: status may say so while that of the test before is still there.
func (s servers) test(ctx context.Context, revision, check string) *batchv1.Job {
	GinkgoHelper()
	var jobs []batchv1.Job
	Eventually(func() []batchv1.Job { jobs = s.jobs(ctx); return jobs }).Should(ConsistOf(HaveField("Annotations", And(
		HaveKeyWithValue(v1alpha1.TestAnnotation, check), HaveKeyWithValue(v1alpha1.TestedRevisionAnnotation, revision)))))
	return &jobs[0]
}

func (s servers) podsOfJob(ctx context.Context, job *batchv1.Job) []corev1.Pod {
	GinkgoHelper()
	pods := &corev1.PodList{}
	Expect(k8s.List(ctx, pods, client.InNamespace(s.namespace), client.MatchingLabels{batchv1.JobNameLabel: job.Name})).To(Succeed())
	return pods.Items
}

var _ = Describe("ModelServer, when what serves is edited by hand", func() {
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
	edit := func(ctx context.Context, name string, change func(*appsv1.Deployment)) (before *appsv1.Deployment) {
		GinkgoHelper()
		deployment := pets.deployment(ctx, name)
		before = deployment.DeepCopy()
		change(deployment)
		Expect(k8s.Patch(ctx, deployment, client.MergeFrom(before))).To(Succeed())
		return before
	}
	// isSetBack waits until a Deployment is as it was, and so are its pods.
	isSetBack := func(ctx context.Context, before *appsv1.Deployment) {
		GinkgoHelper()
		Eventually(func(g Gomega) {
			after := pets.deployment(ctx, before.Name)
			g.Expect(after.Spec).To(Equal(before.Spec))
			g.Expect(after.Annotations).To(Equal(before.Annotations))
			pods := &corev1.PodList{}
			g.Expect(k8s.List(ctx, pods, client.InNamespace(pets.namespace), client.MatchingLabels{v1alpha1.RevisionLabel: before.Name})).To(Succeed())
			g.Expect(pods.Items).To(HaveLen(int(*before.Spec.Replicas)))
			for i := range pods.Items {
				g.Expect(pods.Items[i].Spec.Containers[0].Image).To(Equal(before.Spec.Template.Spec.Containers[0].Image))
				g.Expect(pods.Items[i].Spec.Containers[0].Env).To(Equal(before.Spec.Template.Spec.Containers[0].Env))
			}
		}).Should(Succeed())
	}

	DescribeTable("sets live back to what was tested, and says so", func(ctx SpecContext, change func(*appsv1.Deployment)) {
		before := edit(ctx, first, change)
		isSetBack(ctx, before)
		Eventually(repairs).WithContext(ctx).WithArguments(pets.namespace).Should(
			ContainElement(ContainSubstring("Deployment " + first + " was edited outside Trainyard; set it back to what was tested")))
		server := pets.reaches(ctx, v1alpha1.ServingReason)
		Expect(server.Status.Live.Model.SHA256).To(Equal(digestOf("1")))
		pets.staysAsItIs(ctx)
		Expect(cluster.selections()).To(Equal([]string{first}))
	},
		Entry("another model", otherModel),
		Entry("kubectl set image", setImage),
		Entry("kubectl set env", addEnv),
		Entry("a probe less", func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers[0].LivenessProbe = nil }),
		Entry("a command", func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers[0].Command = []string{"sh"} }),
		Entry("another claim", func(d *appsv1.Deployment) {
			d.Spec.Template.Spec.Volumes[1].PersistentVolumeClaim.ClaimName = "other"
		}),
		Entry("a container beside it", func(d *appsv1.Deployment) {
			d.Spec.Template.Spec.Containers = append(d.Spec.Template.Spec.Containers, corev1.Container{Name: "x", Image: "x"})
		}),
		Entry("the host's network", func(d *appsv1.Deployment) { d.Spec.Template.Spec.HostNetwork = true }),
		Entry("an annotation on the pods", func(d *appsv1.Deployment) { d.Spec.Template.Annotations = map[string]string{"a": "b"} }),
		Entry("kubectl rollout pause", func(d *appsv1.Deployment) { d.Spec.Paused = true }),
		Entry("pods replaced at once", func(d *appsv1.Deployment) {
			d.Spec.Strategy = appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType}
		}),
		Entry("the rest of its spec", func(d *appsv1.Deployment) {
			d.Spec.MinReadySeconds, d.Spec.RevisionHistoryLimit, d.Spec.ProgressDeadlineSeconds = 9, ptr.To[int32](3), ptr.To[int32](11)
		}),
		Entry("what is known of its model", func(d *appsv1.Deployment) { d.Annotations[v1alpha1.RevisionAnnotation] = `{"image":"x"}` }),
	)

	It("leaves a restart alone", func(ctx SpecContext) {
		edit(ctx, first, func(d *appsv1.Deployment) {
			metav1.SetMetaDataAnnotation(&d.Spec.Template.ObjectMeta, "kubectl.kubernetes.io/restartedAt", "2026-01-02T03:04:05Z")
		})
		Consistently(func() map[string]string { return pets.deployment(ctx, first).Spec.Template.Annotations }).
			Should(HaveKey("kubectl.kubernetes.io/restartedAt"))
		pets.reaches(ctx, v1alpha1.ServingReason)
		Expect(repairs(ctx, pets.namespace)).To(BeEmpty())

		By("setting back an edit, and leaving the restart where it was")
		before := edit(ctx, first, setImage)
		isSetBack(ctx, before)
	})

	It("sets the fallback back", func(ctx SpecContext) {
		cluster.model(digestOf("2"), bakesForEver)
		pets.serve(ctx, "run-2")
		pets.reaches(ctx, v1alpha1.BakingReason)
		isSetBack(ctx, edit(ctx, first, setImage))
	})

	It("begins the test of a candidate anew that was edited", func(ctx SpecContext) {
		cluster.model(digestOf("2"), neverFinishes)
		pets.serve(ctx, "run-2")
		candidate := pets.reaches(ctx, v1alpha1.SmokingReason).Status.Candidate.Revision
		tested := pets.test(ctx, candidate, "smoke").UID
		isSetBack(ctx, edit(ctx, candidate, setImage))
		Eventually(func() []batchv1.Job { return pets.jobs(ctx) }).Should(
			And(HaveLen(1), HaveEach(HaveField("UID", Not(Equal(tested))))))
		cluster.model(digestOf("2"), behavesWell)
		server := pets.reaches(ctx, v1alpha1.ServingReason)
		Expect(server.Status.Live.Revision).To(Equal(candidate))
		Expect(server.Status.Rejected).To(BeEmpty())
	})

	It("begins the bake of live anew that was edited", func(ctx SpecContext) {
		cluster.model(digestOf("2"), bakesForEver)
		pets.serve(ctx, "run-2")
		second := pets.reaches(ctx, v1alpha1.BakingReason).Status.Live.Revision
		bake := pets.test(ctx, second, "bake").UID
		isSetBack(ctx, edit(ctx, second, addEnv))
		Eventually(func() []batchv1.Job { return pets.jobs(ctx) }).Should(
			And(HaveLen(1), HaveEach(HaveField("UID", Not(Equal(bake))))))
		cluster.model(digestOf("2"), behavesWell)
		Expect(pets.reaches(ctx, v1alpha1.ServingReason).Status.Rejected).To(BeEmpty())
	})

	It("holds nothing against live that was edited and then deleted in its bake", func(ctx SpecContext) {
		cluster.model(digestOf("2"), bakesForEver)
		pets.serve(ctx, "run-2")
		second := pets.reaches(ctx, v1alpha1.BakingReason).Status.Live.Revision
		pets.test(ctx, second, "bake")

		By("doing so before the manager looks")
		stopManager()
		edit(ctx, second, setImage)
		cluster.model(digestOf("2"), failsBake)
		Eventually(func() []batchv1.JobCondition { return pets.jobs(ctx)[0].Status.Conditions }).ShouldNot(BeEmpty())
		Expect(k8s.Delete(ctx, pets.deployment(ctx, second))).To(Succeed())
		cluster.model(digestOf("2"), behavesWell)
		manager = startManager()
		server := pets.reaches(ctx, v1alpha1.ServingReason)
		Expect(server.Status.Live.Revision).To(Equal(second))
		Expect(server.Status.Rejected).To(BeEmpty())
	})

	It("replaces a pod that was given another image", func(ctx SpecContext) {
		pod := pets.podsOf(ctx, first)[0]
		setPodImage(ctx, pod)
		Eventually(repairs).WithContext(ctx).WithArguments(pets.namespace).Should(
			ContainElement(ContainSubstring("the image of pod " + pod.Name + " was edited outside Trainyard; replacing the pods of Deployment " + first)))
		Eventually(func(g Gomega) {
			pods := pets.podsOf(ctx, first)
			g.Expect(pods).To(HaveLen(1))
			g.Expect(pods[0].UID).NotTo(Equal(pod.UID))
			g.Expect(pods[0].Spec.Containers[0].Image).To(Equal(serverImage))
		}).Should(Succeed())
		pets.reaches(ctx, v1alpha1.ServingReason)
		pets.staysAsItIs(ctx)
		Expect(cluster.selections()).To(Equal([]string{first}))
	})

	It("holds nothing against a candidate one of whose pods was given another image", func(ctx SpecContext) {
		cluster.model(digestOf("2"), neverFinishes)
		pets.serve(ctx, "run-2")
		candidate := pets.reaches(ctx, v1alpha1.SmokingReason).Status.Candidate.Revision
		pets.test(ctx, candidate, "smoke")
		stopManager()
		setPodImage(ctx, pets.podsOf(ctx, candidate)[0])
		cluster.model(digestOf("2"), failsSmoke)
		Eventually(func() []batchv1.JobCondition { return pets.jobs(ctx)[0].Status.Conditions }).ShouldNot(BeEmpty())
		cluster.model(digestOf("2"), behavesWell)
		manager = startManager()
		server := pets.reaches(ctx, v1alpha1.ServingReason)
		Expect(server.Status.Live.Revision).To(Equal(candidate))
		Expect(server.Status.Rejected).To(BeEmpty())
	})

	It("sets the replicas back, and says so", func(ctx SpecContext) {
		edit(ctx, first, func(d *appsv1.Deployment) { d.Spec.Replicas = ptr.To[int32](0) })
		Eventually(func() int32 { return *pets.deployment(ctx, first).Spec.Replicas }).Should(BeEquivalentTo(1))
		Eventually(repairs).WithContext(ctx).WithArguments(pets.namespace).Should(
			ContainElement(ContainSubstring("Deployment " + first + " was scaled outside Trainyard; set it to 1 replicas")))
	})

	It("says nothing when it scales by itself", func(ctx SpecContext) {
		pets.update(ctx, func(server *v1alpha1.ModelServer) { server.Spec.Replicas = ptr.To[int32](2) })
		Eventually(func() int32 { return *pets.deployment(ctx, first).Spec.Replicas }).Should(BeEquivalentTo(2))
		pets.reaches(ctx, v1alpha1.ServingReason)
		Expect(repairs(ctx, pets.namespace)).To(BeEmpty())
	})

	DescribeTable("has a test go on that was held", func(ctx SpecContext, patch string) {
		cluster.model(digestOf("2"), neverFinishes)
		pets.serve(ctx, "run-2")
		candidate := pets.reaches(ctx, v1alpha1.SmokingReason).Status.Candidate.Revision
		job := pets.test(ctx, candidate, "smoke")
		change(ctx, job.DeepCopy(), patch)
		Eventually(func(g Gomega) {
			after := &batchv1.Job{}
			g.Expect(k8s.Get(ctx, client.ObjectKeyFromObject(job), after)).To(Succeed())
			g.Expect(after.UID).To(Equal(job.UID))
			g.Expect(after.Spec).To(Equal(job.Spec))
		}).Should(Succeed())
		Eventually(repairs).WithContext(ctx).WithArguments(pets.namespace).Should(
			ContainElement(ContainSubstring("Job " + job.Name + " was edited outside Trainyard; set it back")))
	},
		Entry("suspended", `{"spec":{"suspend":true}}`),
		Entry("without pods", `{"spec":{"parallelism":0}}`),
	)

	DescribeTable("puts the labels of the Service's EndpointSlices back", func(ctx SpecContext, label string) {
		slice := &discoveryv1.EndpointSlice{}
		Expect(k8s.Get(ctx, client.ObjectKey{Namespace: pets.namespace, Name: "pets"}, slice)).To(Succeed())
		before := slice.DeepCopy()
		change(ctx, slice, `{"metadata":{"labels":{"`+label+`":null}}}`)
		Eventually(func(g Gomega) {
			g.Expect(k8s.Get(ctx, client.ObjectKeyFromObject(slice), slice)).To(Succeed())
			g.Expect(slice.Labels).To(Equal(before.Labels))
		}).Should(Succeed())
		Eventually(repairs).WithContext(ctx).WithArguments(pets.namespace).Should(ContainElement(ContainSubstring("EndpointSlice pets")))
	},
		Entry("which brings them into the manager's cache", "app.kubernetes.io/managed-by"),
		Entry("which brings their changes to the manager", v1alpha1.ModelServerLabel),
		Entry("by which Kubernetes keeps them", discoveryv1.LabelManagedBy),
	)

	It("says that an EndpointSlice sends traffic past the selector", func(ctx SpecContext) {
		slice := &discoveryv1.EndpointSlice{
			ObjectMeta:  metav1.ObjectMeta{Name: "other", Namespace: pets.namespace, Labels: map[string]string{discoveryv1.LabelServiceName: "pets"}},
			AddressType: discoveryv1.AddressTypeIPv4,
			Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{"10.1.2.3"}}},
		}
		Expect(k8s.Create(ctx, slice)).To(Succeed())
		server := pets.reaches(ctx, v1alpha1.NameConflictReason)
		Expect(message(server, v1alpha1.ReadyCondition)).To(Equal("EndpointSlice other was created outside Trainyard and sends traffic of Service pets " +
			"to endpoints that nobody has tested: delete the EndpointSlice, or its label kubernetes.io/service-name"))
		Expect(condition(server, v1alpha1.AvailableCondition)).To(Equal("True/MinimumReplicasAvailable"))

		By("rolling out and back all the same")
		cluster.model(digestOf("2"), failsBake)
		pets.serve(ctx, "run-2")
		Eventually(cluster.selections).Should(HaveLen(3))
		pets.expectRoutedTo(ctx, first)

		Expect(k8s.Delete(ctx, slice)).To(Succeed())
		pets.reaches(ctx, v1alpha1.BakeFailedReason)
	})

	DescribeTable("takes no verdict of a test's pod that was given another image", func(ctx SpecContext, b behavior) {
		cluster.model(digestOf("2"), neverFinishes)
		pets.serve(ctx, "run-2")
		candidate := pets.reaches(ctx, v1alpha1.SmokingReason).Status.Candidate.Revision
		job := pets.test(ctx, candidate, "smoke")
		stopManager()
		cluster.model(digestOf("2"), b)
		Eventually(func() []batchv1.JobCondition { return pets.jobs(ctx)[0].Status.Conditions }).ShouldNot(BeEmpty())
		pods := pets.podsOfJob(ctx, job)
		setPodImage(ctx, pods[0])
		cluster.model(digestOf("2"), neverFinishes)
		manager = startManager()
		Eventually(func() []batchv1.Job { return pets.jobs(ctx) }).Should(
			ContainElement(HaveField("Annotations", HaveKeyWithValue(v1alpha1.AttemptAnnotation, "1"))))
		Expect(cluster.selections()).To(Equal([]string{first}))
		cluster.model(digestOf("2"), behavesWell)
		server := pets.reaches(ctx, v1alpha1.ServingReason)
		Expect(server.Status.Live.Revision).To(Equal(candidate))
		Expect(server.Status.Rejected).To(BeEmpty())
	},
		Entry("that it passes", behavesWell),
		Entry("that it fails", failsSmoke),
	)

	It("doesn't take an edited Deployment's word when the template is gone", func(ctx SpecContext) {
		stopManager()
		before := edit(ctx, first, otherModel)
		Expect(k8s.Delete(ctx, &pets.templates(ctx)[0])).To(Succeed())
		manager = startManager()
		isSetBack(ctx, before)
		Expect(pets.templates(ctx)).To(HaveLen(1))
	})

	It("takes a revision's label from a pod that isn't the revision's", func(ctx SpecContext) {
		pod := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: "mine", Namespace: pets.namespace, Labels: map[string]string{v1alpha1.RevisionLabel: first, "app": "mine"}},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "i"}}},
		}
		Expect(k8s.Create(ctx, pod)).To(Succeed())
		changeStatus(ctx, pod, func() {
			pod.Status.Phase, pod.Status.PodIP, pod.Status.PodIPs = corev1.PodRunning, "10.0.0.9", []corev1.PodIP{{IP: "10.0.0.9"}}
			pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		})
		Eventually(func() map[string]string {
			Expect(k8s.Get(ctx, client.ObjectKeyFromObject(pod), pod)).To(Succeed())
			return pod.Labels
		}).Should(Equal(map[string]string{"app": "mine"}))
		Eventually(repairs).WithContext(ctx).WithArguments(pets.namespace).Should(ContainElement(ContainSubstring("pod mine is no pod of revision " + first)))
		pets.expectRoutedTo(ctx, first)
	})

	It("names the controller of a pod that isn't the revision's", func(ctx SpecContext) {
		pod := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: "theirs", Namespace: pets.namespace, Labels: map[string]string{v1alpha1.RevisionLabel: first},
				OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "theirs", UID: "x", Controller: ptr.To(true)}}},
			Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "i"}}},
		}
		Expect(k8s.Create(ctx, pod)).To(Succeed())
		changeStatus(ctx, pod, func() {
			pod.Status.Phase, pod.Status.PodIP, pod.Status.PodIPs = corev1.PodRunning, "10.0.0.9", []corev1.PodIP{{IP: "10.0.0.9"}}
			pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		})
		server := pets.reaches(ctx, v1alpha1.NameConflictReason)
		Expect(message(server, v1alpha1.ReadyCondition)).To(ContainSubstring("remove the label from the template of ReplicaSet theirs"))
		Expect(k8s.Delete(ctx, pod, client.GracePeriodSeconds(0))).To(Succeed())
		pets.reaches(ctx, v1alpha1.ServingReason)
	})

	It("sets Service and autoscaler back", func(ctx SpecContext) {
		service, autoscaler := &corev1.Service{}, &autoscalingv2.HorizontalPodAutoscaler{}
		key := client.ObjectKey{Namespace: pets.namespace, Name: "pets"}
		Expect(k8s.Get(ctx, key, service)).To(Succeed())
		Eventually(func() error { return k8s.Get(ctx, key, autoscaler) }).Should(Succeed())
		change(ctx, service.DeepCopy(), `{"spec":{"publishNotReadyAddresses":true,"ports":[{"name":"http","port":80,"targetPort":9999}]}}`)
		change(ctx, autoscaler.DeepCopy(), `{"spec":{"maxReplicas":50}}`)
		Eventually(func(g Gomega) {
			after, scaler := &corev1.Service{}, &autoscalingv2.HorizontalPodAutoscaler{}
			g.Expect(k8s.Get(ctx, key, after)).To(Succeed())
			g.Expect(after.Spec).To(Equal(service.Spec))
			g.Expect(k8s.Get(ctx, key, scaler)).To(Succeed())
			g.Expect(scaler.Spec).To(Equal(autoscaler.Spec))
			// Events of one reason are one series, which keeps the first note, unless the server's status has changed in between.
			said := "pets was edited outside Trainyard; set it back to spec."
			g.Expect(repairs(ctx, pets.namespace)).To(Or(
				ConsistOf(And(ContainSubstring(said), HaveSuffix("(2)"))),
				ConsistOf(Equal("Service "+said+"service (1)"), Equal("HorizontalPodAutoscaler "+said+"autoscaling (1)")),
			))
		}).Should(Succeed())
		pets.staysAsItIs(ctx)
	})
})
