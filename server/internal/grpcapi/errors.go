// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package grpcapi

import (
	"errors"
	"net/http"
	"strconv"

	"connectrpc.com/connect"

	"github.com/trainyard-dev/trainyard/server/internal/serving"
)

// statuses say how each code of the service is answered.
var statuses = map[serving.Code]connect.Code{
	serving.CodeLoading:          connect.CodeUnavailable,
	serving.CodeOverloaded:       connect.CodeUnavailable,
	serving.CodeTimeout:          connect.CodeDeadlineExceeded,
	serving.CodeSlowBody:         connect.CodeUnavailable,
	serving.CodeCanceled:         connect.CodeCanceled,
	serving.CodeBodyTooLarge:     connect.CodeResourceExhausted,
	serving.CodeImageTooLarge:    connect.CodeInvalidArgument,
	serving.CodeTooManyImages:    connect.CodeInvalidArgument,
	serving.CodeUnsupportedImage: connect.CodeInvalidArgument,
	serving.CodeInvalidImage:     connect.CodeInvalidArgument,
	serving.CodeInvalidInput:     connect.CodeInvalidArgument,
	serving.CodeUnknownDecoding:  connect.CodeInvalidArgument,
	serving.CodeUnknownModel:     connect.CodeNotFound,
	serving.CodeUnknownInput:     connect.CodeInvalidArgument,
	serving.CodeUnknownOutput:    connect.CodeInvalidArgument,
	serving.CodeInternal:         connect.CodeInternal,
}

// Keys of an error's metadata: its code for programs, and after how many milliseconds to try again, as gRPC's retries have it.
const (
	codeKey     = "trainyard-code"
	pushbackKey = "grpc-retry-pushback-ms"
)

// wireError is an error as it is sent.
func wireError(err error) error {
	var known *serving.Error
	if !errors.As(err, &known) {
		return err
	}
	sent := connect.NewError(statuses[known.Code], errors.New(known.Detail))
	sent.Meta().Set(codeKey, string(known.Code))
	if known.RetryAfter > 0 {
		sent.Meta().Set(pushbackKey, strconv.FormatInt(known.RetryAfter.Milliseconds(), 10))
	}
	return sent
}

// Refuse answers a request that reaches no handler.
func Refuse(w http.ResponseWriter, r *http.Request, err *serving.Error) {
	writer := connect.NewErrorWriter()
	if !writer.IsSupported(r) {
		w.WriteHeader(http.StatusUnsupportedMediaType)
		return
	}
	_ = writer.Write(w, r, wireError(err)) // a client that has gone needs no answer
}
