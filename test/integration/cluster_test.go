// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// behavior is what becomes of a model's pods and tests.
type behavior string

const (
	behavesWell   behavior = ""
	failsSmoke    behavior = "fails its smoke test"
	failsBake     behavior = "fails its bake"
	refusesModel  behavior = "refuses its model file"
	neverReady    behavior = "never becomes ready"
	podsRefused   behavior = "a quota refuses its next pods"
	neverFinishes behavior = "its tests never end"
	bakesForEver  behavior = "its bake never ends"
)

// fakeCluster plays the Deployment, Job, EndpointSlice and garbage controllers and the
// kubelets for the ModelServers of one namespace, and checks the Service at each of
// its versions.
type fakeCluster struct {
	namespace string
	mu        sync.Mutex
	behaves   map[string]behavior // by model digest
	verified  map[string]bool     // revisions that have passed a smoke test
	faults    []string            // broken invariants
	selected  []string            // what the Service selected, in turn
	traffic   *contract.SmokeTraffic
}

// startCluster plays for a namespace, a move every interval, until the case ends.
func startCluster(namespace string, interval time.Duration) *fakeCluster {
	GinkgoHelper()
	f := &fakeCluster{namespace: namespace, behaves: map[string]behavior{}, verified: map[string]bool{}}
	ctx, cancel := context.WithCancel(context.Background())
	services, err := k8s.Watch(ctx, &corev1.ServiceList{}, client.InNamespace(namespace))
	Expect(err).NotTo(HaveOccurred())
	var done sync.WaitGroup
	done.Go(func() {
		for event := range services.ResultChan() {
			if service, ok := event.Object.(*corev1.Service); ok {
				f.checkService(service)
			}
		}
	})
	done.Go(func() {
		for ctx.Err() == nil {
			if err := f.play(ctx); err != nil && ctx.Err() == nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
				f.fault("the fake cluster: %v", err)
			}
			time.Sleep(interval)
		}
	})
	DeferCleanup(func() {
		cancel()
		done.Wait()
		Expect(f.faults).To(BeEmpty())
	})
	return f
}

// model says how a model with this digest behaves.
func (f *fakeCluster) model(digest string, b behavior) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.behaves[digest] = b
}

func (f *fakeCluster) behaviorOf(digest string) behavior {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.behaves[digest]
}

func (f *fakeCluster) fault(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = append(f.faults, fmt.Sprintf(format, args...))
}

// selections returns the revisions that the Service has selected, in turn.
func (f *fakeCluster) selections() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.selected)
}

// checkService holds at every version of a Service.
func (f *fakeCluster) checkService(service *corev1.Service) {
	annotation, ok := service.Annotations[v1alpha1.RolloutAnnotation]
	if !ok {
		return // a stranger's, or a case has taken it away
	}
	record, err := rollout.DecodeRecord(annotation)
	if err != nil {
		return // a case has broken it
	}
	selected := service.Spec.Selector[v1alpha1.RevisionLabel]
	if _, changed := service.Spec.Selector["changed-by"]; changed || selected == "none" {
		return // a case has changed it, or there is nothing to check
	}
	f.mu.Lock()
	if len(f.selected) == 0 || f.selected[len(f.selected)-1] != selected {
		f.selected = append(f.selected, selected)
	}
	verified := f.verified[selected]
	f.mu.Unlock()
	if !verified {
		f.fault("version %s selects %s, which has not been smoke-tested", service.ResourceVersion, selected)
	}
	if selected != record.Live || len(service.Spec.Selector) != 1 {
		f.fault("version %s selects %v, its record says %s", service.ResourceVersion, service.Spec.Selector, record.Live)
	}
}

func (f *fakeCluster) play(ctx context.Context) error {
	ours := []client.ListOption{client.InNamespace(f.namespace), client.HasLabels{v1alpha1.ModelServerLabel}}
	deployments, pods, jobs, services := &appsv1.DeploymentList{}, &corev1.PodList{}, &batchv1.JobList{}, &corev1.ServiceList{}
	for _, list := range []client.ObjectList{deployments, jobs, services} {
		if err := k8s.List(ctx, list, ours...); err != nil {
			return err
		}
	}
	if err := k8s.List(ctx, pods, client.InNamespace(f.namespace)); err != nil { // strangers' too may be endpoints
		return err
	}
	for i := range deployments.Items {
		if err := f.playDeployment(ctx, &deployments.Items[i], pods.Items); err != nil {
			return err
		}
	}
	for i := range jobs.Items {
		if err := f.playJob(ctx, &jobs.Items[i]); err != nil {
			return err
		}
	}
	for i := range services.Items {
		if err := f.playEndpoints(ctx, &services.Items[i], pods.Items); err != nil {
			return err
		}
	}
	return f.collectGarbage(ctx, pods.Items, deployments.Items, jobs.Items)
}

