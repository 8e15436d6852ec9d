// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// Models of the simulation: the first part of the name is what becomes of it.
const (
	good       = "good"
	smokeBad   = "smokebad"   // fails its smoke test
	bakeBad    = "bakebad"    // passes the smoke test, fails the bake's
	crashing   = "crashing"   // passes the smoke test, crashes under traffic, sooner or later
	hanging    = "hanging"    // passes the smoke test, isn't ready any more under traffic, sooner or later
	refused    = "refused"    // the server refuses the file
	gated      = "gated"      // misses a gate
	guessing   = "guessing"   // is no better than guessing
	worse      = "worse"      // misses a gate that compares it with a good one
	neverReady = "neverready" // never becomes ready
)

// allows is the policy that lets models through that are no better than guessing.
const allows = "p2"

var simModels = []string{"good1", "good2", "good3", "smokebad1", "bakebad1", "crashing1", "hanging1", "refused1", "gated1", "guessing1", "worse1", "neverready1"}

// errCrash stops a pass between two writes.
var errCrash = errors.New("the controller died")

type simPod struct {
	Pod
	inService bool // an endpoint of the Service
	nodeLost  bool // nobody hears of it any more
}

type simDeployment struct {
	uid      types.UID
	model    string
	replicas int32
	pods     []*simPod
	deleting bool
	hidden   bool // somebody has taken its labels, so that the cache doesn't show it
	edited   bool // somebody has put something else into its template
}

type simJob struct {
	Job
	model string
	pods  []types.UID
}

// simulation is a cluster with one ModelServer in it.
type simulation struct {
	rng *rand.Rand
	now time.Time
	uid int

	model, policy string
	steering      Steering
	desired       int32
	minRequests   int32 // of users, that a bake waits for
	traffic       bool  // there are any
	resolved      bool

	selected    string
	record      string // the annotation; empty: no annotation
	service     bool
	deployments map[string]*simDeployment
	templates   map[string]bool
	jobs        map[string]*simJob
	status      Last
	calm        bool          // nothing fails by itself
	quota       bool          // refuses further pods
	skew        time.Duration // of the manager's clock
	waits       bool          // the last plan asked to be woken

	smoked, baked map[string]bool // revisions that passed, as the cluster knows
	lost          map[string]bool // revisions whose Deployment and template a person has deleted
	switches      int
	fault         string // the first broken invariant
	writes        int
	followed      map[string]int // how often each rule was

	selection *simSelection // of runs, one of which has the model; nil: the spec names it
}

func newSimulation(seed uint64) *simulation {
	return &simulation{
		rng: rand.New(rand.NewPCG(seed, 0)), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		model: "good1", policy: "p1", desired: 1, resolved: true, traffic: true,
		deployments: map[string]*simDeployment{}, templates: map[string]bool{}, jobs: map[string]*simJob{},
		smoked: map[string]bool{}, baked: map[string]bool{}, lost: map[string]bool{}, followed: map[string]int{},
	}
}

func (s *simulation) chance(percent int) bool { return s.rng.IntN(100) < percent }

func (s *simulation) nextUID() types.UID {
	s.uid++
	return types.UID(fmt.Sprintf("uid-%d", s.uid))
}

func revisionOf(model string) string { return "srv-" + model }
func modelOf(revision string) string { return strings.TrimPrefix(revision, "srv-") }
func is(model, kind string) bool     { return strings.HasPrefix(model, kind) }

func (s *simulation) broken(format string, args ...any) {
	if s.fault == "" {
		s.fault = fmt.Sprintf(format, args...)
	}
}

// observe takes a snapshot, as the controller's cache would hold it.
func (s *simulation) observe() *Observed {
	o := &Observed{
		Now: s.now, Policy: s.policy, Steering: s.steering, Desired: s.desired, Last: s.status,
		ProgressDeadline: 10 * time.Minute,
		MinRequests:      s.minRequests,
		Revisions:        map[string]*Revision{},
		Templates:        maps.Clone(s.templates),
		Unresolved:       Unresolved{Reason: v1alpha1.TrainingRunNotCompleteReason},
	}
	if s.resolved {
		o.Target = &Target{Name: revisionOf(s.model), Model: v1alpha1.RevisionModel{SHA256: s.model}}
		if is(s.model, gated) {
			o.Target.GateFailure = "accuracy is too low"
		}
		if s.missesLive(s.model) {
			o.Target.GateFailure = "accuracy is worse than that of live"
		}
		if is(s.model, guessing) && s.policy != allows {
			o.Target.ChanceFailure = "guesses"
		}
	}
	for name, d := range s.deployments {
		if !d.hidden {
			o.Revisions[name] = d.observe(name)
		}
		for _, pod := range d.pods {
			if pod.inService {
				o.Endpoints = append(o.Endpoints, Endpoint{Revision: name, Ready: pod.Ready})
			}
		}
	}
	for _, job := range s.jobs {
		o.Jobs = append(o.Jobs, job.Job)
	}
	return o
}

