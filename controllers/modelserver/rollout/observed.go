// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"cmp"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// Observed is all that a plan depends on. Messages in it are one line of at most
// [MaxMessage] bytes: they end up in the record and in the status.
type Observed struct {
	Now time.Time
	// Policy is the spec's [PolicyHash].
	Policy string
	// Steering is what a person asks for beside the spec's revision.
	Steering Steering
	// Desired is the number of replicas asked for, at least 1.
	Desired int32
	// MinRequests is how many requests of users the spec has a bake wait for.
	MinRequests int32
	// ProgressDeadline is how long a candidate may start; 0 is for ever.
	ProgressDeadline time.Duration
	// Target is the revision that the spec asks for; nil while its model isn't resolved.
	Target *Target
	// Unresolved says why there is no Target.
	Unresolved Unresolved
	// Service is nil if it doesn't exist.
	Service *Service
	// Last is what the status said before, for a record that is lost.
	Last Last
	// Revisions are the Deployments of this ModelServer, by name.
	Revisions map[string]*Revision
	// Templates are the revisions whose pod template is kept: from it their Deployment
	// can be recreated when neither the spec nor anything else says how.
	Templates map[string]bool
	// Taken are revisions in whose place there is a Deployment that isn't the server's.
	Taken map[string]bool
	// Jobs are the tests of this ModelServer.
	Jobs []Job
	// Endpoints are those in the Service's EndpointSlices.
	Endpoints []Endpoint
}

// MaxMessage bounds each message of an [Observed], in bytes. What the planner adds to
// it stays below the 1024 that the API allows.
const MaxMessage = 512

// Target is the revision that the spec asks for.
type Target struct {
	Name  string
	Model v1alpha1.RevisionModel
	// MovedBy is what asks for it in the history; empty: the spec.
	MovedBy string
	// GateFailure says which promotion gate the model misses; empty if none.
	GateFailure string
	// GateOpen says which gate can't compare the model with that of live, so that the smoke test decides; empty if none.
	GateOpen string
	// ChanceFailure says that the model is no better than guessing, where the spec doesn't allow that; else it is empty.
	ChanceFailure string
}

// movedBy is what the history says moved the traffic to the target.
func (t *Target) movedBy() string { return cmp.Or(t.MovedBy, MovedBySpec) }

// Unresolved is why the spec's model can't be served.
type Unresolved struct {
	Reason, Message string
	// Stalled says that it won't heal by itself.
	Stalled bool
	// Served is the revision that serves the model that the spec names, where only the
	// TrainingRun that it came from is gone; empty otherwise.
	Served string
}

// Service is what matters of the Service.
type Service struct {
	// Selected is the revision in its selector.
	Selected string
	// Record is nil if there is none that can be read; RecordProblem says why.
	Record        *Record
	RecordProblem string
}

// Last is what the status said before this pass.
type Last struct {
	Live, Fallback, Candidate string
	Message                   string      // of the Ready condition
	LiveSince                 metav1.Time // when Live got the traffic; may be zero
	Rejected                  []v1alpha1.RejectedRevision
	History                   []v1alpha1.RetiredRevision
}

// Revision is a revision's Deployment.
type Revision struct {
	Name     string
	UID      types.UID
	Model    v1alpha1.RevisionModel
	Created  time.Time
	Deleting bool
	// Replicas is how many are asked for, Available how many are.
	Replicas, Available int32
	// Refused says that the API server refuses further pods.
	Refused bool
	// Edited says that the Deployment or a pod of it isn't what was, or is to be, tested:
	// it was edited outside Trainyard, and is set back.
	Edited bool
	// Altered is how many of its pods were edited, and are replaced.
	Altered int32
	// Rolling says that some of its pods may not be of its present template.
	Rolling bool
	// Elsewhere is how many of its pods still load the model from where it was before it
	// moved.
	Elsewhere int32
	Pods      []Pod
}

// Pod is a pod of a revision.
type Pod struct {
	Name string
	UID  types.UID
	URL  string
	// Ready is the pod's Ready condition.
	Ready bool
	// Unready says that its server has been ready, still runs and says that it isn't any more.
	Unready bool
	// Leaving says that it is being deleted or disrupted.
	Leaving bool
	// Terminated is the newest termination of its server's container, or nil.
	Terminated *Termination
}

// Termination is the end of a container.
type Termination struct {
	// ID tells it from any other end of a container of the same pod.
	ID string
	// Own says that the container ended by itself, for a cause of its own: not that it was
	// stopped, lost, or waits for something outside.
	Own      bool
	ExitCode int32
	Reason   string
	Message  string
	// ModelInvalid says that the server refused its model file.
	ModelInvalid bool
}

