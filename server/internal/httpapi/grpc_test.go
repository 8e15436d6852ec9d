// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/trainyard-dev/trainyard/internal/classifier"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/server/internal/grpcapi"
	"github.com/trainyard-dev/trainyard/server/internal/grpcapi/inferencepb"
	"github.com/trainyard-dev/trainyard/server/internal/openinference"
	"github.com/trainyard-dev/trainyard/server/internal/serving/servingtest"
)

// dialGRPC connects with gRPC's own client.
func (r *running) dialGRPC(t *testing.T) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(strings.TrimPrefix(r.url, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// call asks a procedure of the protocol.
func call[Response any](ctx context.Context, conn *grpc.ClientConn, method string, request proto.Message, options ...grpc.CallOption) (*Response, error) {
	response := new(Response)
	return response, conn.Invoke(ctx, "/inference.GRPCInferenceService/"+method, request, response, options...)
}

// inferRequest is a request of one input.
func inferRequest(name, datatype string, contents *inferencepb.InferTensorContents, shape ...int64) *inferencepb.ModelInferRequest {
	return &inferencepb.ModelInferRequest{
		ModelName: "pets", Id: "42",
		Inputs: []*inferencepb.ModelInferRequest_InferInputTensor{{Name: name, Datatype: datatype, Shape: shape, Contents: contents}},
	}
}

func TestGRPCInfer(t *testing.T) {
	r := start(t, testConfig(), &servingtest.Predictor{})
	conn := r.dialGRPC(t)
	values := make([]float32, 3*servingtest.Size*servingtest.Size)
	for i := range values {
		values[i] = 0.5
	}
	files := [][]byte{servingtest.PNG(t, servingtest.Red), servingtest.PNG(t, servingtest.Blue)}
	ofFiles := []float32{(220.0/255 - 0.485) / 0.229, (40.0/255 - 0.406) / 0.225, (30.0/255 - 0.485) / 0.229, (210.0/255 - 0.406) / 0.225}
	raw := inferRequest("input", "FP32", nil, 1, 3, 8, 8)
	raw.RawInputContents = [][]byte{openinference.AppendRaw(nil, values)}
	raw.ModelVersion = "pets-12345678"
	raw.Outputs = []*inferencepb.ModelInferRequest_InferRequestedOutputTensor{{Name: "logits"}}
	cases := map[string]struct {
		request *inferencepb.ModelInferRequest
		want    []float32
	}{
		"tensor": {inferRequest("input", "FP32", &inferencepb.InferTensorContents{Fp32Contents: values}, 1, 3, 8, 8), []float32{0.5, 0.5}},
		"raw":    {raw, []float32{0.5, 0.5}},
		"images": {inferRequest("images", "BYTES", &inferencepb.InferTensorContents{BytesContents: files}, 2), ofFiles},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := call[inferencepb.ModelInferResponse](t.Context(), conn, "ModelInfer", tc.request)
			if err != nil {
				t.Fatal(err)
			}
			logits := got.GetOutputs()[0].GetContents().GetFp32Contents()
			if isRaw := len(got.GetRawOutputContents()) > 0; isRaw != (name == "raw") {
				t.Errorf("raw output: %v", isRaw)
			} else if isRaw {
				if logits, err = openinference.Raw(got.GetRawOutputContents()[0]).Floats(len(tc.want)); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(tc.want, logits, cmpopts.EquateApprox(0, 1e-5)); diff != "" {
				t.Errorf("logits (-want +got):\n%s", diff)
			}
			if got.GetModelName() != "pets" || got.GetModelVersion() != "pets-12345678" || got.GetId() != "42" || got.GetOutputs()[0].GetName() != "logits" {
				t.Errorf("answer %v", got)
			}
		})
	}
	waitFor(t, func() bool { return r.traffic.Stats(time.Now()).Endpoints[grpcapi.InferPath]["200"] == 3 })
	if got := r.traffic.Stats(time.Now()).Predictions; got["red"]+got["blue"] != 4 {
		t.Errorf("predictions counted: %v, want 4", got)
	}
}

func TestGRPCErrors(t *testing.T) {
	r := start(t, testConfig(), &servingtest.Predictor{})
	conn := r.dialGRPC(t)
	another := inferRequest("images", "BYTES", nil, 1)
	another.ModelName = "cars"
	both := inferRequest("input", "FP32", &inferencepb.InferTensorContents{Fp32Contents: []float32{1}}, 1, 3, 8, 8)
	both.RawInputContents = [][]byte{{0}}
	output := inferRequest("input", "FP32", nil, 1, 3, 8, 8)
	output.Outputs = []*inferencepb.ModelInferRequest_InferRequestedOutputTensor{{Name: "x"}}
	more := inferRequest("input", "FP32", nil, 1, 3, 8, 8)
	more.RawInputContents = [][]byte{{0}, {0}}
	cases := map[string]struct {
		request *inferencepb.ModelInferRequest
		options []grpc.CallOption
		want    codes.Code
		says    string
		status  string // in HTTP's words
	}{
		"another model":    {request: another, want: codes.NotFound, says: `use "pets"`, status: "404"},
		"no input":         {request: &inferencepb.ModelInferRequest{ModelName: "pets"}, want: codes.InvalidArgument, says: "there is no input", status: "400"},
		"both contents":    {request: both, want: codes.InvalidArgument, says: "both contents and raw_input_contents", status: "400"},
		"more contents":    {request: more, want: codes.InvalidArgument, says: "2 raw_input_contents for 1 inputs", status: "400"},
		"another output":   {request: output, want: codes.InvalidArgument, says: `no output "x"`, status: "400"},
		"too few values":   {request: inferRequest("input", "FP32", &inferencepb.InferTensorContents{Fp32Contents: []float32{1}}, 1, 3, 8, 8), want: codes.InvalidArgument, says: "there are 1 values: the shape needs 192", status: "400"},
		"no contents":      {request: inferRequest("images", "BYTES", nil, 1), want: codes.InvalidArgument, says: "with 0 elements", status: "400"},
		"no image":         {request: inferRequest("images", "BYTES", &inferencepb.InferTensorContents{BytesContents: [][]byte{[]byte("hello")}}, 1), want: codes.InvalidArgument, says: "send one of jpeg", status: "415"},
		"too large a body": {request: inferRequest("images", "BYTES", &inferencepb.InferTensorContents{BytesContents: [][]byte{make([]byte, 65<<10)}}, 1), want: codes.ResourceExhausted, says: "more than 65536 bytes", status: "413"},
		"compressed":       {request: another, options: []grpc.CallOption{grpc.UseCompressor(gzip.Name)}, want: codes.Unimplemented, says: "gzip"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			before := r.traffic.Stats(time.Now()).Endpoints[grpcapi.InferPath][tc.status]
			_, err := call[inferencepb.ModelInferResponse](t.Context(), conn, "ModelInfer", tc.request, tc.options...)
			if s := status.Convert(err); s.Code() != tc.want || !strings.Contains(s.Message(), tc.says) {
				t.Errorf("error %v, want %v and %q", err, tc.want, tc.says)
			}
			if tc.status != "" {
				waitFor(t, func() bool { return r.traffic.Stats(time.Now()).Endpoints[grpcapi.InferPath][tc.status] == before+1 })
			}
		})
	}
}

