// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"os"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

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
		case "kustomization.yaml", katibSample, kedaSample: // whose kinds the API server doesn't have
			continue
		}
		It("are accepted: "+filepath.Base(file), func(ctx SpecContext) {
			data, err := os.ReadFile(file)
			Expect(err).NotTo(HaveOccurred())
			Expect(k8s.Create(ctx, decode(data, makeNamespace(ctx)), client.DryRunAll, client.FieldValidation(metav1.FieldValidationStrict))).To(Succeed())
		})
	}
})