// Endpoint is an endpoint of the Service.
type Endpoint struct {
	// Revision is empty where the endpoint's pod is unknown.
	Revision string
	Ready    bool
}

// Check is what a Job tests.
type Check string

const (
	// Smoke tests every pod of a candidate once.
	Smoke Check = "smoke"
	// Bake tests the live revision through the Service for a while.
	Bake Check = "bake"
)

// JobState is how a test stands.
type JobState int

const (
	// JobRunning has no result yet.
	JobRunning JobState = iota
	// JobPassed passed every check, and its report says so.
	JobPassed
	// JobFailed failed a check.
	JobFailed
	// JobVoid ended without a verdict: it says nothing about the model.
	JobVoid
)

// Job is a test and, once it has ended, its result.
type Job struct {
	JobID
	State    JobState
	Deleting bool
	// Started is when the manager created it, by the manager's clock.
	Started time.Time
	// Ended holds, for a smoke test, how containers of the tested pods had ended before it:
	// the [Termination.ID] by the pod's UID. It is nil where that isn't known.
	Ended map[types.UID]string
	// Skipped says why the test doesn't compare with the revision to be replaced; Unreachable
	// says why one that would couldn't start. Both are empty where nothing stands in the way.
	Skipped, Unreachable string
	// MinRequests is how many requests of users a bake waits for, as it was started.
	MinRequests int32
	// Requests is how many of them a bake has seen; nil where nothing tells.
	Requests *int64
	// Message sums the result up; Checks are the single ones.
	Message string
	Checks  []v1alpha1.CheckResult
}

// exists returns the named revision's Deployment unless it is missing or being deleted.
func (o *Observed) exists(name string) *Revision {
	revision := o.Revisions[name]
	if name == "" || revision == nil || revision.Deleting {
		return nil
	}
	return revision
}

// Named are the revisions that the plan gives up, or creates, where they have no
// Deployment. A cache that shows none may be behind, or not be shown it: who observes
// reads these past it.
func (o *Observed) Named() []string {
	names := []string{o.Last.Live, o.Last.Fallback, o.Last.Candidate}
	if o.Service != nil && o.Service.Record != nil {
		r := o.Service.Record
		names = []string{r.Live, r.Fallback, o.Last.Candidate} // retired if it isn't the candidate any more
		for _, retiring := range r.Retiring {
			names = append(names, retiring.Name)
		}
		if c := o.candidate(r); c != nil {
			names = append(names, c.Name)
		}
	}
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}

// canServeAgain tells whether the named revision has a Deployment, or is given one again
// from the template that is kept.
func (o *Observed) canServeAgain(name string) bool {
	return o.exists(name) != nil || name != "" && o.Templates[name] && !o.Taken[name]
}

func (o *Observed) isTarget(name string) bool {
	return o.Target != nil && name != "" && o.Target.Name == name
}

// candidate returns the target if it is one to be tried: neither live nor fallback,
// not rejected under what the spec says now, not retiring.
func (o *Observed) candidate(r *Record) *Target {
	t := o.Target
	if t == nil || t.Name == r.Live || t.Name == r.Fallback ||
		o.rejected(r, t.Name) || r.isRetiring(t.Name) {
		return nil
	}
	return t
}

// staying are the pods that aren't leaving.
func (r *Revision) staying() []Pod {
	var pods []Pod
	for _, pod := range r.Pods {
		if !pod.Leaving {
			pods = append(pods, pod)
		}
	}
	return pods
}

// allAvailable tells whether the revision has all its replicas as its template says, and
// no other pod.
func (r *Revision) allAvailable() bool {
	pods := r.staying()
	for _, pod := range pods {
		if !pod.Ready {
			return false
		}
	}
	return !r.Edited && !r.Rolling && r.Replicas > 0 && r.Available == r.Replicas && len(pods) == int(r.Replicas)
}

// unready is how many of the pods run a server that says that it isn't ready any more.
func (r *Revision) unready() int {
	n := 0
	for _, pod := range r.staying() {
		if pod.Unready {
			n++
		}
	}
	return n
}

// ownEnd says which pod's container has ended by itself, other than it had before, or nothing.
func (r *Revision) ownEnd(before map[types.UID]string) (pod string, end *Termination) {
	for _, pod := range r.staying() {
		if t := pod.Terminated; t != nil && t.Own && before[pod.UID] != t.ID {
			return pod.Name, t
		}
	}
	return "", nil
}

// Ends are the newest ends of the pods' containers, by the pods' UIDs; never nil.
func Ends(pods []Pod) map[types.UID]string {
	ends := map[types.UID]string{}
	for _, pod := range pods {
		if pod.Terminated != nil {
			ends[pod.UID] = pod.Terminated.ID
		}
	}
	return ends
}
