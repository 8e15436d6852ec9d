// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"os"
	"os/exec"
	"strings"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// The manifests that install the operator of the version before, and this one: hack/lib.sh has written them.
var (
	previousInstall = os.Getenv("PREVIOUS_INSTALL")
	currentInstall  = os.Getenv("CURRENT_INSTALL")
)

const (
	managerName = "trainyard-manager"
	leaderLease = "manager.trainyard.dev"
)

// The operator is replaced by the next version, which has other default images, and taken back, while a prober sends requests.
// These specs replace the operator of the whole cluster, so they run alone, by make test-upgrade.
var _ = Describe("An upgrade of the operator", Ordered, Label("upgrade"), func() {
	const serverName = "pets"
	var (
		namespace string
		run       *v1alpha1.TrainingRun
		s         *v1alpha1.ModelServer
	)

	BeforeAll(func(ctx SpecContext) {
		Expect(previousInstall).NotTo(BeEmpty(), "PREVIOUS_INSTALL is not set: run this by make test-upgrade")
		Expect(currentInstall).NotTo(BeEmpty(), "CURRENT_INSTALL is not set: run this by make test-upgrade")
		install(ctx, previousInstall)
		namespace = makeNamespace(ctx, "upgrade")
		run = smallRun(namespace, "first")
		Expect(k8sClient.Create(ctx, run)).To(Succeed())
		eventuallyComplete(ctx, run)
		s = server(namespace, serverName, run.Name)
		s.Spec.Promotion.Chance = v1alpha1.AllowChance
		Expect(k8sClient.Create(ctx, s)).To(Succeed())
		eventuallyServing(ctx, s)
		startProber(ctx, namespace, serverName)
	})

	It("restarts no pod, starts no rollout, and reads what runners of the version before have left", func(ctx SpecContext) {
		By("having a run of the version before end while no manager is there")
		second := smallRun(namespace, "second")
		Expect(k8sClient.Create(ctx, second)).To(Succeed())
		eventuallyHasJob(ctx, second)
		stopManager(ctx)
		eventuallySucceeded(ctx, second)
		before := look(ctx, namespace)
		statuses := statusesOf(ctx, run, s)

		install(ctx, currentInstall)
		eventuallyComplete(ctx, second)
		haveWorkedThrough(ctx, run, s)
		Expect(cmp.Diff(before, look(ctx, namespace))).To(BeEmpty(), "what the upgrade changed (-before +after)")
		Expect(cmp.Diff(statuses, statusesOf(ctx, run, s))).To(BeEmpty(), "what the upgrade changed of statuses (-before +after)")
		expectNoFailure(ctx, namespace)
	})

	It("scales a revision of the version before with that version's image", func(ctx SpecContext) {
		update(ctx, s, func() { s.Spec.Replicas = ptr.To[int32](2) })
		Eventually(func(g Gomega) {
			g.Expect(get(ctx, s)).To(Succeed())
			g.Expect(s.Status.ReadyReplicas).To(HaveValue(BeEquivalentTo(2)))
		}).WithContext(ctx).WithTimeout(rolloutLimit).WithPolling(pollInterval).Should(Succeed())
		Expect(imagesOf(ctx, s)).To(HaveExactElements(imageIn(previousInstall, "trainyard-server")))
		expectNoFailure(ctx, namespace)
	})

	It("replaces a server of the version before by one of this version", func(ctx SpecContext) {
		update(ctx, s, func() { s.Spec.Replicas = ptr.To[int32](1); s.Spec.Server.MaxBatch = 8 })
		eventuallyServing(ctx, s)
		eventuallyAlone(ctx, s)
		Expect(imagesOf(ctx, s)).To(HaveExactElements(imageIn(currentInstall, "trainyard-server")))
		expectNoFailure(ctx, namespace)
	})

	It("can be taken back, as quietly", func(ctx SpecContext) {
		third := smallRun(namespace, "third")
		Expect(k8sClient.Create(ctx, third)).To(Succeed())
		eventuallyComplete(ctx, third)
		haveWorkedThrough(ctx, run, s)
		before := look(ctx, namespace)
		statuses := statusesOf(ctx, run, third, s)

		install(ctx, previousInstall)
		haveWorkedThrough(ctx, run, s)
		haveWorkedThrough(ctx, third, s)
		Expect(cmp.Diff(before, look(ctx, namespace))).To(BeEmpty(), "what the downgrade changed (-before +after)")
		Expect(cmp.Diff(statuses, statusesOf(ctx, run, third, s))).To(BeEmpty(), "what the downgrade changed of statuses (-before +after)")
		expectNoFailure(ctx, namespace)
	})

	It("leaves servers that the version before can replace", func(ctx SpecContext) {
		update(ctx, s, func() { s.Spec.Server.MaxBatch = 4 })
		eventuallyServing(ctx, s)
		eventuallyAlone(ctx, s)
		Expect(imagesOf(ctx, s)).To(HaveExactElements(imageIn(previousInstall, "trainyard-server")))
		expectNoFailure(ctx, namespace)
	})
})

