// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

const (
	// argoLabel is that of specs that need Argo CD and no operator: make test-argocd.
	argoLabel = "argocd"
	// argoSamples are what docs/gitops.md has people put into Git.
	argoSamples = repository + "/config/argocd/samples"

	// What they describe.
	parentApp    = "machine-learning"
	operatorApp  = "trainyard"
	petsApp      = "pets" // its namespace and its ModelServer have the same name
	firstRun     = "pets-2026-05"
	serverFile   = "pets/modelserver.yaml"
	firstRunFile = "pets/trainingrun.yaml"

	// Words of Argo CD.
	healthy, progressing, suspended, degraded = "Healthy", "Progressing", "Suspended", "Degraded"
)

// A team's life with models in Git: a real Argo CD installs the operator and applies what is committed, and what it shows of each
// object is what its own answers say. The prober sends requests from the first promotion until the models are deleted.
var _ = Describe("Models in Git, by Argo CD", Ordered, Label(argoLabel), func() {
	var cd *argoCD
	s := server(petsApp, petsApp, "")
	run := func(name string) *v1alpha1.TrainingRun {
		return &v1alpha1.TrainingRun{ObjectMeta: metav1.ObjectMeta{Namespace: petsApp, Name: name}}
	}

	BeforeAll(func(ctx SpecContext) {
		for name, value := range map[string]string{"ARGOCD": argoProgram, "ARGOCD_MANIFESTS": argoManifests, "CURRENT_INSTALL": currentInstall} {
			Expect(value).NotTo(BeEmpty(), "%s is not set: run this by make test-argocd", name)
		}
		cd = startArgoCD(ctx)
		DeferCleanup(func(ctx SpecContext) {
			if CurrentSpecReport().Failed() {
				describeNamespace(ctx, petsApp)
			}
		})
	})

	It("are trained, then served, by an operator that Argo CD installs", func(ctx SpecContext) {
		By("committing the samples, and applying the Application of Applications")
		cd.copySamples("apps", "pets")
		cd.git.edit(serverFile, "\nspec:\n", "\nspec:\n  promotion: {bakeTime: 10s}\n")
		manifests, err := os.ReadFile(currentInstall)
		Expect(err).NotTo(HaveOccurred())
		cd.git.write("trainyard/install.yaml", string(manifests))
		cd.git.commit(ctx, "Train and serve pets")
		cd.apply(ctx, "app-of-apps.yaml")
		cd.eventuallyIs(ctx, parentApp, healthy)
		cd.eventuallyIs(ctx, operatorApp, healthy)
		judgeStatuses(restConfig)

		By("training before anything is served")
		cd.eventuallyShows(ctx, petsApp, "TrainingRun", firstRun, progressing, v1alpha1.TrainingReason)
		Expect(apierrors.IsNotFound(get(ctx, s))).To(BeTrue(), "the ModelServer was applied before its wave")
		cd.eventuallyShows(ctx, petsApp, "TrainingRun", firstRun, healthy, v1alpha1.ModelPublishedReason)

		By("serving")
		cd.eventuallyShows(ctx, petsApp, "ModelServer", petsApp, healthy, v1alpha1.ServingReason)
		cd.eventuallyIs(ctx, petsApp, healthy)
		Expect(get(ctx, s)).To(Succeed())
		Expect(s.Status.Live.Model.TrainingRun).To(Equal(firstRun))
		startProber(ctx, petsApp, petsApp)
	})

	It("aren't OutOfSync by what operator, API server and autoscaler write", func(ctx SpecContext) {
		for _, app := range []string{parentApp, operatorApp, petsApp} {
			cd.staysSynced(ctx, app)
		}

		By("scaling as an autoscaler does")
		kubectlRun(ctx, "scale", "--namespace="+petsApp, "modelserver/"+petsApp, "--replicas=2")
		Eventually(func(g Gomega) {
			g.Expect(get(ctx, s)).To(Succeed())
			g.Expect(s.Status.ReadyReplicas).To(HaveValue(BeEquivalentTo(2)))
		}).WithContext(ctx).WithTimeout(rolloutLimit).WithPolling(pollInterval).Should(Succeed())
		cd.staysSynced(ctx, petsApp)
		cd.eventuallyIs(ctx, petsApp, healthy)

		By("committing replicas all the same, with another change, so that a sync applies it")
		cd.git.edit(serverFile, "\nspec:\n", "\nspec:\n  replicas: 1\n  server: {maxBatch: 8}\n")
		cd.git.commit(ctx, "Serve larger batches")
		cd.eventuallyShows(ctx, petsApp, "ModelServer", petsApp, progressing, v1alpha1.BakingReason)
		cd.eventuallyShows(ctx, petsApp, "ModelServer", petsApp, healthy, v1alpha1.ServingReason)
		Expect(get(ctx, s)).To(Succeed())
		Expect(s.Spec.Server.MaxBatch).To(BeEquivalentTo(8))
		Expect(s.Spec.Replicas).To(HaveValue(BeEquivalentTo(2)), "a sync has set back what an autoscaler wrote")
		cd.staysSynced(ctx, petsApp)
		expectNoFailure(ctx, petsApp)
	})

	It("go on as they were when a commit brings a bad one, and a revert takes it back", func(ctx SpecContext) {
		Expect(get(ctx, s)).To(Succeed())
		live := s.Status.Live.Revision
		cd.addRun("pets-2026-06", "generated: {samplesPerClass: 100, labelNoisePercent: 100}", "epochs: 1")
		// Its own figures would have it refused before it starts.
		cd.git.edit(serverFile, "bakeTime: 10s", "bakeTime: 10s, chance: Allow")
		cd.git.edit(serverFile, firstRun, "pets-2026-06")
		cd.git.commit(ctx, "Serve the model of June")
		cd.eventuallyShows(ctx, petsApp, "TrainingRun", "pets-2026-06", healthy, v1alpha1.ModelPublishedReason)
		cd.eventuallyShows(ctx, petsApp, "ModelServer", petsApp, degraded, v1alpha1.SmokeFailedReason)
		cd.eventuallyIs(ctx, petsApp, degraded)
		Expect(get(ctx, s)).To(Succeed())
		Expect(s.Status.Live.Revision).To(Equal(live))
		expectNoFailure(ctx, petsApp)

		cd.git.revert(ctx)
		cd.eventuallyShows(ctx, petsApp, "ModelServer", petsApp, healthy, v1alpha1.ServingReason)
		cd.eventuallyIs(ctx, petsApp, healthy)
		Expect(get(ctx, s)).To(Succeed())
		Expect(s.Status.Live.Revision).To(Equal(live))
		Expect(apierrors.IsNotFound(get(ctx, run("pets-2026-06")))).To(BeTrue(), "the run of the reverted commit wasn't pruned")
		expectNoFailure(ctx, petsApp)
	})

	It("go on as they were when a commit brings one that can't be trained, and a revert isn't held up", func(ctx SpecContext) {
		cd.addRun("pets-2026-07", "pvc: {claimName: models, path: photographs}", "epochs: 1")
		cd.git.edit(serverFile, firstRun, "pets-2026-07")
		cd.git.commit(ctx, "Serve the model of July")
		cd.eventuallyShows(ctx, petsApp, "TrainingRun", "pets-2026-07", degraded, v1alpha1.DatasetNotFoundReason)
		Eventually(func(g Gomega) {
			a, err := cd.application(ctx, petsApp)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(a.Status.OperationState.RetryCount).To(BeNumerically(">", 0), "the run that failed didn't fail the sync: %+v", a.Status)
		}).WithContext(ctx).WithTimeout(rolloutLimit).WithPolling(argoPolling).Should(Succeed())
		Expect(get(ctx, s)).To(Succeed())
		Expect(s.Spec.Model.TrainingRunRef.Name).To(Equal(firstRun), "the ModelServer's wave came though the run before it failed")

		cd.git.revert(ctx)
		cd.eventuallyIs(ctx, petsApp, healthy)
		Expect(apierrors.IsNotFound(get(ctx, run("pets-2026-07")))).To(BeTrue(), "the run of the reverted commit wasn't pruned")
		expectNoFailure(ctx, petsApp)
	})

	It("are steered by actions, which leave them Synced", func(ctx SpecContext) {
		act := func(action, health, reason string) {
			GinkgoHelper()
			cd.act(ctx, petsApp, "ModelServer", petsApp, action)
			cd.eventuallyShows(ctx, petsApp, "ModelServer", petsApp, health, reason)
			cd.staysSynced(ctx, petsApp)
		}
		output, err := cd.tryAct(ctx, petsApp, "ModelServer", petsApp, "promote")
		Expect(err).To(HaveOccurred())
		Expect(output).To(ContainSubstring("no candidate awaits promotion"))

		cd.git.edit(serverFile, "bakeTime: 10s", "bakeTime: 30s, mode: Manual")
		cd.git.edit(serverFile, "maxBatch: 8", "maxBatch: 4")
		cd.git.commit(ctx, "Approve models by hand")
		cd.eventuallyShows(ctx, petsApp, "ModelServer", petsApp, suspended, v1alpha1.AwaitingPromotionReason)
		cd.eventuallyIs(ctx, petsApp, suspended)
		Expect(get(ctx, s)).To(Succeed())
		candidate := s.Status.Candidate.Revision

		act("pause", suspended, v1alpha1.PausedReason)
		act("resume", suspended, v1alpha1.AwaitingPromotionReason)
		act("reject", degraded, v1alpha1.AbortedReason)
		act("retry", suspended, v1alpha1.AwaitingPromotionReason)
		act("promote", progressing, v1alpha1.BakingReason)
		cd.eventuallyShows(ctx, petsApp, "ModelServer", petsApp, healthy, v1alpha1.ServingReason)
		cd.eventuallyIs(ctx, petsApp, healthy)
		Expect(get(ctx, s)).To(Succeed())
		Expect(s.Status.Live.Revision).To(Equal(candidate))
		expectNoFailure(ctx, petsApp)
	})

	It("are trained when a person lets them", func(ctx SpecContext) {
		const name = "pets-2026-08"
		cd.addRun(name, "generated: {samplesPerClass: 300}", "epochs: 4")
		cd.git.commit(ctx, "Train the model of August")
		cd.eventuallyShows(ctx, petsApp, "TrainingRun", name, progressing, v1alpha1.TrainingReason)
		cd.act(ctx, petsApp, "TrainingRun", name, "suspend")
		cd.eventuallyShows(ctx, petsApp, "TrainingRun", name, suspended, v1alpha1.SuspendedReason)
		cd.staysSynced(ctx, petsApp)
		cd.act(ctx, petsApp, "TrainingRun", name, "resume")
		cd.eventuallyShows(ctx, petsApp, "TrainingRun", name, progressing, v1alpha1.TrainingReason)
		cd.eventuallyShows(ctx, petsApp, "TrainingRun", name, healthy, v1alpha1.ModelPublishedReason)
		cd.eventuallyIs(ctx, petsApp, healthy)
		cd.staysSynced(ctx, petsApp)
	})

	It("are as Git says where Git says it", func(ctx SpecContext) {
		cd.git.edit(serverFile, "\nspec:\n", "\nspec:\n  rollout: {paused: false}\n")
		cd.git.commit(ctx, "Never pause")
		Eventually(func(g Gomega) {
			_, err := cd.application(ctx, petsApp)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(get(ctx, s)).To(Succeed())
			g.Expect(s.Spec.Rollout.Paused).To(HaveValue(BeFalse()))
		}).WithContext(ctx).WithTimeout(rolloutLimit).WithPolling(argoPolling).Should(Succeed())
		generation := s.Generation
		cd.act(ctx, petsApp, "ModelServer", petsApp, "pause")
		Eventually(func(g Gomega) {
			g.Expect(get(ctx, s)).To(Succeed())
			g.Expect(s.Generation).To(BeNumerically(">=", generation+2), "paused and set back")
			g.Expect(s.Spec.Rollout.Paused).To(HaveValue(BeFalse()))
		}).WithContext(ctx).WithTimeout(rolloutLimit).WithPolling(pollInterval).Should(Succeed())
		cd.eventuallyIs(ctx, petsApp, healthy)
		expectNoFailure(ctx, petsApp)
	})

	It("are deleted with their Application, except for the claim that keeps them", func(ctx SpecContext) {
		Expect(k8sClient.Delete(ctx, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: petsApp, Name: "prober"}}, client.GracePeriodSeconds(0))).To(Succeed())
		cd.git.run(ctx, "rm", "--quiet", "apps/pets.yaml")
		cd.git.commit(ctx, "Close down")
		Eventually(func(g Gomega) {
			_, err := cd.application(ctx, parentApp)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(apierrors.IsNotFound(get(ctx, application(petsApp)))).To(BeTrue())
			for _, list := range []client.ObjectList{
				&v1alpha1.TrainingRunList{}, &v1alpha1.ModelServerList{}, &appsv1.DeploymentList{}, &batchv1.JobList{}, &corev1.ServiceList{}, &corev1.PodList{},
			} {
				g.Expect(k8sClient.List(ctx, list, client.InNamespace(petsApp))).To(Succeed())
				g.Expect(meta.LenList(list)).To(BeZero(), "%T", list)
			}
		}).WithContext(ctx).WithTimeout(rolloutLimit).WithPolling(argoPolling).Should(Succeed())
		claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: petsApp, Name: modelsClaim}}
		Expect(get(ctx, claim)).To(Succeed())
		Expect(claim.DeletionTimestamp).To(BeNil())
		cd.eventuallyIs(ctx, parentApp, healthy)
		cd.eventuallyIs(ctx, operatorApp, healthy)
	})
})

