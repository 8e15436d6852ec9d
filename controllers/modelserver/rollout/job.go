// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	firstRetry = 10 * time.Second
	maxRetry   = 5 * time.Minute
)

// JobID says what a Job tests. A result counts only for the very same JobID, but
// for the attempt.
type JobID struct {
	Check    Check
	Revision string
	// Key is, for a smoke test, a hash of the policy and of the UIDs of the pods
	// that it tests; for a bake, the record's switch.
	Key string
	// Attempt counts the Jobs of this key that ended without a verdict before.
	Attempt int
}

// Name is the name of the Job, at most 63 characters for a revision of at most 49.
func (id JobID) Name() string {
	if id.Check == Bake {
		return fmt.Sprintf("%s-b-%s-%d", id.Revision, id.Key, id.Attempt)
	}
	return fmt.Sprintf("%s-s-%s", id.Revision, shortHash(id.Key, strconv.Itoa(id.Attempt)))
}

// same tells whether both test the same thing, whatever the attempt.
func (id JobID) same(other JobID) bool {
	id.Attempt = other.Attempt
	return id == other
}

// smokeID identifies the smoke test of all pods that a revision has now.
func smokeID(policy string, revision *Revision) JobID {
	var uids []string
	for _, pod := range revision.staying() {
		uids = append(uids, string(pod.UID))
	}
	slices.Sort(uids)
	return JobID{Check: Smoke, Revision: revision.Name, Key: shortHash(append([]string{policy}, uids...)...)}
}

// bakeID identifies the bake of the live revision since the last switch.
func bakeID(r *Record) JobID {
	return JobID{Check: Bake, Revision: r.Live, Key: strconv.FormatInt(r.Switch, 10)}
}

// newest returns the newest attempt at a test, or nil.
func (o *Observed) newest(id JobID) *Job {
	var newest *Job
	for i := range o.Jobs {
		if job := &o.Jobs[i]; job.same(id) && (newest == nil || job.Attempt > newest.Attempt) {
			newest = job
		}
	}
	return newest
}

// before returns the attempt before a Job, or nil if it isn't there any more.
func (o *Observed) before(job *Job) *Job {
	for i := range o.Jobs {
		if o.Jobs[i].same(job.JobID) && o.Jobs[i].Attempt == job.Attempt-1 {
			return &o.Jobs[i]
		}
	}
	return nil
}

// unreachable tells why an attempt before at this test did without the samples of the
// revision that it compares with, or couldn't start with them.
func (o *Observed) unreachable(id JobID) string {
	last := o.newest(id)
	switch {
	case last == nil:
		return ""
	case last.Unreachable != "":
		return last.Unreachable
	default:
		return last.Skipped
	}
}

// nextAttempt returns the Job to start now for this test; false if there is none to
// start, and in how long there will be one if the last attempt had no verdict.
func (o *Observed) nextAttempt(id JobID) (next JobID, after time.Duration, ok bool) {
	last := o.newest(id)
	if last == nil {
		return id, 0, true
	}
	if last.State != JobVoid {
		return JobID{}, 0, false
	}
	id.Attempt = last.Attempt + 1
	// A time in the future is of another manager's clock and says nothing.
	if wait := retryDelay(id.Attempt) - o.Now.Sub(last.Started); wait > 0 && !o.Now.Before(last.Started) {
		return JobID{}, wait, false
	}
	return id, 0, true
}

// retryDelay is the least time from the start of a void attempt to that of the next one.
func retryDelay(attempt int) time.Duration {
	delay := firstRetry
	for n := 1; n < attempt && delay < maxRetry; n++ {
		delay = min(2*delay, maxRetry)
	}
	return delay
}

// shortHash is the first 8 hexadecimal digits of a SHA-256 over the parts.
func shortHash(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:4])
}
