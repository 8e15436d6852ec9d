// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

// A newer version has been here, with its CRDs, and was taken back: what it has written into statuses stays.
var _ = Describe("A status of a newer version", Serial, func() {
	DescribeTable("keeps what this version doesn't know", func(ctx SpecContext, plural, kind string, object client.Object, spec string) {
		object.SetNamespace(makeNamespace(ctx))
		extendStatus(ctx, plural+".trainyard.dev")
		Expect(k8s.Create(ctx, object)).To(Succeed())
		newer := &unstructured.Unstructured{}
		newer.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind))
		read := func(g Gomega, fields ...string) any {
			g.Expect(k8s.Get(ctx, client.ObjectKeyFromObject(object), newer)).To(Succeed())
			value, _, err := unstructured.NestedFieldNoCopy(newer.Object, fields...)
			g.Expect(err).NotTo(HaveOccurred())
			return value
		}
		Eventually(func(g Gomega) { // the API server serves a changed CRD a moment later
			read(g)
			g.Expect(k8s.Status().Patch(ctx, newer, client.RawPatch(types.MergePatchType, []byte(`{"status":{"newer":"kept"}}`)))).To(Succeed())
			g.Expect(read(g, "status", "newer")).To(Equal("kept"))
		}).Should(Succeed())

		By("having this version write the status")
		change(ctx, newer, spec)
		Eventually(func(g Gomega) {
			g.Expect(read(g, "status", "observedGeneration")).To(BeNumerically(">", 1))
		}).Should(Succeed())
		Expect(read(NewWithT(GinkgoT()), "status", "newer")).To(Equal("kept"))
		Expect(k8s.Delete(ctx, newer)).To(Succeed())
	},
		Entry("of a TrainingRun", "trainingruns", "TrainingRun", wrappers.MakeTrainingRun("pets", "").Suspend(true).Obj(), `{"spec":{"suspend":false}}`),
		Entry("of a ModelServer", "modelservers", "ModelServer", wrappers.MakeModelServer("pets", "", "pets").Obj(), `{"spec":{"replicas":2}}`),
	)
})

// extendStatus adds a field to the status in a CRD, as long as the spec lasts.
func extendStatus(ctx context.Context, name string) {
	GinkgoHelper()
	crd := &unstructured.Unstructured{}
	crd.SetGroupVersionKind(schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"})
	crd.SetName(name)
	patch := func(ctx context.Context, operation string) {
		GinkgoHelper()
		const path = "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/newer"
		Expect(k8s.Patch(ctx, crd, client.RawPatch(types.JSONPatchType, fmt.Appendf(nil, `[{"op":%q,"path":%q%s}]`, operation, path,
			map[string]string{"add": `,"value":{"type":"string"}`}[operation])))).To(Succeed())
	}
	patch(ctx, "add")
	DeferCleanup(func(ctx SpecContext) { patch(ctx, "remove") })
}
