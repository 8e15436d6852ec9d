// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/trainyard-dev/trainyard/server/internal/traffic"
)

const feedbackPath = "/feedback"

type feedbackInput struct {
	Body struct {
		RequestID string `json:"requestId" minLength:"1" maxLength:"128" doc:"The X-Request-Id of a request that was answered." example:"M4PZC2QWZK7AJ3QX"`
		Label     string `json:"label" minLength:"1" maxLength:"1024" doc:"The class that the picture shows." example:"cat"`
	}
}

type feedbackOutput struct {
	Body struct {
		Predicted string `json:"predicted" doc:"The class that was answered." example:"cat"`
		Right     bool   `json:"right"`
	}
}

func (s *Server) registerFeedback(api huma.API) {
	const maxBytes = 4 << 10
	register(s, api, huma.Operation{
		OperationID:  "feedback",
		Method:       http.MethodPost,
		Path:         feedbackPath,
		Summary:      "Say what a picture showed",
		Description:  "Gives one of the last 10,000 answered requests its label, once. /stats and /metrics say how many were right, by label.",
		Errors:       []int{400, 404, 409, 413, 422, 503},
		MaxBodyBytes: maxBytes,
	}, s.feedback)
}

func (s *Server) feedback(_ context.Context, input *feedbackInput) (*feedbackOutput, error) {
	model, err := s.service.Model()
	if err != nil {
		return nil, err
	}
	id, label := input.Body.RequestID, input.Body.Label
	if !slices.Contains(model.Classes, label) {
		return nil, newProblem(http.StatusBadRequest, "unknown_label", "label %.100q is no class of the model: /model-info lists them", label)
	}
	predicted, right, err := s.traffic.Label(id, label)
	switch {
	case errors.Is(err, traffic.ErrUnknownRequest):
		return nil, newProblem(http.StatusNotFound, "unknown_request",
			"no answer is kept of request %.128q: send the X-Request-Id of one of the last that this replica answered", id)
	case errors.Is(err, traffic.ErrSeveralImages):
		return nil, newProblem(http.StatusBadRequest, "several_images", "request %.128q has several images: send pictures that get a label one by one", id)
	case errors.Is(err, traffic.ErrLabeled):
		return nil, newProblem(http.StatusConflict, "already_labeled", "request %.128q has its label: each is given once", id)
	case err != nil:
		return nil, err
	}
	output := &feedbackOutput{}
	output.Body.Predicted, output.Body.Right = predicted, right
	return output, nil
}
