// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// startKubelet makes a node whose kubelet is this process: it answers for the logs of containers, by the names of their pods.
func startKubelet(ctx context.Context, logs func(pod string) string) (node string) {
	GinkgoHelper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/containerLogs/"), "/")
		if len(parts) != 3 {
			http.Error(w, "not the log of a container: "+r.URL.Path, http.StatusNotFound)
			return
		}
		fmt.Fprint(w, logs(parts[1]))
	}))
	DeferCleanup(server.Close)
	host, port, err := net.SplitHostPort(server.Listener.Addr().String())
	Expect(err).NotTo(HaveOccurred())
	number, err := strconv.ParseInt(port, 10, 32)
	Expect(err).NotTo(HaveOccurred())
	kubelet := &corev1.Node{ObjectMeta: metav1.ObjectMeta{GenerateName: "kubelet-"}}
	Expect(k8s.Create(ctx, kubelet)).To(Succeed())
	DeferCleanup(func(ctx SpecContext) { Expect(k8s.Delete(ctx, kubelet)).To(Succeed()) })
	kubelet.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: host}}
	kubelet.Status.DaemonEndpoints.KubeletEndpoint.Port = int32(number)
	Expect(k8s.Status().Update(ctx, kubelet)).To(Succeed())
	return kubelet.Name
}

var _ = Describe("kubectl trainyard, beside a kubelet", func() {
	var pets servers
	BeforeEach(func(ctx SpecContext) {
		_, pets = startServers(ctx)
	})

	It("prints the log of a run's newest pod, to who may do no more than that", func(ctx SpecContext) {
		node := startKubelet(ctx, func(pod string) string {
			return fmt.Sprintf(`{"time":"2026-05-01T10:11:12Z","level":"INFO","msg":"Epoch 1 of 6","pod":%q}`+"\nepoch=1\n", pod)
		})
		pod := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: pets.namespace, Name: "run-1-x", Labels: map[string]string{v1alpha1.TrainingRunLabel: "run-1"}},
			Spec:       corev1.PodSpec{NodeName: node, Containers: []corev1.Container{{Name: "runner", Image: runnerImage}}},
		}
		Expect(k8s.Create(ctx, pod)).To(Succeed())
		person := allowedOnly(ctx, pets.namespace, "logs")
		Expect(person.succeeds("logs", "run-1")).To(MatchRegexp(`^\d\d:\d\d:12 INF Epoch 1 of 6 pod=run-1-x\nepoch=1\n$`))
		Expect(person.succeeds("logs", "trun/run-1", "--raw", "--follow", "--tail", "5")).To(HavePrefix(`{"time":`))
		Expect(person.refuses("logs", "run-2")).To(ContainSubstring("TrainingRun run-2 has no pod"))
	})

	It("fetches a report by a pod that it deletes, as who may do no more than that", func(ctx SpecContext) {
		node := startKubelet(ctx, func(string) string { return "10:11:12 WRN late\n<!DOCTYPE html>\n<html>a page</html>\n" })
		readers := func() []corev1.Pod {
			list := &corev1.PodList{}
			Expect(k8s.List(ctx, list, client.InNamespace(pets.namespace), client.MatchingLabels{v1alpha1.ComponentLabel: "report-reader"})).To(Succeed())
			return list.Items
		}
		person := allowedOnly(ctx, pets.namespace, "report")
		for _, end := range []corev1.PodPhase{corev1.PodSucceeded, corev1.PodFailed} {
			file := filepath.Join(GinkgoT().TempDir(), "report.html")
			ended := make(chan answer, 1)
			go func() { ended <- person.call("report", "run-1", "--image", runnerImage, "--out", file) }()
			Eventually(readers).Should(HaveLen(1))
			reader := readers()[0]
			Expect(k8s.SubResource("binding").Create(ctx, &reader, &corev1.Binding{Target: corev1.ObjectReference{Kind: "Node", Name: node}})).To(Succeed())
			Expect(k8s.Get(ctx, client.ObjectKeyFromObject(&reader), &reader)).To(Succeed())
			reader.Status.Phase = end
			Expect(k8s.Status().Update(ctx, &reader)).To(Succeed())
			var got answer
			Eventually(ended).Should(Receive(&got))
			Eventually(readers).Should(BeEmpty())
			if end == corev1.PodFailed {
				Expect(got.code).To(Equal(1))
				Expect(got.err).To(And(ContainSubstring("can't read the report"), ContainSubstring("WRN late")))
				continue
			}
			Expect(got.code).To(BeZero(), got.err)
			page, err := os.ReadFile(file)
			Expect(err).NotTo(HaveOccurred())
			Expect(string(page)).To(Equal("<!DOCTYPE html>\n<html>a page</html>\n"))
		}
	})
})
