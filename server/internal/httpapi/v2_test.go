// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
	"github.com/trainyard-dev/trainyard/server/internal/openinference"
	"github.com/trainyard-dev/trainyard/server/internal/serving/servingtest"
)

const inferPath = "/v2/models/pets/infer"

// plane is a channel of value v, as JSON, without brackets.
func plane(v string) string {
	return strings.TrimSuffix(strings.Repeat(v+",", servingtest.Size*servingtest.Size), ",")
}

// pictures is an inference request for n pictures whose channels are 0.5, 0 and -0.25.
func pictures(n int) string {
	one := plane("5e-1") + "," + plane("0") + ", \n" + plane("-0.25")
	data := strings.TrimSuffix(strings.Repeat(one+",", n), ",")
	return fmt.Sprintf(`{"id":"42","parameters":{"x":1},"outputs":[{"name":"logits"}],"inputs":[{"name":"input","datatype":"FP32","shape":[%d,3,8,8],"data":[%s]}]}`, n, data)
}

func (r *running) infer(t *testing.T, body string, headers ...string) answer {
	t.Helper()
	return r.ask(t, http.MethodPost, inferPath, strings.NewReader(body), append([]string{"Content-Type", "application/json"}, headers...)...)
}

func TestV2Infer(t *testing.T) {
	r := start(t, testConfig(), &servingtest.Predictor{})
	nested := "[[[" + plane("0.5") + "]],[[" + plane("0") + "]],[[" + plane("-0.25") + "]]]"
	red := base64.StdEncoding.EncodeToString(servingtest.PNG(t, servingtest.Red))
	blue := base64.StdEncoding.EncodeToString(servingtest.PNG(t, servingtest.Blue))
	cases := map[string]struct {
		body  string
		id    string
		shape []int64
		data  []float32
	}{
		"one":                     {body: pictures(1), id: "42", shape: []int64{1, 2}, data: []float32{0.5, -0.25}},
		"more than a batch holds": {body: pictures(6), id: "42", shape: []int64{6, 2}, data: []float32{0.5, -0.25, 0.5, -0.25, 0.5, -0.25, 0.5, -0.25, 0.5, -0.25, 0.5, -0.25}},
		"nested": {
			body:  `{"inputs":[{"name":"input","datatype":"FP32","shape":[1,3,8,8],"data":[` + nested + `]}]}`,
			shape: []int64{1, 2}, data: []float32{0.5, -0.25},
		},
		"no outputs named": {
			body:  `{"outputs":[],"inputs":[{"name":"input","datatype":"FP32","shape":[1,3,8,8],"data":[` + nested + `]}]}`,
			shape: []int64{1, 2}, data: []float32{0.5, -0.25},
		},
		"encoded images": {
			body:  `{"inputs":[{"name":"images","datatype":"BYTES","shape":[2],"data":["` + red + `","` + blue + `"]}]}`,
			shape: []int64{2, 2},
			data:  []float32{(220.0/255 - 0.485) / 0.229, (40.0/255 - 0.406) / 0.225, (30.0/255 - 0.485) / 0.229, (210.0/255 - 0.406) / 0.225},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			a := r.infer(t, tc.body)
			if a.status != http.StatusOK {
				t.Fatalf("status %d: %s", a.status, a.body)
			}
			var got V2Response
			a.decode(t, &got)
			want := V2Response{
				ModelName: "pets", ModelVersion: "pets-12345678", ID: tc.id,
				Outputs: []V2Output{{Name: "logits", Datatype: "FP32", Shape: tc.shape, Data: tc.data}},
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-5)); diff != "" {
				t.Errorf("response (-want +got):\n%s", diff)
			}
		})
	}
}

// refusedInference is an inference request that is refused, and what is answered.
type refusedInference struct {
	body string
	want int
	code string
	says string
}

func checkRefused(t *testing.T, cases map[string]refusedInference) {
	t.Helper()
	r := start(t, testConfig(), &servingtest.Predictor{})
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			a := r.infer(t, tc.body)
			var p Problem
			a.decode(t, &p)
			if a.status != tc.want || p.Code != tc.code {
				t.Errorf("status %d, problem %+v; want %d, %s", a.status, p, tc.want, tc.code)
			}
			if !strings.Contains(p.Detail, tc.says) {
				t.Errorf("detail %q, want it to say %q", p.Detail, tc.says)
			}
			if p.V2Error != p.Detail || p.Detail == "" {
				t.Errorf("the protocol's error is %q, want the detail %q", p.V2Error, p.Detail)
			}
		})
	}
}

