// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"os"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

// kedaSample is the sample for KEDA, in config/samples.
const kedaSample = "keda_scaledobject.yaml"

// KEDA itself isn't here: what it does with the object that its ScaledObject names is.
var _ = Describe("ModelServer, scaled by KEDA", func() {
	It("is scaled through the subresource of the kind that the sample names", func(ctx SpecContext) {
		data, err := os.ReadFile(filepath.Join("..", "..", "config", "samples", kedaSample))
		Expect(err).NotTo(HaveOccurred())
		var sample struct {
			Spec struct {
				ScaleTargetRef                   struct{ APIVersion, Kind string }
				MinReplicaCount, MaxReplicaCount int32
			}
		}
		Expect(yaml.Unmarshal(data, &sample)).To(Succeed())
		_, pets := startServers(ctx)
		Expect(k8s.Create(ctx, wrappers.MakeModelServer("pets", pets.namespace, "run-1").Obj())).To(Succeed())
		live := pets.reaches(ctx, v1alpha1.ServingReason).Status.Live.Revision

		Expect(sample.Spec.ScaleTargetRef.APIVersion).To(Equal(v1alpha1.GroupVersion.String()))
		Expect(sample.Spec.ScaleTargetRef.Kind).To(Equal("ModelServer"))
		target := pets.get(ctx)
		scaleTo := func(replicas int32) (*autoscalingv1.Scale, error) {
			scale := &autoscalingv1.Scale{}
			Expect(k8s.SubResource("scale").Get(ctx, target, scale)).To(Succeed())
			scale.Spec.Replicas = replicas
			return scale, k8s.SubResource("scale").Update(ctx, target, client.WithSubResourceBody(scale))
		}
		for _, replicas := range []int32{sample.Spec.MaxReplicaCount, sample.Spec.MinReplicaCount} {
			scale, err := scaleTo(replicas)
			Expect(err).NotTo(HaveOccurred())
			Eventually(func() int32 { return *pets.get(ctx).Status.ReadyReplicas }).Should(Equal(replicas))
			selector, err := labels.Parse(scale.Status.Selector)
			Expect(err).NotTo(HaveOccurred())
			Expect(selector.Matches(labels.Set(pets.deployment(ctx, live).Spec.Template.Labels))).To(BeTrue())
		}
		Expect(repairs(ctx, pets.namespace)).To(BeEmpty())

		_, err = scaleTo(0)
		Expect(apierrors.IsInvalid(err)).To(BeTrue(), "KEDA's default of minReplicaCount: %v", err)
	})
})
