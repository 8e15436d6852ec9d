// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package serving serves a model, whatever way requests come in. A Service owns the model's life (loading, ready,
// draining), the memory for what arrives, the places among those that wait, and decoding and computing. It knows no
// protocol: a transport turns its requests into calls, and an Error into an answer.
//
// A request passes Receive, which makes room for its body as that arrives; Admit, once the body is here; the methods of
// its Place, which decode and compute; Release, once its answer is known; and End, once that is on its way to the client.
package serving

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/trainyard-dev/trainyard/internal/classifier"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

// Config configures a Service.
type Config struct {
	// Name is the model's name in requests and answers.
	Name string
	// Revision and TrainingRun say what is served, in answers and the log.
	Revision    string
	TrainingRun string
	Limits      contract.Limits
	// DecodeBytes bounds the memory of all images while they are decoded, beside their files.
	DecodeBytes int64
	// BodyBytes bounds the memory of all bodies, from their first byte until their request has its answer. 0: 64 MiB, or
	// twice MaxBodyBytes if that is more.
	BodyBytes int64
	// DrainDelay is how long requests are taken after Run's context has ended.
	DrainDelay time.Duration
	Logger     *slog.Logger
}

func (c *Config) validate() error {
	var errs []error
	if c.Name == "" {
		errs = append(errs, errors.New("name: must be set, it names the model in requests"))
	}
	if c.DrainDelay < 0 {
		errs = append(errs, errors.New("drainDelaySeconds: must not be negative"))
	}
	for name, value := range map[string]int64{
		"maxBatch":             int64(c.Limits.MaxBatch),
		"maxBodyBytes":         c.Limits.MaxBodyBytes,
		"maxPixels":            c.Limits.MaxPixels,
		"requestTimeoutMillis": int64(c.Limits.RequestTimeoutMillis),
	} {
		if value <= 0 {
			errs = append(errs, fmt.Errorf("limits.%s: is %d, must be above 0", name, value))
		}
	}
	if c.DecodeBytes <= 0 {
		errs = append(errs, fmt.Errorf("decode bytes: is %d, must be above 0", c.DecodeBytes))
	}
	for name, value := range map[string]int64{
		"limits.maxBatchDelayMillis": int64(c.Limits.MaxBatchDelayMillis),
		"limits.threads":             int64(c.Limits.Threads),
		"body bytes":                 c.BodyBytes,
	} {
		if value < 0 {
			errs = append(errs, fmt.Errorf("%s: is %d, must not be negative", name, value))
		}
	}
	return errors.Join(errs...)
}

// Loader loads the model. It runs once, while transports already answer what needs no model.
type Loader func(context.Context) (*classifier.Model, error)

// Service serves one model. Its methods may be called concurrently.
type Service struct {
	config Config
	load   Loader
	log    *slog.Logger
	// created is when New made the Service.
	created time.Time

	state atomic.Int32
	// loaded is nil until the model is loaded.
	loaded  atomic.Pointer[loadedModel]
	uploads *uploads
	// decoder bounds the memory of all images while they are decoded, as one may take hundreds of megabytes.
	decoder *preprocess.Decoder
	// tensors keeps the account of tensorRoom.
	tensors *semaphore.Weighted
	// explaining has room for one explanation.
	explaining chan struct{}
}

// loadedModel is a model with what computes its predictions.
type loadedModel struct {
	*classifier.Model
	batcher *batcher
	load    Load
}

// New returns a Service of the model that load loads. Run starts it. The error names every field that can't be used.
func New(config Config, load Loader) (*Service, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	return &Service{
		config:  config,
		load:    load,
		log:     config.Logger,
		created: time.Now(),
		uploads: newUploads(config.BodyBytes, config.Limits.MaxBodyBytes),
		decoder: preprocess.NewDecoder(preprocess.Limits{
			MaxBytes: config.Limits.MaxBodyBytes, MaxPixels: config.Limits.MaxPixels, MemoryBytes: config.DecodeBytes,
		}),
		tensors: semaphore.NewWeighted(tensorRoom),

		explaining: make(chan struct{}, 1),
	}, nil
}

// RequestTimeout is how long a request may take, from its first byte to its answer. A transport ends its context then.
func (s *Service) RequestTimeout() time.Duration {
	return time.Duration(s.config.Limits.RequestTimeoutMillis) * time.Millisecond
}

// Model returns the model, or ErrLoading.
func (s *Service) Model() (*classifier.Model, error) {
	if m := s.loaded.Load(); m != nil {
		return m.Model, nil
	}
	return nil, ErrLoading
}

// loadModel loads the model and declares the Service ready. Predictions are computed until base ends.
func (s *Service) loadModel(ctx, base context.Context) error {
	start := time.Now()
	model, err := s.load(ctx)
	if err != nil {
		return fmt.Errorf("load the model: %w", err)
	}
	debug.FreeOSMemory() // loading took several times what the model takes from now on
	limits := s.config.Limits
	batcher := newBatcher(model, limits.MaxBatch, time.Duration(limits.MaxBatchDelayMillis)*time.Millisecond, s.log)
	go batcher.run(base)
	if model.Alone != nil {
		s.log.Warn("Images are computed one by one", "reason", model.Alone)
	}
	if len(model.Assumed) > 0 {
		s.log.Warn("Neither the model file nor the configuration says how images become the network's input: assumed what is usual", "assumed", model.Assumed)
	}
	load := Load{Took: time.Since(start), Ready: time.Since(s.created)}
	s.loaded.Store(&loadedModel{Model: model, batcher: batcher, load: load})
	s.state.CompareAndSwap(int32(Loading), int32(Ready))
	s.log.Info("Model loaded", "sha256", model.SHA256, "revision", s.config.Revision,
		"classes", len(model.Classes), "seconds", load.Took.Seconds())
	return nil
}
