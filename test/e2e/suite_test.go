// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package e2e runs Trainyard as its users do, on a real cluster: the manager, the
// runner and the server run as images, the kubelet starts and kills them, and a
// prober sends requests through the Service all the while.
package e2e

import (
	"context"
	"os"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/config"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

const (
	managerNamespace = "trainyard-system"
	modelsClaim      = "models"

	// autoscalingLabel is that of specs that need metrics-server, and load that leaves nothing of two cores: make test-autoscaling.
	autoscalingLabel = "autoscaling"
	// nodesLabel is that of specs that need a local cluster of two nodes: make test-nodes.
	nodesLabel = "nodes"
	nodeToStay = "node0"
	nodeToLose = "node1"
	// clusterTool is the program that the local cluster is made with.
	clusterTool = "../../bin/cluster"

	// How long the cluster may take. Nothing is promised by these; they only end a
	// test that hangs.
	trainingLimit = 10 * time.Minute
	rolloutLimit  = 5 * time.Minute
	startLimit    = 2 * time.Minute
	pollInterval  = 200 * time.Millisecond
)

var (
	restConfig *rest.Config
	k8sClient  client.WithWatch
	clientset  *kubernetes.Clientset
	// images are where hack/lib.sh has put them.
	proberImage    = os.Getenv("PROBER_IMAGE")
	badServerImage = os.Getenv("BADSERVER_IMAGE")
	// missingImage is an image that a registry, which answers, doesn't have.
	missingImage   = os.Getenv("MISSING_IMAGE")
	s3Image        = os.Getenv("S3_IMAGE")
	webServerImage = os.Getenv("WEBSERVER_IMAGE")
	copyImage      = os.Getenv("COPY_IMAGE")
	// kubectl is the program that the cluster is used with.
	kubectl = os.Getenv("KUBECTL")
)

func TestE2E(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "End to end")
}

var _ = BeforeSuite(func() {
	for name, value := range map[string]string{
		"PROBER_IMAGE": proberImage, "BADSERVER_IMAGE": badServerImage, "MISSING_IMAGE": missingImage, "S3_IMAGE": s3Image,
		"WEBSERVER_IMAGE": webServerImage, "COPY_IMAGE": copyImage, "KUBECTL": kubectl,
	} {
		Expect(value).NotTo(BeEmpty(), "%s is not set: run the tests by make test-e2e", name)
	}
	var err error
	restConfig, err = config.GetConfig()
	Expect(err).NotTo(HaveOccurred())
	Expect(v1alpha1.AddToScheme(scheme.Scheme)).To(Succeed())
	k8sClient, err = client.NewWithWatch(restConfig, client.Options{Scheme: scheme.Scheme})
	Expect(err).NotTo(HaveOccurred())
	clientset, err = kubernetes.NewForConfig(restConfig)
	Expect(err).NotTo(HaveOccurred())
	if previousInstall == "" && helm == "" && argoProgram == "" { // else the specs install the kinds
		judgeStatuses(restConfig)
	}
})

// makeNamespace makes a namespace with a claim for models.
func makeNamespace(ctx context.Context, prefix string) string {
	GinkgoHelper()
	namespace := makeBareNamespace(ctx, prefix)
	makeClaim(ctx, namespace, modelsClaim)
	return namespace
}

// makeBareNamespace makes a namespace of the restricted Pod Security level. It is deleted after the specs that share it.
func makeBareNamespace(ctx context.Context, prefix string) string {
	GinkgoHelper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		GenerateName: prefix + "-",
		Labels:       map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
	}}
	Expect(k8sClient.Create(ctx, ns)).To(Succeed())
	DeferCleanup(func(ctx SpecContext) {
		if CurrentSpecReport().Failed() {
			describeNamespace(ctx, ns.Name)
		}
		Expect(k8sClient.Delete(ctx, ns)).To(Succeed())
	})
	return ns.Name
}

// makeClaim makes a claim for models.
func makeClaim(ctx context.Context, namespace, name string) {
	GinkgoHelper()
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("100Mi")},
			},
		},
	}
	Expect(k8sClient.Create(ctx, claim)).To(Succeed())
}

// get reads an object again.
func get(ctx context.Context, obj client.Object) error {
	return k8sClient.Get(ctx, client.ObjectKeyFromObject(obj), obj)
}
