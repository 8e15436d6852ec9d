// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/trainyard-dev/trainyard/internal/preprocess"
	"github.com/trainyard-dev/trainyard/server/internal/inference"
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
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// statusClientClosedRequest is for the log only: nobody is there to read the answer.
const statusClientClosedRequest = 499

var errLoading = newProblem(http.StatusServiceUnavailable, "loading", "the model is still being loaded: try again in a moment").retryAfter(1)

func (p *Problem) retryAfter(seconds int) *Problem {
	p.retryAfterSeconds = seconds
	return p
}

// problemOf is the one place where errors become answers. Errors that are not the client's fault
// are logged and not shown.
func (s *Server) problemOf(ctx context.Context, err error) *Problem {
	var p *Problem
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, preprocess.ErrMemory):
		return newProblem(http.StatusRequestEntityTooLarge, "image_too_large", "%v, or send a smaller image, or a JPEG that is not progressive", err)
	case errors.Is(err, preprocess.ErrTooLarge):
		return newProblem(http.StatusRequestEntityTooLarge, "image_too_large", "%v: send a smaller image", err)
	case errors.Is(err, preprocess.ErrUnsupported):
		return newProblem(http.StatusUnsupportedMediaType, "unsupported_image", "%v", err)
	case errors.Is(err, preprocess.ErrTruncated), errors.Is(err, preprocess.ErrCorrupt):
		return newProblem(http.StatusBadRequest, "invalid_image", "%v: send the whole, undamaged file", err)
	case errors.Is(err, inference.ErrOverloaded), errors.Is(err, errNoRoom):
		return newProblem(http.StatusServiceUnavailable, "overloaded", "%v: try again in a moment, or add replicas", err).retryAfter(1)
	case errors.Is(err, errTooSlow):
		return newProblem(http.StatusRequestTimeout, "timeout",
			"the request's body arrived too slowly while the server had no memory left for others: try again in a moment, over a faster connection or with a smaller image")
	case errors.Is(err, context.DeadlineExceeded):
		return newProblem(http.StatusGatewayTimeout, "timeout",
			"the prediction took longer than %s: try again when the server is less busy, or send a smaller image", s.requestTimeout())
	case errors.Is(err, context.Canceled):
		return newProblem(statusClientClosedRequest, "client_closed_request", "the client went away")
	default:
		return s.internal(ctx, "Request failed", "error", err)
	}
}

// internal logs what is not the client's fault, in full, and returns what the client is told: where to look for it.
func (s *Server) internal(ctx context.Context, message string, args ...any) *Problem {
	id := rand.Text()[:12]
	s.log.ErrorContext(ctx, message, append(args, "request", id)...)
	return newProblem(http.StatusInternalServerError, "internal", "the server failed to answer: its log says why, at request %s", id)
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
		code := strings.ReplaceAll(strings.ToLower(http.StatusText(status)), " ", "_")
		p := newProblem(status, code, "%s", message)
		if status < http.StatusInternalServerError {
			if err := errors.Join(errs...); err != nil {
				p.Detail += ": " + err.Error()
			}
		}
		return p
	}
	huma.NewErrorWithContext = func(ctx huma.Context, status int, message string, errs ...error) huma.StatusError {
		p := huma.NewError(status, message, errs...)
		if ctx == nil {
			return p
		}
		url := ctx.URL()
		return withV2Error(*p.(*Problem), url.Path)
	}
}
