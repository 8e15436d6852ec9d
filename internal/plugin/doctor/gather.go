// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package doctor is the verb that finds what is wrong with an installation or a namespace, and says what to do about each
// finding. It gathers everything into one struct, judges it by pure functions, and packs it, redacted, for who is asked for help.
package doctor

import (
	"context"
	"fmt"
	"io"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/plugin/cluster"
	"github.com/trainyard-dev/trainyard/internal/plugin/verb"
)

// data is everything that was gathered.
type data struct {
	namespace, managerNamespace string
	serverVersion               string
	// kinds are the resources that the API server has of Trainyard's group and version; metrics, whether it serves the metrics of pods.
	kinds   []string
	metrics bool

	managers       []appsv1.Deployment
	managerPods    []corev1.Pod
	managerLog     []byte
	storageClasses []storagev1.StorageClass

	servers  []v1alpha1.ModelServer
	runs     []v1alpha1.TrainingRun
	pods     []corev1.Pod
	jobs     []batchv1.Job
	claims   []corev1.PersistentVolumeClaim
	quotas   []corev1.ResourceQuota
	policies []networkingv1.NetworkPolicy
	events   []corev1.Event

	// unread is what the user may not list, and why.
	unread []string
	// denied are the verbs that the user may not use in the namespace, and the right that is missing.
	denied []denial
}

// denial is a right that a user doesn't have.
type denial struct {
	verb  string
	right string
}

// managerLogLines is how much of the manager's log is read.
const managerLogLines = 2000

// gather reads all that there is to know. What can't be read is noted.
func gather(ctx context.Context, c *cluster.Cluster, managerNamespace string, verbs []verb.Verb) (*data, error) {
	d := &data{namespace: c.Namespace, managerNamespace: managerNamespace}
	version, err := c.Clientset.Discovery().ServerVersion()
	if err != nil {
		return nil, fmt.Errorf("ask the API server for its version: %w", err)
	}
	d.serverVersion = version.GitVersion
	if err := d.discover(c); err != nil {
		return nil, err
	}
	managerLabels := client.MatchingLabels{"app.kubernetes.io/name": "trainyard", "app.kubernetes.io/component": "manager"}
	for _, part := range []struct {
		what, namespace string
		list            client.ObjectList
		keep            func(client.ObjectList)
		options         []client.ListOption
	}{
		{"Deployments", managerNamespace, &appsv1.DeploymentList{}, func(l client.ObjectList) { d.managers = l.(*appsv1.DeploymentList).Items }, []client.ListOption{managerLabels}},
		{"pods", managerNamespace, &corev1.PodList{}, func(l client.ObjectList) { d.managerPods = l.(*corev1.PodList).Items }, []client.ListOption{managerLabels}},
		{"StorageClasses", "", &storagev1.StorageClassList{}, func(l client.ObjectList) { d.storageClasses = l.(*storagev1.StorageClassList).Items }, nil},
		{"ModelServers", c.Namespace, &v1alpha1.ModelServerList{}, func(l client.ObjectList) { d.servers = l.(*v1alpha1.ModelServerList).Items }, nil},
		{"TrainingRuns", c.Namespace, &v1alpha1.TrainingRunList{}, func(l client.ObjectList) { d.runs = l.(*v1alpha1.TrainingRunList).Items }, nil},
		{"pods", c.Namespace, &corev1.PodList{}, func(l client.ObjectList) { d.pods = ours(l.(*corev1.PodList).Items) }, nil},
		{"Jobs", c.Namespace, &batchv1.JobList{}, func(l client.ObjectList) { d.jobs = l.(*batchv1.JobList).Items }, nil},
		{"PersistentVolumeClaims", c.Namespace, &corev1.PersistentVolumeClaimList{}, func(l client.ObjectList) { d.claims = l.(*corev1.PersistentVolumeClaimList).Items }, nil},
		{"ResourceQuotas", c.Namespace, &corev1.ResourceQuotaList{}, func(l client.ObjectList) { d.quotas = l.(*corev1.ResourceQuotaList).Items }, nil},
		{"NetworkPolicies", c.Namespace, &networkingv1.NetworkPolicyList{}, func(l client.ObjectList) { d.policies = l.(*networkingv1.NetworkPolicyList).Items }, nil},
		{"events", c.Namespace, &corev1.EventList{}, func(l client.ObjectList) { d.events = l.(*corev1.EventList).Items }, nil},
	} {
		err := c.Client.List(ctx, part.list, append(part.options, client.InNamespace(part.namespace))...)
		switch {
		case err == nil:
			part.keep(part.list)
		case meta.IsNoMatchError(err): // the kinds aren't installed, which discovery has found
		case apierrors.IsForbidden(err):
			d.unread = append(d.unread, fmt.Sprintf("%s: you may not list them%s", part.what, inNamespace(part.namespace)))
		default:
			return nil, fmt.Errorf("list %s: %w", part.what, err)
		}
	}
	if err := d.readManagerLog(ctx, c); err != nil {
		return nil, err
	}
	return d, d.review(ctx, c, verbs)
}

