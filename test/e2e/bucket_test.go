// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"image/color"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/dataset/folder"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

const (
	samplesPerColor = 40
	pictureSize     = 32
	splitSeed       = 42
	heldOutPercent  = 20
)

var (
	red  = color.RGBA{R: 200, G: 70, B: 60, A: 255}
	blue = color.RGBA{R: 60, G: 70, B: 200, A: 255}
)

// Pictures come from a bucket and the model goes to it, from where it is served, until a model that another tool has written to
// the bucket takes its place. Each pod has the credentials that its part needs. The prober sends requests all the while.
var _ = Describe("Data and models in a bucket", Ordered, func() {
	const serverName = "colors"
	var (
		namespace, files string
		run              *v1alpha1.TrainingRun
		s                *v1alpha1.ModelServer
	)

	BeforeAll(func(ctx SpecContext) {
		namespace, files = makeNamespace(ctx, "bucket"), GinkgoT().TempDir()
		writePictures(filepath.Join(files, "pictures"))
		write(filepath.Join(files, "others", "colors.onnx"), bgrModel())
		startS3(ctx, namespace, files)
	})

	It("train a model whose lineage names them", func(ctx SpecContext) {
		run = colorsRun(namespace, v1alpha1.Dataset{URI: inBucket(namespace, "pictures"), SecretRef: s3Secret()})
		Expect(k8sClient.Create(ctx, run)).To(Succeed())
		eventuallyComplete(ctx, run)
		Expect(run.Status.Lineage).To(Equal(lineageOf(ctx, run, filepath.Join(files, "pictures"), "s3://"+bucket+"/pictures", ""))) // a bucket has no revision
		Expect(run.Status.Model.URI).To(HavePrefix("s3://" + bucket + "/models/"))
		Expect(run.Status.Model.Chance).To(Equal(v1alpha1.BetterThanChance))
	})

	It("serve the model of the run with the run's credentials", func(ctx SpecContext) {
		s = server(namespace, serverName, run.Name)
		s.Spec.Promotion.BakeTime = "2s"
		Expect(k8sClient.Create(ctx, s)).To(Succeed())
		eventuallyServing(ctx, s)
		Expect(s.Status.Live.Model).To(Equal(v1alpha1.RevisionModel{URI: run.Status.Model.URI, SHA256: run.Status.Model.SHA256, TrainingRun: run.Name}))
		startProber(ctx, namespace, serverName)
		expectColors(ctx, namespace, serverName)
	})

	It("serve a model of another tool, told its classes and its input, without a failed request", func(ctx SpecContext) {
		model, digest := inBucket(namespace, "others/colors.onnx"), digestOf(bgrModel())
		update(ctx, s, func() {
			s.Spec.Model = v1alpha1.ServedModel{Source: &v1alpha1.ModelSource{
				URI: model, SHA256: digest, SecretRef: s3Secret(),
				Classes: []string{"red", "blue"},
				Input:   v1alpha1.ModelInput{ChannelOrder: "BGR"},
			}}
		})
		eventuallyServing(ctx, s)
		Expect(s.Status.Live.Model).To(Equal(v1alpha1.RevisionModel{URI: model, SHA256: digest}))
		expectColors(ctx, namespace, serverName)
		expectNoFailure(ctx, namespace)
	})
})

// colorsRun trains on pictures of writePictures, into the bucket of the namespace.
func colorsRun(namespace string, data v1alpha1.Dataset) *v1alpha1.TrainingRun {
	data.Split = v1alpha1.Split{ValidationPercent: heldOutPercent, TestPercent: heldOutPercent, Seed: ptr.To[int64](splitSeed)}
	return &v1alpha1.TrainingRun{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "colors"},
		Spec: v1alpha1.TrainingRunSpec{
			Dataset:  data,
			Model:    v1alpha1.Model{ImageSize: pictureSize},
			Training: v1alpha1.Training{Epochs: 10, BatchSize: 8},
			Output:   v1alpha1.Output{URI: inBucket(namespace, "models"), SecretRef: s3Secret()},
		},
	}
}

// lineageOf is what a run on pictures that also lie in a folder must say of itself.
func lineageOf(ctx context.Context, run *v1alpha1.TrainingRun, pictures, location, revision string) *v1alpha1.Lineage {
	GinkgoHelper()
	data, err := dataset.Open(ctx, folder.New(pictures, folder.Layout{}), dataset.Options{Preprocess: preprocess.DefaultSpec(pictureSize)})
	Expect(err).NotTo(HaveOccurred())
	split, err := data.Split(dataset.SplitConfig{ValidationPercent: heldOutPercent, TestPercent: heldOutPercent, Seed: splitSeed})
	Expect(err).NotTo(HaveOccurred())

	var pods corev1.PodList
	Expect(k8sClient.List(ctx, &pods, client.InNamespace(run.Namespace), client.MatchingLabels{v1alpha1.TrainingRunLabel: run.Name})).To(Succeed())
	Expect(pods.Items).To(HaveLen(1))
	image := pods.Items[0].Status.ContainerStatuses[0].ImageID
	if _, id, found := strings.Cut(image, "://"); found {
		image = id
	}
	Expect(image).To(ContainSubstring("sha256:"))
	return &v1alpha1.Lineage{
		Dataset: &v1alpha1.DatasetLineage{
			Digest: data.Digest, Samples: 2 * samplesPerColor, TestSplitDigest: split.Test.Digest(),
			Location: location, Revision: revision,
		},
		Image: image,
	}
}

// expectColors asserts that a ModelServer tells the colors apart.
func expectColors(ctx context.Context, namespace, server string) {
	GinkgoHelper()
	const unseen = 1000
	for want, paint := range map[string]color.RGBA{"blue": blue, "red": red} {
		Expect(predict(ctx, namespace, server, "image/png", picture(paint, unseen)).Class).To(Equal(want))
	}
}

// writePictures writes the pictures of each color into a folder of its name.
func writePictures(folder string) {
	GinkgoHelper()
	for name, paint := range map[string]color.RGBA{"blue": blue, "red": red} {
		for i := range samplesPerColor {
			write(filepath.Join(folder, name, strconv.Itoa(i)+".png"), picture(paint, uint64(i)))
		}
	}
}

func write(path string, data []byte) {
	GinkgoHelper()
	Expect(os.MkdirAll(filepath.Dir(path), 0o700)).To(Succeed())
	Expect(os.WriteFile(path, data, 0o600)).To(Succeed())
}