// smallRun is a training of seconds. What it learns doesn't matter.
func smallRun(namespace, name string) *v1alpha1.TrainingRun {
	run := goodRun(namespace, name)
	run.Spec.Dataset.Generated.SamplesPerClass = 100
	run.Spec.Model.ImageSize = 32
	run.Spec.Training.Epochs = 2
	return run
}

// install applies the manifests of a version and waits until its manager leads.
func install(ctx context.Context, manifests string) {
	GinkgoHelper()
	kubectlRun(ctx, "apply", "--server-side", "--force-conflicts", "-f", manifests)
	kubectlRun(ctx, "rollout", "status", "deployment/"+managerName, "-n", managerNamespace, "--timeout=3m")
	eventuallyLeads(ctx, managerNamespace, imageIn(manifests, managerName))
}

// eventuallyLeads waits until a manager of an image leads in a namespace.
func eventuallyLeads(ctx context.Context, namespace, image string) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		var lease coordinationv1.Lease
		g.Expect(k8sClient.Get(ctx, client.ObjectKey{Namespace: namespace, Name: leaderLease}, &lease)).To(Succeed())
		name, _, _ := strings.Cut(ptr.Deref(lease.Spec.HolderIdentity, ""), "_")
		g.Expect(name).NotTo(BeEmpty(), "nobody leads")
		var leader corev1.Pod
		g.Expect(k8sClient.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &leader)).To(Succeed())
		g.Expect(leader.Spec.Containers[0].Image).To(Equal(image))
	}).WithContext(ctx).WithTimeout(startLimit).WithPolling(pollInterval).Should(Succeed())
}

// stopManager has no manager run.
func stopManager(ctx context.Context) {
	GinkgoHelper()
	kubectlRun(ctx, "scale", "deployment/"+managerName, "-n", managerNamespace, "--replicas=0")
	Eventually(func(g Gomega) {
		var pods corev1.PodList
		g.Expect(k8sClient.List(ctx, &pods, client.InNamespace(managerNamespace))).To(Succeed())
		g.Expect(pods.Items).To(BeEmpty())
	}).WithContext(ctx).WithTimeout(startLimit).WithPolling(pollInterval).Should(Succeed())
}

func kubectlRun(ctx context.Context, args ...string) {
	GinkgoHelper()
	output, err := exec.CommandContext(ctx, kubectl, args...).CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), "kubectl %s: %s", strings.Join(args, " "), output)
}

// imageIn returns the image of a name that manifests use.
func imageIn(manifests, name string) string {
	GinkgoHelper()
	data, err := os.ReadFile(manifests)
	Expect(err).NotTo(HaveOccurred())
	for line := range strings.Lines(string(data)) {
		if fields := strings.Fields(line); len(fields) == 2 && strings.Contains(fields[1], "/"+name+":") {
			return fields[1]
		}
	}
	Fail(manifests + " names no image " + name)
	return ""
}

// haveWorkedThrough waits until the manager has reconciled both objects anew: each is given another spec that changes nothing of
// what it has made.
func haveWorkedThrough(ctx context.Context, run *v1alpha1.TrainingRun, s *v1alpha1.ModelServer) {
	GinkgoHelper()
	for _, suspend := range []bool{true, false} {
		Expect(get(ctx, run)).To(Succeed())
		base := run.DeepCopy()
		run.Spec.Suspend = ptr.To(suspend)
		Expect(k8sClient.Patch(ctx, run, client.MergeFrom(base))).To(Succeed())
		Eventually(func(g Gomega) {
			g.Expect(get(ctx, run)).To(Succeed())
			g.Expect(run.Status.ObservedGeneration).To(Equal(run.Generation))
		}).WithContext(ctx).WithTimeout(startLimit).WithPolling(pollInterval).Should(Succeed())
	}
	for _, deadline := range []v1alpha1.GoDuration{"11m", "10m"} {
		update(ctx, s, func() { s.Spec.Rollout.ProgressDeadline = deadline })
		eventuallyServing(ctx, s)
	}
}

// sight is what an upgrade must leave as it is.
type sight struct {
	Pods      map[string]podSight
	Specs     map[string]specSight // of Deployments, ControllerRevisions and Jobs
	Selectors map[string]string    // of Services, with the record beside them
}

type podSight struct {
	UID      types.UID
	Restarts int32
	Image    string
}

type specSight struct {
	UID        types.UID
	Generation int64
}