// v2Input is an inference request of one input; shape and data are JSON.
func v2Input(name, datatype, shape, data string) string {
	return fmt.Sprintf(`{"inputs":[{"name":%q,"datatype":%q,"shape":%s,"data":%s}]}`, name, datatype, shape, data)
}

// v2Zeros are the values of a picture, as JSON.
var v2Zeros = "[" + plane("0") + "," + plane("0") + "," + plane("0") + "]"

func TestV2InferRefusesDocuments(t *testing.T) {
	checkRefused(t, map[string]refusedInference{
		"no body":         {body: "", want: 400, code: "empty_body", says: "the body is empty: send a picture to /predict, an inference request in JSON to /v2/models/{name}/infer"},
		"blank body":      {body: " \n", want: 400, code: "invalid_json", says: "unexpected end of JSON input at byte 2"},
		"no JSON":         {body: "{", want: 400, code: "invalid_json"},
		"no object":       {body: "[]", want: 400, code: "invalid_json"},
		"a list":          {body: "[1]", want: 400, code: "invalid_json", says: "it is a JSON array, want an object"},
		"cut JSON":        {body: v2Input("input", "FP32", "[1,3,8,8]", v2Zeros)[:100], want: 400, code: "invalid_json", says: "unexpected end of JSON input at byte 100"},
		"shape of floats": {body: v2Input("input", "FP32", "[1e30,3,8,8]", v2Zeros), want: 400, code: "invalid_json", says: "\"inputs.shape\" can't be a number 1e30"},
		"no input":        {body: `{}`, want: 400, code: "invalid_input"},
		"two inputs":      {body: `{"inputs":[{},{}]}`, want: 400, code: "invalid_input"},
		"another name":    {body: v2Input("x", "FP32", "[1,3,8,8]", v2Zeros), want: 400, code: "unknown_input"},
		"another type":    {body: v2Input("input", "INT8", "[1,3,8,8]", v2Zeros), want: 400, code: "unknown_input"},
		"body too large":  {body: strings.Repeat(" ", 65<<10), want: 413, code: "body_too_large"},
	})
}

func TestV2InferRefusesTensors(t *testing.T) {
	checkRefused(t, map[string]refusedInference{
		"shape of images":    {body: v2Input("input", "FP32", "[1,8,8,3]", v2Zeros), want: 400, code: "invalid_input"},
		"shape too short":    {body: v2Input("input", "FP32", "[3,8,8]", v2Zeros), want: 400, code: "invalid_input"},
		"no pictures":        {body: v2Input("input", "FP32", "[0,3,8,8]", "[]"), want: 400, code: "invalid_input"},
		"negative":           {body: v2Input("input", "FP32", "[-1,3,8,8]", v2Zeros), want: 400, code: "invalid_input"},
		"a billion pictures": {body: v2Input("input", "FP32", "[1000000000,3,8,8]", v2Zeros), want: 400, code: "invalid_input"},
		"too few values":     {body: v2Input("input", "FP32", "[1,3,8,8]", strings.Replace(v2Zeros, "0,", "", 1)), want: 400, code: "invalid_input"},
		"too many values":    {body: v2Input("input", "FP32", "[1,3,8,8]", strings.Replace(v2Zeros, "0", "0,0", 1)), want: 400, code: "invalid_input"},
		"a string":           {body: v2Input("input", "FP32", "[1,3,8,8]", strings.Replace(v2Zeros, "0", `"0"`, 1)), want: 400, code: "invalid_input"},
		"too great a value":  {body: v2Input("input", "FP32", "[1,3,8,8]", strings.Replace(v2Zeros, "0", "1e39", 1)), want: 400, code: "invalid_input"},
		"overflow":           {body: v2Input("input", "FP32", "[1,3,8,8]", strings.ReplaceAll(v2Zeros, "0", "3e38")), want: 400, code: "invalid_input", says: "image 0 of \"input\" overflow"},
		"overflow, later":    {body: v2Input("input", "FP32", "[6,3,8,8]", "["+strings.Repeat(v2Zeros+",", 5)+strings.ReplaceAll(v2Zeros, "0", "3e38")+"]"), want: 400, code: "invalid_input", says: "image 5 of \"input\" overflow"},
		"data is null":       {body: v2Input("input", "FP32", "[1,3,8,8]", "null"), want: 400, code: "invalid_input"},
	})
}

