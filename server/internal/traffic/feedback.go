// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"errors"
	"sync"
)

// keptAnswers is how many of the last answered requests can be given a label.
const keptAnswers = 10_000

// Why a label is not taken; test with errors.Is.
var (
	// ErrUnknownRequest: no request of that id has an answer that is kept.
	ErrUnknownRequest = errors.New("no answer is kept of this request")
	// ErrSeveralImages: a request of several images has no one label.
	ErrSeveralImages = errors.New("the request has several images")
	// ErrLabeled: the request has a label already.
	ErrLabeled = errors.New("the request has a label already")
)

// feedback compares labels that clients hand in later with what was answered. It keeps the last answers only.
type feedback struct {
	mu      sync.Mutex
	answers map[string]*labeled
	ring    []*labeled // the oldest at next once it is full
	next    int
	byLabel map[string]LabelStats
}

// labeled is an answer that may be given a label.
type labeled struct {
	id, class string
	images    int
	done      bool
}

func newFeedback() *feedback {
	return &feedback{answers: map[string]*labeled{}, byLabel: map[string]LabelStats{}}
}

// answered keeps a request's answer. Of several requests of one id the last counts.
func (f *feedback) answered(r *Request) {
	if len(r.Predictions) == 0 {
		return
	}
	answer := &labeled{id: r.ID, class: r.Predictions[0].Class, images: len(r.Predictions)}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers[answer.id] = answer
	if len(f.ring) < keptAnswers {
		f.ring = append(f.ring, answer)
		return
	}
	if oldest := f.ring[f.next]; f.answers[oldest.id] == oldest {
		delete(f.answers, oldest.id)
	}
	f.ring[f.next] = answer
	f.next = (f.next + 1) % keptAnswers
}

// label gives the request of an id its label, and tells whether the answer was right.
func (f *feedback) label(id, label string) (predicted string, right bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	answer := f.answers[id]
	switch {
	case answer == nil:
		return "", false, ErrUnknownRequest
	case answer.images > 1:
		return "", false, ErrSeveralImages
	case answer.done:
		return "", false, ErrLabeled
	}
	answer.done = true
	stats := f.byLabel[label]
	stats.Labeled++
	if right = answer.class == label; right {
		stats.Right++
	}
	f.byLabel[label] = stats
	return answer.class, right, nil
}

// LabelStats is how the requests of a label were answered.
type LabelStats struct {
	Labeled  int64   `json:"labeled"`
	Right    int64   `json:"right"`
	Accuracy float64 `json:"accuracy"`
}

// FeedbackStats is how labeled requests were answered.
type FeedbackStats struct {
	LabelStats

	Labels map[string]LabelStats `json:"labels" doc:"By label."`
}

func (f *feedback) stats() *FeedbackStats {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := &FeedbackStats{Labels: map[string]LabelStats{}}
	for label, stats := range f.byLabel {
		stats.Accuracy = float64(stats.Right) / float64(stats.Labeled)
		all.Labels[label] = stats
		all.Labeled += stats.Labeled
		all.Right += stats.Right
	}
	if all.Labeled == 0 {
		return nil
	}
	all.Accuracy = float64(all.Right) / float64(all.Labeled)
	return all
}