// While the model is loaded, programs learn it and when to try again; a deadline ends a call, and nothing goes on for it.
func TestGRPCStates(t *testing.T) {
	load := make(chan struct{})
	b := newBlocking()
	r := startLoading(t, testConfig(), func(context.Context) (*classifier.Model, error) {
		<-load
		return servingtest.Model(&b.Predictor), nil
	})
	conn := r.dialGRPC(t)
	health := healthpb.NewHealthClient(conn)
	request := inferRequest("images", "BYTES", &inferencepb.InferTensorContents{BytesContents: [][]byte{servingtest.PNG(t, servingtest.Red)}}, 1)
	var trailer metadata.MD
	_, err := call[inferencepb.ModelInferResponse](t.Context(), conn, "ModelInfer", request, grpc.Trailer(&trailer))
	if status.Code(err) != codes.Unavailable || !slices.Equal(trailer["trainyard-code"], []string{"loading"}) || !slices.Equal(trailer["grpc-retry-pushback-ms"], []string{"1000"}) {
		t.Errorf("while loading: error %v, trailer %v", err, trailer)
	}
	if got, err := health.Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil || got.GetStatus() != healthpb.HealthCheckResponse_NOT_SERVING {
		t.Errorf("health while loading: %v, error %v", got, err)
	}
	if got, err := call[inferencepb.ServerLiveResponse](t.Context(), conn, "ServerLive", &inferencepb.ServerLiveRequest{}); err != nil || !got.GetLive() {
		t.Errorf("live while loading: %v, error %v", got, err)
	}
	close(load)
	waitFor(t, func() bool {
		got, err := call[inferencepb.ServerReadyResponse](t.Context(), conn, "ServerReady", &inferencepb.ServerReadyRequest{})
		return err == nil && got.GetReady()
	})
	for service, want := range map[string]codes.Code{"": codes.OK, "inference.GRPCInferenceService": codes.OK, "x": codes.NotFound} {
		if got, err := health.Check(t.Context(), &healthpb.HealthCheckRequest{Service: service}); status.Code(err) != want || err == nil && got.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			t.Errorf("health of %q: %v, error %v", service, got, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-b.entered
		cancel()
	}()
	if _, err := call[inferencepb.ModelInferResponse](ctx, conn, "ModelInfer", request); status.Code(err) != codes.Canceled {
		t.Errorf("canceled: error %v", err)
	}
	waitFor(t, func() bool { return r.service.Held().Requests == 0 }) // although the network is still busy
	close(b.release)
}

func TestGRPCMetadata(t *testing.T) {
	r := start(t, testConfig(), &servingtest.Predictor{})
	conn := r.dialGRPC(t)
	server, err := call[inferencepb.ServerMetadataResponse](t.Context(), conn, "ServerMetadata", &inferencepb.ServerMetadataRequest{})
	if err != nil || server.GetName() != "trainyard" || server.GetVersion() == "" {
		t.Errorf("server %v, error %v", server, err)
	}
	model, err := call[inferencepb.ModelMetadataResponse](t.Context(), conn, "ModelMetadata", &inferencepb.ModelMetadataRequest{Name: "pets"})
	if err != nil {
		t.Fatal(err)
	}
	want := &inferencepb.ModelMetadataResponse{
		Name: "pets", Versions: []string{"pets-12345678"}, Platform: "onnx_onnxv1",
		Inputs: []*inferencepb.ModelMetadataResponse_TensorMetadata{
			{Name: "input", Datatype: "FP32", Shape: []int64{-1, 3, 8, 8}}, {Name: "images", Datatype: "BYTES", Shape: []int64{-1}},
		},
		Outputs: []*inferencepb.ModelMetadataResponse_TensorMetadata{{Name: "logits", Datatype: "FP32", Shape: []int64{-1, 2}}},
	}
	if diff := cmp.Diff(want, model, protocmp.Transform()); diff != "" {
		t.Errorf("model (-want +got):\n%s", diff)
	}
	for version, want := range map[string]codes.Code{"": codes.OK, "pets-12345678": codes.OK, "2": codes.NotFound} {
		ready, err := call[inferencepb.ModelReadyResponse](t.Context(), conn, "ModelReady", &inferencepb.ModelReadyRequest{Name: "pets", Version: version})
		if status.Code(err) != want || err == nil && !ready.GetReady() {
			t.Errorf("version %q: %v, error %v", version, ready, err)
		}
	}
}

func TestGRPCReflection(t *testing.T) {
	r := start(t, testConfig(), &servingtest.Predictor{})
	stream, err := reflectionpb.NewServerReflectionClient(r.dialGRPC(t)).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ask := &reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{}}
	if err := stream.Send(ask); err != nil {
		t.Fatal(err)
	}
	answer, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	var services []string
	for _, service := range answer.GetListServicesResponse().GetService() {
		services = append(services, service.GetName())
	}
	want := []string{"grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "inference.GRPCInferenceService"}
	slices.Sort(services)
	if diff := cmp.Diff(want, services); diff != "" {
		t.Errorf("services (-want +got):\n%s", diff)
	}
	if err := stream.CloseSend(); err != nil {
		t.Error(err)
	}
}

// gRPC's paths speak gRPC alone.
func TestGRPCOnly(t *testing.T) {
	r := start(t, testConfig(), &servingtest.Predictor{})
	for _, contentType := range []string{"application/json", "application/grpc-web", "application/grpc+json", "application/connect+proto"} {
		for _, method := range []string{"ModelInfer", "ServerLive"} {
			if a := r.ask(t, http.MethodPost, "/inference.GRPCInferenceService/"+method, strings.NewReader("{}"), "Content-Type", contentType); a.status != http.StatusUnsupportedMediaType {
				t.Errorf("%s as %s: status %d: %s", method, contentType, a.status, a.body)
			}
		}
	}
}

// h2c is a client that speaks HTTP/2 without TLS, and counts its connections.
func h2c(r *running, dials *atomic.Int64) *http.Client {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	return &http.Client{Transport: &http.Transport{Protocols: &protocols, DialContext: counting(dials, func() string { return r.url })}}
}

// An HTTP/2 connection grows old as any: its client is told to connect anew, and loses no request.
func TestHTTP2(t *testing.T) {
	config := testConfig()
	config.ConnectionAge = 100 * time.Millisecond
	r := start(t, config, &servingtest.Predictor{})
	var dials atomic.Int64
	client := h2c(r, &dials)
	defer client.CloseIdleConnections()
	picture := servingtest.PNG(t, servingtest.Red)
	waitFor(t, func() bool {
		response, err := client.Post(r.url+predictPath, "image/png", bytes.NewReader(picture))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK || response.ProtoMajor != 2 || response.Header.Get(contract.RevisionHeader) == "" {
			t.Fatalf("%s answered %s, header %v", response.Proto, response.Status, response.Header)
		}
		return dials.Load() >= 3
	})
}

// However many streams a connection has, they are bounded together.
func TestRequestsAreBounded(t *testing.T) {
	r := start(t, testConfig(), &servingtest.Predictor{})
	r.inFlight.Store(maxRequests)
	if a := r.predict(t, servingtest.PNG(t, servingtest.Red)); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
		t.Errorf("one more than there may be: status %d, %s", a.status, a.body)
	}
	_, err := call[inferencepb.ModelInferResponse](t.Context(), r.dialGRPC(t), "ModelInfer", inferRequest("images", "BYTES", nil, 1))
	if status.Code(err) != codes.Unavailable {
		t.Errorf("one more over gRPC: error %v", err)
	}
	r.inFlight.Store(0)
	if a := r.predict(t, servingtest.PNG(t, servingtest.Red)); a.status != http.StatusOK {
		t.Errorf("afterwards: status %d", a.status)
	}
	if got := r.inFlight.Load(); got != 0 {
		t.Errorf("%d requests are still counted", got)
	}
}