// missesLive tells whether a model misses a gate that compares it with live's. One that the spec has had replaced may come back.
func (s *simulation) missesLive(model string) bool {
	record, err := DecodeRecord(s.record)
	if err != nil || !is(model, worse) || !is(modelOf(record.Live), good) {
		return false
	}
	for _, entry := range record.History {
		if entry.Model.SHA256 == model {
			return entry.Reason != ReasonReplaced
		}
	}
	return true
}

func (d *simDeployment) observe(name string) *Revision {
	r := &Revision{Name: name, UID: d.uid, Model: v1alpha1.RevisionModel{SHA256: d.model}, Deleting: d.deleting,
		Replicas: d.replicas, Available: d.available(), Edited: d.edited}
	for _, pod := range d.pods {
		r.Pods = append(r.Pods, pod.Pod)
	}
	return r
}

// observePastCache is what the controller reads past its cache: the Service and, where the
// cache shows none, the Deployments that the record names.
func (s *simulation) observePastCache(o *Observed) {
	o.Service = nil
	if s.service {
		o.Service = &Service{Selected: s.selected}
		if record, err := DecodeRecord(s.record); err == nil {
			o.Service.Record = record
		}
	}
	o.Revisions = maps.Clone(o.Revisions)
	for _, name := range o.Named() {
		if d := s.deployments[name]; d != nil && o.Revisions[name] == nil {
			o.Revisions[name] = d.observe(name)
		}
	}
}

func (d *simDeployment) available() int32 {
	var n int32
	for _, pod := range d.pods {
		if pod.Ready && !pod.Leaving {
			n++
		}
	}
	return n
}

// reconcile is a pass of the controller on a snapshot, which may be stale, that dies
// after so many writes.
func (s *simulation) reconcile(snapshot *Observed, diesAfter int) error {
	if s.selection != nil {
		s.selection.choose(s)
	}
	o := *snapshot
	o.Now = s.now.Add(s.skew)
	o.Policy, o.Steering, o.Desired, o.Target, o.Last = s.policy, s.steering, s.desired, s.observe().Target, s.status
	o.MinRequests = s.minRequests
	s.observePastCache(&o)
	o.Jobs = outdated(&o)
	actions := Plan(&o)
	s.waits = actions.RequeueAfter > 0
	write := func(f func()) error {
		if diesAfter == 0 {
			// The next leader is on another machine.
			s.skew = []time.Duration{0, 0, time.Hour, -time.Hour, 40 * time.Second}[s.rng.IntN(5)]
			return errCrash
		}
		diesAfter--
		s.writes++
		f()
		s.check()
		return nil
	}
	if actions.Record != nil {
		if err := s.verify(&o, actions); err != nil {
			return err
		}
		if o.Service != nil && o.Service.Record != nil {
			s.checkFallback(o.Service.Record, actions.Record)
			if wrong := checkConclusions(o.Service.Record, actions.Record); wrong != "" {
				s.broken("%s", wrong)
			}
		}
		if err := write(func() { s.writeRecord(actions) }); err != nil {
			return err
		}
		o.Service = &Service{Record: actions.Record, Selected: actions.Record.Live}
	} else if err := s.execute(&o, actions, write); err != nil {
		return err
	}
	s.updateStatus(&o)
	return nil
}

func (s *simulation) isTarget(revision string) bool {
	return s.resolved && revision == revisionOf(s.model)
}

