// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/contract/unknown"
)

// maxRemembered bounds the rejected and the retired revisions in a record.
const maxRemembered = 10

// Reasons in the history of a ModelServer.
const (
	// ReasonReplaced says that a newer revision took the traffic.
	ReasonReplaced = "Replaced"
	// ReasonGone says that the revision's Deployment was deleted outside Trainyard.
	ReasonGone = "Gone"
)

// What moves the traffic, beside the annotations.
const (
	// MovedBySpec says that the spec asked for another revision.
	MovedBySpec = "spec"
	// MovedByTrainyard says that the revision wasn't fit for it any more.
	MovedByTrainyard = "Trainyard"
)

// Record is the state of a ModelServer's rollout, kept on its Service.
// The zero value is the record before the first promotion.
type Record struct {
	// Switch grows by one each time that the traffic moves or a bake begins anew.
	Switch int64 `json:"switch"`
	// At is when Live got the traffic, in whole seconds.
	At metav1.Time `json:"at,omitzero"`
	// BakedSince is when Live's bake began anew, if it did: what was before At and
	// BakedSince doesn't count.
	BakedSince metav1.Time `json:"bakedSince,omitzero"`
	// Live is the revision that the Service selects.
	Live string `json:"live,omitempty"`
	// Available is how many replicas of Live were available at At, or when it last had
	// as many as were asked for.
	Available int32 `json:"available,omitempty"`
	// Baked says that Live has passed its bake.
	Baked bool `json:"baked,omitempty"`
	// Requests is how many requests of users Live has answered during its bake; nil where nothing tells, and until it has passed.
	Requests *int64 `json:"requests,omitempty"`
	// Fallback is the last revision that was baked, while Live isn't.
	Fallback string `json:"fallback,omitempty"`
	// Ended holds, while Live bakes, how containers of Live had ended before its bake began:
	// the [Termination.ID] by the pod's UID. It is nil where that isn't known.
	Ended map[types.UID]string `json:"ended,omitzero"`
	// UnreadySince is since when servers of Live run without being ready, and LostSince
	// since when Live has no available replica, while it bakes. Both are zero if it is well.
	UnreadySince metav1.Time `json:"unreadySince,omitzero"`
	LostSince    metav1.Time `json:"lostSince,omitzero"`
	// Starting is since when the candidate isn't available in full; nil if it is.
	Starting *Starting `json:"starting,omitempty"`
	// Postponed is the candidate that didn't start in time; nil if it has got the traffic since.
	Postponed *Postponement `json:"postponed,omitempty"`
	// Rejected are revisions that failed, the newest first, each name once.
	Rejected []Rejection `json:"rejected,omitempty"`
	// Retiring are Deployments that are deleted or about to be.
	Retiring []Retiring `json:"retiring,omitempty"`
	// History are revisions that were live, the newest first.
	History []v1alpha1.RetiredRevision `json:"history,omitempty"`
	// Unknown is what a newer version has written into the record.
	Unknown *unknown.Fields `json:"-"`
}

// Rejection is a revision that failed, and what it failed under.
type Rejection struct {
	v1alpha1.RejectedRevision
	// Policy is the [PolicyHash] of the spec that the revision was tested by.
	Policy string `json:"policy"`
	// Retry is the value of spec.retry that it failed under.
	Retry string `json:"retry,omitempty"`
}

// Retiring is one Deployment, told apart by its UID from another of the same name.
type Retiring struct {
	Name string    `json:"name"`
	UID  types.UID `json:"uid"`
}

// DecodeRecord reads what [Record.Encode] wrote, in this version or a newer one, whose
// fields are kept. A record that was changed outside Trainyard beyond recognition is an
// error, never a guess: every version writes switch.
func DecodeRecord(data string) (*Record, error) {
	record, err := decodeRecord([]byte(data))
	if err != nil {
		return nil, fmt.Errorf("decode rollout record: %w", err)
	}
	return record, nil
}

