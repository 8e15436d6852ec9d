// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package serving

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/trainyard-dev/trainyard/internal/classifier"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
	"github.com/trainyard-dev/trainyard/server/internal/serving/servingtest"
)

// caller is the smallest transport there is: who asks is in the same process. Its requests are calls.
type caller struct {
	service *Service

	mu       sync.Mutex
	closing  bool
	inFlight sync.WaitGroup
	ended    chan struct{}
	// events are what the Service asked of it.
	events []string
}

func newCaller() *caller { return &caller{ended: make(chan struct{})} }

// Serve implements Transport.
func (c *caller) Serve(context.Context) error {
	<-c.ended
	return errors.New("ended")
}

// Shutdown implements Transport.
func (c *caller) Shutdown(ctx context.Context) error {
	c.mu.Lock()
	c.closing = true
	c.mu.Unlock()
	finished := make(chan struct{})
	go func() {
		c.inFlight.Wait()
		close(finished)
	}()
	select {
	case <-finished:
		c.note("shut down")
		return nil
	case <-ctx.Done():
		c.note("not finished in time")
		return ctx.Err()
	}
}

// Close implements Transport.
func (c *caller) Close() error {
	c.note("closed")
	return nil
}

func (c *caller) note(event string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, event)
}

var errClosed = errors.New("takes no more requests")

// classify is a whole request, as every transport makes it.
func (c *caller) classify(ctx context.Context, picture []byte, decoding int) (Prediction, error) {
	c.mu.Lock()
	if c.closing {
		c.mu.Unlock()
		return Prediction{}, errClosed
	}
	c.inFlight.Add(1)
	c.mu.Unlock()
	defer c.inFlight.Done()
	ctx, cancel := context.WithTimeout(ctx, c.service.RequestTimeout())
	defer cancel()
	upload, err := c.service.Receive(ctx, int64(len(picture)), func(bool) {})
	if err != nil {
		return Prediction{}, err
	}
	defer upload.End()
	body, err := upload.Read(ctx, bytes.NewReader(picture), int64(len(picture)))
	if err != nil {
		return Prediction{}, err
	}
	place, err := c.service.Admit()
	if err != nil {
		return Prediction{}, err
	}
	defer place.Release()
	outcomes, err := place.Classify(ctx, 1, func(int) ([]byte, error) { return body, nil }, decoding)
	if err != nil {
		return Prediction{}, err
	}
	return outcomes[0].Prediction, outcomes[0].Err
}

func testConfig() Config {
	return Config{
		Name: "pets",
		Limits: contract.Limits{
			MaxBatch: 4, MaxBatchDelayMillis: 1, MaxBodyBytes: 64 << 10, MaxPixels: 1000, RequestTimeoutMillis: 10_000,
		},
		DecodeBytes: 64 << 20,
		DrainDelay:  5 * time.Second, // less than the request timeout
		Logger:      slog.New(slog.DiscardHandler),
	}
}

// running is a Service that runs, with its transports.
type running struct {
	*Service
	stop context.CancelFunc
	done chan error // what Run returned
}

func start(t *testing.T, config Config, load Loader, transports ...*caller) *running {
	t.Helper()
	service, err := New(config, load)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	r := &running{Service: service, stop: stop, done: make(chan error, 1)}
	var all []Transport
	for _, c := range transports {
		c.service = service
		all = append(all, c)
		t.Cleanup(func() { close(c.ended) })
	}
	go func() {
		r.done <- service.Run(ctx, all...)
		close(r.done)
	}()
	t.Cleanup(func() {
		stop()
		if err := <-r.done; err != nil { // unless the test has taken it
			t.Error(err)
		}
	})
	return r
}

// loads loads a model at once.
func loads(p *servingtest.Predictor) Loader {
	return func(context.Context) (*classifier.Model, error) { return servingtest.Model(p), nil }
}

func codeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// Pictures of some bytes make tensors of megabytes: those of a request are computed part by part, and give their room back
// whether they fail or not.
func TestPicturesTakeTheRoomOfAPart(t *testing.T) {
	pictures := [][]byte{servingtest.PNG(t, servingtest.Red), servingtest.PNG(t, servingtest.Blue), servingtest.PNG(t, servingtest.Red)}
	var sizes []int
	model := servingtest.Model(&servingtest.Predictor{Before: func(n int) { sizes = append(sizes, n) }})
	model.Preprocess.Size = preprocess.MaxSize
	config := testConfig()
	config.DrainDelay = 0
	r := start(t, config, func(context.Context) (*classifier.Model, error) { return model, nil }, newCaller())
	for r.loaded.Load() == nil {
		time.Sleep(time.Millisecond)
	}
	place, err := r.Admit()
	if err != nil {
		t.Fatal(err)
	}
	defer place.Release()
	logits, err := place.Pictures(t.Context(), len(pictures), func(i int) ([]byte, error) { return pictures[i], nil })
	if err != nil {
		t.Fatal(err)
	}
	if red, blue := logits[0], logits[2]; len(logits) != 6 || red != logits[4] || red == blue {
		t.Errorf("logits %v of red, blue and red", logits)
	}
	if diff := cmp.Diff([]int{1, 1, 1}, sizes); diff != "" {
		t.Errorf("pictures computed together (-want +got):\n%s", diff)
	}
	if _, err := place.Pictures(t.Context(), 1, func(int) ([]byte, error) { return []byte("no picture"), nil }); err == nil {
		t.Error("no error of what is no picture")
	}
	if !r.tensors.TryAcquire(tensorRoom) {
		t.Fatal("room is still held")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := place.Pictures(ctx, 1, func(int) ([]byte, error) { return pictures[0], nil }); codeOf(err) != CodeTimeout {
		t.Errorf("without room: error %v, want %s", err, CodeTimeout)
	}
	r.tensors.Release(tensorRoom)
}

// A transport that isn't HTTP serves a model through all its life.
func TestLifeThroughADirectCaller(t *testing.T) {
	red := servingtest.PNG(t, servingtest.Red)
	synctest.Test(t, func(t *testing.T) {
		load := make(chan struct{})
		entered, release := make(chan int, 1), make(chan struct{})
		c := newCaller()
		r := start(t, testConfig(), func(context.Context) (*classifier.Model, error) {
			<-load
			return servingtest.Model(&servingtest.Predictor{Before: func(n int) { entered <- n; <-release }}), nil
		}, c)
		synctest.Wait()
		if _, err := c.classify(t.Context(), red, 0); !errors.Is(err, ErrLoading) || r.State() != Loading {
			t.Errorf("while loading: error %v, state %s", err, r.State())
		}
		if _, err := r.Admit(); !errors.Is(err, ErrLoading) {
			t.Errorf("a place while loading: error %v, want ErrLoading", err)
		}
		close(load)
		synctest.Wait()
		if r.State() != Ready {
			t.Errorf("once loaded: state %s", r.State())
		}
		answers := make(chan Prediction, 2)
		ask := func() {
			p, err := c.classify(t.Context(), red, 0)
			if err != nil {
				t.Error(err)
			}
			answers <- p
		}
		go ask()
		<-entered
		r.stop()
		synctest.Wait()
		if r.State() != Draining {
			t.Errorf("once stopped: state %s", r.State())
		}
		go ask() // requests are taken until the drain is over
		synctest.Wait()
		time.Sleep(testConfig().DrainDelay)
		synctest.Wait()
		if _, err := c.classify(t.Context(), red, 0); !errors.Is(err, errClosed) {
			t.Errorf("after the drain: error %v, want that of a transport that was shut down", err)
		}
		select {
		case err := <-r.done:
			t.Fatalf("Run() returned %v with requests in flight", err)
		default:
		}
		close(release)
		for range 2 {
			if p := <-answers; p.Class != 0 || len(p.Probabilities) != 2 || len(p.Logits) != 2 {
				t.Errorf("prediction of a red picture = %+v", p)
			}
		}
		if err := <-r.done; err != nil {
			t.Errorf("Run() = %v", err)
		}
		if diff := cmp.Diff([]string{"shut down"}, c.events); diff != "" {
			t.Errorf("asked of the transport (-want +got):\n%s", diff)
		}
	})
}

func TestRunEnds(t *testing.T) {
	broken := errors.New("broken file")
	cases := map[string]struct {
		load Loader
		// meanwhile is what happens while Run runs.
		meanwhile func(r *running, c *caller)
		want      string // of the error; empty: none
		events    []string
	}{
		"the model can't be loaded": {
			load:      func(context.Context) (*classifier.Model, error) { return nil, broken },
			meanwhile: func(*running, *caller) {},
			want:      "load the model: broken file", events: []string{"closed"},
		},
		"stopped while loading": { // nobody was sent here, so there is no drain to wait for
			load:      func(ctx context.Context) (*classifier.Model, error) { <-ctx.Done(); return nil, ctx.Err() },
			meanwhile: func(r *running, _ *caller) { r.stop() },
			events:    []string{"shut down"},
		},
		"a transport fails": {
			load:      loads(&servingtest.Predictor{}),
			meanwhile: func(_ *running, c *caller) { c.ended <- struct{}{} },
			want:      "serve: ended", events: []string{"closed"},
		},
		"a transport fails in the drain": {
			load:      loads(&servingtest.Predictor{}),
			meanwhile: func(r *running, c *caller) { r.stop(); synctest.Wait(); c.ended <- struct{}{} },
			want:      "serve while draining: ended", events: []string{"closed"},
		},
		"requests take too long": {
			load:      loads(&servingtest.Predictor{}),
			meanwhile: func(r *running, c *caller) { c.inFlight.Add(1); r.stop() },
			events:    []string{"not finished in time", "closed"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCaller()
				r := start(t, testConfig(), tc.load, c)
				synctest.Wait()
				tc.meanwhile(r, c)
				err := <-r.done
				if got := errorText(err); got != tc.want {
					t.Errorf("Run() = %q, want %q", got, tc.want)
				}
				if diff := cmp.Diff(tc.events, c.events); diff != "" {
					t.Errorf("asked of the transport (-want +got):\n%s", diff)
				}
				if name == "requests take too long" {
					c.inFlight.Done()
				}
			})
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// Transports share a Service's places, and are asked to shut down together.
func TestTransportsShareAService(t *testing.T) {
	red := servingtest.PNG(t, servingtest.Red)
	synctest.Test(t, func(t *testing.T) {
		config := testConfig()
		config.Limits.MaxBatch = 1
		release := make(chan struct{})
		one, other := newCaller(), newCaller()
		r := start(t, config, loads(&servingtest.Predictor{Before: func(int) { <-release }}), one, other)
		synctest.Wait()
		var waiting sync.WaitGroup
		for range 16 {
			waiting.Go(func() {
				if _, err := one.classify(t.Context(), red, 0); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if _, err := other.classify(t.Context(), red, 0); !errors.Is(err, ErrOverloaded) || codeOf(err) != CodeOverloaded {
			t.Errorf("with all places taken: error %v, want ErrOverloaded", err)
		}
		if held := r.Held(); held.Requests != 16 || held.BodyBytes < int64(16*len(red)) {
			t.Errorf("held = %+v, want 16 requests with their bodies", held)
		}
		close(release)
		waiting.Wait()
		r.stop()
		if err := <-r.done; err != nil {
			t.Errorf("Run() = %v", err)
		}
		if diff := cmp.Diff([][]string{{"shut down"}, {"shut down"}}, [][]string{one.events, other.events}); diff != "" {
			t.Errorf("asked of the transports (-want +got):\n%s", diff)
		}
		if held := r.Held(); held != (Held{}) {
			t.Errorf("held after all requests = %+v", held)
		}
	})
}

// Every error of a request has a code, and says what to do.
func TestErrorsAreTyped(t *testing.T) {
	red := servingtest.PNG(t, servingtest.Red)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	cases := map[string]struct {
		predictor servingtest.Predictor
		config    func(*Config)
		ctx       context.Context
		picture   []byte
		decoding  int
		want      Code
		says      string
	}{
		"no picture":      {picture: []byte("text"), want: CodeUnsupportedImage, says: "send one of"},
		"cut":             {picture: red[:len(red)/2], want: CodeInvalidImage, says: "send the whole"},
		"too many pixels": {picture: red, config: func(c *Config) { c.Limits.MaxPixels = 10 }, want: CodeImageTooLarge, says: "smaller image"},
		"no memory":       {picture: red, config: func(c *Config) { c.DecodeBytes = 1 << 10 }, want: CodeImageTooLarge, says: "raise the memory limit"},
		"body too large":  {picture: make([]byte, 65<<10), want: CodeBodyTooLarge, says: "raise maxBodyBytes"},
		"canceled":        {picture: red, ctx: canceled, want: CodeCanceled},
		"decoding":        {picture: red, decoding: 7, want: CodeUnknownDecoding, says: "knows 1 and 2"},
		"model fails":     {picture: red, predictor: servingtest.Predictor{Err: errors.New("secret")}, want: CodeInternal, says: "its log says why"},
		"timeout": {
			picture: red, predictor: servingtest.Predictor{Before: func(int) { time.Sleep(12 * time.Second) }},
			want: CodeTimeout, says: "longer than 10s",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				config := testConfig()
				if tc.config != nil {
					tc.config(&config)
				}
				c := newCaller()
				start(t, config, loads(&tc.predictor), c)
				synctest.Wait()
				ctx := tc.ctx
				if ctx == nil {
					ctx = t.Context()
				}
				_, err := c.classify(ctx, tc.picture, tc.decoding)
				if codeOf(err) != tc.want || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "secret") {
					t.Errorf("error %v, want code %s and %q", err, tc.want, tc.says)
				}
			})
		})
	}
}

// admitted starts a service that doesn't wait when it ends, and returns a place in it.
func admitted(t *testing.T) Place {
	t.Helper()
	config := testConfig()
	config.DrainDelay = 0
	r := start(t, config, loads(&servingtest.Predictor{}), newCaller())
	for r.State() != Ready {
		time.Sleep(time.Millisecond)
	}
	place, err := r.Admit()
	if err != nil {
		t.Fatal(err)
	}
	return place
}

// Images that a client has preprocessed, and several pictures, are computed without HTTP as well.
func TestPlacesCompute(t *testing.T) {
	red, blue := servingtest.PNG(t, servingtest.Red), servingtest.PNG(t, servingtest.Blue)
	place := admitted(t)
	defer place.Release()
	pictures := [][]byte{red, blue}
	got, err := place.Pictures(t.Context(), len(pictures), func(i int) ([]byte, error) { return pictures[i], nil })
	want := []float32{(220.0/255 - 0.485) / 0.229, (40.0/255 - 0.406) / 0.225, (30.0/255 - 0.485) / 0.229, (210.0/255 - 0.406) / 0.225}
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-5)); diff != "" || err != nil {
		t.Errorf("logits of pictures (-want +got):\n%s error %v", diff, err)
	}
	length := place.Model().Preprocess.TensorLen()
	tensor := make([]float32, 2*length)
	tensor[0] = float32(length)
	if got, err = place.Tensor(t.Context(), tensor, 2); err != nil || len(got) != 4 || got[0] <= 0 || got[2] != 0 {
		t.Errorf("logits of a tensor = %v, error %v", got, err)
	}
	for name, values := range map[string][]float32{"too short": tensor[1:], "overflow": overflowing(2 * length)} {
		if _, err := place.Tensor(t.Context(), values, 2); codeOf(err) != CodeInvalidInput {
			t.Errorf("%s: error %v, want code %s", name, err, CodeInvalidInput)
		}
	}
	if _, err := place.Pictures(t.Context(), 65, nil); codeOf(err) != CodeTooManyImages {
		t.Errorf("65 pictures: error %v, want code %s", err, CodeTooManyImages)
	}
}