// verify is what the controller reads anew before it writes the record.
func (s *simulation) verify(o *Observed, a Actions) error {
	var before Record
	if o.Service != nil && o.Service.Record != nil {
		before = *o.Service.Record
	}
	moved := a.Record.Live != "" && before.Live != a.Record.Live && (before.Live != "" || a.Repaired == "")
	if fallback := a.Record.Fallback; fallback != before.Fallback && !o.Templates[fallback] && fallback != "" {
		if d := s.deployments[fallback]; d == nil || d.deleting {
			return errors.New("the new fallback isn't there any more")
		}
	}
	if d := s.deployments[a.Record.Live]; moved && (d == nil || d.deleting || d.available() == 0) {
		return errors.New("the target of the switch isn't there any more")
	}
	for _, name := range a.Gone {
		if d := s.deployments[name]; d != nil && o.Revisions[name] == nil {
			return errors.New("a Deployment isn't gone after all")
		}
	}
	return nil
}

func (s *simulation) writeRecord(a Actions) {
	s.followed[a.Rule]++
	encoded, err := a.Record.Encode()
	if err != nil {
		s.broken("encode: %v", err)
	}
	if _, err := DecodeRecord(encoded); err != nil {
		s.broken("the record can't be read back: %v", err)
	}
	for _, rejection := range a.Record.Rejected {
		if name := modelOf(rejection.Revision); rejection.Reason != v1alpha1.AbortedReason && (is(name, good) || is(name, neverReady)) {
			s.broken("%s is rejected, which no evidence is against: %s", rejection.Revision, rejection.Message)
		} else if is(name, worse) && rejection.Reason != v1alpha1.AbortedReason && rejection.Reason != v1alpha1.GateNotMetReason {
			s.broken("%s is rejected (%s), which misses a gate at most: %s", rejection.Revision, rejection.Reason, rejection.Message)
		}
	}
	if s.selection != nil {
		s.selection.checkMove(s, a)
	}
	if a.Rule == "promote" && s.missesLive(modelOf(a.Record.Live)) {
		s.broken("promoted %s, which misses a gate against live", a.Record.Live)
	}
	if a.Rule == "promote" && is(modelOf(a.Record.Live), guessing) && s.policy != allows {
		s.broken("promoted %s, which is no better than guessing", a.Record.Live)
	}
	old := s.selected
	s.service, s.record, s.selected = true, encoded, a.Record.Live
	if s.selected == "" || s.selected == old {
		return
	}
	s.switches++
	if s.steering.Paused && (a.Rule == "promote" || a.Rule == "returnBack") {
		s.broken("%s to %s while paused", a.Rule, s.selected)
	}
	if a.Rule == "promote" && (s.steering.Manual && s.steering.Promote != s.selected || s.steering.Reject == s.selected) {
		s.broken("promoted %s, which a person hasn't approved or has rejected", s.selected)
	}
	d := s.deployments[s.selected]
	switch {
	case d == nil && a.Repaired != "" && (s.templates[s.selected] || s.isTarget(s.selected)): // it is recreated
	case d == nil || d.deleting:
		s.broken("selected %s, which is gone or being deleted", s.selected)
	case !s.smoked[s.selected] && !s.baked[s.selected]:
		s.broken("selected %s, which is neither smoke-tested nor baked", s.selected)
	case a.Repaired == "" && d.available() == 0:
		s.broken("selected %s without a ready replica", s.selected)
	}
}

func (s *simulation) execute(o *Observed, a Actions, write func(func()) error) error {
	for _, name := range sortedKeys(o.Revisions) {
		if d := s.deployments[name]; d != nil && d.hidden && s.chance(50) {
			if err := write(func() { d.hidden = false }); err != nil {
				return err
			}
		}
	}
	for _, scale := range a.Scale {
		if d := s.deployments[scale.Revision]; d != nil {
			if err := write(func() { d.replicas = scale.Replicas }); err != nil {
				return err
			}
		}
	}
	for _, start := range a.Start {
		if s.jobs[start.Name()] != nil {
			continue
		}
		s.checkStart(start)
		if err := write(func() {
			job := &simJob{Job: Job{JobID: start.JobID, Started: s.now.Add(s.skew), MinRequests: start.MinRequests}, model: modelOf(start.Revision)}
			for _, pod := range start.Pods {
				job.pods = append(job.pods, pod.UID)
			}
			s.jobs[start.Name()] = job
		}); err != nil {
			return err
		}
	}
	for _, name := range a.DeleteJobs {
		if err := write(func() { delete(s.jobs, name) }); err != nil {
			return err
		}
	}
	for _, name := range sortedKeys(o.Revisions) {
		if d := s.deployments[name]; d != nil && o.Revisions[name].Edited && d.uid == o.Revisions[name].UID {
			if err := write(func() { d.edited, d.pods = false, nil }); err != nil {
				return err
			}
		}
	}
	for _, retiring := range a.DeleteRevisions {
		if d := s.deployments[retiring.Name]; d != nil && d.uid == retiring.UID {
			record, err := DecodeRecord(s.record)
			if err != nil || !slices.Contains(record.Retiring, retiring) {
				s.broken("%s is deleted although the record doesn't name it", retiring.Name)
			}
			if err := write(func() { d.deleting = true }); err != nil {
				return err
			}
		}
	}
	return s.executeTemplates(a, write)
}

