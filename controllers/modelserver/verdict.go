// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
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

// observedJob is what the planner is told of a test, whose pod may be nil. Known is
// false if the Job is over and its pod hasn't been seen: a cache may be behind.
func observedJob(job *batchv1.Job, pod *corev1.Pod) (observed rollout.Job, known bool) {
	observed = rollout.Job{
		JobID: testID(job), Deleting: job.DeletionTimestamp != nil,
		Started: testStarted(job), Ended: testEnded(job), MinRequests: testMinRequests(job),
	}
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
// asks the Service at another address than the one that it has now, or waits for another
// number of requests than it is to.
func outdate(observed *rollout.Job, job *batchv1.Job, url string, minRequests int32, deployment *appsv1.Deployment) {
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
	case observed.MinRequests != minRequests && observed.State == rollout.JobRunning:
		observed.State, observed.Message = rollout.JobVoid, fmt.Sprintf("it waited for %d requests of users, and is to wait for %d now", observed.MinRequests, minRequests)
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
		if report.Traffic != nil {
			job.Requests = ptr.To(max(0, report.Traffic.Requests))
		}
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
		job.Message = text.Clean(fmt.Sprintf("the smoke test ended with exit code %d (%s) and left no readable report; the end of its log: %s",
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
