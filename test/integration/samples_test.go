// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

const samplesFolder = "../../config/samples"

// What users copy must be accepted, without a field that isn't one.
var _ = Describe("The samples", func() {
	files, err := filepath.Glob(filepath.Join("..", "..", "config", "samples", "*.yaml"))
	if err != nil || len(files) < 5 {
		panic("config/samples should hold at least 5 files")
	}
	pets, err := filepath.Glob(filepath.Join("..", "..", "config", "argocd", "samples", "pets", "*.yaml"))
	if err != nil || len(pets) == 0 {
		panic("config/argocd/samples/pets should hold what an Application applies")
	}
	for _, file := range append(files, pets...) {
		switch filepath.Base(file) {
		case "kustomization.yaml", katibSample, kedaSample, routeSample: // whose kinds the API server doesn't have
			continue
		}
		It("are accepted: "+filepath.Base(file), func(ctx SpecContext) {
			data, err := os.ReadFile(file)
			Expect(err).NotTo(HaveOccurred())
			Expect(k8s.Create(ctx, decode(data, makeNamespace(ctx)), client.DryRunAll, client.FieldValidation(metav1.FieldValidationStrict))).To(Succeed())
		})
	}
})

// routeSample is the sample for the Gateway API, in config/samples.
const routeSample = "httproute.yaml"

// No controller of Ingresses or Gateways is here: what they are told is checked.
var _ = Describe("The samples for users outside the cluster", func() {
	sample := func(ctx SpecContext, name string) *unstructured.Unstructured {
		data, err := os.ReadFile(filepath.Join(samplesFolder, name))
		Expect(err).NotTo(HaveOccurred())
		return decode(data, makeNamespace(ctx)).(*unstructured.Unstructured)
	}

	It("have the Ingress lead to the sample's server", func(ctx SpecContext) {
		ingress, server := &networkingv1.Ingress{}, sample(ctx, "modelserver.yaml")
		Expect(runtime.DefaultUnstructuredConverter.FromUnstructured(sample(ctx, "ingress.yaml").Object, ingress)).To(Succeed())
		for _, path := range ingress.Spec.Rules[0].HTTP.Paths {
			Expect(path.Backend.Service.Name).To(Equal(server.GetName()))
			Expect(path.Backend.Service.Port.Name).To(Equal(contract.HTTPPortName))
		}
	})

	It("have an HTTPRoute that the Gateway API knows lead to the sample's server", func(ctx SpecContext) {
		_, err := envtest.InstallCRDs(testEnv.Config, envtest.CRDInstallOptions{
			Paths: []string{filepath.Join(gatewayAPI(ctx), "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml")}, ErrorIfPathMissing: true,
		})
		Expect(err).NotTo(HaveOccurred())
		route := sample(ctx, routeSample)
		Expect(k8s.Create(ctx, route.DeepCopy(), client.DryRunAll, client.FieldValidation(metav1.FieldValidationStrict))).To(Succeed())

		server := &v1alpha1.ModelServer{}
		made := sample(ctx, "modelserver.yaml")
		Expect(k8s.Create(ctx, made, client.DryRunAll)).To(Succeed()) // which fills in the port
		Expect(runtime.DefaultUnstructuredConverter.FromUnstructured(made.Object, server)).To(Succeed())
		rules, _, err := unstructured.NestedSlice(route.Object, "spec", "rules")
		Expect(err).NotTo(HaveOccurred())
		Expect(rules[0]).To(HaveKeyWithValue("backendRefs", ConsistOf(
			And(HaveKeyWithValue("name", server.Name), HaveKeyWithValue("port", BeEquivalentTo(server.Spec.Service.Port))))))
	})
})

// gatewayAPI is the folder of the Gateway API's module, which is fetched where it isn't there.
func gatewayAPI(ctx SpecContext) string {
	GinkgoHelper()
	command := exec.CommandContext(ctx, "go", "mod", "download", "-json", "sigs.k8s.io/gateway-api")
	command.Dir = filepath.Join("..", "..", "hack", "tools", "gatewayapi")
	out, err := command.Output()
	Expect(err).NotTo(HaveOccurred())
	var module struct{ Dir string }
	Expect(json.Unmarshal(out, &module)).To(Succeed())
	return module.Dir
}
