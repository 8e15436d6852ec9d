// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"fmt"
	"strings"
	"syscall"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/text"
)

// Bounds of what a test may put into a status; those of the API are no tighter.
const (
	maxChecks       = 16
	maxCheckName    = 63
	maxCheckMessage = 256
)

// observedService is what the planner is told of a Service. A record that can't be
// read is none: the planner makes it again, and an event says so.
func observedService(service *corev1.Service) *rollout.Service {
	observed := &rollout.Service{Selected: selectedRevision(service)}
	annotation, ok := service.Annotations[v1alpha1.RolloutAnnotation]
	if !ok {
		observed.RecordProblem = "the Service's rollout record was removed by somebody else"
		return observed
	}
	record, err := rollout.DecodeRecord(annotation)
	if err != nil {
		observed.RecordProblem = text.Clean(fmt.Sprintf("the Service's rollout record is unreadable: %v", err), rollout.MaxMessage)
		return observed
	}
	observed.Record = record
	return observed
}

// observedRevision is what the planner is told of a Deployment and its pods.
func observedRevision(deployment *appsv1.Deployment, pods []*corev1.Pod) *rollout.Revision {
	revision := &rollout.Revision{
		Name:      deployment.Name,
		UID:       deployment.UID,
		Model:     readRevisionInfo(deployment).Model,
		Created:   deployment.CreationTimestamp.Time,
		Deleting:  deployment.DeletionTimestamp != nil,
		Replicas:  ptr.Deref(deployment.Spec.Replicas, 1),
		Available: deployment.Status.AvailableReplicas,
		Refused:   findReplicaProblem(deployment).Message != "",
		Rolling: deployment.Status.ObservedGeneration < deployment.Generation ||
			deployment.Status.UpdatedReplicas < deployment.Status.Replicas,
	}
	for _, pod := range pods {
		revision.Pods = append(revision.Pods, observedPod(pod))
	}
	return revision
}

func observedPod(pod *corev1.Pod) rollout.Pod {
	observed := rollout.Pod{
		Name: pod.Name,
		UID:  pod.UID,
		URL:  podURL(pod),
		// A serving pod that ended as a whole was taken away: its containers restart.
		Leaving: pod.DeletionTimestamp != nil || podstate.IsDisrupted(pod) || podstate.IsTerminated(pod),
	}
	if c := podstate.FindCondition(pod, corev1.PodReady); c != nil {
		observed.Ready = c.Status == corev1.ConditionTrue && pod.Status.PodIP != ""
	}
	observed.Unready = isUnready(pod)
	if end := podstate.FindContainerEnd(pod, contract.ServerContainer); end != nil {
		code := ptr.Deref(end.ExitCode, -1)
		observed.Terminated = &rollout.Termination{
			ID:           end.ID(),
			Own:          isOwnEnd(pod, end),
			ExitCode:     code,
			Reason:       text.Clean(end.Reason, podstate.MaxReason),
			Message:      serverMessage(end.Output),
			ModelInvalid: code == contract.ExitArtifact && !isMissingModel(end),
		}
	}
	return observed
}

// isUnready tells whether a pod's server has been ready since it started, still runs, and
// answers its readiness probe no more. A pod whose containers are ready though it isn't
// itself is one whose node doesn't answer: the node controller says so, not the server.
func isUnready(pod *corev1.Pod) bool {
	ready, containers := podstate.FindCondition(pod, corev1.PodReady), podstate.FindCondition(pod, corev1.ContainersReady)
	if ready == nil || ready.Status != corev1.ConditionFalse || containers == nil || containers.Status != corev1.ConditionFalse {
		return false
	}
	for i := range pod.Status.ContainerStatuses {
		status := &pod.Status.ContainerStatuses[i]
		if status.Name == contract.ServerContainer && status.State.Running != nil {
			// Both times are the kubelet's. A server that hasn't been ready yet became unready
			// before it started.
			return status.State.Running.StartedAt.Before(&ready.LastTransitionTime)
		}
	}
	return false
}

// stopCodes are those of a container that was stopped from outside or waits for something
// outside: by SIGHUP, SIGINT, SIGKILL or SIGTERM, or by the server's own word.
var stopCodes = map[int32]bool{contract.ExitOK: true, contract.ExitTemporary: true, 128 + 1: true, 128 + 2: true, 128 + 9: true, 128 + 15: true}

// isOwnEnd tells whether a server ended by itself, for a cause of its own, and not because
// of what the cluster did to it. Without a limit of its own it is the node that was out
// of memory.
func isOwnEnd(pod *corev1.Pod, end *podstate.ContainerEnd) bool {
	switch {
	case end.ExitCode == nil:
		return false
	case end.IsOOM():
		return hasMemoryLimit(pod, contract.ServerContainer)
	case end.Reason != "" && end.Reason != "Error":
		return false // ContainerStatusUnknown, StartError and others: the runtime's, not the program's
	default:
		return !stopCodes[*end.ExitCode] && !isMissingModel(end)
	}
}

func hasMemoryLimit(pod *corev1.Pod, container string) bool {
	if r := pod.Spec.Resources; r != nil {
		if _, ok := r.Limits[corev1.ResourceMemory]; ok {
			return true
		}
	}
	for i := range pod.Spec.Containers {
		if c := &pod.Spec.Containers[i]; c.Name == container {
			_, ok := c.Resources.Limits[corev1.ResourceMemory]
			return ok
		}
	}
	return false
}

// isMissingModel tells whether a server ended because its model isn't there, as when a
// volume is late. Servers of earlier versions end with the code of a wrong file then.
func isMissingModel(end *podstate.ContainerEnd) bool {
	return ptr.Deref(end.ExitCode, -1) == contract.ExitArtifact && strings.Contains(end.Output, syscall.ENOENT.Error())
}

