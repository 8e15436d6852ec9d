// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

var _ = Describe("ModelServer, of a model that another tool has exported", func() {
	var (
		cluster *fakeCluster
		pets    servers
	)
	BeforeEach(func(ctx SpecContext) {
		cluster, pets = startServers(ctx)
	})
	// create makes a server of the model "4", which needs no run.
	create := func(ctx context.Context, change func(*v1alpha1.ModelServerSpec)) {
		GinkgoHelper()
		server := wrappers.MakeModelServer("pets", pets.namespace, "").Obj()
		server.Spec.Model = v1alpha1.ServedModel{Source: &v1alpha1.ModelSource{
			PVC: v1alpha1.ModelPVC{ClaimName: "models", Path: "resnet18.onnx"}, SHA256: digestOf("4"),
		}}
		change(&server.Spec)
		Expect(k8s.Create(ctx, server)).To(Succeed())
	}
	names := func(ctx context.Context, text string) *corev1.ConfigMap {
		GinkgoHelper()
		classes := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "classes", Namespace: pets.namespace}, Data: map[string]string{"pets.txt": text}}
		Expect(k8s.Create(ctx, classes)).To(Succeed())
		return classes
	}
	fromConfigMap := func(spec *v1alpha1.ModelServerSpec) {
		spec.Model.Source.ClassesFrom.ConfigMapKeyRef = v1alpha1.ClassesReference{Name: "classes", Key: "pets.txt"}
	}
	// told is the model that the server of a revision is told of.
	told := func(ctx context.Context, revision string) contract.ServedModel {
		GinkgoHelper()
		var config contract.ServeConfig
		Expect(decodeConfig(&pets.deployment(ctx, revision).Spec.Template.Spec, &config)).To(Succeed())
		return config.Model
	}
	// nudge has the server looked at: its ConfigMap isn't watched.
	nudge := func(ctx context.Context) {
		GinkgoHelper()
		pets.update(ctx, func(server *v1alpha1.ModelServer) { server.Spec.Service.Port++ })
	}

	It("tells the server what the spec says of the model, and says what could not be judged", func(ctx SpecContext) {
		create(ctx, func(spec *v1alpha1.ModelServerSpec) {
			spec.Model.Source.Classes = []string{"cat", "dog"}
			spec.Model.Source.Input = v1alpha1.ModelInput{Size: 224, Layout: "NHWC", Scale: "1/127.5", Mean: []string{"1"}}
			spec.Model.Source.Output = v1alpha1.ModelOutput{Type: v1alpha1.ProbabilitiesOutput, Name: "scores"}
		})
		server := pets.reaches(ctx, v1alpha1.ServingReason)
		Expect(told(ctx, server.Status.Live.Revision)).To(Equal(contract.ServedModel{
			Path: "/model/resnet18.onnx", SHA256: digestOf("4"), Classes: []string{"cat", "dog"},
			Input:  &contract.ServedInput{Size: 224, Layout: "NHWC", Scale: "1/127.5", Mean: []float64{1}},
			Output: contract.OutputProbabilities, OutputName: "scores",
		}))
		Expect(message(server, v1alpha1.ReadyCondition)).To(And(
			ContainSubstring("integrity could not be judged"), ContainSubstring("set spec.smoke.samples"),
			ContainSubstring("whether the model is better than guessing could not be judged")))
		Expect(condition(server, v1alpha1.ModelResolvedCondition)).To(Equal("True/Resolved"))
	})

	It("rolls another input or other classes out as another revision, and back without a test", func(ctx SpecContext) {
		create(ctx, func(spec *v1alpha1.ModelServerSpec) { spec.Model.Source.Classes = []string{"cat", "dog"} })
		first := pets.reaches(ctx, v1alpha1.ServingReason).Status.Live.Revision
		pets.update(ctx, func(server *v1alpha1.ModelServer) { server.Spec.Model.Source.Classes = []string{"dog", "cat"} })
		second := pets.reaches(ctx, v1alpha1.ServingReason).Status.Live.Revision
		Expect(told(ctx, second).Classes).To(Equal([]string{"dog", "cat"}))
		pets.update(ctx, func(server *v1alpha1.ModelServer) { server.Spec.Model.Source.Input.Size = 96 })
		third := pets.reaches(ctx, v1alpha1.ServingReason).Status.Live.Revision
		Expect([]string{first, second}).NotTo(ContainElement(third))
		Expect(cluster.selections()).To(Equal([]string{first, second, third}))
	})

	It("waits for a ConfigMap with the classes, and says what is missing", func(ctx SpecContext) {
		create(ctx, fromConfigMap)
		server := pets.reaches(ctx, v1alpha1.ClassesNotFoundReason)
		Expect(message(server, v1alpha1.ReadyCondition)).To(ContainSubstring("ConfigMap classes doesn't exist in this namespace: create it"))
		Expect(condition(server, v1alpha1.ModelResolvedCondition)).To(Equal("False/ClassesNotFound"))
		Expect(condition(server, v1alpha1.ReconcilingCondition)).To(Equal("True/ClassesNotFound"))
		classes := names(ctx, "\n")
		nudge(ctx)
		server = pets.reaches(ctx, v1alpha1.ClassesInvalidReason)
		Expect(condition(server, v1alpha1.StalledCondition)).To(Equal("True/ClassesInvalid"))
		Expect(message(server, v1alpha1.ReadyCondition)).To(ContainSubstring("key pets.txt of ConfigMap classes"))
		classes.Data = map[string]string{"pets.txt": "cat\ndog\n"}
		Expect(k8s.Update(ctx, classes)).To(Succeed())
		nudge(ctx)
		server = pets.reaches(ctx, v1alpha1.ServingReason)
		Expect(told(ctx, server.Status.Live.Revision).Classes).To(Equal([]string{"cat", "dog"}))
	})

	It("rolls out what a ConfigMap says now, and serves on when it is gone", func(ctx SpecContext) {
		classes := names(ctx, "cat\ndog\n")
		create(ctx, fromConfigMap)
		first := pets.reaches(ctx, v1alpha1.ServingReason).Status.Live.Revision

		By("saying the same in another way")
		classes.Data["pets.txt"] = `["cat", "dog"]`
		Expect(k8s.Update(ctx, classes)).To(Succeed())
		nudge(ctx)
		Expect(pets.reaches(ctx, v1alpha1.ServingReason).Status.Live.Revision).To(Equal(first))

		By("saying something else")
		classes.Data["pets.txt"] = "cat\nhound\n"
		Expect(k8s.Update(ctx, classes)).To(Succeed())
		nudge(ctx)
		Eventually(func() string { return pets.get(ctx).Status.Live.Revision }).ShouldNot(Equal(first))
		second := pets.reaches(ctx, v1alpha1.ServingReason).Status.Live.Revision
		Expect(told(ctx, second).Classes).To(Equal([]string{"cat", "hound"}))

		By("being deleted")
		Expect(k8s.Delete(ctx, classes)).To(Succeed())
		nudge(ctx)
		Eventually(func() string { return condition(pets.get(ctx), v1alpha1.ModelResolvedCondition) }).Should(Equal("False/ClassesNotFound"))
		server := pets.reaches(ctx, v1alpha1.ServingReason)
		Expect(server.Status.Live.Revision).To(Equal(second))
		Expect(message(server, v1alpha1.ReadyCondition)).To(ContainSubstring("ConfigMap classes doesn't exist"))
	})

	It("tests by pictures of the user's own", func(ctx SpecContext) {
		cluster.model(digestOf("4"), bakesForEver)
		create(ctx, func(spec *v1alpha1.ModelServerSpec) {
			spec.Smoke.Samples = &v1alpha1.SmokeSamples{PVC: &v1alpha1.DatasetPVC{ClaimName: "photos", Path: "check"}}
		})
		pets.reaches(ctx, v1alpha1.BakingReason)
		Eventually(func(g Gomega) {
			jobs := &batchv1.JobList{}
			g.Expect(k8s.List(ctx, jobs, client.InNamespace(pets.namespace), client.HasLabels{v1alpha1.ModelServerLabel})).To(Succeed())
			g.Expect(jobs.Items).NotTo(BeEmpty())
			for i := range jobs.Items {
				g.Expect(smokeConfigOf(&jobs.Items[i]).Pictures).To(Equal(&contract.Samples{Path: "/pictures/check"}))
				g.Expect(claims(&jobs.Items[i].Spec.Template.Spec)).To(Equal(map[string]string{"pictures": "photos"}))
			}
		}).Should(Succeed())
	})
})
