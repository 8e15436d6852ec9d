// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package httpapi serves a model over HTTP: pictures in, classes out, with the Open Inference
// Protocol V2, health, metrics and statistics beside it.
//
// A request passes the revision's header, recovery, the drain's Connection header, the record kept of it and, on the
// endpoints that predict, the limits on time and body; then huma calls the handler, which asks the batcher for a place.
// Handlers return errors; problemOf alone turns them into answers.
package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
	"github.com/trainyard-dev/trainyard/server/internal/inference"
)

// Config configures a Server.
type Config struct {
	// Addr is where Start listens, such as ":8080".
	Addr string
	// Name is the model's name in the Open Inference Protocol.
	Name string
	// Revision and TrainingRun are reported by /model-info.
	Revision    string
	TrainingRun string
	Limits      contract.Limits
	// DecodeBytes bounds the memory of all images while they are decoded, beside their files.
	DecodeBytes int64
	// DrainDelay is how long the server goes on serving after its context has ended.
	DrainDelay time.Duration
	// LogRequests writes a line per request.
	LogRequests bool
	Logger      *slog.Logger
	// Wrap, if set, goes around the routes. Tests make faulty servers with it.
	Wrap func(http.Handler) http.Handler
}

// Loader loads the model. It runs once, when the server already answers health checks.
type Loader func(context.Context) (*inference.Model, error)

// state is where a Server is in its life.
type state int32

const (
	stateLoading state = iota
	stateReady
	stateDraining
)

// Server serves one model.
type Server struct {
	config   Config
	load     Loader
	log      *slog.Logger
	metrics  *metrics
	requests *requestLog
	handler  http.Handler

	state atomic.Int32
	// serving is nil until the model is loaded.
	serving     atomic.Pointer[serving]
	uploads     *uploads
	connections *connections
	// decoder bounds the memory of all images while they are decoded, as one may take hundreds of megabytes.
	decoder *preprocess.Decoder
}

// serving is a loaded model with what computes its predictions.
type serving struct {
	*inference.Model
	batcher *inference.Batcher
}

// New returns a server of the model that load loads. Start starts it.
func New(config Config, load Loader) (*Server, error) {
	if err := validate(config); err != nil {
		return nil, err
	}
	s := &Server{
		config:   config,
		load:     load,
		log:      config.Logger,
		metrics:  newMetrics(),
		requests: newRequestLog(time.Now()),
		uploads:  newUploads(config.Limits.MaxBodyBytes),

		connections: newConnections(maxConnections),
		decoder: preprocess.NewDecoder(preprocess.Limits{
			MaxBytes: config.Limits.MaxBodyBytes, MaxPixels: config.Limits.MaxPixels, MemoryBytes: config.DecodeBytes,
		}),
	}
	routes := s.routes()
	if config.Wrap != nil {
		routes = config.Wrap(routes)
	}
	s.handler = s.middleware(routes)
	return s, nil
}

func validate(config Config) error {
	var errs []error
	if config.Name == "" {
		errs = append(errs, errors.New("name: must be set, it names the model in requests"))
	}
	if config.DrainDelay < 0 {
		errs = append(errs, errors.New("drainDelaySeconds: must not be negative"))
	}
	for name, value := range map[string]int64{
		"maxBatch":             int64(config.Limits.MaxBatch),
		"maxBodyBytes":         config.Limits.MaxBodyBytes,
		"maxPixels":            config.Limits.MaxPixels,
		"requestTimeoutMillis": int64(config.Limits.RequestTimeoutMillis),
	} {
		if value <= 0 {
			errs = append(errs, fmt.Errorf("limits.%s: is %d, must be above 0", name, value))
		}
	}
	if config.DecodeBytes <= 0 {
		errs = append(errs, fmt.Errorf("decode bytes: is %d, must be above 0", config.DecodeBytes))
	}
	for name, value := range map[string]int{
		"maxBatchDelayMillis": config.Limits.MaxBatchDelayMillis,
		"threads":             config.Limits.Threads,
	} {
		if value < 0 {
			errs = append(errs, fmt.Errorf("limits.%s: is %d, must not be negative", name, value))
		}
	}
	return errors.Join(errs...)
}

