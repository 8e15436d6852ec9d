// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package grpcapi is the Open Inference Protocol over gRPC: protocol buffers in, calls of package openinference, protocol
// buffers out, with gRPC's health and reflection services beside it. Its handlers are for a net/http server that speaks HTTP/2,
// whose connections, limits and drain are theirs too.
package grpcapi

import (
	"context"
	"net/http"
	"strings"

	"connectrpc.com/connect"
	"connectrpc.com/grpchealth"
	"connectrpc.com/grpcreflect"

	"github.com/trainyard-dev/trainyard/server/internal/grpcapi/inferencepb"
	"github.com/trainyard-dev/trainyard/server/internal/openinference"
)

const service = "inference.GRPCInferenceService"

// InferPath is the path of inference requests.
const InferPath = "/" + service + "/ModelInfer"

// Backend answers the protocol's calls. Its errors are of type serving.Error.
type Backend interface {
	Metadata() openinference.ServerMetadata
	Ready() bool
	Find(name, version string) error
	Model(name, version string) (openinference.ModelMetadata, error)
	Infer(ctx context.Context, name, version string, read func() (openinference.Request, error)) (*openinference.Answer, error)
}

// Handlers returns the handlers of all procedures by their paths; a path that ends in a slash is that of all below it.
// Messages have at most maxBytes.
func Handlers(backend Backend, maxBytes int64) map[string]http.Handler {
	a := &api{backend: backend}
	options := []connect.HandlerOption{
		connect.WithReadMaxBytes(int(maxBytes)),
		// Pictures are compressed already, and what a message inflates to would have to be bounded once more.
		connect.WithCompression("gzip", nil, nil),
	}
	handlers := map[string]http.Handler{}
	unary(handlers, "ServerLive", a.serverLive, options)
	unary(handlers, "ServerReady", a.serverReady, options)
	unary(handlers, "ServerMetadata", a.serverMetadata, options)
	unary(handlers, "ModelReady", a.modelReady, options)
	unary(handlers, "ModelMetadata", a.modelMetadata, options)
	unary(handlers, "ModelInfer", a.modelInfer, options)
	reflector := grpcreflect.NewStaticReflector(service, grpchealth.HealthV1ServiceName, grpcreflect.ReflectV1ServiceName)
	for _, mount := range []func() (string, http.Handler){
		func() (string, http.Handler) { return grpchealth.NewHandler(a, options...) },
		func() (string, http.Handler) { return grpcreflect.NewHandlerV1(reflector, options...) },
		func() (string, http.Handler) { return grpcreflect.NewHandlerV1Alpha(reflector, options...) },
	} {
		path, handler := mount()
		handlers[path] = onlyGRPC(handler)
	}
	return handlers
}

// unary adds the handler of a procedure.
func unary[Request, Response any](
	handlers map[string]http.Handler, method string, handle func(context.Context, *Request) (*Response, error), options []connect.HandlerOption,
) {
	path := "/" + service + "/" + method
	handlers[path] = onlyGRPC(connect.NewUnaryHandler(path, func(ctx context.Context, request *connect.Request[Request]) (*connect.Response[Response], error) {
		response, err := handle(ctx, request.Msg)
		if err != nil {
			return nil, wireError(err)
		}
		return connect.NewResponse(response), nil
	}, options...))
}

// onlyGRPC leaves out the other protocols that handlers speak, which would only be more to attack.
func onlyGRPC(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if contentType := r.Header.Get("Content-Type"); contentType != "application/grpc" && !strings.HasPrefix(contentType, "application/grpc+proto") {
			w.WriteHeader(http.StatusUnsupportedMediaType) // which gRPC's specification asks for
			return
		}
		next.ServeHTTP(w, r)
	})
}

// api has the procedures.
type api struct {
	backend Backend
}

// Check implements grpchealth.Checker. A kubelet asks it, and load balancers of clients.
func (a *api) Check(_ context.Context, request *grpchealth.CheckRequest) (*grpchealth.CheckResponse, error) {
	switch {
	case request.Service != "" && request.Service != service:
		return nil, connect.NewError(connect.CodeNotFound, nil)
	case a.backend.Ready():
		return &grpchealth.CheckResponse{Status: grpchealth.StatusServing}, nil
	default:
		return &grpchealth.CheckResponse{Status: grpchealth.StatusNotServing}, nil
	}
}

func (a *api) serverLive(context.Context, *inferencepb.ServerLiveRequest) (*inferencepb.ServerLiveResponse, error) {
	return &inferencepb.ServerLiveResponse{Live: true}, nil
}

func (a *api) serverReady(context.Context, *inferencepb.ServerReadyRequest) (*inferencepb.ServerReadyResponse, error) {
	return &inferencepb.ServerReadyResponse{Ready: a.backend.Ready()}, nil
}

func (a *api) serverMetadata(context.Context, *inferencepb.ServerMetadataRequest) (*inferencepb.ServerMetadataResponse, error) {
	m := a.backend.Metadata()
	return &inferencepb.ServerMetadataResponse{Name: m.Name, Version: m.Version, Extensions: m.Extensions}, nil
}

func (a *api) modelReady(_ context.Context, request *inferencepb.ModelReadyRequest) (*inferencepb.ModelReadyResponse, error) {
	if err := a.backend.Find(request.GetName(), request.GetVersion()); err != nil {
		return nil, err
	}
	return &inferencepb.ModelReadyResponse{Ready: a.backend.Ready()}, nil
}

func (a *api) modelMetadata(_ context.Context, request *inferencepb.ModelMetadataRequest) (*inferencepb.ModelMetadataResponse, error) {
	m, err := a.backend.Model(request.GetName(), request.GetVersion())
	if err != nil {
		return nil, err
	}
	return &inferencepb.ModelMetadataResponse{
		Name: m.Name, Versions: m.Versions, Platform: m.Platform, Inputs: tensors(m.Inputs), Outputs: tensors(m.Outputs),
	}, nil
}

func tensors(all []openinference.TensorMetadata) []*inferencepb.ModelMetadataResponse_TensorMetadata {
	var converted []*inferencepb.ModelMetadataResponse_TensorMetadata
	for _, t := range all {
		converted = append(converted, &inferencepb.ModelMetadataResponse_TensorMetadata{Name: t.Name, Datatype: t.Datatype, Shape: t.Shape})
	}
	return converted
}
