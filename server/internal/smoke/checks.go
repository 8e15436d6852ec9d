// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package smoke

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

// Names of the checks.
const (
	checkAvailability = "availability"
	checkHealth       = "health"
	checkRoot         = "root"
	checkModelInfo    = "model-info"
	checkPredict      = "predict"
	checkV2Infer      = "v2-infer"
	checkMetrics      = "metrics"
	checkLatency      = "latency"
	checkIntegrity    = "integrity"
	checkQuality      = "quality"
)

// outcome is a check's result on one target.
type outcome struct {
	result  string // one of contract's Check constants
	message string
	took    time.Duration
	// final: trying again would come to the same.
	final bool
	// silent: it failed without an answer that counts, which says nothing about the model.
	silent bool
	// hung: it failed because a request was not answered in time.
	hung bool
}

func passed(took time.Duration, format string, args ...any) outcome {
	return outcome{result: contract.CheckPassed, message: fmt.Sprintf(format, args...), took: took}
}

func failed(format string, args ...any) outcome {
	return outcome{result: contract.CheckFailed, message: fmt.Sprintf(format, args...)}
}

// failedBy is the outcome of a request that came to an error.
func failedBy(err error) outcome {
	o := failed("%v", err)
	o.silent, o.hung = saysNothing(err), errors.Is(err, context.DeadlineExceeded)
	return o
}

func skipped(format string, args ...any) outcome {
	return outcome{result: contract.CheckSkipped, message: fmt.Sprintf(format, args...)}
}

// check is a question to a target.
type check struct {
	name string
	// cheap checks are made in every round.
	cheap bool
	run   func(context.Context, *visit) outcome
}

// allChecks are the checks in the order in which they are made. The first decides whether the
// others are worth trying.
func (s *suite) allChecks() []check {
	return []check{
		{checkAvailability, true, s.availability},
		{checkHealth, true, s.health},
		{checkRoot, false, s.root},
		{checkModelInfo, true, s.modelInfo},
		{checkPredict, true, s.predict},
		{checkV2Infer, false, s.v2Infer},
		{checkMetrics, false, s.metrics},
		{checkLatency, false, s.latency},
		{checkIntegrity, true, s.integrity},
		{checkQuality, false, s.quality},
	}
}

// availability: the target takes connections and calls itself ready.
func (s *suite) availability(ctx context.Context, v *visit) outcome {
	_, took, err := v.do(ctx, request{path: contract.ReadyPath})
	if err != nil {
		return failedBy(err)
	}
	return passed(took, "ready")
}

// health: /health answers 200 with a status.
func (s *suite) health(ctx context.Context, v *visit) outcome {
	var answer struct {
		Status string `json:"status"`
	}
	took, err := v.askJSON(ctx, request{path: contract.ServerHealthPath}, &answer)
	if err != nil {
		return failedBy(err)
	}
	if answer.Status == "" {
		return failed("/health answers no status")
	}
	return passed(took, "%s", answer.Status)
}

// root: / answers programs with the model's name.
func (s *suite) root(ctx context.Context, v *visit) outcome {
	var answer struct {
		Name string `json:"name"`
	}
	took, err := v.askJSON(ctx, request{path: "/", accept: "application/json"}, &answer)
	if err != nil {
		return failedBy(err)
	}
	if answer.Name == "" {
		return failed("/ answers no name")
	}
	return passed(took, "serves %s", answer.Name)
}

// modelInfo: the model served is the one expected, by digest and revision.
func (s *suite) modelInfo(ctx context.Context, v *visit) outcome {
	info, took, err := v.modelInfo(ctx)
	switch {
	case err != nil:
		return failedBy(err)
	case s.config.SHA256 != "" && info.SHA256 != s.config.SHA256:
		return failed("serves the model %.12s, want %.12s", info.SHA256, s.config.SHA256)
	case s.config.Revision != "" && info.Revision != s.config.Revision:
		return failed("serves revision %q, want %q", info.Revision, s.config.Revision)
	}
	assumed := ""
	if len(info.Assumed) > 0 {
		assumed = "; assumed " + strings.Join(info.Assumed, "; ")
	}
	return passed(took, "model %.12s, %d classes%s", info.SHA256, len(info.Classes), assumed)
}

// predict: /predict classifies an image, and its answer is consistent.
func (s *suite) predict(ctx context.Context, v *visit) outcome {
	p, err := v.predict(ctx, dummyImage, 0)
	if err != nil {
		return failedBy(err)
	}
	if err := p.check(); err != nil {
		return failed("/predict: %v", err)
	}
	return passed(p.took, "%s with %.3f", p.Class, p.Probabilities[p.Class])
}

