// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/server/internal/serving"
)

// Problem is the body of every answer that is an error: RFC 9457's problem details, with a code for
// programs. It is an error itself, so that handlers return it.
type Problem struct {
	Title  string `json:"title" example:"Request Entity Too Large"`
	Status int    `json:"status" example:"413"`
	Code   string `json:"code" example:"image_too_large" doc:"What is wrong, for programs."`
	Detail string `json:"detail" doc:"What is wrong and what to do about it."`
	// V2Error is Detail again, on the paths of the Open Inference Protocol, which asks for it.
	V2Error string `json:"error,omitempty" doc:"The detail again, on the paths of the Open Inference Protocol."`

	retryAfterSeconds int
}

func newProblem(status int, code, format string, args ...any) *Problem {
	return &Problem{Title: http.StatusText(status), Status: status, Code: code, Detail: fmt.Sprintf(format, args...)}
}

func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// GetStatus is the status of the answer. With GetHeaders and ContentType it makes a
// Problem an error that huma writes as it is.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders are the headers of the answer.
func (p *Problem) GetHeaders() http.Header {
	if p.retryAfterSeconds == 0 {
		return nil
	}
	return http.Header{"Retry-After": {strconv.Itoa(p.retryAfterSeconds)}}
}

// ContentType is RFC 9457's.
func (p *Problem) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

// statusClientClosedRequest is for the log only: nobody is there to read the answer.
const statusClientClosedRequest = 499

// answers say how each code of the service is answered: its status, and its code where that has another name in HTTP.
var answers = map[serving.Code]struct {
	status int
	code   string
}{
	serving.CodeLoading:          {status: http.StatusServiceUnavailable},
	serving.CodeOverloaded:       {status: http.StatusServiceUnavailable, code: contract.ProblemOverloaded},
	serving.CodeTimeout:          {status: http.StatusGatewayTimeout, code: contract.ProblemTimeout},
	serving.CodeSlowBody:         {status: http.StatusRequestTimeout, code: contract.ProblemTimeout},
	serving.CodeCanceled:         {status: statusClientClosedRequest, code: "client_closed_request"},
	serving.CodeBodyTooLarge:     {status: http.StatusRequestEntityTooLarge},
	serving.CodeImageTooLarge:    {status: http.StatusRequestEntityTooLarge},
	serving.CodeTooManyImages:    {status: http.StatusBadRequest},
	serving.CodeUnsupportedImage: {status: http.StatusUnsupportedMediaType},
	serving.CodeInvalidImage:     {status: http.StatusBadRequest},
	serving.CodeInvalidInput:     {status: http.StatusBadRequest},
	serving.CodeUnknownDecoding:  {status: http.StatusBadRequest},
	serving.CodeUnknownModel:     {status: http.StatusNotFound},
	serving.CodeUnknownInput:     {status: http.StatusBadRequest},
	serving.CodeUnknownOutput:    {status: http.StatusBadRequest},
	serving.CodeInternal:         {status: http.StatusInternalServerError},
}

// problemOf is the one place where errors become answers. What is neither a Problem nor an Error of the service is logged
// and not shown.
func (s *Server) problemOf(ctx context.Context, err error) *Problem {
	problem := s.asProblem(ctx, err)
	recordingOf(ctx).Code = problem.Code
	return problem
}

func (s *Server) asProblem(ctx context.Context, err error) *Problem {
	var (
		problem *Problem
		known   *serving.Error
	)
	switch {
	case errors.As(err, &problem):
		return problem
	case errors.As(err, &known):
		return problemFrom(known)
	default:
		return problemFrom(s.service.Internal(ctx, "Request failed", "error", err))
	}
}

// problemCodes are the codes by which errors of the service are answered.
func problemCodes() []string {
	codes := make([]string, 0, len(serving.Codes))
	for _, code := range serving.Codes {
		codes = append(codes, cmp.Or(answers[code].code, string(code)))
	}
	return codes
}

// problemFrom is the answer to an error of the service.
func problemFrom(e *serving.Error) *Problem {
	answer := answers[e.Code]
	p := newProblem(answer.status, cmp.Or(answer.code, string(e.Code)), "%s", e.Detail)
	p.retryAfterSeconds = int(math.Ceil(e.RetryAfter.Seconds()))
	return p
}

// writeProblem writes a problem where huma is not at work: in middleware and for unknown paths.
func writeProblem(w http.ResponseWriter, r *http.Request, p *Problem) {
	copied := withV2Error(*p, r.URL.Path)
	for name, values := range p.GetHeaders() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(copied) // a client that has gone needs no answer
}

func withV2Error(p Problem, path string) *Problem {
	if strings.HasPrefix(path, "/v2") {
		p.V2Error = p.Detail
	}
	return &p
}

// What huma itself finds wrong with a request becomes a Problem as well. huma offers package
// variables for this, which are therefore set once for the process.
func init() {
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		return problemOfHuma(status, message, errs)
	}
	huma.NewErrorWithContext = func(ctx huma.Context, status int, message string, errs ...error) huma.StatusError {
		p := problemOfHuma(status, message, errs)
		if ctx == nil {
			return p
		}
		url := ctx.URL()
		return withV2Error(*p, url.Path)
	}
}

func problemOfHuma(status int, message string, errs []error) *Problem {
	code := strings.ReplaceAll(strings.ToLower(http.StatusText(status)), " ", "_")
	p := newProblem(status, code, "%s", message)
	if status < http.StatusInternalServerError {
		if err := errors.Join(errs...); err != nil {
			p.Detail += ": " + err.Error()
		}
	}
	return p
}
