// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package command

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/classifier"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/model"
	"github.com/trainyard-dev/trainyard/internal/onnx"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

const imageSize = 16

// published is a model with its samples, as a training run leaves them.
type published struct {
	model, modelDigest     string
	samples, samplesDigest string
	image                  []byte
}

// publish writes an untrained network and what it answers for n pictures, which it labels as it
// sees them.
func publish(t *testing.T, n int) published {
	t.Helper()
	network, err := model.New(model.Config{Architecture: "SimpleCNN", Classes: 2, ImageSize: imageSize, Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	classes := []string{"cat", "dog"}
	data, err := onnx.Encode(network, onnx.Metadata{
		Classes: classes, Preprocess: preprocess.DefaultSpec(imageSize), Architecture: "SimpleCNN", Run: "default/pets",
		Metrics: map[string]float64{"accuracy": 0.75}, DatasetDigest: "sha256:d00d", Version: "v0",
	})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	p := published{model: filepath.Join(dir, contract.ModelFile), samples: filepath.Join(dir, contract.SamplesFile)}
	writeFile(t, p.model, data)
	loaded, err := classifier.Load(p.model, "", classifier.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	set := &artifact.Samples{Classes: classes}
	for i := range n {
		picture := noise(t, uint64(i))
		tensor := make([]float32, loaded.Preprocess.TensorLen())
		if err := preprocess.NewDecoder(preprocess.DefaultLimits()).Tensor(t.Context(), loaded.Preprocess, tensor, picture); err != nil {
			t.Fatal(err)
		}
		logits, err := loaded.Logits(tensor, 1)
		if err != nil {
			t.Fatal(err)
		}
		set.Items = append(set.Items, artifact.Sample{
			Image: picture, Label: classes[classifier.ArgMax(logits)], Logits: append([]float32(nil), logits...),
		})
		p.image = picture
	}
	var b bytes.Buffer
	if err := artifact.WriteSamples(&b, set); err != nil {
		t.Fatal(err)
	}
	writeFile(t, p.samples, b.Bytes())
	p.modelDigest, p.samplesDigest = digestOf(t, p.model), digestOf(t, p.samples)
	return p
}

func noise(t *testing.T, seed uint64) []byte {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 1))
	img := image.NewRGBA(image.Rect(0, 0, 20, 20))
	base := color.RGBA{uint8(random.IntN(200)), uint8(random.IntN(200)), uint8(random.IntN(200)), 255}
	for i := range 400 {
		img.SetRGBA(i%20, i/20, color.RGBA{base.R + uint8(random.IntN(55)), base.G, base.B + uint8(random.IntN(55)), 255})
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func writeFile(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func digestOf(t *testing.T, path string) string {
	t.Helper()
	digest, _, err := artifact.FileDigest(path)
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func encodeJSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// result runs a command line and returns its exit code and what it left in the termination log.
func result(t *testing.T, options Options, args ...string) (code int, left []byte, stderr string) {
	t.Helper()
	log := filepath.Join(t.TempDir(), "termination-log")
	var errs bytes.Buffer
	code = run(t.Context(), append(args, "--termination-log", log), io.Discard, &errs, options)
	left, _ = os.ReadFile(log)
	return code, left, errs.String()
}

func TestServeAndSmoke(t *testing.T) {
	p := publish(t, 20)
	port := freePort(t)
	config := contract.ServeConfig{
		Version: 1, Name: "pets", Revision: "pets-1",
		Model:             contract.ServedModel{Path: p.model, SHA256: p.modelDigest, TrainingRun: "pets"},
		Limits:            serveDefaults().Limits,
		DrainDelaySeconds: 0,
	}
	t.Setenv(contract.ConfigEnv, encodeJSON(t, config))
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan int, 1)
	go func() {
		served <- run(ctx, []string{"serve", "--address", "127.0.0.1", "--port", strconv.Itoa(port), "--termination-log", os.DevNull}, io.Discard, io.Discard, Options{})
	}()
	url := fmt.Sprintf("http://127.0.0.1:%d", port)
	waitReady(t, url)

	smoke := contract.SmokeConfig{
		Version: 1, Targets: []string{url}, Revision: "pets-1", SHA256: p.modelDigest,
		Model: &contract.Samples{Path: p.samples, SHA256: p.samplesDigest}, Attempts: 1, TimeoutSeconds: 60,
	}
	cases := map[string]struct {
		change func(*contract.SmokeConfig)
		args   []string
		want   int
		passed bool
	}{
		"all well": {want: contract.ExitOK, passed: true},
		// Another revision's answer says nothing about this one: no verdict.
		"another revision": {change: func(c *contract.SmokeConfig) { c.Revision = "pets-2" }, want: contract.ExitTemporary},
		"a flag overrides": {args: []string{"--revision", "pets-2"}, want: contract.ExitTemporary},
		"another digest":   {change: func(c *contract.SmokeConfig) { c.SHA256 = p.samplesDigest }, want: contract.ExitSmoke},
		"samples changed":  {change: func(c *contract.SmokeConfig) { c.Model.SHA256 = p.modelDigest }, want: contract.ExitSmoke},
		"no target":        {change: func(c *contract.SmokeConfig) { c.Targets = nil }, want: contract.ExitConfig},
		"live samples gone": {
			change: func(c *contract.SmokeConfig) { c.Live = &contract.Samples{Path: p.samples + "x"} }, want: contract.ExitTemporary,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			config := smoke
			samples := *smoke.Model
			config.Model = &samples
			if tc.change != nil {
				tc.change(&config)
			}
			file := filepath.Join(t.TempDir(), "smoke.json")
			writeFile(t, file, []byte(encodeJSON(t, config)))
			code, left, stderr := result(t, Options{}, append([]string{"smoke", "--config", file}, tc.args...)...)
			if code != tc.want {
				t.Errorf("exit code = %d, want %d\n%s", code, tc.want, stderr)
			}
			var report contract.SmokeReport
			if err := contract.DecodeResult(left, &report); err != nil {
				t.Fatalf("termination log %q: %v", left, err)
			}
			if report.Passed != tc.passed || report.Message == "" {
				t.Errorf("report = %+v, want passed %t", report, tc.passed)
			}
		})
	}
	stop()
	if code := <-served; code != contract.ExitOK {
		t.Errorf("serve exit code = %d, want 0", code)
	}
}

func waitReady(t *testing.T, url string) {
	t.Helper()
	for range 400 {
		response, err := http.Get(url + contract.ReadyPath)
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the server did not become ready")
}

func TestServeFails(t *testing.T) {
	p := publish(t, 1)
	garbage := filepath.Join(t.TempDir(), "model.onnx")
	writeFile(t, garbage, []byte("garbage"))
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	broken := filepath.Join(t.TempDir(), "config.json")
	writeFile(t, broken, []byte(`{"version":1,"mdl":{}}`))

	free := []string{"--address", "127.0.0.1", "--port", "0"}
	cases := map[string]struct {
		args   []string
		want   int
		reason string
		says   string
	}{
		"no model":         {args: nil, want: contract.ExitConfig, reason: contract.ReasonConfigInvalid, says: "--model FILE"},
		"unknown field":    {args: []string{"--config", broken}, want: contract.ExitConfig, reason: contract.ReasonConfigInvalid, says: "mdl"},
		"config missing":   {args: []string{"--config", broken + "x"}, want: contract.ExitConfig, reason: contract.ReasonConfigInvalid, says: "no such file"},
		"empty name":       {args: []string{"--model", p.model, "--name", ""}, want: contract.ExitConfig, reason: contract.ReasonConfigInvalid, says: "name: must be set"},
		"another digest":   {args: append(free, "--model", p.model, "--sha256", p.samplesDigest), want: contract.ExitArtifact, reason: contract.ReasonArtifactInvalid, says: p.modelDigest},
		"not a model":      {args: append(free, "--model", garbage), want: contract.ExitArtifact, reason: contract.ReasonArtifactInvalid, says: "ONNX"},
		"another output":   {args: append(free, "--model", p.model, "--output", "probabilities"), want: contract.ExitArtifact, reason: contract.ReasonArtifactInvalid, says: `trainyard.output is "probabilities", but`},
		"another layout":   {args: append(free, "--model", p.model, "--input-layout", "NHWC"), want: contract.ExitArtifact, reason: contract.ReasonArtifactInvalid, says: "input.layout is NHWC, but"},
		"a class too many": {args: append(free, "--model", p.model, "--classes", "cat,dog,bird"), want: contract.ExitArtifact, reason: contract.ReasonArtifactInvalid, says: "there are names of 3 classes"},
		"labels missing":   {args: append(free, "--model", p.model, "--classes", "@"+garbage+"x"), want: contract.ExitTemporary, says: "no such file"},
		"mean of words":    {args: append(free, "--model", p.model, "--input-scale", "half"), want: contract.ExitConfig, reason: contract.ReasonConfigInvalid, says: `model.input: scale: "half"`},
		"model missing":    {args: append(free, "--model", garbage+"x"), want: contract.ExitTemporary, says: "no such file"},
		"port not to have": {args: []string{"--address", "127.0.0.1", "--port", strconv.Itoa(busy.Addr().(*net.TCPAddr).Port), "--model", p.model}, want: contract.ExitTemporary, says: "in use"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			code, left, stderr := result(t, Options{}, append([]string{"serve"}, tc.args...)...)
			if code != tc.want {
				t.Errorf("exit code = %d, want %d\n%s", code, tc.want, stderr)
			}
			var got contract.ServeResult
			if err := contract.DecodeResult(left, &got); err != nil {
				t.Fatalf("termination log %q: %v", left, err)
			}
			if got.Outcome != contract.OutcomeFailed || got.Reason != tc.reason || !strings.Contains(got.Message, tc.says) {
				t.Errorf("result = %+v, want reason %q and a message with %q", got, tc.reason, tc.says)
			}
		})
	}
}

func TestCommandLine(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"version"}, &out, &errs, Options{}); code != contract.ExitOK || out.Len() < 2 {
		t.Errorf("version: exit code %d, output %q", code, out.String())
	}
	if code := run(t.Context(), []string{"serve", "--nonsense"}, &out, &errs, Options{}); code != contract.ExitConfig {
		t.Errorf("unknown flag: exit code %d, want %d", code, contract.ExitConfig)
	}
	if code := run(t.Context(), []string{"train"}, &out, &errs, Options{}); code != contract.ExitConfig {
		t.Errorf("unknown command: exit code %d, want %d", code, contract.ExitConfig)
	}
	for _, args := range [][]string{{"--name", "a b/c"}, {"--port", "99999"}, {"--output", "softmax"}, {"--cors-origin", "pets.example"}} {
		errs.Reset()
		code := run(t.Context(), append([]string{"serve", "--model", "x"}, args...), &out, &errs, Options{})
		if code != contract.ExitConfig || !strings.Contains(errs.String(), args[1]) {
			t.Errorf("%v: exit code %d, %s", args, code, &errs)
		}
	}
	// A result that can't be left behind is worth no more than none.
	if code := run(t.Context(), []string{"smoke", "--url", "http://127.0.0.1:1", "--attempts", "1", "--termination-log", t.TempDir()}, &out, &errs, Options{}); code != contract.ExitTemporary {
		t.Errorf("termination log is a folder: exit code %d, want %d", code, contract.ExitTemporary)
	}
}
