// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/defaults"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
)

// scope is what one reconcile works on. Each field says which phase sets it.
type scope struct {
	run *v1alpha1.TrainingRun
	now time.Time

	observed bool             // observe: the cluster has been read
	over     bool             // observe: the run has ended before
	job      *batchv1.Job     // observe, reconcileJob: the run's own Job, or nil
	pods     []*corev1.Pod    // observe: that Job's pods, the oldest first
	strayPod *corev1.Pod      // observe: a pod of an earlier Job that hasn't ended yet, or nil
	problem  podstate.Problem // observe: what keeps the newest pod from running, or the Job from having one
	progress *observedProgress

	ended         bool              // finishEarly: there is nothing more to do
	kept          bool              // finishEarly: the Job keeps the status with which the run has ended
	restored      string            // finishEarly: that the status was restored from there
	expired       bool              // finishEarly: the Job has stayed for long enough
	pruning       *pruning          // finishEarly: what becomes of what the run has left
	desired       *batchv1.Job      // checkSpec
	given         defaults.Defaults // checkSpec: of the run's namespace
	end           *metav1.Time      // collectResult: when the Job ended
	published     *publishedResult  // collectResult
	failure       *runFailure       // collectResult: the run has failed for good
	resultMissing *v1alpha1.Failure // collectResult: the Job succeeded without a result

	repairs []string // any: what was changed outside Trainyard and has been put right

	requeueAfter time.Duration // any: the soonest time to look again; zero is never
}

// requeueWithin asks for another reconcile after at most this long; zero asks for none.
func (s *scope) requeueWithin(d time.Duration) {
	if d > 0 && (s.requeueAfter == 0 || d < s.requeueAfter) {
		s.requeueAfter = d
	}
}

func (s *scope) newestPod() *corev1.Pod {
	if len(s.pods) == 0 {
		return nil
	}
	return s.pods[len(s.pods)-1]
}

// activePod returns the newest pod, if it hasn't ended.
func (s *scope) activePod() *corev1.Pod {
	pod := s.newestPod()
	if pod == nil || podstate.IsTerminated(pod) || pod.DeletionTimestamp != nil {
		return nil
	}
	return pod
}

func (s *scope) endTime() *metav1.Time {
	if s.end == nil || s.end.IsZero() {
		return &metav1.Time{Time: s.now}
	}
	return s.end.DeepCopy()
}

// note keeps what is to be reported of a repair, if there was one, and returns the error.
func (s *scope) note(repair string, err error) error {
	if repair != "" {
		s.repairs = append(s.repairs, repair)
	}
	return err
}
