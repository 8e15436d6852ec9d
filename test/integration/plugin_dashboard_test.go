// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/plugin/command"
)

// dashboard is a page that is being served.
type dashboard struct{ url string }

// opens starts the dashboard of a person's namespace.
func (p person) opens(ctx context.Context) dashboard {
	GinkgoHelper()
	out, in := io.Pipe()
	serving, end := context.WithCancel(context.WithoutCancel(ctx))
	root, _ := command.New(genericiooptions.IOStreams{In: strings.NewReader(""), Out: in, ErrOut: GinkgoWriter})
	root.SetArgs([]string{"dashboard", "--port", "0", "--kubeconfig", p.kubeconfig, "--namespace", p.namespace})
	ended := make(chan error, 1)
	go func() { ended <- root.ExecuteContext(serving) }()
	DeferCleanup(func() {
		end()
		Eventually(ended).Should(Receive(BeNil()))
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	Expect(err).NotTo(HaveOccurred())
	Expect(line).To(HavePrefix("Namespace " + p.namespace + " is shown at http://127.0.0.1:"))
	return dashboard{url: strings.Fields(line)[5]}
}

// shows returns the first view of an object that the page gets.
func (d dashboard) shows(ctx context.Context, object string) string {
	GinkgoHelper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url+"events?object="+object, nil)
	Expect(err).NotTo(HaveOccurred())
	answer, err := http.DefaultClient.Do(request)
	Expect(err).NotTo(HaveOccurred())
	defer answer.Body.Close()
	lines := bufio.NewReader(answer.Body)
	name, err := lines.ReadString('\n')
	Expect(err).NotTo(HaveOccurred())
	data, err := lines.ReadString('\n')
	Expect(err).NotTo(HaveOccurred())
	Expect(name).To(Equal("event: view\n"), data)
	var view any
	Expect(json.Unmarshal([]byte(strings.TrimPrefix(data, "data: ")), &view)).To(Succeed())
	return data
}

var _ = Describe("kubectl trainyard dashboard", func() {
	var pets servers
	var page dashboard
	BeforeEach(func(ctx SpecContext) {
		_, pets = startServers(ctx)
		node := startKubelet(ctx, func(string) string {
			var log strings.Builder
			for epoch := range 6 {
				fmt.Fprintf(&log, `{"time":"2026-05-01T10:11:12Z","level":"INFO","msg":"Epoch %d of 6","trainLoss":%g,"trainAccuracy":%g,"validationLoss":%g,"validationAccuracy":%g}`+"\n",
					epoch+1, 0.7/float64(epoch+1), 0.5+0.08*float64(epoch), 0.8/float64(epoch+1), 0.5+0.07*float64(epoch))
			}
			return log.String()
		})
		Expect(k8s.Create(ctx, &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: pets.namespace, Name: "run-1-x", Labels: map[string]string{v1alpha1.TrainingRunLabel: "run-1"}},
			Spec:       corev1.PodSpec{NodeName: node, Containers: []corev1.Container{{Name: "runner", Image: runnerImage}}},
		})).To(Succeed())
		pets.serving(ctx)
		page = allowedOnly(ctx, pets.namespace, "dashboard", "pods/proxy").opens(ctx) // no pod here has an address that answers
	})

	It("shows servers, runs and curves, to who may do no more than that", func(ctx SpecContext) {
		live := pets.get(ctx).Status.Live.Revision
		Expect(page.shows(ctx, "")).To(And(ContainSubstring(`"text":"pets"`), ContainSubstring(`"text":"run-1"`), ContainSubstring("✔ Serving"), Not(ContainSubstring("detail"))))
		Expect(page.shows(ctx, "modelserver/pets")).To(And(ContainSubstring(`"kind":"ModelServer"`), ContainSubstring("─ "+live), ContainSubstring("traffic: you may not ask pods")))
		Expect(page.shows(ctx, "trainingrun/run-1")).To(And(ContainSubstring(`"curve":[{"number":1,"trainLoss":0.7,`), ContainSubstring(`{"number":6,`), Not(ContainSubstring("Not read"))))
		Expect(page.shows(ctx, "trainingrun/nobody")).To(ContainSubstring("It doesn't exist, or was deleted."))
	})

	It("is usable in a browser", func(ctx SpecContext) {
		if os.Getenv("CHROMIUM") == "" {
			Skip("CHROMIUM is not set: make test-dashboard sets it")
		}
		check := exec.CommandContext(ctx, "node", "../peers/dashboard/check.mjs", page.url, "pets", "run-1") //nolint:gosec // the project's own script
		check.Stdout, check.Stderr = GinkgoWriter, GinkgoWriter
		Expect(check.Run()).To(Succeed())
	})
})
