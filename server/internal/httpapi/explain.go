// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

const explainPath = "/explain"

type explainInput struct {
	ContentType string `header:"Content-Type"`
	RawBody     []byte `contentType:"application/octet-stream"`
}

type explainOutput struct {
	Body Explanation
}

// Explanation says where in a picture is what its prediction rests on.
type Explanation struct {
	Class string    `json:"class" doc:"The most probable class." example:"cat"`
	Side  int       `json:"side" doc:"Number of places in a row, and of rows." example:"8"`
	Drops []float64 `json:"drops" doc:"By how much the class's probability falls where a place is hidden from the network, row by row."`
}

func (s *Server) registerExplain(api huma.API) {
	register(s, api, huma.Operation{
		OperationID: "explain",
		Method:      http.MethodPost,
		Path:        explainPath,
		Summary:     "Show what a prediction rests on",
		Description: "Hides one place of a picture after another and answers how much each matters. It takes as long as 65 predictions; " +
			"one picture is explained at a time, others are turned away with 503.",
		Errors:           []int{400, 406, 408, 413, 415, 503, 504},
		RequestBody:      &huma.RequestBody{Content: pictureTypes()},
		SkipValidateBody: true,
	}, s.explain)
}

func (s *Server) explain(ctx context.Context, input *explainInput) (*explainOutput, error) {
	sent, err := picturesOf(input.ContentType, input.RawBody, 1)
	if err != nil {
		return nil, err
	}
	picture, err := sent.all[0]()
	if err != nil {
		return nil, err
	}
	place, release, err := s.admit(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	explained, err := place.Explain(ctx, picture)
	if err != nil {
		return nil, err
	}
	return &explainOutput{Body: Explanation{Class: place.Model().Classes[explained.Class], Side: explained.Side, Drops: explained.Drops}}, nil
}
