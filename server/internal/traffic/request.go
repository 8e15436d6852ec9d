// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package traffic keeps account of the requests of a server's users: metrics, statistics and the last requests, whatever
// transport they came by. A transport describes each request that has ended and hands it to a Recorder. Nothing here knows
// who asked or what the picture was, and all of it takes a bounded amount of memory.
package traffic

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trainyard-dev/trainyard/server/internal/serving"
)

// Request is what is kept of a request that predicts.
type Request struct {
	ID      string    `json:"id" doc:"The request's X-Request-Id." example:"M4PZC2QWZK7A"`
	TraceID string    `json:"traceId,omitempty" doc:"The trace of the request's traceparent header, if it has one."`
	Time    time.Time `json:"time"`
	// Endpoint is a route's pattern, never a path that a client made up.
	Endpoint      string   `json:"endpoint" example:"/predict"`
	Status        int      `json:"status" example:"200"`
	Code          string   `json:"code,omitempty" doc:"The code of the problem, if the request was refused." example:"invalid_image"`
	LatencyMillis float64  `json:"latencyMillis" example:"12.5"`
	Images        int      `json:"images" doc:"Images classified." example:"1"`
	Classes       []string `json:"classes,omitempty" doc:"Classes predicted, at most 16." example:"[\"cat\"]"`
	Confidence    float64  `json:"confidence,omitempty" doc:"Mean probability of the classes predicted." example:"0.97"`

	// Predictions are those of the images, in their order.
	Predictions []Prediction `json:"-"`
	// Read is the time in which the body arrived, Encode that for the answer.
	Read, Encode time.Duration `json:"-"`
	// Timings are those of the stages between, once there were any.
	Timings serving.Timings `json:"-"`
}

// Prediction is what an image was taken for.
type Prediction struct {
	Class      string
	Confidence float64
}

// maxRecordedClasses bounds what a request of many images takes in memory.
const maxRecordedClasses = 16

// summarized is the request as it is kept: with figures of its predictions in their place.
func (r Request) summarized() Request {
	r.Images = len(r.Predictions)
	for i, p := range r.Predictions {
		r.Confidence += p.Confidence / float64(r.Images)
		if i < maxRecordedClasses {
			r.Classes = append(r.Classes, p.Class)
		}
	}
	r.Predictions = nil
	return r
}

// codeOf is the code of an answer that nobody has given one, such as that of a panic.
func codeOf(status int) string {
	if status == http.StatusInternalServerError {
		return string(serving.CodeInternal)
	}
	return strings.ReplaceAll(strings.ToLower(http.StatusText(status)), " ", "_")
}

// Filter says which of the last requests are asked for. What is left out admits all.
type Filter struct {
	ID    string
	Class string
	// Status is a status, 404, or a class of them, 4xx.
	Status string
	Since  time.Time
	Limit  int
}

func (f Filter) admits(r *Request) bool {
	status := strconv.Itoa(r.Status)
	return (f.ID == "" || f.ID == r.ID) &&
		(f.Class == "" || slices.Contains(r.Classes, f.Class)) &&
		(f.Status == "" || f.Status == status || f.Status == status[:1]+"xx") &&
		!r.Time.Before(f.Since)
}