func TestV2InferRefusesImages(t *testing.T) {
	many := "[" + strings.TrimSuffix(strings.Repeat(`"",`, 65), ",") + "]"
	checkRefused(t, map[string]refusedInference{
		"no base64":          {body: v2Input("images", "BYTES", "[1]", `["*"]`), want: 400, code: "invalid_input"},
		"no image":           {body: v2Input("images", "BYTES", "[1]", `["aGVsbG8="]`), want: 415, code: "unsupported_image"},
		"images of numbers":  {body: v2Input("images", "BYTES", "[1]", `[1]`), want: 400, code: "invalid_input"},
		"images of no shape": {body: v2Input("images", "BYTES", "[2]", `[""]`), want: 400, code: "invalid_input"},
		"no images":          {body: v2Input("images", "BYTES", "[0]", `[]`), want: 400, code: "invalid_input"},
		"too many images":    {body: v2Input("images", "BYTES", "[65]", many), want: 400, code: "too_many_images"},
	})
}

func TestV2InferRefusesOutputs(t *testing.T) {
	checkRefused(t, map[string]refusedInference{
		"another output":     {body: strings.Replace(pictures(1), "logits", "probabilities", 1), want: 400, code: "unknown_output", says: `no output "probabilities": ask for "logits"`},
		"one of two outputs": {body: strings.Replace(pictures(1), `{"name":"logits"}`, `{"name":"logits"},{"name":"x"}`, 1), want: 400, code: "unknown_output"},
		"output of no name":  {body: strings.Replace(pictures(1), `{"name":"logits"}`, `{}`, 1), want: 400, code: "unknown_output"},
		"outputs not a list": {body: strings.Replace(pictures(1), `[{"name":"logits"}]`, `"logits"`, 1), want: 400, code: "invalid_json"},
	})
}

func TestV2InferRefusesOtherModels(t *testing.T) {
	r := start(t, testConfig(), &servingtest.Predictor{})
	for path, want := range map[string]int{
		"/v2/models/cars/infer": 404, "/v2/models/cars/versions/pets-12345678/infer": 404, "/v2/models/pets/versions/1/infer": 404,
		"/v2/models/pets/versions/pets-12345678/infer": 200,
	} {
		if a := r.ask(t, http.MethodPost, path, strings.NewReader(pictures(1))); a.status != want {
			t.Errorf("%s: status %d, want %d: %s", path, a.status, want, a.body)
		}
	}
}