// check reports whether a prediction contradicts itself.
func (p prediction) check() error {
	best, sum := "", 0.0
	for _, class := range slices.Sorted(maps.Keys(p.Probabilities)) {
		probability := p.Probabilities[class]
		if !(probability >= 0 && probability <= 1) {
			return fmt.Errorf("the probability of %q is %v", class, probability)
		}
		sum += probability
		if best == "" || probability > p.Probabilities[best] {
			best = class
		}
	}
	if math.Abs(sum-1) > sumTolerance {
		return fmt.Errorf("the probabilities sum to %.4f", sum)
	}
	if p.Probabilities[p.Class] != p.Probabilities[best] {
		return fmt.Errorf("the class is %q, but %q is more probable", p.Class, best)
	}
	return nil
}

// dummyImage is a small picture of no class, so small that no sensible limit refuses it.
var dummyImage = func() []byte {
	img := image.NewRGBA(image.Rect(0, 0, 16, 16))
	for i := range 16 * 16 {
		img.SetRGBA(i%16, i/16, color.RGBA{R: uint8(i % 16 * 16), G: uint8(i / 16 * 16), B: 128, A: 255})
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err) // encoding into memory does not fail
	}
	return b.Bytes()
}()

// v2Infer: the Open Inference Protocol takes a tensor of the shape that it states.
func (s *suite) v2Infer(ctx context.Context, v *visit) outcome {
	info, _, err := v.modelInfo(ctx)
	if err != nil {
		return failedBy(err)
	}
	path := contract.V2ModelPath(info.Name)
	var model struct {
		Inputs []struct {
			Name     string `json:"name"`
			Datatype string `json:"datatype"`
			Shape    []int  `json:"shape"`
		} `json:"inputs"`
	}
	if _, err := v.askJSON(ctx, request{path: path}, &model); err != nil {
		return failedBy(err)
	}
	var shape []int
	for _, input := range model.Inputs {
		if input.Name == "input" && input.Datatype == "FP32" && len(input.Shape) == 4 {
			shape = input.Shape[1:]
		}
	}
	if shape == nil || slices.ContainsFunc(shape, func(d int) bool { return d < 1 || d > preprocess.MaxSize }) {
		return failed("%s describes no input \"input\" of FP32 [N,3,H,W]", path)
	}
	zeros := strings.TrimSuffix(strings.Repeat("0,", shape[0]*shape[1]*shape[2]), ",")
	body := fmt.Sprintf(`{"inputs":[{"name":"input","datatype":"FP32","shape":[1,%d,%d,%d],"data":[%s]}]}`, shape[0], shape[1], shape[2], zeros)
	return v2Answer(ctx, v, contract.V2InferPath(info.Name), []byte(body), len(info.Classes))
}

func v2Answer(ctx context.Context, v *visit, path string, body []byte, classes int) outcome {
	var answer struct {
		Outputs []struct {
			Shape []int     `json:"shape"`
			Data  []float32 `json:"data"`
		} `json:"outputs"`
	}
	took, err := v.askJSON(ctx, request{path: path, contentType: "application/json", body: body}, &answer)
	if statusOf(err) == http.StatusRequestEntityTooLarge {
		return skipped("maxBodyBytes is below the size of one tensor")
	}
	if err != nil {
		return failedBy(err)
	}
	if len(answer.Outputs) != 1 || !slices.Equal(answer.Outputs[0].Shape, []int{1, classes}) || len(answer.Outputs[0].Data) != classes {
		return failed("%s does not answer one output of shape [1,%d]", path, classes)
	}
	return passed(took, "%d logits", classes)
}

// metrics: /metrics has the series that dashboards rely on.
func (s *suite) metrics(ctx context.Context, v *visit) outcome {
	data, took, err := v.do(ctx, request{path: contract.MetricsPath})
	if err != nil {
		return failedBy(err)
	}
	for _, name := range contract.ServerMetrics() {
		if !bytes.Contains(data, []byte("# TYPE "+name+" ")) {
			return failed("/metrics lacks %s", name)
		}
	}
	return passed(took, "all there")
}

// latencyRequests is how many predictions the median latency is taken from.
const latencyRequests = 15

// latency: the median of several predictions, one after the other, is within bounds.
func (s *suite) latency(ctx context.Context, v *visit) outcome {
	image := dummyImage
	if s.model != nil && len(s.model.Items) > 0 {
		image = s.model.Items[0].Image
	}
	took := make([]time.Duration, latencyRequests)
	for i := range took {
		p, err := v.predict(ctx, image, 0)
		if err != nil {
			return failedBy(err)
		}
		took[i] = p.took
	}
	middle := median(took)
	limit := time.Duration(s.config.MaxLatencyMillis) * time.Millisecond
	o := passed(middle, "median of %d predictions", latencyRequests)
	if limit > 0 && middle > limit {
		o = failed("the median of %d predictions is %s, more than maxLatency %s", latencyRequests, middle.Round(10*time.Microsecond), limit)
		o.took = middle
	}
	return o
}

// median returns the median of one or more durations.
func median(took []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(took))
	return sorted[len(sorted)/2]
}
