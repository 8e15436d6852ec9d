// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/dataset/generate"
	"github.com/trainyard-dev/trainyard/internal/plugin/command"
	"github.com/trainyard-dev/trainyard/internal/plugin/verb"
)

// plugin calls kubectl trainyard in a namespace, each verb as somebody who has the rights of that verb and no others.
type plugin struct{ namespace string }

// newPlugin creates the users of the verbs.
func newPlugin(ctx context.Context, namespace string) plugin {
	GinkgoHelper()
	_, verbs := command.New(genericiooptions.IOStreams{Out: io.Discard, ErrOut: io.Discard})
	for _, v := range verbs {
		name := "only-" + v.Command.Name()
		role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
		for _, right := range v.Rights {
			role.Rules = append(role.Rules, right.PolicyRule)
		}
		Expect(k8sClient.Create(ctx, role)).To(Succeed())
		Expect(k8sClient.Create(ctx, &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: name}},
		})).To(Succeed())
	}
	return plugin{namespace: namespace}
}

// call runs a verb as kubectl finds it on the PATH, and returns what it prints and its exit code.
func (p plugin) call(ctx context.Context, verb string, args ...string) (out, errOut string, code int) {
	GinkgoHelper()
	args = slices.Concat([]string{"trainyard", verb}, args, []string{"--namespace", p.namespace, "--as", "only-" + verb})
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, kubectl, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		Expect(err).NotTo(HaveOccurred())
	}
	return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
}

// succeeds is call for what is expected to go well.
func (p plugin) succeeds(ctx context.Context, verb string, args ...string) string {
	GinkgoHelper()
	out, errOut, code := p.call(ctx, verb, args...)
	Expect(code).To(BeZero(), "kubectl trainyard %s %v: %s%s", verb, args, out, errOut)
	return out
}

// dashboard returns the first view of an object that the dashboard's page gets.
func (p plugin) dashboard(ctx context.Context, object string) string {
	GinkgoHelper()
	cmd := exec.CommandContext(ctx, kubectl, "trainyard", "dashboard", "--port", "0", "--namespace", p.namespace, "--as", "only-dashboard")
	cmd.Stderr = GinkgoWriter
	out, err := cmd.StdoutPipe()
	Expect(err).NotTo(HaveOccurred())
	Expect(cmd.Start()).To(Succeed())
	defer func() {
		Expect(cmd.Process.Signal(os.Interrupt)).To(Succeed())
		Expect(cmd.Wait()).To(Succeed())
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	Expect(err).NotTo(HaveOccurred())
	url := regexp.MustCompile(`http://\S+`).FindString(line)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"events?object="+object, nil)
	Expect(err).NotTo(HaveOccurred())
	answer, err := http.DefaultClient.Do(request)
	Expect(err).NotTo(HaveOccurred())
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 1<<20)
	Expect(lines.Scan()).To(BeTrue())
	Expect(lines.Text()).To(Equal("event: view"))
	Expect(lines.Scan()).To(BeTrue())
	return lines.Text()
}

// unseenPicture writes a picture that no run has seen into a file.
func unseenPicture(ctx context.Context) string {
	GinkgoHelper()
	source, err := generate.New(generate.Config{SamplesPerClass: 1, Classes: []generate.Class{generate.Cat, generate.Dog}, Seed: 2026, ImageSize: 64})
	Expect(err).NotTo(HaveOccurred())
	listing, err := source.List(ctx)
	Expect(err).NotTo(HaveOccurred())
	data, err := source.Read(ctx, listing.Files[0].Name, 1<<20)
	Expect(err).NotTo(HaveOccurred())
	file := filepath.Join(GinkgoT().TempDir(), "picture.jpg")
	Expect(os.WriteFile(file, data, 0o600)).To(Succeed())
	return file
}

