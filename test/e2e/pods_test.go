// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bufio"
	"context"
	"io/fs"
	"os"
	"os/exec"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// call runs a program that has to succeed.
func call(ctx context.Context, name string, args ...string) {
	GinkgoHelper()
	output, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	GinkgoWriter.Println(name, args, string(output))
	Expect(err).NotTo(HaveOccurred(), "%s %v: %s", name, args, output)
}

// startPod starts a pod with a Service of its name, and waits until it is ready.
func startPod(ctx context.Context, pod *corev1.Pod, port corev1.ServicePort) {
	GinkgoHelper()
	Expect(k8sClient.Create(ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name},
		Spec:       corev1.ServiceSpec{Selector: pod.Labels, Ports: []corev1.ServicePort{port}},
	})).To(Succeed())
	Expect(k8sClient.Create(ctx, pod)).To(Succeed())
	Eventually(func(g Gomega) {
		g.Expect(get(ctx, pod)).To(Succeed())
		g.Expect(pod.Status.ContainerStatuses).To(HaveLen(1))
		g.Expect(pod.Status.ContainerStatuses[0].Ready).To(BeTrue(), "%+v", pod.Status.ContainerStatuses[0].State)
	}).WithContext(ctx).WithTimeout(startLimit).WithPolling(pollInterval).Should(Succeed())
}

// eachFile calls put with the files of a folder, named by their paths in it.
func eachFile(folder string, put func(name string, content []byte)) {
	GinkgoHelper()
	files := os.DirFS(folder)
	Expect(fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, name)
		if err == nil {
			put(name, content)
		}
		return err
	})).To(Succeed())
}

// forward makes a pod's port reachable at an address of this machine, as long as ctx lasts: the API server's proxy
// would change what a client of S3 signs.
func forward(ctx context.Context, pod *corev1.Pod, port string) string {
	GinkgoHelper()
	command := exec.CommandContext(ctx, kubectl, "port-forward", "--address=127.0.0.1", "--namespace="+pod.Namespace, "pod/"+pod.Name, ":"+port)
	command.Stderr = GinkgoWriter
	output, err := command.StdoutPipe()
	Expect(err).NotTo(HaveOccurred())
	Expect(command.Start()).To(Succeed())
	DeferCleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	line, err := bufio.NewReader(output).ReadString('\n')
	Expect(err).NotTo(HaveOccurred(), "kubectl port-forward ended")
	address, _, found := strings.Cut(strings.TrimPrefix(line, "Forwarding from "), " -> ")
	Expect(found).To(BeTrue(), "kubectl port-forward said %q", line)
	return address
}