func TestV2Metadata(t *testing.T) {
	r := start(t, testConfig(), &servingtest.Predictor{})
	var got openinference.ModelMetadata
	r.get(t, "/v2/models/pets").decode(t, &got)
	want := openinference.ModelMetadata{
		Name: "pets", Versions: []string{"pets-12345678"}, Platform: "onnx_onnxv1",
		Inputs: []openinference.TensorMetadata{
			{Name: "input", Datatype: "FP32", Shape: []int64{-1, 3, 8, 8}},
			{Name: "images", Datatype: "BYTES", Shape: []int64{-1}},
		},
		Outputs: []openinference.TensorMetadata{{Name: "logits", Datatype: "FP32", Shape: []int64{-1, 2}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("model (-want +got):\n%s", diff)
	}
	for path, want := range map[string]string{
		v2Path:                  `"name":"trainyard"`,
		contract.LivePath:       `{"live":true}`,
		contract.ReadyPath:      `{"ready":true}`,
		"/v2/models/pets/ready": `{"ready":true}`,

		"/v2/models/pets/versions/pets-12345678":       `"versions":["pets-12345678"]`,
		"/v2/models/pets/versions/pets-12345678/ready": `{"ready":true}`,
	} {
		if a := r.get(t, path); a.status != http.StatusOK || !strings.Contains(string(a.body), want) {
			t.Errorf("%s: status %d, body %s, want %s", path, a.status, a.body, want)
		}
	}
}

func TestV2InferIsCounted(t *testing.T) {
	r := start(t, testConfig(), &servingtest.Predictor{})
	r.infer(t, pictures(3))
	r.infer(t, pictures(3), contract.SmokeHeader, "1")
	waitFor(t, func() bool { return r.traffic.Stats(time.Now()).Requests == 1 })
	text := string(r.get(t, metricsPath).body)
	for _, want := range []string{
		`inference_requests_total{endpoint="/v2/models/{name}/infer",status="200"} 1`, `predictions_total{predicted_class="red"} 3`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("/metrics lacks %q", want)
		}
	}
}

// A body has room for millions of elements that nobody looks at, and takes no more memory for them.
func TestParseV2RequestTakesNoMoreThanTheBody(t *testing.T) {
	const count = 300_000
	many := func(element string) string {
		return "[" + strings.TrimSuffix(strings.Repeat(element+",", count), ",") + "]"
	}
	cases := map[string]struct{ body, says string }{
		"inputs":  {`{"inputs":` + many("{}") + `}`, "several inputs"},
		"nulls":   {`{"inputs":` + many("null") + `}`, "no input"},
		"outputs": {`{"inputs":[{}],"outputs":` + many("{}") + `}`, "once"},
		"shape":   {`{"inputs":[{"name":"input","shape":` + many("1") + `}]}`, `the shape of "input" is [1 1 1 1 1]: send`},
		"strings": {`{"inputs":[{"name":"images","shape":[1],"data":` + many(`""`) + `}]}`, "more than 64 images"},
		"number":  {`{"inputs":[{"name":"input","shape":[1,3,8,8],"data":[1e` + strings.Repeat("9", count) + `]}]}`, "data: 1e9999"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			before := allocated()
			request, err := parseV2Request([]byte(tc.body), 0)
			var input *openinference.Tensor
			if err == nil {
				input, err = request.Input()
			}
			if err == nil && input.Name == openinference.ImagesInput {
				_, _, err = input.Elements(64)
			} else if err == nil {
				_, _, err = input.Images(preprocess.DefaultSpec(servingtest.Size))
			}
			if took, most := allocated()-before, int64(6*len(tc.body)+1<<20); took > most {
				t.Errorf("a body of %d bytes took %d, want %d at most", len(tc.body), took, most)
			}
			if err == nil || !strings.Contains(err.Error(), tc.says) || len(err.Error()) > 500 {
				t.Errorf("error %.600v, want one that says %q", err, tc.says)
			}
		})
	}
}

// allocated is how many bytes were allocated so far, those that were freed included.
func allocated() int64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.TotalAlloc)
}

// FuzzV2Request checks that what is taken for an inference request has the values that its shape
// promises, and that these are what encoding/json makes of them.
func FuzzV2Request(f *testing.F) {
	f.Add([]byte(pictures(1)), 0)
	f.Add([]byte(pictures(2)), 0)
	f.Add([]byte(`{"inputs":[{"name":"input","datatype":"FP32","shape":[1,3,8,8],"data":[[[1,2],[-3e-1]],[]]}]}`), 0)
	f.Add([]byte(`{"inputs":[{"name":"images","datatype":"BYTES","shape":[1],"data":["aGVsbG8="]}]}`), 0)
	f.Add([]byte(`{"inputs":[{"name":"input","datatype":"FP32","shape":[9223372036854775807,3,8,8],"data":[]}]}`), 0)
	for _, request := range binaryRequests(f) {
		f.Add(request.body, request.jsonLength)
	}
	spec := preprocess.DefaultSpec(servingtest.Size)
	f.Fuzz(func(t *testing.T, body []byte, jsonLength int) {
		request, err := parseV2Request(body, jsonLength)
		if err != nil {
			return
		}
		input, err := request.Input()
		if err != nil {
			return
		}
		if n, element, err := input.Elements(64); err == nil && int64(n) != input.Shape[0] {
			t.Errorf("%d elements of shape %v", n, input.Shape)
		} else if err == nil {
			_, _ = element(n - 1)
		}
		values, n, err := input.Images(spec)
		if err != nil {
			return
		}
		if len(values) != n*spec.TensorLen() || int64(n) != input.Shape[0] {
			t.Fatalf("%d values of shape %v", len(values), input.Shape)
		}
		var flat []float32
		if data, ok := input.Data.(jsonData); ok && json.Unmarshal(data, &flat) == nil && !cmp.Equal(values, flat) {
			t.Errorf("values differ from those that encoding/json reads")
		}
	})
}
