// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package httpapi is HTTP for package serving: pictures in, classes out, with the Open Inference Protocol V2, health,
// metrics and statistics beside it. It translates requests into calls and errors into answers, and decides nothing else.
//
// A request passes the revision's header, recovery, the drain's Connection header, the record kept of it and, on the
// endpoints that predict, the limits on time and body; then huma calls the handler, which asks the service for a place.
// Handlers return errors; problemOf alone turns them into answers.
package httpapi

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/trainyard-dev/trainyard/server/internal/serving"
)

// Config configures a Server.
type Config struct {
	serving.Config
	// Addr is where Start listens, such as ":8080".
	Addr string
	// LogRequests writes a line per request.
	LogRequests bool
	// Wrap, if set, goes around the routes. Tests make faulty servers with it.
	Wrap func(http.Handler) http.Handler
}

// Server serves one model over HTTP.
type Server struct {
	config   Config
	service  *serving.Service
	log      *slog.Logger
	metrics  *metrics
	requests *requestLog
	handler  http.Handler

	connections *connections
}

// New returns a server of the model that load loads. Start starts it.
func New(config Config, load serving.Loader) (*Server, error) {
	service, err := serving.New(config.Config, load)
	if err != nil {
		return nil, err
	}
	return newServer(config, service), nil
}

// newServer returns a server whose answers are a service's, which other transports may share.
func newServer(config Config, service *serving.Service) *Server {
	s := &Server{
		config:      config,
		service:     service,
		log:         config.Logger,
		metrics:     newMetrics(),
		requests:    newRequestLog(time.Now()),
		connections: newConnections(maxConnections),
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
	return t.Server.Serve(t.listener)
}

// httpServer bounds what a slow or idle client can hold. Its timeouts are longer than the request
// timeout, which is answered with an error, while these cut the connection.
func (s *Server) httpServer() *http.Server {
	const slack = 5 * time.Second
	return &http.Server{
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
