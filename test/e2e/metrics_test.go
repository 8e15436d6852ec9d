// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"crypto/tls"
	"net/http"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/test/scrape"
)

// scraper is the account that reads the manager's metrics, as Prometheus' would.
const scraper = "metrics-reader"

// scrapeManager reads the metrics of the manager that leads, with the rights that config/rbac gives to Prometheus.
func scrapeManager(ctx context.Context) scrape.Samples {
	GinkgoHelper()
	allowScraper(ctx)
	token, err := clientset.CoreV1().ServiceAccounts(managerNamespace).CreateToken(ctx, scraper, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	Expect(err).NotTo(HaveOccurred())
	var pods corev1.PodList
	Eventually(func(g Gomega) {
		g.Expect(k8sClient.List(ctx, &pods, client.InNamespace(managerNamespace), client.MatchingLabels{"app.kubernetes.io/component": "manager"})).To(Succeed())
		g.Expect(pods.Items).To(HaveLen(1))
		g.Expect(pods.Items[0].Status.Phase).To(Equal(corev1.PodRunning))
	}).WithContext(ctx).WithTimeout(startLimit).WithPolling(pollInterval).Should(Succeed())
	address := forward(ctx, &pods.Items[0], "8443")
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+address+"/metrics", nil)
	Expect(err).NotTo(HaveOccurred())
	request.Header.Set("Authorization", "Bearer "+token.Status.Token)
	// The manager signs its certificate itself.
	web := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	response, err := web.Do(request)
	Expect(err).NotTo(HaveOccurred())
	defer func() { _ = response.Body.Close() }()
	Expect(response.StatusCode).To(Equal(http.StatusOK))
	samples, err := scrape.Text(response.Body)
	Expect(err).NotTo(HaveOccurred())
	return samples
}

// allowScraper makes the account once, and binds the role that is there for Prometheus to it.
func allowScraper(ctx context.Context) {
	GinkgoHelper()
	for _, object := range []client.Object{
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: managerNamespace, Name: scraper}, AutomountServiceAccountToken: ptr.To(false)},
		&rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "trainyard-e2e-" + scraper},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "trainyard-metrics-reader"},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: managerNamespace, Name: scraper}},
		},
	} {
		if err := k8sClient.Create(ctx, object); !apierrors.IsAlreadyExists(err) {
			Expect(err).NotTo(HaveOccurred())
			DeferCleanup(func(ctx SpecContext) { Expect(client.IgnoreNotFound(k8sClient.Delete(ctx, object))).To(Succeed()) })
		}
	}
}

// expectCounted asserts that each of these has been counted at least once. The first word is the metric's name, each
// other a label and its value.
func expectCounted(samples scrape.Samples, series ...[]string) {
	GinkgoHelper()
	for _, words := range series {
		Expect(samples.Sum(words[0], words[1:]...)).To(BeNumerically(">=", 1), "%v", words)
	}
}

// mean is the mean of what a histogram has observed.
func mean(samples scrape.Samples, histogram string, labels ...string) float64 {
	return samples.Sum(histogram+"_sum", labels...) / samples.Sum(histogram+"_count", labels...)
}

// managerLog is what the manager that runs now has logged.
func managerLog(ctx context.Context) string {
	GinkgoHelper()
	var pods corev1.PodList
	Expect(k8sClient.List(ctx, &pods, client.InNamespace(managerNamespace), client.MatchingLabels{"app.kubernetes.io/component": "manager"})).To(Succeed())
	Expect(pods.Items).To(HaveLen(1))
	log, err := clientset.CoreV1().Pods(managerNamespace).GetLogs(pods.Items[0].Name, &corev1.PodLogOptions{}).DoRaw(ctx)
	Expect(err).NotTo(HaveOccurred())
	return string(log)
}