// copySamples puts folders of the samples into the working tree, with its own address in place of theirs.
func (cd *argoCD) copySamples(folders ...string) {
	GinkgoHelper()
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join(argoSamples, folder, "*.yaml"))
		Expect(err).NotTo(HaveOccurred())
		Expect(files).NotTo(BeEmpty())
		for _, file := range files {
			cd.git.write(filepath.Join(folder, filepath.Base(file)), cd.sample(file))
		}
	}
}

// sample reads a sample, with the address of the repository in place of its own.
func (cd *argoCD) sample(path string) string {
	GinkgoHelper()
	data, err := os.ReadFile(path)
	Expect(err).NotTo(HaveOccurred())
	return strings.ReplaceAll(string(data), "https://git.example/team/models.git", cd.git.url)
}

// apply applies a sample that isn't in Git.
func (cd *argoCD) apply(ctx context.Context, name string) {
	GinkgoHelper()
	path := filepath.Join(cd.folder, name)
	Expect(os.WriteFile(path, []byte(cd.sample(filepath.Join(argoSamples, name))), 0o600)).To(Succeed())
	kubectlRun(ctx, "apply", "-f", path)
}

// addRun puts another run beside the first of the samples, with another dataset and other epochs.
func (cd *argoCD) addRun(name, dataset, epochs string) {
	GinkgoHelper()
	file := "pets/" + name + ".yaml"
	cd.git.write(file, cd.sample(filepath.Join(argoSamples, firstRunFile)))
	cd.git.edit(file, "name: "+firstRun, "name: "+name)
	cd.git.edit(file, "generated: {samplesPerClass: 400}", dataset)
	cd.git.edit(file, "epochs: 6", epochs)
}

// application is an Application to look for.
func application(name string) client.Object {
	obj := &unstructured.Unstructured{}
	obj.SetAPIVersion("argoproj.io/v1alpha1")
	obj.SetKind("Application")
	obj.SetNamespace(argoNamespace)
	obj.SetName(name)
	return obj
}