// look reads the namespace.
func look(ctx context.Context, namespace string) sight {
	GinkgoHelper()
	seen := sight{map[string]podSight{}, map[string]specSight{}, map[string]string{}}
	var pods corev1.PodList
	Expect(k8sClient.List(ctx, &pods, client.InNamespace(namespace))).To(Succeed())
	for _, pod := range pods.Items {
		restarts := int32(0)
		for _, c := range pod.Status.ContainerStatuses {
			restarts += c.RestartCount
		}
		seen.Pods[pod.Name] = podSight{pod.UID, restarts, pod.Spec.Containers[0].Image}
	}
	for kind, list := range map[string]client.ObjectList{
		"Deployment": &appsv1.DeploymentList{}, "ControllerRevision": &appsv1.ControllerRevisionList{}, "Job": &batchv1.JobList{},
	} {
		Expect(k8sClient.List(ctx, list, client.InNamespace(namespace))).To(Succeed())
		Expect(meta.EachListItem(list, func(item runtime.Object) error {
			object := item.(client.Object)
			seen.Specs[kind+" "+object.GetName()] = specSight{object.GetUID(), object.GetGeneration()}
			return nil
		})).To(Succeed())
	}
	var services corev1.ServiceList
	Expect(k8sClient.List(ctx, &services, client.InNamespace(namespace))).To(Succeed())
	for _, service := range services.Items {
		seen.Selectors[service.Name] = service.Spec.Selector[v1alpha1.RevisionLabel] + " " + service.Annotations[v1alpha1.RolloutAnnotation]
	}
	return seen
}

// statusesOf reads the statuses of objects anew, without the generations that they are about.
func statusesOf(ctx context.Context, objects ...client.Object) map[string]any {
	GinkgoHelper()
	statuses := map[string]any{}
	forget := func(conditions []metav1.Condition) {
		for i := range conditions {
			conditions[i].ObservedGeneration = 0
		}
	}
	for _, object := range objects {
		Expect(get(ctx, object)).To(Succeed())
		switch object := object.DeepCopyObject().(type) {
		case *v1alpha1.TrainingRun:
			object.Status.ObservedGeneration = 0
			forget(object.Status.Conditions)
			statuses["TrainingRun "+object.Name] = object.Status
		case *v1alpha1.ModelServer:
			object.Status.ObservedGeneration = 0
			forget(object.Status.Conditions)
			object.Status.Live.BakeRequests = nil // the CRD of the version before doesn't have it
			statuses["ModelServer "+object.Name] = object.Status
		}
	}
	return statuses
}

// eventuallyHasJob waits until a run's Job has a pod.
func eventuallyHasJob(ctx context.Context, run *v1alpha1.TrainingRun) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		g.Expect(podsOf(ctx, run)).NotTo(BeEmpty())
	}).WithContext(ctx).WithTimeout(startLimit).WithPolling(pollInterval).Should(Succeed())
}

// eventuallySucceeded waits until the runner of a run has ended well.
func eventuallySucceeded(ctx context.Context, run *v1alpha1.TrainingRun) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		pods := podsOf(ctx, run)
		g.Expect(pods).To(HaveLen(1))
		g.Expect(pods[0].Status.Phase).To(Equal(corev1.PodSucceeded))
	}).WithContext(ctx).WithTimeout(trainingLimit).WithPolling(pollInterval).Should(Succeed())
}

func podsOf(ctx context.Context, run *v1alpha1.TrainingRun) []corev1.Pod {
	GinkgoHelper()
	var pods corev1.PodList
	Expect(k8sClient.List(ctx, &pods, client.InNamespace(run.Namespace), client.MatchingLabels{v1alpha1.TrainingRunLabel: run.Name})).To(Succeed())
	return pods.Items
}

// eventuallyAlone waits until no other revision of a server has a pod, nor its tests.
func eventuallyAlone(ctx context.Context, s *v1alpha1.ModelServer) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		var pods corev1.PodList
		g.Expect(k8sClient.List(ctx, &pods, client.InNamespace(s.Namespace), client.MatchingLabels{v1alpha1.ModelServerLabel: s.Name})).To(Succeed())
		g.Expect(pods.Items).To(HaveLen(1))
		g.Expect(pods.Items[0].Labels).To(HaveKeyWithValue(v1alpha1.RevisionLabel, s.Status.Live.Revision))
	}).WithContext(ctx).WithTimeout(rolloutLimit).WithPolling(pollInterval).Should(Succeed())
}

// imagesOf are the images of the servers of the live revision.
func imagesOf(ctx context.Context, s *v1alpha1.ModelServer) []string {
	GinkgoHelper()
	var pods corev1.PodList
	Expect(k8sClient.List(ctx, &pods, client.InNamespace(s.Namespace), client.MatchingLabels{v1alpha1.RevisionLabel: s.Status.Live.Revision})).To(Succeed())
	var images []string
	for _, pod := range pods.Items {
		if image := pod.Spec.Containers[0].Image; len(images) == 0 || images[len(images)-1] != image {
			images = append(images, image)
		}
	}
	return images
}
