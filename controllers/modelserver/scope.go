// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/defaults"
	"github.com/trainyard-dev/trainyard/controllers/loop"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
)

// scope is what one reconcile works on. Each field says which phase sets it.
type scope struct {
	server *v1alpha1.ModelServer
	now    time.Time

	config     servingConfig          // checkSpec; readDefaults: gates
	given      defaults.Defaults      // readDefaults: of the server's namespace
	noDefaults *loop.StalledError     // readDefaults: why there are none; nil if they can be used
	held       *revisionInfo          // observe: what would be info if the defaults could be used
	info       *revisionInfo          // resolveModel, of a selector observe: of the spec's revision; nil while unresolved
	unresolved *rollout.Unresolved    // resolveModel, of a selector observe: why info is nil
	live       *revisionInfo          // observe: of the live revision; nil if there is none
	liveStays  bool                   // observe: the selector chooses none, because the run of the live model is gone and no newer one holds
	selection  *v1alpha1.RunSelection // observe: what comes of the selector; nil without one

	service     *corev1.Service                       // observe, execute: nil if there is none
	deployments map[string]*appsv1.Deployment         // observe: by name
	templates   map[string]*appsv1.ControllerRevision // observe: by name, which is the revision's
	kept        map[string]revisionTemplate           // observe: what templates hold
	resets      map[string]string                     // observe: Deployments that aren't as their template says, with what an event says of it
	restarts    map[string]string                     // observe: Deployments with pods that were edited, with what an event says of it
	moves       map[string]revisionTemplate           // observe: new templates of revisions, whose model lies elsewhere now, say
	pods        map[string][]*corev1.Pod              // observe: by revision; a test's by the name of its Job
	strays      []*corev1.Pod                         // observe: pods that get a revision's traffic and aren't the revision's
	slices      []*discoveryv1.EndpointSlice          // observe: the Service's, of Kubernetes' own making
	foreign     []*discoveryv1.EndpointSlice          // observe: those that send the Service's traffic past its selector
	jobs        map[string]*batchv1.Job               // observe: by name
	observed    *rollout.Observed                     // observe; execute brings it up to date

	actions rollout.Actions // plan

	repairs []string // any: what was changed outside Trainyard and has been put right
	errs    []error  // observe: what can't be told of single revisions, which holds up nothing else

	autoscaler *autoscalingv2.HorizontalPodAutoscaler // reconcileAutoscaler: nil if there is none

	skipped string // execute: why a test that was started doesn't compare

	problem podstate.Problem // explain: what keeps the pods from running that are waited for

	requeueAfter time.Duration // any: the soonest time to look again; zero is never
}

// requeueWithin asks for another reconcile after at most this long.
func (s *scope) requeueWithin(d time.Duration) {
	if d > 0 && (s.requeueAfter == 0 || d < s.requeueAfter) {
		s.requeueAfter = d
	}
}

// record is the rollout's record, or nil.
func (s *scope) record() *rollout.Record { return recordOf(s.observed) }

// recordOf is the record that was observed, or nil.
func recordOf(o *rollout.Observed) *rollout.Record {
	if o == nil || o.Service == nil {
		return nil
	}
	return o.Service.Record
}

// infoOf is what was resolved for a revision: as its template has it or, without one, its Deployment.
func (s *scope) infoOf(revision string) *revisionInfo {
	if template, ok := s.kept[revision]; ok {
		return &template.Info
	}
	if deployment := s.deployments[revision]; deployment != nil {
		info := readRevisionInfo(deployment)
		return &info
	}
	return nil
}

// note keeps what is to be reported of a repair, if there was one, and returns the error.
func (s *scope) note(repair string, err error) error {
	if repair != "" {
		s.repairs = append(s.repairs, repair)
	}
	return err
}