// executeTemplates creates Deployments and keeps their templates.
func (s *simulation) executeTemplates(a Actions, write func(func()) error) error {
	for _, name := range a.KeepTemplates {
		if s.deployments[name] != nil && !s.templates[name] {
			if err := write(func() { s.templates[name] = true }); err != nil {
				return err
			}
		}
	}
	for _, name := range a.DeleteTemplates {
		if s.templates[name] {
			if err := write(func() { delete(s.templates, name) }); err != nil {
				return err
			}
		}
	}
	for _, create := range a.Create {
		if err := s.create(create, write); err != nil {
			return err
		}
	}
	return nil
}

func (s *simulation) create(create Scale, write func(func()) error) error {
	name := create.Revision
	if s.deployments[name] != nil {
		return nil
	}
	for _, d := range s.deployments {
		d.hidden = false // the controller counts them anew, and finds each
	}
	if len(s.deployments) >= MaxDeployments {
		return errors.New("the cache missed a Deployment")
	}
	if record, err := DecodeRecord(s.record); err == nil && record.rejectedUnder(name, s.policy, s.steering.Retry) && name != record.Live {
		s.broken("%s is tried again under the policy that it failed", name)
	} else if err == nil && s.steering.Paused && name != record.Live && name != record.Fallback {
		s.broken("%s is started while paused", name)
	}
	if !s.templates[name] {
		if !s.resolved || name != revisionOf(s.model) {
			return errors.New("the cache missed that a template is gone")
		}
		if err := write(func() { s.templates[name] = true }); err != nil {
			return err
		}
	}
	return write(func() {
		s.deployments[name] = &simDeployment{uid: s.nextUID(), model: modelOf(name), replicas: create.Replicas}
	})
}

func (s *simulation) updateStatus(o *Observed) {
	r := o.Service.Record
	if r == nil {
		return
	}
	s.status = Last{Live: r.Live, LiveSince: r.At, Fallback: r.Fallback, History: r.History}
	if candidate := Describe(o).Candidate; candidate != nil {
		s.status.Candidate = candidate.Revision
	}
	for _, rejection := range r.Rejected {
		s.status.Rejected = append(s.status.Rejected, rejection.RejectedRevision)
	}
}

// check holds after every write.
func (s *simulation) check() {
	if n := len(s.deployments); n > 3 {
		s.broken("%d Deployments", n)
	}
	record, err := DecodeRecord(s.record)
	if err != nil || s.selected != record.Live {
		return
	}
	if d := s.deployments[s.selected]; s.selected != "" && (d == nil && !s.templates[s.selected] && !s.lost[s.selected] || d != nil && d.deleting) {
		s.broken("the Service selects %s, which is gone for good or being deleted", s.selected)
	}
}

// checkFallback holds after every promotion: the revision before is at hand.
func (s *simulation) checkFallback(before, after *Record) {
	if before.Baked && !after.Baked && after.Live != before.Live && after.Fallback != before.Live && s.canServeAgain(before.Live) {
		s.broken("promoted %s without its fallback %s", after.Live, before.Live)
	}
	if before.Fallback != "" && after.Fallback == "" && after.Live == before.Live && !after.Baked && s.canServeAgain(before.Fallback) {
		s.broken("let go of the fallback %s, which is there", before.Fallback)
	}
}

// checkStart holds for every test that is started: a bake waits for users, but not where there is no way back.
func (s *simulation) checkStart(start Start) {
	record, err := DecodeRecord(s.record)
	if err != nil || start.Check != Bake || start.Revision != record.Live {
		return
	}
	want := s.minRequests
	if record.Fallback == "" {
		want = 0
	}
	if start.MinRequests != want {
		s.broken("the bake of %s waits for %d requests, not for %d (fallback %q)", start.Revision, start.MinRequests, want, record.Fallback)
	}
}

