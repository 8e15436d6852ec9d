// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"net/url"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// A model is copied to another claim, and its server follows it there: the bytes are the same, and have been tested.
var _ = Describe("A model that moves", Ordered, func() {
	const (
		serverName = "pets"
		newClaim   = "models-2"
	)
	var (
		namespace string
		run       *v1alpha1.TrainingRun
		s         *v1alpha1.ModelServer
	)

	BeforeAll(func(ctx SpecContext) {
		namespace = makeNamespace(ctx, "moving")
		makeClaim(ctx, namespace, newClaim)
		run = goodRun(namespace, "pets")
		run.Spec.Dataset.Generated.SamplesPerClass = 40
		run.Spec.Model.ImageSize = 32
		run.Spec.Training.Epochs = 2
		Expect(k8sClient.Create(ctx, run)).To(Succeed())
		eventuallyComplete(ctx, run)
		s = server(namespace, serverName, "")
		s.Spec.Model = v1alpha1.ServedModel{Source: sourceOf(run)}
		s.Spec.Promotion.BakeTime = "2s"
		Expect(k8sClient.Create(ctx, s)).To(Succeed())
		eventuallyServing(ctx, s)
		startProber(ctx, namespace, serverName)
	})

	It("is followed by its server without a rollout and without a failed request", func(ctx SpecContext) {
		copyClaim(ctx, namespace, modelsClaim, newClaim)
		before := s.Status.Live.Revision
		newJobs := jobsFromNow(ctx, namespace)
		update(ctx, s, func() { s.Spec.Model.Source.PVC.ClaimName = newClaim })
		Eventually(func(g Gomega) {
			g.Expect(claimsOf(ctx, namespace, before)).To(HaveExactElements(newClaim))
		}).WithContext(ctx).WithTimeout(rolloutLimit).WithPolling(pollInterval).Should(Succeed())
		eventuallyServing(ctx, s)

		Expect(s.Status.Live.Revision).To(Equal(before))
		Expect(s.Status.Live.Model).To(Equal(v1alpha1.RevisionModel{
			URI: "pvc://" + newClaim + "/" + s.Spec.Model.Source.PVC.Path, SHA256: run.Status.Model.SHA256,
		}))
		var revisions appsv1.ControllerRevisionList
		Expect(k8sClient.List(ctx, &revisions, client.InNamespace(namespace))).To(Succeed())
		Expect(revisions.Items).To(HaveLen(1))
		Expect(newJobs()).To(BeEmpty(), "a model that was tested is tested again")
		expectNoFailure(ctx, namespace)
	})

	It("leaves a claim behind that can be deleted", func(ctx SpecContext) {
		Expect(k8sClient.Delete(ctx, run)).To(Succeed()) // with its pod, which mounts it
		claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: modelsClaim}}
		Expect(k8sClient.Delete(ctx, claim)).To(Succeed())
		Eventually(func(g Gomega) {
			g.Expect(apierrors.IsNotFound(get(ctx, claim))).To(BeTrue(), "the claim is still in use")
		}).WithContext(ctx).WithTimeout(startLimit).WithPolling(pollInterval).Should(Succeed())
		expectNoFailure(ctx, namespace)
	})
})

// sourceOf names the model of a run as a file in its claim.
func sourceOf(run *v1alpha1.TrainingRun) *v1alpha1.ModelSource {
	GinkgoHelper()
	u, err := url.Parse(run.Status.Model.URI)
	Expect(err).NotTo(HaveOccurred())
	return &v1alpha1.ModelSource{
		PVC:    v1alpha1.ModelPVC{ClaimName: u.Host, Path: strings.TrimPrefix(u.Path, "/")},
		SHA256: run.Status.Model.SHA256,
	}
}

// claimsOf returns the claims that each pod of a revision mounts.
func claimsOf(ctx context.Context, namespace, revision string) []string {
	GinkgoHelper()
	var pods corev1.PodList
	Expect(k8sClient.List(ctx, &pods, client.InNamespace(namespace), client.MatchingLabels{v1alpha1.RevisionLabel: revision})).To(Succeed())
	var claims []string
	for _, pod := range pods.Items {
		for _, volume := range pod.Spec.Volumes {
			if volume.PersistentVolumeClaim != nil {
				claims = append(claims, volume.PersistentVolumeClaim.ClaimName)
			}
		}
	}
	return claims
}

// copyClaim copies what one claim holds to another.
func copyClaim(ctx context.Context, namespace, from, to string) {
	GinkgoHelper()
	pod := copyPod(namespace, from, to)
	Expect(k8sClient.Create(ctx, pod)).To(Succeed())
	Eventually(func(g Gomega) {
		g.Expect(get(ctx, pod)).To(Succeed())
		g.Expect(pod.Status.Phase).To(Equal(corev1.PodSucceeded), "%+v", pod.Status.ContainerStatuses)
	}).WithContext(ctx).WithTimeout(startLimit).WithPolling(pollInterval).Should(Succeed())
	Expect(k8sClient.Delete(ctx, pod)).To(Succeed())
}

func copyPod(namespace, from, to string) *corev1.Pod {
	security := restrictedPod()
	security.FSGroup = security.RunAsUser // a new volume is root's
	claim := func(name, claim string) corev1.Volume {
		return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim}}}
	}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "copy"},
		Spec: corev1.PodSpec{
			RestartPolicy:                corev1.RestartPolicyNever,
			AutomountServiceAccountToken: ptr.To(false),
			SecurityContext:              security,
			Volumes:                      []corev1.Volume{claim("from", from), claim("to", to)},
			Containers: []corev1.Container{{
				Name:            "copy",
				Image:           copyImage,
				ImagePullPolicy: corev1.PullIfNotPresent,
				Args:            []string{"/from", "/to"},
				VolumeMounts:    []corev1.VolumeMount{{Name: "from", MountPath: "/from", ReadOnly: true}, {Name: "to", MountPath: "/to"}},
				SecurityContext: restrictedContainer(),
			}},
		},
	}
}

// jobsFromNow returns a function that names the Jobs that have been created since, deleted ones too.
func jobsFromNow(ctx context.Context, namespace string) func() []string {
	GinkgoHelper()
	var there batchv1.JobList
	Expect(k8sClient.List(ctx, &there, client.InNamespace(namespace))).To(Succeed())
	jobs, err := k8sClient.Watch(ctx, &batchv1.JobList{}, client.InNamespace(namespace), &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: there.ResourceVersion}})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(jobs.Stop)
	return func() []string {
		var created []string
		for {
			select {
			case e := <-jobs.ResultChan():
				if job, ok := e.Object.(*batchv1.Job); ok && e.Type == watch.Added {
					created = append(created, job.Name)
				}
			default:
				return created
			}
		}
	}
}
