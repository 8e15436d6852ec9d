// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// tolerance is how far probabilities of float32 may be apart: decoders and resizers differ by a gray level.
const tolerance = 0.02

// answer is what all servers answer.
type answer struct {
	Class         string             `json:"class"`
	Probabilities map[string]float64 `json:"probabilities"`
}

// answerOf asks a server for a picture.
func answerOf(address string, request []byte) (*answer, error) {
	c := &connection{address: address}
	defer c.close()
	status, body, err := c.ask(request, time.Now().Add(patience))
	if err != nil {
		return nil, err
	}
	if status != 200 {
		return nil, fmt.Errorf("status %d: %.300s", status, body)
	}
	found := &answer{}
	if err := json.Unmarshal(body, found); err != nil {
		return nil, fmt.Errorf("%w in %.300s", err, body)
	}
	return found, nil
}

// distance is how far the probabilities of two answers are apart at most.
func (a *answer) distance(other *answer) float64 {
	most := 0.0
	for class, p := range a.Probabilities {
		q, known := other.Probabilities[class]
		if !known {
			return math.Inf(1)
		}
		most = math.Max(most, math.Abs(p-q))
	}
	return most
}

// compare fails if a server answers otherwise than ours with float32. With 8 bits only the class has to be the same, where it is
// no close call.
func compare(c *contestant, picture string, want, got *answer) error {
	distance := want.distance(got)
	limit := tolerance
	if c.int8 {
		limit = max(tolerance, math.Abs(want.Probabilities[want.Class]-0.5))
	}
	if distance > limit && (!c.int8 || want.Class != got.Class) {
		return fmt.Errorf("%s answers %v for %s, and our server %v: probabilities may differ by %.2f", c.title, got.Probabilities, picture, want.Probabilities, tolerance)
	}
	return nil
}