// collectGarbage deletes the pods of Deployments and Jobs that are gone.
func (f *fakeCluster) collectGarbage(ctx context.Context, pods []corev1.Pod, deployments []appsv1.Deployment, jobs []batchv1.Job) error {
	owners := map[types.UID]bool{}
	for i := range deployments {
		owners[deployments[i].UID] = true
	}
	for i := range jobs {
		owners[jobs[i].UID] = true
	}
	for i := range pods {
		owner := metav1.GetControllerOf(&pods[i])
		if owner != nil && !owners[owner.UID] && pods[i].Labels[v1alpha1.ModelServerLabel] != "" {
			if err := k8s.Delete(ctx, &pods[i], client.GracePeriodSeconds(0)); client.IgnoreNotFound(err) != nil {
				return err
			}
		}
	}
	return nil
}

func (f *fakeCluster) playDeployment(ctx context.Context, d *appsv1.Deployment, all []corev1.Pod) error {
	if d.DeletionTimestamp != nil {
		return nil
	}
	b := neverReady // what a server does without its configuration, which an edit may have taken away
	var config contract.ServeConfig
	if err := decodeConfig(&d.Spec.Template.Spec, &config); err == nil {
		b = f.behaviorOf(config.Model.SHA256)
	}
	var pods []corev1.Pod
	for i := range all {
		if metav1.IsControlledBy(&all[i], d) {
			pods = append(pods, all[i])
		}
	}
	hash, err := templateHash(&d.Spec.Template)
	if err != nil {
		return err
	}
	isOld := func(pod corev1.Pod) bool { return pod.Labels[appsv1.DefaultDeploymentUniqueLabelKey] != hash }
	old := slices.DeleteFunc(slices.Clone(pods), func(pod corev1.Pod) bool { return !isOld(pod) })
	pods = slices.DeleteFunc(pods, isOld)
	refused := ""
	if b == podsRefused {
		refused = fmt.Sprintf("pods %q is forbidden: %s", d.Name+"-5d9c-x7k2p", quotaSays)
	}
	for i := len(pods); i < int(*d.Spec.Replicas) && refused == ""; i++ {
		pod := podFrom(d, appsv1.SchemeGroupVersion.WithKind("Deployment"), &d.Spec.Template)
		pod.Labels[appsv1.DefaultDeploymentUniqueLabelKey] = hash
		switch err := k8s.Create(ctx, pod); {
		case apierrors.IsForbidden(err), apierrors.IsInvalid(err):
			refused = err.Error()
		case err != nil:
			return err
		default:
			pods = append(pods, *pod)
		}
	}
	for len(pods) > int(*d.Spec.Replicas) {
		if err := k8s.Delete(ctx, &pods[0], client.GracePeriodSeconds(0)); err != nil {
			return err
		}
		pods = pods[1:]
	}
	var ready int32
	for i := range pods {
		isReady, err := playServer(ctx, &pods[i], b)
		if err != nil {
			return err
		}
		if isReady {
			ready++
		}
	}
	for len(old) > 0 && int(ready) == int(*d.Spec.Replicas) { // its pods of an earlier template go when the others are ready
		if err := k8s.Delete(ctx, &old[0], client.GracePeriodSeconds(0)); err != nil {
			return err
		}
		old = old[1:]
	}
	return setDeploymentStatus(ctx, d, ready, int32(len(old)), refused)
}

// templateHash tells pod templates apart.
func templateHash(template *corev1.PodTemplateSpec) (string, error) {
	data, err := json.Marshal(template)
	if err != nil {
		return "", err
	}
	h := fnv.New32a()
	_, err = h.Write(data)
	return strconv.FormatUint(uint64(h.Sum32()), 16), err
}

// quotaSays is what the API server says of a pod that a quota refuses.
const quotaSays = "exceeded quota: q, requested: requests.cpu=100m, used: requests.cpu=1, limited: requests.cpu=1"