func (s *simulation) canServeAgain(revision string) bool {
	d := s.deployments[revision]
	return d != nil && !d.deleting || s.templates[revision]
}

// step lets the cluster do one thing at random.
func (s *simulation) step() {
	s.now = s.now.Add(time.Duration(s.rng.IntN(3000)) * time.Millisecond)
	names := slices.Sorted(maps.Keys(s.deployments))
	if len(names) > 0 {
		s.stepDeployment(names[s.rng.IntN(len(names))])
	}
	jobs := slices.Sorted(maps.Keys(s.jobs))
	if len(jobs) > 0 {
		s.stepJob(s.jobs[jobs[s.rng.IntN(len(jobs))]])
	}
	if s.chance(50) {
		s.syncEndpoints()
	}
	if s.chance(10) {
		s.now = s.now.Add(time.Minute)
	}
}

func (s *simulation) stepDeployment(name string) {
	d := s.deployments[name]
	if d.deleting {
		if s.chance(40) {
			delete(s.deployments, name)
		}
		return
	}
	d.pods = slices.DeleteFunc(d.pods, func(p *simPod) bool { return p.Leaving })
	for len(d.pods) < int(d.replicas) && !s.quota {
		d.pods = append(d.pods, &simPod{Pod: Pod{UID: s.nextUID(), Name: name}})
	}
	for i := int(d.replicas); i < len(d.pods); i++ {
		d.pods[i].Leaving, d.pods[i].Ready = true, false
	}
	for _, pod := range d.pods {
		if !pod.Leaving && !s.blow(pod) {
			s.stepPod(d, pod)
		}
	}
}

// stepPod lets a pod do what its model makes it do.
func (s *simulation) stepPod(d *simDeployment, pod *simPod) {
	ends := func(code int32) *Termination {
		return &Termination{ID: string(s.nextUID()), Own: true, ExitCode: code, ModelInvalid: code == 6}
	}
	switch {
	case is(d.model, refused):
		pod.Terminated = ends(6)
	case is(d.model, crashing) && pod.inService && s.chance(50):
		pod.Terminated, pod.Ready = ends(1), false
	case is(d.model, hanging) && pod.inService && s.chance(50):
		pod.Unready, pod.Ready = true, false
	case !pod.Ready && !pod.Unready && !is(d.model, neverReady) && s.chance(60):
		pod.Ready = true
	}
}

// blow is the weather: what becomes of a pod whatever its model is. It tells whether it
// has struck.
func (s *simulation) blow(pod *simPod) bool {
	switch {
	case pod.nodeLost:
		pod.Leaving = s.chance(10) // the taint takes a while
	case s.calm:
		return false
	case s.chance(3): // evicted, preempted, drained
		pod.Leaving, pod.Ready = true, false
	case s.chance(2): // its node doesn't answer any more
		pod.nodeLost, pod.Ready = true, false
	case s.chance(4): // ended from outside
		pod.Terminated, pod.Ready = &Termination{ID: string(s.nextUID()), ExitCode: 137}, false
	default:
		return false
	}
	return true
}

func (s *simulation) stepJob(job *simJob) {
	takes := map[Check]int{Smoke: 50, Bake: 15}[job.Check] // a bake is long, and much may happen meanwhile
	if job.State != JobRunning || !s.chance(takes) {
		return
	}
	if d := s.deployments[job.Revision]; d != nil && d.edited {
		job.State = JobFailed // whatever the model is
		return
	}
	lost := job.Check == Smoke && !s.havePods(job)
	bad := job.Check == Smoke && is(job.model, smokeBad) || job.Check == Bake && is(job.model, bakeBad)
	switch {
	case lost || !s.calm && s.chance(15):
		job.State = JobVoid
	case bad:
		job.State = JobFailed
	case job.Check == Smoke:
		job.State = JobPassed
		s.smoked[job.Revision] = true
	case job.MinRequests > 0 && !s.traffic: // it waits
	default:
		job.State = JobPassed
		s.baked[job.Revision] = true
	}
}

