// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// Why a training failed stands in its status, seconds after the pod knows it.
var _ = Describe("A TrainingRun that can't succeed", Ordered, func() {
	var namespace string

	BeforeAll(func(ctx SpecContext) {
		namespace = makeNamespace(ctx, "failing")
	})

	It("names a dataset folder that the volume doesn't have", func(ctx SpecContext) {
		run := goodRun(namespace, "no-folder")
		run.Spec.Dataset = v1alpha1.Dataset{PVC: &v1alpha1.DatasetPVC{ClaimName: modelsClaim, Path: "pets/raw"}}
		took := timeToReason(ctx, run, terminated, v1alpha1.DatasetNotFoundReason)
		AddReportEntry("time to reason", fmt.Sprintf("DatasetNotFound %.1f s after the pod's status", took.Seconds()))

		Expect(reasonOf(run.Status.Conditions, v1alpha1.FailedCondition)).To(Equal(v1alpha1.DatasetNotFoundReason))
		Expect(reasonOf(run.Status.Conditions, v1alpha1.StalledCondition)).To(Equal(v1alpha1.DatasetNotFoundReason))
		Expect(run.Status.LastFailure).NotTo(BeNil())
		Expect(run.Status.LastFailure.Message).To(ContainSubstring("pets/raw"))
		Expect(*run.Status.LastFailure.ExitCode).To(BeEquivalentTo(4))
	})

	It("names an image that the registry doesn't have, and goes on waiting for it", func(ctx SpecContext) {
		run := goodRun(namespace, "no-image")
		run.Spec.Image = missingImage
		took := timeToReason(ctx, run, waiting("ErrImagePull", "ImagePullBackOff"), v1alpha1.ImagePullBackOffReason)
		AddReportEntry("time to reason", fmt.Sprintf("ImagePullBackOff %.1f s after the pod's status", took.Seconds()))

		Expect(reasonOf(run.Status.Conditions, v1alpha1.ReconcilingCondition)).To(Equal(v1alpha1.ImagePullBackOffReason))
		Expect(reasonOf(run.Status.Conditions, v1alpha1.FailedCondition)).To(BeEmpty())
	})

	It("says that the container ran out of memory", func(ctx SpecContext) {
		run := goodRun(namespace, "no-memory")
		run.Spec.Model.ImageSize = 224
		run.Spec.BackoffLimit = ptr.To[int32](0)
		small := v1alpha1.ResourceList{corev1.ResourceMemory: "48Mi"}
		run.Spec.PodTemplate.Resources = v1alpha1.ResourceRequirements{Requests: small, Limits: small}
		took := timeToReason(ctx, run, terminated, v1alpha1.OOMKilledReason)
		AddReportEntry("time to reason", fmt.Sprintf("OOMKilled %.1f s after the pod's status", took.Seconds()))

		Expect(reasonOf(run.Status.Conditions, v1alpha1.FailedCondition)).To(Equal(v1alpha1.OOMKilledReason))
		Expect(*run.Status.LastFailure.ExitCode).To(BeEquivalentTo(137))
		samples := scrapeManager(ctx)
		expectCounted(samples,
			[]string{"trainyard_trainingruns_ended_total", "condition=Failed", "reason=OOMKilled"},
			[]string{"trainyard_trainingrun_duration_seconds_count", "condition=Failed"},
			[]string{"trainyard_trainingrun_reason_delay_seconds_count", "reason=OOMKilled"},
			[]string{"trainyard_trainingrun_reason_delay_seconds_count", "reason=ImagePullBackOff"},
		)
		AddReportEntry("time to reason", fmt.Sprintf("%.1f s for OOMKilled by the manager's metrics", mean(samples, "trainyard_trainingrun_reason_delay_seconds", "reason=OOMKilled")))
	})
})
