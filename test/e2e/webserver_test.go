// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

const (
	webName = "web"
	// webPort is that of its container; the Service's is 443.
	webPort = "8443"
)

// webServer is a server whose certificate no public authority has signed.
type webServer struct {
	pod         *corev1.Pod
	host        string // by which pods reach it
	certificate []byte // PEM
}

// startWebServer starts one in a namespace, empty.
func startWebServer(ctx context.Context, namespace string) *webServer {
	GinkgoHelper()
	s := &webServer{pod: webPod(namespace), host: webName + "." + namespace + ".svc"}
	var key []byte
	s.certificate, key = selfSigned(s.host)
	meta := metav1.ObjectMeta{Namespace: namespace, Name: webName}
	Expect(k8sClient.Create(ctx, &corev1.Secret{
		ObjectMeta: meta, Type: corev1.SecretTypeTLS,
		Data: map[string][]byte{corev1.TLSCertKey: s.certificate, corev1.TLSPrivateKeyKey: key},
	})).To(Succeed())
	Expect(k8sClient.Create(ctx, &corev1.ConfigMap{ObjectMeta: meta, Data: map[string]string{"ca.crt": string(s.certificate)}})).To(Succeed())
	startPod(ctx, s.pod, corev1.ServicePort{Port: 443, TargetPort: intstr.FromString("https")})
	return s
}

// caBundle is how an object says that the server is to be trusted.
func (*webServer) caBundle() v1alpha1.CABundle {
	return v1alpha1.CABundle{ConfigMapRef: v1alpha1.CABundleReference{Name: webName}}
}

// put puts the files of a folder below a path of the server.
func (s *webServer) put(ctx context.Context, path, folder string) {
	GinkgoHelper()
	trusted := x509.NewCertPool()
	Expect(trusted.AppendCertsFromPEM(s.certificate)).To(BeTrue())
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}}}
	defer client.CloseIdleConnections()
	address := "https://" + forward(ctx, s.pod, webPort) + "/" + path + "/"
	eachFile(folder, func(name string, content []byte) {
		request, err := http.NewRequestWithContext(ctx, http.MethodPut, address+name, bytes.NewReader(content))
		Expect(err).NotTo(HaveOccurred())
		response, err := client.Do(request)
		Expect(err).NotTo(HaveOccurred())
		Expect(response.Body.Close()).To(Succeed())
		Expect(response.StatusCode).To(Equal(http.StatusCreated), name)
	})
}

func webPod(namespace string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: webName, Labels: map[string]string{"app": webName}},
		Spec: corev1.PodSpec{
			AutomountServiceAccountToken:  ptr.To(false),
			TerminationGracePeriodSeconds: ptr.To[int64](1),
			SecurityContext:               restrictedPod(),
			Volumes: []corev1.Volume{
				{Name: "data", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
				{Name: "certificate", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: webName}}},
			},
			Containers: []corev1.Container{{
				Name:            "web",
				Image:           webServerImage,
				ImagePullPolicy: corev1.PullIfNotPresent,
				Args:            []string{"--address=:" + webPort},
				Ports:           []corev1.ContainerPort{{Name: "https", ContainerPort: 8443}},
				ReadinessProbe: &corev1.Probe{
					ProbeHandler:  corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromString("https")}},
					PeriodSeconds: 1,
				},
				VolumeMounts:    []corev1.VolumeMount{{Name: "data", MountPath: "/data"}, {Name: "certificate", MountPath: "/certificate", ReadOnly: true}},
				SecurityContext: restrictedContainer(),
			}},
		},
	}
}

// selfSigned makes the certificate of a server that is reached by a name or through a forwarded port, and its key, in PEM.
func selfSigned(host string) (certificate, key []byte) {
	GinkgoHelper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	Expect(err).NotTo(HaveOccurred())
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		DNSNames: []string{host}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	Expect(err).NotTo(HaveOccurred())
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	Expect(err).NotTo(HaveOccurred())
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
}