// Of several pictures, one that can't be had or decoded fails alone, wherever it stands; what is nobody's own fails all.
func TestPicturesFailAlone(t *testing.T) {
	red, blue := servingtest.PNG(t, servingtest.Red), servingtest.PNG(t, servingtest.Blue)
	absent := errors.New("absent")
	place := admitted(t)
	defer place.Release()
	pictures := [][]byte{[]byte("no picture"), red, nil, blue}
	picture := func(i int) ([]byte, error) {
		if pictures[i] == nil {
			return nil, absent
		}
		return pictures[i], nil
	}
	outcomes, err := place.Classify(t.Context(), len(pictures), picture, 0)
	if err != nil {
		t.Fatal(err)
	}
	if codeOf(outcomes[0].Err) != CodeUnsupportedImage || !errors.Is(outcomes[2].Err, absent) {
		t.Errorf("errors %v and %v", outcomes[0].Err, outcomes[2].Err)
	}
	for i, class := range map[int]int{1: 0, 3: 1} {
		if o := outcomes[i]; o.Err != nil || o.Class != class || len(o.Probabilities) != 2 || len(o.Logits) != 2 {
			t.Errorf("picture %d: %+v, want class %d", i, o, class)
		}
	}
	if outcomes, err = place.Classify(t.Context(), 1, func(int) ([]byte, error) { return nil, absent }, 0); err != nil || !errors.Is(outcomes[0].Err, absent) {
		t.Errorf("of none that could be decoded: %v, error %v", outcomes, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := place.Classify(ctx, len(pictures), picture, 0); codeOf(err) != CodeCanceled {
		t.Errorf("nobody waits: error %v, want %s", err, CodeCanceled)
	}
}

// overflowing are values whose sum is infinite.
func overflowing(n int) []float32 {
	values := make([]float32, n)
	for i := range values {
		values[i] = 3e38
	}
	return values
}
