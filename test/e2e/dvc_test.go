// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/dataset/dvc/dvctest"
)

// Pictures are kept by DVC beside a Git repository, and what they teach is served from a bucket.
var _ = Describe("Data that DVC keeps", Ordered, func() {
	const serverName = "colors"
	var (
		namespace, pictures, commit string
		web                         *webServer
		run                         *v1alpha1.TrainingRun
	)

	BeforeAll(func(ctx SpecContext) {
		namespace, pictures = makeNamespace(ctx, "dvc"), GinkgoT().TempDir()
		writePictures(pictures)
		inBucket := GinkgoT().TempDir()
		var repository string
		repository, commit = dvctest.New(GinkgoTB(), pictures, filepath.Join(inBucket, "dvc"),
			"url = s3://"+bucket+"/dvc", "endpointurl = "+s3Endpoint(namespace), "region = "+s3Region)
		startS3(ctx, namespace, inBucket)
		web = startWebServer(ctx, namespace)
		web.put(ctx, "git/pets.git", filepath.Join(repository, ".git"))
	})

	It("train a model whose lineage names the commit", func(ctx SpecContext) {
		repository := "https://" + web.host + "/git/pets.git"
		run = colorsRun(namespace, v1alpha1.Dataset{DVC: &v1alpha1.DatasetDVC{
			Repo: repository, Path: dvctest.Path, SecretRef: s3Secret(), CABundle: web.caBundle(),
		}})
		Expect(k8sClient.Create(ctx, run)).To(Succeed())
		eventuallyComplete(ctx, run)
		Expect(run.Status.Lineage).To(Equal(lineageOf(ctx, run, pictures, repository+"//"+dvctest.Path, commit)))

		model, samples := inStore(ctx, namespace, run.Status.Model.URI), inStore(ctx, namespace, run.Status.Model.Samples.URI)
		Expect(run.Status.Model).To(Equal(&v1alpha1.PublishedModel{
			URI: run.Status.Model.URI, SHA256: digestOf(model), SizeBytes: int64(len(model)),
			ClassCount: 2, Classes: []string{"blue", "red"}, Chance: v1alpha1.BetterThanChance, ChanceAccuracy: "0.5",
			Samples: &v1alpha1.PublishedSamples{URI: run.Status.Model.Samples.URI, SHA256: digestOf(samples)},
		}))
	})

	It("are the lineage of a model that is served by its URI", func(ctx SpecContext) {
		s := server(namespace, serverName, "")
		s.Spec.Model = v1alpha1.ServedModel{Source: &v1alpha1.ModelSource{URI: run.Status.Model.URI, SHA256: run.Status.Model.SHA256, SecretRef: s3Secret()}}
		s.Spec.Promotion.BakeTime = "2s"
		Expect(k8sClient.Create(ctx, s)).To(Succeed())
		eventuallyServing(ctx, s)
		Expect(s.Status.Live.Model).To(Equal(v1alpha1.RevisionModel{URI: run.Status.Model.URI, SHA256: run.Status.Model.SHA256}))
		Expect(modelInfo(ctx, namespace, serverName)).To(And(
			HaveKeyWithValue("sha256", run.Status.Model.SHA256),
			HaveKeyWithValue("lineage", HaveKeyWithValue("datasetDigest", run.Status.Lineage.Dataset.Digest)),
		))
		expectColors(ctx, namespace, serverName)
	})
})

func digestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
