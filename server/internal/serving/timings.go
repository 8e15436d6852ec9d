// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package serving

import "time"

// Timings say how long the stages of a request took, each over all of its images.
type Timings struct {
	// Decode includes resizing, and waiting for memory and a processor; Preprocess makes the tensor of the pixels.
	Decode, Preprocess time.Duration
	// Queue is the time until its images were computed, Infer the time in which they were.
	Queue, Infer time.Duration
	// BatchImages is how many images were computed together with the request's, its own included, at most.
	BatchImages int
}

func (t *Timings) add(s spent) {
	t.Queue += s.queue
	t.Infer += s.infer
	t.BatchImages = max(t.BatchImages, s.images)
}

// Load is what is known of the loading of the model once it has come to its end.
type Load struct {
	// Took is the time for reading, compiling and trying the model; Ready the time from New until it was loaded.
	Took, Ready time.Duration
}

// Loaded says how the model was loaded; false until it is.
func (s *Service) Loaded() (Load, bool) {
	m := s.loaded.Load()
	if m == nil {
		return Load{}, false
	}
	return m.load, true
}

// Waiting is the number of requests that have a place among those that wait for a prediction, or get one.
func (s *Service) Waiting() int {
	m := s.loaded.Load()
	if m == nil {
		return 0
	}
	return len(m.batcher.slots)
}
