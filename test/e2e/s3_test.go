// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"context"
	"io"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

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
	parameters := url.Values{"endpoint": {s3Endpoint(namespace)}, "use_path_style": {"true"}, "region": {s3Region}}
	return "s3://" + bucket + "/" + path + "?" + parameters.Encode()
}

// s3Endpoint is the address by which pods reach the S3 server of a namespace.
func s3Endpoint(namespace string) string { return "http://" + s3Name + "." + namespace + ".svc" }

// startS3 starts an S3 server in a namespace, with a bucket that holds the files of a folder.
func startS3(ctx context.Context, namespace, folder string) {
	GinkgoHelper()
	pod := s3Pod(namespace)
	Expect(k8sClient.Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: s3Name}, StringData: s3Keys})).To(Succeed())
	startPod(ctx, pod, corev1.ServicePort{Port: 80, TargetPort: intstr.FromString("s3")})
	store := s3Client(ctx, pod)
	_, err := store.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: ptr.To(bucket)})
	Expect(err).NotTo(HaveOccurred())
	eachFile(folder, func(name string, content []byte) {
		_, err := store.PutObject(ctx, &s3.PutObjectInput{Bucket: ptr.To(bucket), Key: &name, Body: bytes.NewReader(content)})
		Expect(err).NotTo(HaveOccurred())
	})
}

// s3Client is a client of an S3 server, as long as ctx lasts.
func s3Client(ctx context.Context, pod *corev1.Pod) *s3.Client {
	GinkgoHelper()
	return s3.New(s3.Options{
		BaseEndpoint: ptr.To("http://" + forward(ctx, pod, "7070")), UsePathStyle: true, Region: s3Region,
		Credentials: credentials.NewStaticCredentialsProvider(s3Keys["AWS_ACCESS_KEY_ID"], s3Keys["AWS_SECRET_ACCESS_KEY"], ""),
	})
}

// inStore returns the content of the object that a URI of a namespace's bucket names.
func inStore(ctx context.Context, namespace, uri string) []byte {
	GinkgoHelper()
	u, err := url.Parse(uri)
	Expect(err).NotTo(HaveOccurred())
	object, err := s3Client(ctx, s3Pod(namespace)).GetObject(ctx, &s3.GetObjectInput{Bucket: &u.Host, Key: ptr.To(strings.TrimPrefix(u.Path, "/"))})
	Expect(err).NotTo(HaveOccurred())
	defer object.Body.Close()
	content, err := io.ReadAll(object.Body)
	Expect(err).NotTo(HaveOccurred())
	return content
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