func inNamespace(namespace string) string {
	if namespace == "" {
		return ""
	}
	return " in namespace " + namespace
}

// ours are the pods that belong to Trainyard.
func ours(pods []corev1.Pod) []corev1.Pod {
	var found []corev1.Pod
	for _, pod := range pods {
		if pod.Labels[v1alpha1.ModelServerLabel] != "" || pod.Labels[v1alpha1.TrainingRunLabel] != "" {
			found = append(found, pod)
		}
	}
	return found
}

// discover finds out which APIs there are.
func (d *data) discover(c *cluster.Cluster) error {
	resources, err := c.Clientset.Discovery().ServerResourcesForGroupVersion(v1alpha1.GroupVersion.String())
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("ask the API server for %s: %w", v1alpha1.GroupVersion, err)
	}
	if resources != nil {
		for _, resource := range resources.APIResources {
			d.kinds = append(d.kinds, resource.Name)
		}
	}
	_, err = c.Clientset.Discovery().ServerResourcesForGroupVersion("metrics.k8s.io/v1beta1")
	d.metrics = err == nil // a group whose server is down is as good as none
	return nil
}

// readManagerLog reads the end of a manager's log.
func (d *data) readManagerLog(ctx context.Context, c *cluster.Cluster) error {
	for _, pod := range d.managerPods {
		stream, err := c.Clientset.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{TailLines: ptr.To[int64](managerLogLines)}).Stream(ctx)
		if err != nil { // not started, or not the user's to read
			d.unread = append(d.unread, fmt.Sprintf("the log of pod %s: %v", pod.Name, err))
			continue
		}
		log, err := io.ReadAll(stream)
		if closeErr := stream.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			return fmt.Errorf("read the log of pod %s: %w", pod.Name, err)
		}
		d.managerLog = append(d.managerLog, log...)
	}
	return nil
}

// review asks the API server which verbs the user may use.
func (d *data) review(ctx context.Context, c *cluster.Cluster, verbs []verb.Verb) error {
	asked := map[string]bool{}
	for _, v := range verbs {
		for _, right := range v.Rights {
			if right.For != "" {
				continue
			}
			for _, action := range right.Verbs {
				resource, sub := resourceParts(right.Resources[0])
				key := fmt.Sprintf("%s %s", action, right.Resources[0])
				allowed, known := asked[key]
				if !known {
					review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
						ResourceAttributes: &authorizationv1.ResourceAttributes{
							Namespace: d.namespace, Verb: action, Group: right.APIGroups[0], Resource: resource, Subresource: sub,
						},
					}}
					if err := c.Client.Create(ctx, review); err != nil {
						return fmt.Errorf("ask the API server whether you may %s: %w", key, err)
					}
					allowed = review.Status.Allowed
					asked[key] = allowed
				}
				if !allowed {
					d.denied = append(d.denied, denial{verb: v.Command.Name(), right: key})
				}
			}
		}
	}
	return nil
}

// resourceParts splits pods/log.
func resourceParts(resource string) (name, sub string) {
	name, sub, _ = strings.Cut(resource, "/")
	return name, sub
}
