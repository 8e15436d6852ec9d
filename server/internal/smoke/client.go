// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package smoke

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

const (
	requestTimeout = 30 * time.Second
	// maxAnswerBytes bounds what is read of an answer.
	maxAnswerBytes = 16 << 20
)

// newHTTPClient returns a client that connects anew for each request: a connection that is kept
// would stay with the pod it leads to, whatever a Service selects in the meantime.
func newHTTPClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
}

// client asks one target.
type client struct {
	base string
	http *http.Client
	// patience is how long one request may take.
	patience time.Duration
	// revision is whose answers count; empty: anybody's.
	revision string
}

// noAnswer is a request that nothing answered, or not to the end.
type noAnswer struct{ err error }

func (e *noAnswer) Error() string { return e.err.Error() }
func (e *noAnswer) Unwrap() error { return e.err }

// statusError is an answer other than 200.
type statusError struct {
	status int
	// code is a problem document's, empty if there is none.
	code   string
	detail string
}

// gatewayStatuses are what proxies answer for a server that they don't reach.
var gatewayStatuses = map[int]bool{
	http.StatusTooManyRequests: true, http.StatusBadGateway: true,
	http.StatusServiceUnavailable: true, http.StatusGatewayTimeout: true,
}

// serverCodes are the codes by which the server itself answers with such a status while it is
// neither starting nor stopping.
var serverCodes = map[string]bool{contract.ProblemOverloaded: true, contract.ProblemTimeout: true}

// saysNothing tells whether an error is no answer of the server under test: nothing came, or another's, or what a
// proxy says for a server that it doesn't reach, or the word of one that is starting or stopping.
func saysNothing(err error) bool {
	var none *noAnswer
	var status *statusError
	switch {
	case errors.As(err, &none):
		return true
	case errors.As(err, &status):
		return gatewayStatuses[status.status] && !serverCodes[status.code]
	default:
		return false
	}
}

func (e *statusError) Error() string {
	if e.detail == "" {
		return fmt.Sprintf("answered %d", e.status)
	}
	return fmt.Sprintf("answered %d: %s", e.status, e.detail)
}

// request is what to ask; a body makes it a POST.
type request struct {
	path        string
	accept      string
	contentType string
	decoding    int // of a picture in the body, or 0 for the one in use
	body        []byte
}

// do sends r and returns the body of a 200 and how long it took.
func (c *client) do(ctx context.Context, r request) (data []byte, took time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	method := http.MethodGet
	if r.body != nil {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+r.path, bytes.NewReader(r.body))
	if err != nil {
		return nil, 0, err
	}
	req.Header.Set(contract.SmokeHeader, "1")
	if r.accept != "" {
		req.Header.Set("Accept", r.accept)
	}
	if r.contentType != "" {
		req.Header.Set("Content-Type", r.contentType)
	}
	if r.decoding != 0 {
		req.Header.Set(contract.DecodingHeader, strconv.Itoa(r.decoding))
	}
	start := time.Now()
	response, err := c.http.Do(req)
	if err != nil {
		return nil, 0, fmt.Errorf("%s %s: %w", method, r.path, &noAnswer{err})
	}
	defer response.Body.Close()
	if got := response.Header.Get(contract.RevisionHeader); c.revision != "" && got != "" && got != c.revision {
		// A proxy that is behind, or an address that is another pod's by now.
		return nil, 0, fmt.Errorf("%s %s: %w", method, r.path, &noAnswer{fmt.Errorf("revision %s answers, not %s", got, c.revision)})
	}
	data, err = io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes))
	took = time.Since(start)
	if err != nil {
		return nil, 0, fmt.Errorf("%s %s: read the answer: %w", method, r.path, &noAnswer{err})
	}
	if response.StatusCode != http.StatusOK {
		return nil, 0, fmt.Errorf("%s %s %w", method, r.path, answerOf(response.StatusCode, data))
	}
	return data, took, nil
}

// answerOf is an answer other than 200 as an error: a problem document or anything else.
func answerOf(status int, data []byte) *statusError {
	var problem struct {
		Code   string `json:"code"`
		Detail string `json:"detail"`
	}
	if err := json.Unmarshal(data, &problem); err == nil && problem.Detail != "" {
		return &statusError{status: status, code: problem.Code, detail: problem.Detail}
	}
	const atMost = 100
	return &statusError{status: status, detail: strings.ToValidUTF8(string(data[:min(len(data), atMost)]), "")}
}

// askJSON sends r and decodes the answer into v.
func (c *client) askJSON(ctx context.Context, r request, v any) (time.Duration, error) {
	data, took, err := c.do(ctx, r)
	if err != nil {
		return 0, err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return 0, fmt.Errorf("%s answered something else than the JSON expected: %w", r.path, err)
	}
	return took, nil
}

// modelInfo is what the checks need of /model-info.
type modelInfo struct {
	Name     string   `json:"name"`
	Revision string   `json:"revision"`
	SHA256   string   `json:"sha256"`
	Classes  []string `json:"classes"`
	// Output is what the network yields; a server older than this program does not say.
	Output string `json:"output"`
	// Assumed is what neither the model file nor the server's configuration says.
	Assumed []string `json:"assumed"`
}

func (c *client) modelInfo(ctx context.Context) (modelInfo, time.Duration, error) {
	var info modelInfo
	took, err := c.askJSON(ctx, request{path: contract.ModelInfoPath}, &info)
	return info, took, err
}

// prediction is what the checks need of /predict.
type prediction struct {
	Class         string             `json:"class"`
	Probabilities map[string]float64 `json:"probabilities"`
	Logits        []float32          `json:"logits"`

	took time.Duration
}

// predict asks for an image's class, decoded by the given version, or by the one in use if that is 0.
func (c *client) predict(ctx context.Context, image []byte, decoding int) (prediction, error) {
	var p prediction
	took, err := c.askJSON(ctx, request{path: contract.PredictPath + "?logits=true", contentType: "application/octet-stream", decoding: decoding, body: image}, &p)
	p.took = took
	return p, err
}

// statusOf returns the status of an answer that is an error, or 0.
func statusOf(err error) int {
	var status *statusError
	if errors.As(err, &status) {
		return status.status
	}
	return 0
}
