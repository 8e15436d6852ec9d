// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"strings"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

const (
	s3Name   = "s3"
	s3Region = "us-east-1"
	bucket   = "colors"
)

// s3Keys are those of the S3 server's user, named as a Secret for a TrainingRun has them.
var s3Keys = map[string]string{"AWS_ACCESS_KEY_ID": "trainyard", "AWS_SECRET_ACCESS_KEY": "t0psecret"}

// s3Secret is the Secret with s3Keys.
func s3Secret() v1alpha1.SecretReference { return v1alpha1.SecretReference{Name: s3Name} }

// inBucket is the URI by which pods reach what lies at a path of the bucket.
func inBucket(namespace, path string) string {
	parameters := url.Values{"endpoint": {"http://" + s3Name + "." + namespace + ".svc"}, "use_path_style": {"true"}, "region": {s3Region}}
	return "s3://" + bucket + "/" + path + "?" + parameters.Encode()
}

// startS3 starts an S3 server in a namespace, with a bucket that holds the files of a folder.
func startS3(ctx context.Context, namespace, folder string) {
	GinkgoHelper()
	pod := s3Pod(namespace)
	for _, obj := range []client.Object{
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: s3Name}, StringData: s3Keys},
		&corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: s3Name},
			Spec: corev1.ServiceSpec{
				Selector: pod.Labels,
				Ports:    []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromString("s3")}},
			},
		},
		pod,
	} {
		Expect(k8sClient.Create(ctx, obj)).To(Succeed())
	}
	Eventually(func(g Gomega) {
		g.Expect(get(ctx, pod)).To(Succeed())
		g.Expect(pod.Status.ContainerStatuses).To(HaveLen(1))
		g.Expect(pod.Status.ContainerStatuses[0].Ready).To(BeTrue(), "%+v", pod.Status.ContainerStatuses[0].State)
	}).WithContext(ctx).WithTimeout(startLimit).WithPolling(pollInterval).Should(Succeed())
	upload(ctx, pod, folder)
}

// s3Pod is a server whose buckets are folders of its scratch space.
func s3Pod(namespace string) *corev1.Pod {
	scratch := corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}
	key := func(variable, name string) corev1.EnvVar {
		return corev1.EnvVar{Name: variable, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
			LocalObjectReference: corev1.LocalObjectReference{Name: s3Name}, Key: name,
		}}}
	}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: s3Name, Labels: map[string]string{"app": s3Name}},
		Spec: corev1.PodSpec{
			AutomountServiceAccountToken:  ptr.To(false),
			TerminationGracePeriodSeconds: ptr.To[int64](1),
			SecurityContext:               restrictedPod(),
			Volumes:                       []corev1.Volume{{Name: "buckets", VolumeSource: scratch}, {Name: "attributes", VolumeSource: scratch}},
			Containers: []corev1.Container{{
				Name:            "s3",
				Image:           s3Image,
				ImagePullPolicy: corev1.PullIfNotPresent,
				Args:            []string{"--port=:7070", "posix", "--sidecar=/attributes", "/buckets"},
				Env:             []corev1.EnvVar{key("ROOT_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID"), key("ROOT_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY")},
				Ports:           []corev1.ContainerPort{{Name: "s3", ContainerPort: 7070}},
				ReadinessProbe: &corev1.Probe{
					ProbeHandler:  corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromString("s3")}},
					PeriodSeconds: 1,
				},
				VolumeMounts:    []corev1.VolumeMount{{Name: "buckets", MountPath: "/buckets"}, {Name: "attributes", MountPath: "/attributes"}},
				SecurityContext: restrictedContainer(),
			}},
		},
	}
}

// upload makes the bucket and puts the files of a folder into it, with their paths in the folder as names.
func upload(ctx context.Context, pod *corev1.Pod, folder string) {
	GinkgoHelper()
	store := s3.New(s3.Options{
		BaseEndpoint: ptr.To("http://" + forward(ctx, pod, "7070")), UsePathStyle: true, Region: s3Region,
		Credentials: credentials.NewStaticCredentialsProvider(s3Keys["AWS_ACCESS_KEY_ID"], s3Keys["AWS_SECRET_ACCESS_KEY"], ""),
	})
	_, err := store.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: ptr.To(bucket)})
	Expect(err).NotTo(HaveOccurred())
	files := os.DirFS(folder)
	Expect(fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		_, err = store.PutObject(ctx, &s3.PutObjectInput{Bucket: ptr.To(bucket), Key: &name, Body: bytes.NewReader(data)})
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
