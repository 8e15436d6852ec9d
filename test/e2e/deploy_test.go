// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// The operator is deployed by make deploy-checked, well and badly, while a prober sends requests to a user's server. As the other specs of this label these
// replace the operator of the whole cluster.
var _ = Describe("A checked deployment", Ordered, Label("install"), func() {
	const wait = "TIMEOUT=90s"
	var (
		namespace string
		before    sight
	)
	unchanged := func(ctx context.Context) {
		GinkgoHelper()
		Expect(cmp.Diff(before, look(ctx, namespace))).To(BeEmpty(), "what changed of the user's (-before +after)")
		expectNoFailure(ctx, namespace)
	}
	BeforeAll(func(ctx SpecContext) { namespace = makeNamespace(ctx, "deployed") })
	AfterAll(func(ctx SpecContext) {
		helmRun(ctx, "uninstall", release, "--namespace", managerNamespace, "--ignore-not-found", "--wait")
	})

	It("leaves nothing of a first one that fails", func(ctx SpecContext) {
		out, err := deployChecked(ctx, "TAG=missing", "TIMEOUT=20s")
		Expect(err).To(HaveOccurred())
		Expect(out).To(ContainSubstring("deploy: rolled back to nothing, for nothing was installed before: helm upgrade: "))
		Expect(apierrors.IsNotFound(k8sClient.Get(ctx, managerKey, &appsv1.Deployment{}))).To(BeTrue())
		noTrialLeft(ctx)
	})

	It("installs", func(ctx SpecContext) {
		out, err := deployChecked(ctx, "TAG="+installTag, wait)
		Expect(err).NotTo(HaveOccurred(), out)
		Expect(managerRuns(ctx)).To(Equal(managerImage(installTag)))
		noTrialLeft(ctx)

		By("training and serving a model of a user")
		helmRun(ctx, "install", "pets", "testdata/pets", "--namespace", namespace, "--wait", "--timeout=5m")
		s := server(namespace, "pets", "pets")
		Expect(get(ctx, s)).To(Succeed())
		Expect(readyReason(s.Status.Conditions)).To(Equal(v1alpha1.ServingReason))
		startProber(ctx, namespace, s.Name)
		eventuallyAlone(ctx, s)
		before = look(ctx, namespace)
	})

	It("upgrades, and leaves users' servers alone", func(ctx SpecContext) {
		out, err := deployChecked(ctx, "TAG="+nextTag, wait)
		Expect(err).NotTo(HaveOccurred(), out)
		Expect(managerRuns(ctx)).To(Equal(managerImage(nextTag)))
		noTrialLeft(ctx)
		unchanged(ctx)
	})

	DescribeTable("goes back from a version that is no good", func(ctx SpecContext, values, reason string) {
		file := filepath.Join(GinkgoT().TempDir(), "values.yaml")
		Expect(os.WriteFile(file, []byte(values), 0o600)).To(Succeed())
		was := managerRevision(ctx)
		out, err := deployChecked(ctx, "TAG="+nextTag, "VALUES="+file, wait)
		var exit *exec.ExitError
		Expect(err).To(BeAssignableToTypeOf(exit), out)
		Expect(out).To(MatchRegexp(`(?m)^deploy: rolled back to revision \d+: ` + reason))
		Expect(managerRuns(ctx)).To(Equal(managerImage(nextTag)))
		Expect(managerRevision(ctx)).To(Equal(was), "the manager's pods are others than before")
		noTrialLeft(ctx)
		unchanged(ctx)
	},
		Entry("its manager doesn't get ready", "images: {manager: {repository: trainyard-missing}}\n", "helm upgrade: "),
		Entry("it can't train", "images: {runner: {repository: trainyard-missing}}\n", "after 1m30s the trial isn't ready: TrainingRun: "),
		Entry("its servers answer no prediction", "images: {server: {repository: trainyard-mute}}\n", "ModelServer: revision trial-[0-9a-f]+ was rejected: .*this server is mute on purpose"),
	)

	DescribeTable("goes back when it is interrupted", func(ctx SpecContext, tag string, underWay func(Gomega, *gbytes.Buffer)) {
		command, out := deployment(ctx, "TAG="+tag, wait)
		command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		Expect(command.Start()).To(Succeed())
		Eventually(func(g Gomega) { underWay(g, out) }).WithContext(ctx).WithTimeout(rolloutLimit).WithPolling(pollInterval).Should(Succeed())
		Expect(syscall.Kill(-command.Process.Pid, syscall.SIGINT)).To(Succeed()) // to all of them, as a terminal does
		Expect(command.Wait()).NotTo(Succeed())
		Expect(string(out.Contents())).To(MatchRegexp(`(?m)^deploy: rolled back to revision \d+: it was interrupted$`))
		Expect(managerRuns(ctx)).To(Equal(managerImage(nextTag)))
		noTrialLeft(ctx)
		unchanged(ctx)
	},
		Entry("while it waits for the manager", "missing", func(g Gomega, _ *gbytes.Buffer) {
			var d appsv1.Deployment
			g.Expect(k8sClient.Get(context.Background(), managerKey, &d)).To(Succeed())
			g.Expect(d.Spec.Template.Spec.Containers[0].Image).To(Equal(managerImage("missing")))
		}),
		Entry("while the trial trains", installTag, func(g Gomega, out *gbytes.Buffer) { g.Expect(out).To(gbytes.Say("is training")) }),
	)

	It("deploys a good version after all that", func(ctx SpecContext) {
		out, err := deployChecked(ctx, "TAG="+installTag, wait)
		Expect(err).NotTo(HaveOccurred(), out)
		Expect(managerRuns(ctx)).To(Equal(managerImage(installTag)))
		unchanged(ctx)
		report := expectNoFailure(ctx, namespace)
		AddReportEntry("deployments", fmt.Sprintf("0 of %d pods and 0 of %d other objects changed; %d requests, %d failed",
			len(before.Pods), len(before.Specs)+len(before.Selectors),
			report.Fresh.Requests+report.Pooled.Requests, report.Fresh.Failed+report.Pooled.Failed))
	})
})

