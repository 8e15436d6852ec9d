// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package mlflow is a client of the tracking server of MLflow, 2 and 3: experiments, runs, artifacts, logged models and the
// registry of models, as far as a training run needs them. Nothing is tried again here. Errors hold nothing secret.
package mlflow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/web"
)

const (
	apiPath = "/api/2.0/mlflow/"
	// answerTimeout is how long a server may take to begin its answer, as for MLflow's own client.
	answerTimeout = 2 * time.Minute
	// maxAnswer bounds an answer in bytes.
	maxAnswer       = 16 << 20
	workspaceHeader = "X-MLFLOW-WORKSPACE"
)

// Client asks one server. It is safe for concurrent use.
type Client struct {
	base      *url.URL
	access    contract.Access
	workspace string
	http      *http.Client
	// presignedOnly is what the server says of artifacts; nil before it was asked.
	presignedOnly atomic.Pointer[bool]
}

// New returns a client of the server that s names. Credentials are the files username and password, or token, of the
// folder that s names or, without one, those of the environment, and are read anew for each request: a Secret may change.
// They are sent to this server alone.
func New(s contract.MLflow) (*Client, error) {
	base, err := url.Parse(strings.TrimSuffix(s.URI, "/"))
	if err != nil || base.Host == "" {
		return nil, fmt.Errorf("%q is no address of a server: begin it with http:// or https://", s.URI)
	}
	client, err := web.NewClient(s.Access)
	if err != nil {
		return nil, err
	}
	client.Transport.(*http.Transport).ResponseHeaderTimeout = answerTimeout
	return &Client{base: base, access: s.Access, workspace: s.Workspace, http: client}, nil
}

// Host is the host, and the port, of the server.
func (c *Client) Host() string { return c.base.Host }

// post calls an endpoint of the API with a document and decodes the answer into out, unless that is nil.
func (c *Client) post(ctx context.Context, endpoint string, in, out any) error {
	return c.send(ctx, http.MethodPost, endpoint, in, out)
}

// send calls an endpoint of the API with a document.
func (c *Client) send(ctx context.Context, method, endpoint string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode the request of %s: %w", endpoint, err)
	}
	request, err := c.request(ctx, method, apiPath+endpoint, nil, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	return c.do(request, out)
}

// get calls an endpoint of the API that only answers.
func (c *Client) get(ctx context.Context, endpoint string, query url.Values, out any) error {
	request, err := c.request(ctx, http.MethodGet, apiPath+endpoint, query, nil)
	if err != nil {
		return err
	}
	return c.do(request, out)
}

// request makes a request to the server, with its credentials.
func (c *Client) request(ctx context.Context, method, path string, query url.Values, body io.Reader) (*http.Request, error) {
	u := *c.base
	u.Path, u.RawQuery = strings.TrimSuffix(u.Path, "/")+path, query.Encode()
	request, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, err
	}
	if c.workspace != "" {
		request.Header.Set(workspaceHeader, c.workspace)
	}
	return request, c.authorize(request)
}

// authorize adds a user's name and password, else a token, as MLflow's own client does.
func (c *Client) authorize(request *http.Request) error {
	read := func(key string) (string, error) {
		if c.access.Credentials == "" {
			return os.Getenv("MLFLOW_TRACKING_" + strings.ToUpper(key)), nil
		}
		return web.Credential(c.access.Credentials, key)
	}
	var values [3]string
	for i, key := range []string{web.UsernameKey, web.PasswordKey, web.TokenKey} {
		var err error
		if values[i], err = read(key); err != nil {
			return err
		}
	}
	switch username, password, token := values[0], values[1], values[2]; {
	case username != "" && password != "":
		request.SetBasicAuth(username, password)
	case token != "":
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return nil
}

// do sends a request and decodes the answer.
func (c *Client) do(request *http.Request, out any) error {
	response, err := c.http.Do(request)
	if err != nil {
		return web.HostOnly(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if response.StatusCode != http.StatusOK {
		return refusal(response, body)
	}
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", request.URL.Path, err)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("the answer of %s is none of MLflow: check the URI", request.URL.Path)
	}
	return nil
}

// Codes of errors, as the server gives them.
const (
	codeExists   = "RESOURCE_ALREADY_EXISTS"
	codeNotFound = "RESOURCE_DOES_NOT_EXIST"
)

// Error is an answer that is none.
type Error struct {
	Status int
	// Code and Message are the server's; empty if it gives none.
	Code, Message string
	// RetryAfter is when the server wants to be asked again; zero if it doesn't say it.
	RetryAfter time.Duration
}

// maxMessage bounds what is shown of a server's message in bytes.
const maxMessage = 300

// Error implements error.
func (e *Error) Error() string {
	text := fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status))
	if e.Message != "" {
		text += ": " + e.Message[:min(len(e.Message), maxMessage)]
	}
	return text
}

func refusal(response *http.Response, body []byte) error {
	e := &Error{Status: response.StatusCode}
	var said struct {
		Code    string `json:"error_code"`
		Message string `json:"message"`
	}
	if json.Unmarshal(body, &said) == nil {
		e.Code, e.Message = said.Code, said.Message
	} else if strings.HasPrefix(response.Header.Get("Content-Type"), "text/plain") {
		e.Message = strings.TrimSpace(string(body))
	}
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
		e.RetryAfter = time.Duration(seconds) * time.Second
	}
	return e
}

// IsRefusedHost tells whether the server refuses to be called by this name, whoever asks.
func (e *Error) IsRefusedHost() bool {
	return e.Status == http.StatusForbidden && strings.Contains(strings.ToLower(e.Message), "invalid host")
}

// IsAccess tells whether the server refuses the credentials, or wants some.
func (e *Error) IsAccess() bool {
	return e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden
}

// IsTemporary tells whether the server may answer the same request another time.
func (e *Error) IsTemporary() bool {
	switch e.Status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	default:
		return false
	}
}

// IsMissingResource tells whether the server says that what was named, such as a run, doesn't exist.
func (e *Error) IsMissingResource() bool { return e.Code == codeNotFound }

// hasCode tells whether an error is an answer with a code.
func hasCode(err error, code string) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}

// isMissing tells whether an error says that a server doesn't have the endpoint, as older ones have not.
func isMissing(err error) bool {
	var e *Error
	return errors.As(err, &e) && !e.IsMissingResource() &&
		(e.Status == http.StatusNotFound || e.Status == http.StatusMethodNotAllowed || e.Status == http.StatusNotImplemented)
}

// IsFinal tells whether another attempt at the same request brings the same answer: the server refuses not who asks but what.
func IsFinal(err error) bool {
	var e *Error
	return errors.Is(err, ErrArtifacts) || errors.Is(err, ErrDeleted) || errors.As(err, &e) && !e.IsTemporary() && !e.IsAccess()
}
