// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

const (
	// exports are models of other tools, pictures, and what ONNX Runtime answers to them: test/peers/exports/export_small.py.
	exports = "testdata/exports"
	// tolerance is how far a probability may be from ONNX Runtime's.
	tolerance = 1e-4
)

// exportedClasses are the names of the exports' classes, which the files don't have.
var exportedClasses = []string{"cat", "dog", "horse"}

// Models that other tools have exported are served from where they are, and nothing but their classes is told.
var _ = Describe("Models of other tools", Ordered, func() {
	const serverName = "exported"
	var (
		namespace string
		web       *webServer
		s         *v1alpha1.ModelServer
		answers   map[string]map[string][]float64 // of an export, to a picture
	)

	BeforeAll(func(ctx SpecContext) {
		namespace = makeNamespace(ctx, "exports")
		recorded, err := os.ReadFile(filepath.Join(exports, "answers.json"))
		Expect(err).NotTo(HaveOccurred())
		Expect(json.Unmarshal(recorded, &answers)).To(Succeed())
		web = startWebServer(ctx, namespace)
		web.put(ctx, "models", exports)
	})

	It("are served from a web server: torchvision's", func(ctx SpecContext) {
		s = server(namespace, serverName, "")
		s.Spec.Model = v1alpha1.ServedModel{Source: web.export("torchvision.onnx", web.inModels("torchvision.onnx"))}
		s.Spec.Promotion.BakeTime = "2s"
		Expect(k8sClient.Create(ctx, s)).To(Succeed())
		eventuallyServing(ctx, s)
		startProber(ctx, namespace, serverName)
		expectAnswers(ctx, namespace, serverName, answers["torchvision.onnx"])
	})

	It("are served from a registry, where runner push has brought them: Keras's", func(ctx SpecContext) {
		pushed := web.push(ctx, filepath.Join(exports, "keras.onnx"), "models/keras:v1")
		Expect(pushed).To(HavePrefix("oci://" + web.host + "/models/keras@sha256:"))
		update(ctx, s, func() { s.Spec.Model.Source = web.export("keras.onnx", pushed) })
		eventuallyServing(ctx, s)
		Expect(s.Status.Live.Model.URI).To(Equal(pushed))
		expectAnswers(ctx, namespace, serverName, answers["keras.onnx"])
		expectNoFailure(ctx, namespace)
	})
})

// export names an export that lies at a URI of the server.
func (s *webServer) export(name, uri string) *v1alpha1.ModelSource {
	GinkgoHelper()
	model, err := os.ReadFile(filepath.Join(exports, name))
	Expect(err).NotTo(HaveOccurred())
	return &v1alpha1.ModelSource{URI: uri, SHA256: digestOf(model), CABundle: s.caBundle(), Classes: exportedClasses}
}

// inModels is the URI of a file in the folder models.
func (s *webServer) inModels(name string) string { return "https://" + s.host + "/models/" + name }

// push pushes a model to the server's registry by `runner push` and returns the URI by which pods reach it.
func (s *webServer) push(ctx context.Context, model, name string) string {
	GinkgoHelper()
	folder := GinkgoT().TempDir()
	runner, authority := filepath.Join(folder, "runner"), filepath.Join(folder, "ca.crt")
	built, err := exec.CommandContext(ctx, "go", "build", "-o", runner, "../../runner").CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), string(built))
	write(authority, s.certificate)
	here := "oci://" + forward(ctx, s.pod, webPort)
	command := exec.CommandContext(ctx, runner, "push", model, here+"/"+name+"?plain_http=false", "--ca-bundle", authority)
	command.Stderr = GinkgoWriter
	pushed, err := command.Output()
	Expect(err).NotTo(HaveOccurred())
	path, found := strings.CutPrefix(strings.TrimSpace(string(pushed)), here)
	Expect(found).To(BeTrue(), "runner push said %s", pushed)
	path, _, _ = strings.Cut(path, "?")
	return "oci://" + s.host + path
}

// expectAnswers asserts that a ModelServer answers to pictures as ONNX Runtime does.
func expectAnswers(ctx context.Context, namespace, server string, recorded map[string][]float64) {
	GinkgoHelper()
	Expect(recorded).NotTo(BeEmpty())
	for picture, want := range recorded {
		content, err := os.ReadFile(filepath.Join(exports, picture))
		Expect(err).NotTo(HaveOccurred())
		answer := predict(ctx, namespace, server, "image/jpeg", content)
		Expect(answer.Probabilities).To(HaveLen(len(want)))
		for i, class := range exportedClasses {
			Expect(answer.Probabilities[class]).To(BeNumerically("~", want[i], tolerance), "%s: %s of %+v", picture, class, answer)
		}
	}
}