// setDeploymentStatus says how many pods of the present template are ready, and how many
// of an earlier one, all ready, there still are, and why more are refused.
func setDeploymentStatus(ctx context.Context, d *appsv1.Deployment, ready, old int32, refused string) error {
	before := d.DeepCopy()
	d.Status.ObservedGeneration = d.Generation
	d.Status.Replicas, d.Status.ReadyReplicas, d.Status.AvailableReplicas = *d.Spec.Replicas+old, ready+old, ready+old
	d.Status.UpdatedReplicas = *d.Spec.Replicas
	status := corev1.ConditionTrue
	if ready+old < *d.Spec.Replicas {
		status = corev1.ConditionFalse
	}
	fails := refused != "" && ready < *d.Spec.Replicas
	if conditions := d.Status.Conditions; len(conditions) == 0 || conditions[0].Status != status || fails != (len(conditions) > 1) {
		d.Status.Conditions = []appsv1.DeploymentCondition{{
			Type: appsv1.DeploymentAvailable, Status: status, LastTransitionTime: metav1.NewTime(clk.Now()), LastUpdateTime: metav1.NewTime(clk.Now()),
		}}
		if fails {
			d.Status.Conditions = append(d.Status.Conditions, appsv1.DeploymentCondition{
				Type: appsv1.DeploymentReplicaFailure, Status: corev1.ConditionTrue, Reason: "FailedCreate", Message: refused,
			})
		}
	}
	if equalStatus(before.Status, d.Status) {
		return nil
	}
	return k8s.Status().Update(ctx, d)
}

// playServer is the kubelet of a serving pod. It has its say once.
func playServer(ctx context.Context, pod *corev1.Pod, b behavior) (ready bool, err error) {
	if len(pod.Status.Conditions) > 0 {
		return pod.Status.Conditions[0].Status == corev1.ConditionTrue, nil
	}
	now := metav1.NewTime(clk.Now())
	pod.Status.Phase, pod.Status.PodIP = corev1.PodRunning, "10.0.0.1"
	pod.Status.PodIPs = []corev1.PodIP{{IP: pod.Status.PodIP}}
	status := corev1.ConditionTrue
	switch b {
	case neverReady:
		status = corev1.ConditionFalse
	case refusesModel:
		status = corev1.ConditionFalse
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{
			Name: contract.ServerContainer,
			State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
				ExitCode: contract.ExitArtifact, Reason: "Error", FinishedAt: now, Message: `{"version":1,"message":"digest differs"}`,
			}},
		}}
	}
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: status, LastTransitionTime: now}}
	return status == corev1.ConditionTrue, k8s.Status().Update(ctx, pod)
}

// users sets how many requests each revision answers while it bakes; by default nothing tells.
func (f *fakeCluster) users(requests int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.traffic = &contract.SmokeTraffic{Requests: requests}
}

func (f *fakeCluster) seen() *contract.SmokeTraffic {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.traffic
}

func (f *fakeCluster) playJob(ctx context.Context, job *batchv1.Job) error {
	if len(job.Status.Conditions) > 0 || job.DeletionTimestamp != nil {
		return nil
	}
	var config contract.SmokeConfig
	if err := decodeConfig(&job.Spec.Template.Spec, &config); err != nil {
		return err
	}
	b := f.behaviorOf(config.SHA256)
	bakes := config.ForSeconds > 0
	seen := f.seen()
	if b == neverFinishes || b == bakesForEver && bakes || seen != nil && seen.Requests < int64(config.MinRequests) {
		return nil
	}
	report := contract.SmokeReport{Version: contract.Version, Passed: true, Message: "every check passed",
		Checks: []contract.SmokeCheck{{Name: "health", Result: contract.CheckPassed, LatencyMillis: 1.5}}}
	if bakes {
		report.Traffic = seen
	}
	if b == failsSmoke && !bakes || b == failsBake && bakes {
		report.Passed, report.Message = false, "quality failed"
		report.Checks = append(report.Checks, contract.SmokeCheck{Name: "quality", Result: contract.CheckFailed, Message: "0.51 of 256 samples, want 0.88"})
	}
	pod := podFrom(job, batchv1.SchemeGroupVersion.WithKind("Job"), &job.Spec.Template)
	pod.Labels[batchv1.JobNameLabel] = job.Name
	switch err := k8s.Create(ctx, pod); {
	case apierrors.IsForbidden(err):
		return nil // it is tried again, as long as the Job is there
	case err != nil:
		return err
	}
	if report.Passed {
		f.mu.Lock()
		f.verified[config.Revision] = true
		f.mu.Unlock()
	}
	if err := endTestPod(ctx, pod, report); err != nil {
		return err
	}
	return endTest(ctx, job, report.Passed)
}