var _ = Describe("kubectl trainyard", Ordered, func() {
	var trainyard plugin
	var pets *v1alpha1.ModelServer
	BeforeAll(func(ctx SpecContext) {
		trainyard = newPlugin(ctx, makeNamespace(ctx, "plugin"))
	})
	// reaches waits until Ready's reason is this one, and the controller has seen the newest spec.
	reaches := func(ctx context.Context, reason string) {
		GinkgoHelper()
		Eventually(func(g Gomega) {
			g.Expect(get(ctx, pets)).To(Succeed())
			g.Expect(pets.Status.ObservedGeneration).To(Equal(pets.Generation))
			g.Expect(readyReason(pets.Status.Conditions)).To(Equal(reason), readyMessage(pets.Status.Conditions))
		}).WithTimeout(rolloutLimit).WithPolling(pollInterval).Should(Succeed())
	}

	It("follows a run, stops it and goes on, and shows what it has made", func(ctx SpecContext) {
		run := goodRun(trainyard.namespace, "pets")
		run.Spec.Dataset.Generated.SamplesPerClass, run.Spec.Training.Epochs = 100, 2
		Expect(k8sClient.Create(ctx, run)).To(Succeed())
		Expect(trainyard.succeeds(ctx, "suspend", "pets")).To(ContainSubstring("suspends"))
		Eventually(func(g Gomega) {
			g.Expect(get(ctx, run)).To(Succeed())
			g.Expect(reasonOf(run.Status.Conditions, v1alpha1.SuspendedCondition)).To(Equal(v1alpha1.SuspendedReason))
		}).WithTimeout(startLimit).WithPolling(pollInterval).Should(Succeed())
		Expect(trainyard.succeeds(ctx, "resume", "pets")).To(ContainSubstring("resumes"))

		Eventually(func(g Gomega) {
			out, errOut, code := trainyard.call(ctx, "logs", "pets", "--follow")
			g.Expect(code).To(BeZero(), errOut)
			g.Expect(out).To(And(MatchRegexp(`\d\d:\d\d:\d\d INF Epoch 2 of 2 trainLoss=`), ContainSubstring("INF Published")))
		}).WithTimeout(trainingLimit).WithPolling(pollInterval).Should(Succeed())
		Expect(trainyard.succeeds(ctx, "status", "pets", "--wait", "--timeout", trainingLimit.String())).To(And(
			ContainSubstring("✔ ModelPublished"), ContainSubstring("pvc://models/"), ContainSubstring("no ModelServer of this namespace")))
		kubectlRun(ctx, "wait", "trainingrun/pets", "--for=condition=Complete", "--timeout=30s", "--namespace="+trainyard.namespace)
	})

	It("fetches the report out of the volume", func(ctx SpecContext) {
		file := filepath.Join(GinkgoT().TempDir(), "report.html")
		Expect(trainyard.succeeds(ctx, "report", "pets", "--out", file)).To(Equal(file + "\n"))
		page, err := os.ReadFile(file)
		Expect(err).NotTo(HaveOccurred())
		Expect(string(page)).To(And(HavePrefix("<!DOCTYPE html>"), ContainSubstring("Run "), HaveSuffix("</html>\n")))
		Eventually(func(ctx context.Context) (*corev1.PodList, error) {
			return clientset.CoreV1().Pods(trainyard.namespace).List(ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/component=report-reader"})
		}).WithContext(ctx).WithTimeout(startLimit).WithPolling(pollInterval).Should(HaveField("Items", BeEmpty()))
	})

	It("trains anew what has failed", func(ctx SpecContext) {
		run := goodRun(trainyard.namespace, "doomed")
		run.Spec.Dataset = v1alpha1.Dataset{PVC: &v1alpha1.DatasetPVC{ClaimName: modelsClaim, Path: "nothing/here"}}
		Expect(k8sClient.Create(ctx, run)).To(Succeed())
		_, errOut, code := trainyard.call(ctx, "status", "doomed", "--wait", "--timeout", trainingLimit.String())
		Expect(code).To(Equal(verb.ExitStalled), errOut)
		Expect(errOut).To(ContainSubstring(v1alpha1.DatasetNotFoundReason))
		Expect(trainyard.succeeds(ctx, "retry", "doomed")).To(ContainSubstring("doomed-retry-1"))
		Expect(get(ctx, &v1alpha1.TrainingRun{ObjectMeta: metav1.ObjectMeta{Namespace: trainyard.namespace, Name: "doomed-retry-1"}})).To(Succeed())
	})

	It("promotes, predicts, rejects, retries and rolls back", func(ctx SpecContext) {
		pets = server(trainyard.namespace, "pets", "pets")
		pets.Spec.Promotion = v1alpha1.Promotion{Mode: v1alpha1.ManualPromotion, BakeTime: "1s", Chance: v1alpha1.AllowChance}
		Expect(k8sClient.Create(ctx, pets)).To(Succeed())
		reaches(ctx, v1alpha1.AwaitingPromotionReason)
		Expect(trainyard.succeeds(ctx, "promote", "pets")).To(ContainSubstring("promotes"))
		reaches(ctx, v1alpha1.ServingReason)
		first := pets.Status.Live.Revision
		Expect(trainyard.succeeds(ctx, "status", "modelserver/pets", "--wait")).To(MatchRegexp(`%s +live +✔ Live`, first))
		Expect(trainyard.succeeds(ctx, "predict", "pets", unseenPicture(ctx))).To(MatchRegexp(`picture.jpg +(cat|dog) +\d+\.\d %% .*%s`, first))
		Expect(trainyard.succeeds(ctx, "predict", "pets", unseenPicture(ctx), "-o", "json")).To(ContainSubstring(`"revision":"` + first + `"`))
		Expect(trainyard.succeeds(ctx, "logs", "modelserver/pets")).To(ContainSubstring(" INF "))

		Expect(trainyard.dashboard(ctx, "modelserver/pets")).To(MatchRegexp(`"traffic":{"pods":1,"requestsPerSecond":[\d.e-]+,"requests":[1-9]`))

		before := client.MergeFrom(pets.DeepCopy())
		pets.Spec.Server.MaxBatch, pets.Spec.Promotion.BakeTime = 8, "10m"
		Expect(k8sClient.Patch(ctx, pets, before)).To(Succeed())
		reaches(ctx, v1alpha1.AwaitingPromotionReason)
		second := pets.Status.Candidate.Revision
		Expect(trainyard.succeeds(ctx, "pause", "pets")).To(ContainSubstring("pauses"))
		Expect(trainyard.succeeds(ctx, "resume", "modelserver/pets")).To(ContainSubstring("resumes"))
		Expect(trainyard.succeeds(ctx, "reject", "pets")).To(ContainSubstring("rejects candidate " + second))
		reaches(ctx, v1alpha1.AbortedReason)
		Expect(trainyard.succeeds(ctx, "retry", "modelserver/pets")).To(ContainSubstring("retries"))
		reaches(ctx, v1alpha1.AwaitingPromotionReason)
		trainyard.succeeds(ctx, "promote", "pets")
		reaches(ctx, v1alpha1.BakingReason)
		Expect(pets.Status.Live.Revision).To(Equal(second))
		Expect(trainyard.succeeds(ctx, "rollback", "pets")).To(ContainSubstring("the fallback gets the traffic"))
		reaches(ctx, v1alpha1.AbortedReason)
		Expect(pets.Status.Live.Revision).To(Equal(first))
		_, errOut, code := trainyard.call(ctx, "doctor")
		Expect(code).To(Equal(verb.ExitStalled), errOut)
		Expect(trainyard.succeeds(ctx, "status")).To(And(ContainSubstring("✗ Aborted"), ContainSubstring("✔ ModelPublished")))
	})
})