func (s *Server) requestTimeout() time.Duration {
	return time.Duration(s.config.Limits.RequestTimeoutMillis) * time.Millisecond
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
	// Requests and predictions outlive ctx until the drain is over.
	base, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	httpServer := s.httpServer(base)
	served := make(chan error, 1)
	go func() { served <- httpServer.Serve(listener) }()
	s.log.Info("Listening", "address", listener.Addr().String())

	loaded := make(chan error, 1)
	go func() { loaded <- s.loadModel(ctx, base) }()
	for {
		select {
		case err := <-loaded:
			if err != nil && ctx.Err() == nil {
				return errors.Join(err, httpServer.Close())
			}
			loaded = nil
		case err := <-served:
			return fmt.Errorf("serve: %w", err)
		case <-ctx.Done():
			return s.drain(base, httpServer, served)
		}
	}
}

// httpServer bounds what a slow or idle client can hold. Its timeouts are longer than the request
// timeout, which is answered with an error, while these cut the connection.
func (s *Server) httpServer(base context.Context) *http.Server {
	const slack = 5 * time.Second
	return &http.Server{
		Handler:           s.handler,
		BaseContext:       func(net.Listener) context.Context { return base },
		ConnContext:       s.connections.context,
		ConnState:         s.connections.changed,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       s.requestTimeout() + slack,
		WriteTimeout:      s.requestTimeout() + slack,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
}

// loadModel loads the model and declares the server ready.
func (s *Server) loadModel(ctx, base context.Context) error {
	start := time.Now()
	model, err := s.load(ctx)
	if err != nil {
		return fmt.Errorf("load the model: %w", err)
	}
	debug.FreeOSMemory() // loading took several times what the model takes from now on
	limits := s.config.Limits
	batcher := inference.NewBatcher(model, limits.MaxBatch, time.Duration(limits.MaxBatchDelayMillis)*time.Millisecond, s.log)
	go batcher.Run(base)
	if model.Alone != nil {
		s.log.Warn("Images are computed one by one", "reason", model.Alone)
	}
	s.metrics.addClasses(model.Classes)
	s.serving.Store(&serving{Model: model, batcher: batcher})
	s.state.CompareAndSwap(int32(stateLoading), int32(stateReady))
	s.log.Info("Model loaded", "sha256", model.SHA256, "revision", s.config.Revision,
		"classes", len(model.Classes), "seconds", time.Since(start).Seconds())
	return nil
}

// drain lets everyone who still sends requests here find the way elsewhere before the listener
// closes: readiness fails at once, while requests go on being accepted, and each answer asks its
// client to leave. base is a context that has not ended.
func (s *Server) drain(base context.Context, httpServer *http.Server, served <-chan error) error {
	was := state(s.state.Swap(int32(stateDraining)))
	if was == stateReady { // nobody was ever sent to a server that was not ready
		s.log.Info("Draining", "seconds", s.config.DrainDelay.Seconds())
		select {
		case <-time.After(s.config.DrainDelay):
		case err := <-served:
			return fmt.Errorf("serve while draining: %w", err)
		}
	}
	s.log.Info("Shutting down: finishing the requests in flight")
	shutdown, cancel := context.WithTimeout(base, s.requestTimeout()+2*time.Second)
	defer cancel()
	if err := httpServer.Shutdown(shutdown); err != nil {
		s.log.Warn("Requests were cut off", "error", err)
		return httpServer.Close()
	}
	s.log.Info("Stopped")
	return nil
}

// loaded returns the model, or an error while it is being loaded.
func (s *Server) loaded() (*serving, error) {
	if m := s.serving.Load(); m != nil {
		return m, nil
	}
	return nil, errLoading
}