// endTestPod has the test in a pod end with a report.
func endTestPod(ctx context.Context, pod *corev1.Pod, report contract.SmokeReport) error {
	message, err := contract.EncodeSmokeReport(report)
	if err != nil {
		return err
	}
	pod.Status.Phase = corev1.PodSucceeded
	code := int32(contract.ExitOK)
	if !report.Passed {
		pod.Status.Phase, code = corev1.PodFailed, contract.ExitSmoke
	}
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name: contract.SmokeContainer,
		State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
			ExitCode: code, Message: string(message), FinishedAt: metav1.NewTime(clk.Now()),
		}},
	}}
	return k8s.Status().Update(ctx, pod)
}

// endTest has the Job of a test end.
func endTest(ctx context.Context, job *batchv1.Job, passed bool) error {
	now := metav1.NewTime(clk.Now())
	kinds := []batchv1.JobConditionType{batchv1.JobFailureTarget, batchv1.JobFailed}
	reason := batchv1.JobReasonPodFailurePolicy
	job.Status.StartTime, job.Status.Failed = &now, 1
	if passed {
		kinds = []batchv1.JobConditionType{batchv1.JobSuccessCriteriaMet, batchv1.JobComplete}
		reason = batchv1.JobReasonCompletionsReached
		job.Status.CompletionTime, job.Status.Succeeded, job.Status.Failed = &now, 1, 0
	}
	for _, kind := range kinds {
		job.Status.Conditions = append(job.Status.Conditions, batchv1.JobCondition{
			Type: kind, Status: corev1.ConditionTrue, LastTransitionTime: now, LastProbeTime: now, Reason: reason,
		})
	}
	job.Status.UncountedTerminatedPods = &batchv1.UncountedTerminatedPods{}
	return k8s.Status().Update(ctx, job)
}

// playEndpoints keeps one EndpointSlice with the pods that a Service selects.
func (f *fakeCluster) playEndpoints(ctx context.Context, service *corev1.Service, pods []corev1.Pod) error {
	var endpoints []discoveryv1.Endpoint
	for i := range pods {
		pod := &pods[i]
		if pod.Labels[v1alpha1.RevisionLabel] != service.Spec.Selector[v1alpha1.RevisionLabel] || len(pod.Status.Conditions) == 0 {
			continue
		}
		endpoints = append(endpoints, discoveryv1.Endpoint{
			Addresses:  []string{pod.Status.PodIP},
			Conditions: discoveryv1.EndpointConditions{Ready: ptr.To(pod.Status.Conditions[0].Status == corev1.ConditionTrue)},
			TargetRef:  &corev1.ObjectReference{Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID},
		})
	}
	slices.SortFunc(endpoints, func(a, b discoveryv1.Endpoint) int { return strings.Compare(a.TargetRef.Name, b.TargetRef.Name) })
	slice := &discoveryv1.EndpointSlice{}
	err := k8s.Get(ctx, client.ObjectKeyFromObject(service), slice)
	if apierrors.IsNotFound(err) {
		slice = &discoveryv1.EndpointSlice{
			ObjectMeta: metav1.ObjectMeta{
				Name: service.Name, Namespace: service.Namespace,
				Labels:          map[string]string{discoveryv1.LabelServiceName: service.Name, discoveryv1.LabelManagedBy: "endpointslice-controller.k8s.io"},
				OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(service, corev1.SchemeGroupVersion.WithKind("Service"))},
			},
			AddressType: discoveryv1.AddressTypeIPv4,
			Endpoints:   endpoints,
		}
		for key, value := range service.Labels {
			slice.Labels[key] = value
		}
		return k8s.Create(ctx, slice)
	}
	if err != nil || equalStatus(slice.Endpoints, endpoints) {
		return err
	}
	slice.Endpoints = endpoints
	return k8s.Update(ctx, slice)
}

func decodeConfig(spec *corev1.PodSpec, config any) error {
	for _, variable := range spec.Containers[0].Env {
		if variable.Name == contract.ConfigEnv {
			return contract.DecodeConfig([]byte(variable.Value), config)
		}
	}
	return fmt.Errorf("no %s", contract.ConfigEnv)
}

// podFrom makes a pod as a controller would.
func podFrom(owner client.Object, kind schema.GroupVersionKind, template *corev1.PodTemplateSpec) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: *template.ObjectMeta.DeepCopy(), Spec: *template.Spec.DeepCopy()}
	pod.GenerateName, pod.Namespace = owner.GetName()[:min(40, len(owner.GetName()))]+"-", owner.GetNamespace()
	pod.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(owner, kind)}
	return pod
}

// equalStatus compares what the API server stores of two values.
func equalStatus(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}