// serverMessage is what a server said when it ended: the message of its result, or
// the end of its log.
func serverMessage(output string) string {
	result := &contract.ServeResult{}
	if err := contract.DecodeResult([]byte(output), result); err == nil {
		return text.Clean(result.Message, rollout.MaxMessage/2)
	}
	return text.Clean(text.CleanLines(output, rollout.MaxMessage/2), rollout.MaxMessage/2)
}

// observedEndpoints are the endpoints of a Service's slices, with the revision of the
// pod that each is. A pod that isn't known may be any revision's.
func observedEndpoints(slices []discoveryv1.EndpointSlice, revisionOfPod map[string]string) []rollout.Endpoint {
	var endpoints []rollout.Endpoint
	for i := range slices {
		for _, endpoint := range slices[i].Endpoints {
			observed := rollout.Endpoint{Ready: ptr.Deref(endpoint.Conditions.Ready, false)}
			if ref := endpoint.TargetRef; ref != nil {
				observed.Revision = revisionOfPod[ref.Name]
			}
			endpoints = append(endpoints, observed)
		}
	}
	return endpoints
}

// observedJob is what the planner is told of a test, whose pod may be nil. Known is
// false if the Job is over and its pod hasn't been seen: a cache may be behind.
func observedJob(job *batchv1.Job, pod *corev1.Pod) (observed rollout.Job, known bool) {
	observed = rollout.Job{JobID: testID(job), Deleting: job.DeletionTimestamp != nil, Started: testStarted(job), Ended: testEnded(job)}
	if pod != nil {
		if end := podstate.FindContainerEnd(pod, contract.SmokeContainer); end != nil {
			setVerdict(&observed, end)
		} else if pod.DeletionTimestamp != nil || podstate.IsDisrupted(pod) {
			// On a node that is lost neither the pod nor the Job would ever end.
			observed.State, observed.Message = rollout.JobVoid, fmt.Sprintf("its pod %s was deleted or evicted", pod.Name)
			return observed, true
		}
	}
	end := children.FindJobEnd(job)
	switch {
	case observed.State == rollout.JobPassed || observed.State == rollout.JobFailed:
		return observed, true
	case end == nil:
		observed.State = rollout.JobRunning // a void result counts when the Job is over
		return observed, true
	}
	known = observed.State == rollout.JobVoid
	observed.State = rollout.JobVoid
	if observed.Message == "" {
		observed.Message = text.Clean(fmt.Sprintf("%s: %s", end.Reason, end.Message), rollout.MaxMessage)
	}
	return observed, known
}

// outdate voids a bake that isn't about what live is now: whatever it says, it says of
// another Deployment, which somebody may have edited before it was deleted; or it runs and
// asks the Service at another address than the one that it has now.
func outdate(observed *rollout.Job, job *batchv1.Job, url string, deployment *appsv1.Deployment) {
	if observed.Check != rollout.Bake {
		return
	}
	tested, known := job.Annotations[v1alpha1.TestedDeploymentAnnotation]
	asked, ok := job.Annotations[v1alpha1.TestURLAnnotation]
	switch {
	case known && (deployment == nil || string(deployment.UID) != tested):
		observed.State, observed.Message = rollout.JobVoid, fmt.Sprintf("Deployment %s was deleted meanwhile", observed.Revision)
	case ok && asked != url && observed.State == rollout.JobRunning:
		observed.State, observed.Message = rollout.JobVoid, fmt.Sprintf("it asked %s, and the Service is at %s now", asked, url)
	}
}

// setVerdict reads how a test's container ended. Only a report, or the exit code of a
// failed check, says something about the model.
func setVerdict(job *rollout.Job, end *podstate.ContainerEnd) {
	report := &contract.SmokeReport{}
	reportErr := contract.DecodeResult([]byte(end.Output), report)
	if reportErr == nil {
		job.Message = text.Clean(report.Message, rollout.MaxMessage)
		job.Checks = checkResults(report.Checks)
	}
	code := ptr.Deref(end.ExitCode, -1)
	switch {
	case code == contract.ExitOK && reportErr == nil && report.Passed:
		job.State = rollout.JobPassed
	case code == contract.ExitSmoke:
		job.State = rollout.JobFailed
	default:
		job.State = rollout.JobVoid
	}
	if reportErr != nil || job.Message == "" {
		job.Message = text.Clean(fmt.Sprintf("the smoke test ended with exit code %d (%s) and no readable report: %s",
			code, end.Reason, text.CleanLines(end.Output, maxCheckMessage)), rollout.MaxMessage)
	}
}

// checkResults copies a report's checks within the bounds of the API: the image that
// wrote them may be any.
func checkResults(checks []contract.SmokeCheck) []v1alpha1.CheckResult {
	results := []v1alpha1.CheckResult{}
	seen := map[string]bool{}
	for _, check := range checks {
		name := text.Clean(check.Name, maxCheckName)
		switch check.Result {
		case contract.CheckPassed, contract.CheckFailed, contract.CheckSkipped:
		default:
			continue
		}
		if name == "" || seen[name] || len(results) == maxChecks {
			continue
		}
		seen[name] = true
		result := v1alpha1.CheckResult{Name: name, Result: check.Result, Message: text.Clean(check.Message, maxCheckMessage)}
		if ms := check.LatencyMillis; ms > 0 && ms < float64(time.Hour.Milliseconds()) {
			result.Latency = time.Duration(ms * float64(time.Millisecond)).Round(10 * time.Microsecond).String()
		}
		results = append(results, result)
	}
	return results
}
