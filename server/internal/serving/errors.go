// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package serving

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

// Code is a kind of failure. A transport gives each a status of its protocol.
type Code string

// The codes of Errors.
const (
	// CodeLoading and CodeOverloaded: another server may answer, and so may this one in a moment.
	CodeLoading    Code = "loading"
	CodeOverloaded Code = "overloaded"
	// CodeTimeout: the Service took too long. CodeSlowBody: the client did.
	CodeTimeout  Code = "timeout"
	CodeSlowBody Code = "slow_body"
	// CodeCanceled: nobody waits for the answer.
	CodeCanceled Code = "canceled"
	// The request itself can't be answered.
	CodeBodyTooLarge     Code = "body_too_large"
	CodeImageTooLarge    Code = "image_too_large"
	CodeTooManyImages    Code = "too_many_images"
	CodeUnsupportedImage Code = "unsupported_image"
	CodeInvalidImage     Code = "invalid_image"
	CodeInvalidInput     Code = "invalid_input"
	CodeUnknownDecoding  Code = "unknown_decoding"
	CodeUnknownModel     Code = "unknown_model"
	CodeUnknownInput     Code = "unknown_input"
	CodeUnknownOutput    Code = "unknown_output"
	// CodeInternal: the Service is at fault, and its log says why.
	CodeInternal Code = "internal"
)

// Codes are all of them.
var Codes = []Code{
	CodeLoading, CodeOverloaded, CodeTimeout, CodeSlowBody, CodeCanceled, CodeBodyTooLarge, CodeImageTooLarge, CodeTooManyImages,
	CodeUnsupportedImage, CodeInvalidImage, CodeInvalidInput, CodeUnknownDecoding,
	CodeUnknownModel, CodeUnknownInput, CodeUnknownOutput, CodeInternal,
}

// Error is why a request has no answer: every error of a Service is of this type, except what a transport brings itself.
type Error struct {
	Code Code
	// Detail says what is wrong and what to do about it, for people.
	Detail string
	// RetryAfter is how long to wait before the same request may succeed; 0: it won't.
	RetryAfter time.Duration
	// cause is what it was made of, if that is of use to callers.
	cause error
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Detail }
func (e *Error) Unwrap() error { return e.cause }

// NewError is an Error with a text.
func NewError(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// Errors whose text is always the same; test with errors.Is.
var (
	// ErrLoading: the model is not loaded yet.
	ErrLoading = &Error{Code: CodeLoading, Detail: "the model is still being loaded: try again in a moment", RetryAfter: time.Second}
	// ErrOverloaded: as many requests are waiting as are let in.
	ErrOverloaded = overloaded("too many requests are waiting for a prediction")
	// ErrNoRoom: no memory for the body became free in time.
	ErrNoRoom = overloaded("the bodies of other requests take all the memory set aside for bodies")
	// ErrTooSlow: the transfer gave way to others.
	ErrTooSlow = NewError(CodeSlowBody, "the request's body arrived too slowly while the server had no memory left for others: "+
		"try again in a moment, over a faster connection or with a smaller image")
)

func overloaded(why string) *Error {
	return &Error{Code: CodeOverloaded, Detail: why + ": try again in a moment, or add replicas", RetryAfter: time.Second}
}

// explain makes an Error of one that decoding or computing returned. What is not the request's fault is logged, not told.
func (s *Service) explain(ctx context.Context, err error) *Error {
	var known *Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, preprocess.ErrMemory):
		return NewError(CodeImageTooLarge, "%v, or send a smaller image, or a JPEG that is not progressive", err)
	case errors.Is(err, preprocess.ErrTooLarge):
		return NewError(CodeImageTooLarge, "%v: send a smaller image", err)
	case errors.Is(err, preprocess.ErrUnsupported):
		return NewError(CodeUnsupportedImage, "%v", err)
	case errors.Is(err, preprocess.ErrTruncated), errors.Is(err, preprocess.ErrCorrupt):
		return NewError(CodeInvalidImage, "%v: send the whole, undamaged file", err)
	case errors.Is(err, context.DeadlineExceeded):
		return NewError(CodeTimeout, "the prediction took longer than %s: try again when the server is less busy, or send a smaller image",
			s.RequestTimeout())
	case errors.Is(err, context.Canceled):
		return NewError(CodeCanceled, "the client went away")
	default:
		return s.Internal(ctx, "Request failed", "error", err)
	}
}

// isOfPicture tells whether an error is one picture's own, so that others of its request can still be answered. Errors that
// are not the Service's are those of who was asked for the picture.
func isOfPicture(err error) bool {
	var known *Error
	if !errors.As(err, &known) {
		return true
	}
	switch known.Code {
	case CodeImageTooLarge, CodeUnsupportedImage, CodeInvalidImage:
		return true
	default:
		return false
	}
}

type requestKey struct{}

// WithRequest names a request to the log, by an id that its client knows too.
func WithRequest(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey{}, id)
}

// RequestID is the id that WithRequest gave a request, or empty.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

// Internal logs in full what is not the request's fault, and returns what its client is told: where to look for it.
func (s *Service) Internal(ctx context.Context, message string, args ...any) *Error {
	id := cmp.Or(RequestID(ctx), rand.Text()[:12])
	s.log.ErrorContext(ctx, message, append(args, "request", id)...)
	return NewError(CodeInternal, "the server failed to answer: its log says why, at request %s", id)
}