var managerKey = client.ObjectKey{Namespace: managerNamespace, Name: managerName}

// deployment is make deploy-checked with variables, and all that it prints.
func deployment(ctx context.Context, variables ...string) (*exec.Cmd, *gbytes.Buffer) {
	command := exec.CommandContext(ctx, "make", append([]string{"-C", repository, "deploy-checked", "REGISTRY=" + installRegistry}, variables...)...)
	out := gbytes.NewBuffer()
	both := io.MultiWriter(out, GinkgoWriter)
	command.Stdout, command.Stderr = both, both
	return command, out
}

// deployChecked runs it to its end.
func deployChecked(ctx context.Context, variables ...string) (string, error) {
	command, out := deployment(ctx, variables...)
	err := command.Run()
	return string(bytes.TrimSpace(out.Contents())), err
}

// managerRuns is the image of the manager, whose pods are all ready.
func managerRuns(ctx context.Context) string {
	GinkgoHelper()
	var d appsv1.Deployment
	Expect(k8sClient.Get(ctx, managerKey, &d)).To(Succeed())
	Expect(d.Status.ReadyReplicas).To(Equal(*d.Spec.Replicas))
	Expect(d.Status.UpdatedReplicas).To(Equal(*d.Spec.Replicas))
	return d.Spec.Template.Spec.Containers[0].Image
}

// managerRevision is the ReplicaSet that the manager's only pod is of.
func managerRevision(ctx context.Context) string {
	GinkgoHelper()
	var pods corev1.PodList
	Expect(k8sClient.List(ctx, &pods, client.InNamespace(managerNamespace))).To(Succeed())
	running := ""
	for _, pod := range pods.Items {
		if pod.DeletionTimestamp == nil {
			Expect(running).To(BeEmpty(), "a second pod of the manager: %s", pod.Name)
			running = pod.Labels[appsv1.DefaultDeploymentUniqueLabelKey]
		}
	}
	return running
}

// noTrialLeft asserts that the trials' namespaces go.
func noTrialLeft(ctx context.Context) {
	GinkgoHelper()
	var namespaces corev1.NamespaceList
	Expect(k8sClient.List(ctx, &namespaces)).To(Succeed())
	for _, n := range namespaces.Items {
		if n.DeletionTimestamp == nil {
			Expect(n.Name).NotTo(HavePrefix("trainyard-trial-"))
		}
	}
}