func decodeRecord(data []byte) (*Record, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, err
	}
	if fields["switch"] == nil {
		return nil, errors.New("it has no switch")
	}
	record := &Record{}
	if err := json.Unmarshal(data, record); err != nil {
		return nil, err
	}
	if err := record.validate(); err != nil {
		return nil, err
	}
	var err error
	record.Unknown, err = unknown.Of(data, record)
	return record, err
}

// Encode renders the record as one line of JSON, with what a newer version has written.
func (r *Record) Encode() (string, error) {
	data, err := unknown.Encode(r, r.Unknown)
	if err != nil {
		return "", fmt.Errorf("encode rollout record: %w", err)
	}
	return string(data), nil
}

func (r *Record) validate() error {
	switch {
	case r.Switch < 0:
		return fmt.Errorf("switch is %d, want 0 or more", r.Switch)
	case r.Live == "" && (r.Fallback != "" || r.Baked):
		return errors.New("a fallback or a bake without a live revision")
	case r.Live != "" && r.Live == r.Fallback:
		return fmt.Errorf("%s is both live and fallback", r.Live)
	case r.Baked && r.Fallback != "":
		return errors.New("a fallback although live is baked")
	case len(r.Rejected) > maxRemembered, len(r.History) > maxRemembered:
		return fmt.Errorf("more than %d rejected or retired revisions", maxRemembered)
	}
	for _, retiring := range r.Retiring {
		if retiring.Name == "" || retiring.UID == "" {
			return errors.New("a retiring Deployment without name or uid")
		}
		if retiring.Name == r.Live || retiring.Name == r.Fallback {
			return fmt.Errorf("%s is retiring although it is live or fallback", retiring.Name)
		}
	}
	return nil
}

// clone returns a copy that shares nothing that a rule changes.
func (r *Record) clone() *Record {
	c := *r
	c.Rejected = slices.Clone(r.Rejected)
	c.Retiring = slices.Clone(r.Retiring)
	c.History = slices.Clone(r.History)
	return &c
}

// Rejection returns the rejection of a revision, or nil.
func (r *Record) Rejection(revision string) *Rejection {
	for i := range r.Rejected {
		if r.Rejected[i].Revision == revision {
			return &r.Rejected[i]
		}
	}
	return nil
}

// rejectedUnder tells whether the revision failed under this very policy and value of spec.retry.
func (r *Record) rejectedUnder(revision, policy, retry string) bool {
	rejection := r.Rejection(revision)
	return rejection != nil && rejection.Policy == policy && rejection.Retry == retry
}

// watch begins the bake of Live, whose containers have ended so before.
func (r *Record) watch(ended map[types.UID]string) {
	r.Ended, r.UnreadySince, r.LostSince = ended, metav1.Time{}, metav1.Time{}
}

func (r *Record) isRetiring(revision string) bool {
	return slices.ContainsFunc(r.Retiring, func(x Retiring) bool { return x.Name == revision })
}

func (r *Record) reject(rejection Rejection) {
	r.pardon(rejection.Revision)
	r.Rejected = slices.Insert(r.Rejected, 0, rejection)
	r.Rejected = r.Rejected[:min(len(r.Rejected), maxRemembered)]
}

// pardon forgets that a revision was rejected.
func (r *Record) pardon(revision string) {
	r.Rejected = slices.DeleteFunc(r.Rejected, func(x Rejection) bool { return x.Revision == revision })
}

// retire names a revision's Deployment as retiring, if it has one.
func (r *Record) retire(revision *Revision) {
	if revision != nil && !r.isRetiring(revision.Name) {
		r.Retiring = append(r.Retiring, Retiring{Name: revision.Name, UID: revision.UID})
	}
}

// leave notes in the history that the live revision loses the traffic at this time, and by what.
func (r *Record) leave(model v1alpha1.RevisionModel, at metav1.Time, reason, by string) {
	if r.Live == "" {
		return
	}
	promoted := r.At
	entry := v1alpha1.RetiredRevision{Revision: r.Live, Model: model, RetiredTime: &at, Reason: reason, MovedBy: by}
	if !promoted.IsZero() {
		entry.PromotedTime = &promoted
	}
	r.History = slices.Insert(r.History, 0, entry)
	r.History = r.History[:min(len(r.History), maxRemembered)]
}
