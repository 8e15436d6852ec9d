// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package httpapi is HTTP for package serving: pictures in, classes out, with the Open Inference Protocol V2, gRPC's included,
// health, metrics and statistics beside it. It translates requests into calls and errors into answers, and decides nothing else.
//
// A request passes its id and the revision's header, recovery, the Connection header of a drain or an old connection, the record kept of it and, on the
// endpoints that predict, the limits on time and body; then huma calls the handler, which asks the service for a place.
// Handlers return errors; problemOf alone turns them into answers.
package httpapi

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/trainyard-dev/trainyard/internal/classifier"
	"github.com/trainyard-dev/trainyard/server/internal/drift"
	"github.com/trainyard-dev/trainyard/server/internal/openinference"
	"github.com/trainyard-dev/trainyard/server/internal/reference"
	"github.com/trainyard-dev/trainyard/server/internal/serving"
	"github.com/trainyard-dev/trainyard/server/internal/traffic"
)

// Config configures a Server.
type Config struct {
	serving.Config
	// Report reads what the model's run measured on its test split, which predictions are compared with; nil: there is none.
	Report func(model *classifier.Model) (*reference.Report, error)
	// Addr is where Start listens, such as ":8080".
	Addr string
	// LogRequests writes a line per request.
	LogRequests bool
	// ConnectionAge is how long a connection may be used before its client is asked to connect anew. 0: 30 s.
	ConnectionAge time.Duration
	// CORSOrigins are those whose pages may read answers, such as https://pets.example, or "*" for all. None: only the server's own.
	CORSOrigins []string
	// TLS has the certificate; nil: no TLS.
	TLS *tls.Config
	// Guards say who may ask, and how often.
	Guards Guards
	// Wrap, if set, goes around the routes. Tests make faulty servers with it.
	Wrap func(http.Handler) http.Handler
}

// Server serves one model over HTTP.
type Server struct {
	config  Config
	service *serving.Service
	v2      *openinference.Server
	log     *slog.Logger
	traffic *traffic.Recorder
	// report is nil until it is read, and where there is none.
	report  atomic.Pointer[reference.Report]
	handler http.Handler

	connections *connections
	// inFlight are the requests that predict.
	inFlight atomic.Int64
}

// New returns a server of the model that load loads. Start starts it.
func New(config Config, load serving.Loader) (*Server, error) {
	var server *Server
	service, err := serving.New(config.Config, func(ctx context.Context) (*classifier.Model, error) {
		model, err := load(ctx)
		if err == nil {
			go server.compare(model) // nobody has to wait for it
		}
		return model, err
	})
	if err != nil {
		return nil, err
	}
	server = newServer(config, service)
	return server, nil
}

// compare has predictions compared with those on the test split, if the report of the model's run can be read.
func (s *Server) compare(model *classifier.Model) {
	if s.config.Report == nil {
		return
	}
	report, err := s.config.Report(model)
	switch {
	case errors.Is(err, reference.ErrNone):
		return
	case err != nil:
		s.log.Warn("The report of the model's run can't be read: predictions aren't compared with those on its test split", "error", err)
		return
	case !slices.Equal(report.Classes, model.Classes):
		s.log.Warn("The report of the model's run has other classes: predictions aren't compared with those on its test split")
		return
	}
	s.report.Store(report)
	expected := drift.Expected{Predicted: report.Predicted()}
	if model.Temperature == 0 { // the report's confidence is that of answers as they are
		expected.Confidence = report.Confidence
	}
	s.traffic.Expect(model.Classes, expected)
}

// newServer returns a server whose answers are a service's, which other transports may share.
func newServer(config Config, service *serving.Service) *Server {
	s := &Server{
		config:  config,
		service: service,
		v2:      openinference.New(service, config.Name, config.Revision),
		log:     config.Logger,
		traffic: traffic.NewRecorder(service, traffic.Config{
			Name: config.Name, Revision: config.Revision, Endpoints: inferenceEndpoints, Codes: problemCodes(),
		}),
		connections: newConnections(maxConnections, cmp.Or(config.ConnectionAge, connectionAge)),
	}
	routes := s.routes()
	if config.Wrap != nil {
		routes = config.Wrap(routes)
	}
	s.handler = s.middleware(routes)
	return s
}

// Start listens and serves until ctx ends and the drain is over. It returns an error if the port
// can't be listened on, the model can't be loaded, or serving fails.
func (s *Server) Start(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.config.Addr)
	if err != nil {
		return err
	}
	return s.Serve(ctx, listener)
}

// Serve is Start on a listener, which it closes.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	s.log.Info("Listening", "address", listener.Addr().String())
	return s.service.Run(ctx, &transport{Server: s.httpServer(), listener: listener})
}

// transport is a serving.Transport of one listener.
type transport struct {
	*http.Server
	listener net.Listener
}

// Serve implements serving.Transport.
func (t *transport) Serve(base context.Context) error {
	t.BaseContext = func(net.Listener) context.Context { return base }
	if t.TLSConfig != nil {
		return t.ServeTLS(t.listener, "", "")
	}
	return t.Server.Serve(t.listener)
}

// http2Buffer is how many bytes of bodies an HTTP/2 connection may send before they are read.
const http2Buffer = 128 << 10

// httpServer bounds what a slow or idle client can hold. Its timeouts are longer than the request
// timeout, which is answered with an error, while these cut the connection.
func (s *Server) httpServer() *http.Server {
	const slack = 5 * time.Second
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true) // gRPC's, and that of proxies
	protocols.SetHTTP2(true)
	return &http.Server{
		Protocols: &protocols,
		TLSConfig: s.config.TLS,
		// What has arrived and is not read yet takes memory beside that for bodies.
		HTTP2:             &http.HTTP2Config{MaxReceiveBufferPerConnection: http2Buffer, MaxReceiveBufferPerStream: http2Buffer},
		Handler:           s.handler,
		ConnContext:       s.connections.context,
		ConnState:         s.connections.changed,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       s.service.RequestTimeout() + slack,
		WriteTimeout:      s.service.RequestTimeout() + slack,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
}
