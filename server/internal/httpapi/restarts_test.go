// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/trainyard-dev/trainyard/server/internal/grpcapi/inferencepb"
	"github.com/trainyard-dev/trainyard/server/internal/serving/servingtest"
)

// counting dials where a Service leads at the moment.
func counting(dials *atomic.Int64, where func() string) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		dials.Add(1)
		return (&net.Dialer{}).DialContext(ctx, network, strings.TrimPrefix(where(), "http://"))
	}
}

// setting is a number of the environment, by which `make test-protocols` asks for more than `make test` does.
func setting(t *testing.T, name string, otherwise int) int {
	t.Helper()
	value, ok := os.LookupEnv(name)
	if !ok {
		return otherwise
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		t.Fatalf("%s=%q: %v", name, value, err)
	}
	return n
}

// service leads to the server that is live, as one of Kubernetes does: new connections alone.
type service struct{ live atomic.Pointer[running] }

func (s *service) url() string { return s.live.Load().url }

// clients make what asks over a protocol each; an error is a request that failed. Over HTTP/1.1 each has a connection of its own: of a
// pool, those that nobody needs for a while are closed by the server, perhaps just when somebody does.
func (s *service) clients(t *testing.T) map[string]func() func(context.Context) error {
	t.Helper()
	picture := servingtest.PNG(t, servingtest.Red)
	var dials atomic.Int64
	post := func(transport *http.Transport) func(context.Context) error {
		t.Cleanup(transport.CloseIdleConnections)
		return func(ctx context.Context) error { return postPicture(ctx, transport, picture) }
	}
	var http2 http.Protocols
	http2.SetUnencryptedHTTP2(true)
	// One connection at a time: of several that are dialed at once, Go's client closes those that it doesn't need, at times with
	// requests on them.
	shared := post(&http.Transport{Protocols: &http2, MaxConnsPerHost: 1, DialContext: counting(&dials, s.url)})
	dialer := counting(&dials, s.url)
	conn, err := grpc.NewClient("passthrough:///pets", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) { return dialer(ctx, "tcp", address) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	infer := inferRequest("images", "BYTES", &inferencepb.InferTensorContents{BytesContents: [][]byte{picture}}, 1)
	return map[string]func() func(context.Context) error{
		"HTTP/1.1": func() func(context.Context) error { return post(&http.Transport{DialContext: counting(&dials, s.url)}) },
		"h2c":      func() func(context.Context) error { return shared },
		"gRPC": func() func(context.Context) error {
			return func(ctx context.Context) error {
				_, err := call[inferencepb.ModelInferResponse](ctx, conn, "ModelInfer", infer)
				return err
			}
		},
	}
}

// postPicture asks for a prediction and reads it to its end.
func postPicture(ctx context.Context, transport *http.Transport, picture []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://pets"+predictPath, bytes.NewReader(picture))
	if err != nil {
		return err
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	return nil
}

// Servers take over from each other under load, as pods do: the next one is ready, the Service leads to it, the one before is
// told to stop. No request fails, whatever protocol it is of.
func TestRestarts(t *testing.T) {
	restarts, inFlight := setting(t, "RESTARTS", 2), setting(t, "IN_FLIGHT", 30)
	config := testConfig()
	config.Limits.MaxBatch = max(16, inFlight/2) // four batches of places
	config.Limits.RequestTimeoutMillis = 60_000
	config.DrainDelay = time.Duration(max(500, 10*inFlight)) * time.Millisecond // as in a ModelServer: every client asks again meanwhile
	config.LogRequests = false
	var live service
	live.live.Store(start(t, config, &servingtest.Predictor{}))

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var (
		group    sync.WaitGroup
		answered = map[string]*atomic.Int64{}
		failed   atomic.Int64
	)
	for protocol, client := range live.clients(t) {
		count := &atomic.Int64{}
		answered[protocol] = count
		for range (inFlight + 2) / 3 {
			ask := client()
			group.Go(func() {
				for ctx.Err() == nil {
					switch err := ask(t.Context()); {
					case err == nil:
						count.Add(1)
					case failed.Add(1) < 5:
						t.Errorf("%s: %v", protocol, err)
					}
				}
			})
		}
	}
	for range restarts {
		before := live.live.Load()
		live.live.Store(start(t, config, &servingtest.Predictor{}))
		before.stop()
		if err := <-before.done; err != nil {
			t.Error(err)
		}
		// Each protocol has found its way to the server that is there now.
		for _, count := range answered {
			seen := count.Load()
			waitFor(t, func() bool { return count.Load() > seen || t.Failed() })
		}
	}
	stop()
	group.Wait()
	total := int64(0)
	for _, count := range answered {
		total += count.Load()
	}
	t.Logf("restarts=%d in_flight=%d answered=%d http1=%d h2c=%d grpc=%d failed=%d",
		restarts, inFlight, total, answered["HTTP/1.1"].Load(), answered["h2c"].Load(), answered["gRPC"].Load(), failed.Load())
}