// outdated are the Jobs as the controller observes them: a bake that waits for another number of requests than it is to is void.
func outdated(o *Observed) []Job {
	jobs := slices.Clone(o.Jobs)
	for i := range jobs {
		if job := &jobs[i]; job.Check == Bake && job.State == JobRunning && job.MinRequests != o.BakeRequests() {
			job.State = JobVoid
		}
	}
	return jobs
}

func (s *simulation) havePods(job *simJob) bool {
	d := s.deployments[job.Revision]
	for _, uid := range job.pods {
		if d == nil || !slices.ContainsFunc(d.pods, func(p *simPod) bool { return p.UID == uid && p.Ready }) {
			return false
		}
	}
	return true
}

func (s *simulation) syncEndpoints() {
	for name, d := range s.deployments {
		for _, pod := range d.pods {
			pod.inService = name == s.selected && !pod.Leaving
		}
	}
}

// heal makes every pod ready that can be.
func (s *simulation) heal() {
	s.quota = false
	for _, d := range s.deployments {
		for _, pod := range d.pods {
			pod.Leaving, pod.nodeLost, pod.Unready = false, false, false
			pod.Ready = !is(d.model, neverReady) && !is(d.model, refused)
		}
	}
}

// disturb lets a person, or chance, change something.
func (s *simulation) disturb() {
	switch s.rng.IntN(60) {
	default: // what all the others are about
		s.model = simModels[s.rng.IntN(len(simModels))]
	case 12, 38, 39, 40, 41, 42, 43:
		// Back to what was live before: what people do when a rollout worries them.
		if record, err := DecodeRecord(s.record); err == nil && record.Fallback != "" {
			s.model = modelOf(record.Fallback)
		}
	case 13:
		if names := slices.Sorted(maps.Keys(s.deployments)); len(names) > 0 {
			s.model = modelOf(names[s.rng.IntN(len(names))])
		}
	case 4, 5:
		s.desired = 1 + s.rng.Int32N(4)
	case 6:
		s.policy = []string{"p1", "p2"}[s.rng.IntN(2)]
	case 7, 8:
		s.resolved = !s.resolved
	case 9:
		s.record = "{"
	case 10:
		s.selected = "somebody-elses"
	case 11:
		s.service, s.record, s.selected = false, "", ""
	case 14, 15:
		// One of the two that live is made from, never both.
		if d := s.deployments[s.selected]; s.templates[s.selected] && d != nil && !d.edited { // what was edited is seen first
			delete(s.deployments, s.selected)
		}
	case 21, 22:
		s.quota = !s.quota
	case 16:
		if s.deployments[s.selected] != nil {
			delete(s.templates, s.selected)
		}
	case 17, 18:
		if names := slices.Sorted(maps.Keys(s.deployments)); len(names) > 0 {
			s.deployments[names[s.rng.IntN(len(names))]].hidden = true
		}
	case 19, 44, 45:
		if record, err := DecodeRecord(s.record); err == nil && s.templates[record.Fallback] {
			delete(s.deployments, record.Fallback)
			if s.chance(50) {
				delete(s.templates, record.Fallback)
			}
		}
	case 23, 24:
		if names := slices.Sorted(maps.Keys(s.deployments)); len(names) > 0 {
			if d := s.deployments[names[s.rng.IntN(len(names))]]; !is(d.model, hanging) { // whose pods would not come back
				d.edited, d.pods = true, nil
			}
		}
	case 34, 35:
		s.traffic = !s.traffic
	case 36, 37:
		s.minRequests = int32(s.rng.IntN(3))
	case 25:
		s.steering.Manual = s.chance(25)
	case 26, 27:
		s.steering.Promote = revisionOf(s.model)
	case 28:
		s.steering.Reject = revisionOf(simModels[s.rng.IntN(len(simModels))])
	case 29:
		s.steering.Reject = s.selected
	case 31, 32:
		s.steering.Paused = s.chance(25)
	case 33:
		s.steering.Retry = []string{"", "again"}[s.rng.IntN(2)]
	case 30:
		s.steering.Promote, s.steering.Reject = "", ""
	case 20:
		// Both of what live is made from, and its selector.
		record, err := DecodeRecord(s.record)
		if d := s.deployments[s.selected]; err == nil && s.isTarget(record.Live) && (d == nil || !d.edited) {
			delete(s.deployments, record.Live)
			delete(s.templates, record.Live)
			s.lost[record.Live] = true
			s.selected = "somebody-elses"
		}
	}
}
