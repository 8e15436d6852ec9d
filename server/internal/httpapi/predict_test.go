// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"image"
	"image/png"
	"io"
	"math"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/onnx"
	"github.com/trainyard-dev/trainyard/server/internal/serving/servingtest"
)

// form encodes a multipart form with one file.
func form(t *testing.T, field string, data []byte) (body []byte, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if err := w.WriteField("comment", "first"); err != nil {
		t.Fatal(err)
	}
	part, err := w.CreateFormFile(field, "private name.png")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), w.FormDataContentType()
}

// animatedWebP is the beginning of one, which is all that counts.
var animatedWebP = []byte("RIFF\x16\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x02\x00\x00\x00\x07\x00\x00\x07\x00\x00")

func compressed(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func blankPNG(t *testing.T, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestPredict(t *testing.T) {
	r := start(t, testConfig(), &servingtest.Predictor{})
	a := r.ask(t, http.MethodPost, "/predict?logits=true", bytes.NewReader(servingtest.PNG(t, servingtest.Blue)))
	if a.status != http.StatusOK {
		t.Fatalf("status = %d: %s", a.status, a.body)
	}
	var got Prediction
	a.decode(t, &got)
	// The logits are the channels' means: (v/255 - mean)/std of the color's red and blue.
	red := (30.0/255 - 0.485) / 0.229
	blue := (210.0/255 - 0.406) / 0.225
	p := 1 / (1 + math.Exp(red-blue))
	want := Prediction{
		Classified: Classified{
			Class:         "blue",
			Confidence:    p,
			Probabilities: map[string]float64{"red": 1 - p, "blue": p},
			Logits:        []float32{float32(red), float32(blue)},
		},
		Model: ModelReference{Name: "pets", Revision: "pets-12345678", SHA256: "5eed"},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-5), cmpopts.IgnoreFields(Prediction{}, "LatencyMillis")); diff != "" {
		t.Errorf("prediction (-want +got):\n%s", diff)
	}
	if got.LatencyMillis <= 0 {
		t.Errorf("latency = %v, want more than 0", got.LatencyMillis)
	}
}

// Calibrated probabilities are less sure, by the temperature that /model-info has; logits and classes stay.
func TestPredictCalibrated(t *testing.T) {
	model := servingtest.Model(&servingtest.Predictor{})
	model.Temperature = 4
	r, plain := startModel(t, testConfig(), model), start(t, testConfig(), &servingtest.Predictor{})
	var got, before Prediction
	picture := servingtest.PNG(t, servingtest.Blue)
	r.ask(t, http.MethodPost, "/predict?logits=true", bytes.NewReader(picture)).decode(t, &got)
	plain.ask(t, http.MethodPost, "/predict?logits=true", bytes.NewReader(picture)).decode(t, &before)
	want := 1 / (1 + math.Exp(float64(got.Logits[0]-got.Logits[1])/4))
	if diff := cmp.Diff(before.Logits, got.Logits); diff != "" || got.Class != before.Class || math.Abs(got.Confidence-want) > 1e-6 || got.Confidence >= before.Confidence {
		t.Errorf("%+v with a temperature of 4, %+v without: want the confidence %v and the logits alike", got, before, want)
	}
	var info ModelInfo
	r.get(t, modelInfoPath).decode(t, &info)
	if info.Temperature != 4 {
		t.Errorf("/model-info says the temperature %v", info.Temperature)
	}
}

// TestPredictLogitsFrom says what the logits are computed from where the network yields none.
func TestPredictLogitsFrom(t *testing.T) {
	model := servingtest.Model(&servingtest.Predictor{})
	model.Output = onnx.OutputProbabilities
	r := startModel(t, testConfig(), model)
	var got [2]Prediction
	for i, path := range []string{"/predict", "/predict?logits=true"} {
		r.ask(t, http.MethodPost, path, bytes.NewReader(servingtest.PNG(t, servingtest.Blue))).decode(t, &got[i])
	}
	if got[0].LogitsFrom != "" || got[1].LogitsFrom != onnx.OutputProbabilities || len(got[1].Logits) != 2 {
		t.Errorf("answers %+v and, asked for logits, %+v", got[0], got[1])
	}
	var info ModelInfo
	r.get(t, modelInfoPath).decode(t, &info)
	if info.Output != onnx.OutputProbabilities {
		t.Errorf("/model-info says %q", info.Output)
	}
}

// predictRequest is a request to /predict and what is answered.
type predictRequest struct {
	contentType string
	body        []byte
	encoding    string
	chunked     bool
	want        int
	code        string // of the problem, unless want is 200
	says        string
}

func checkPredict(t *testing.T, cases map[string]predictRequest) {
	t.Helper()
	r := start(t, testConfig(), &servingtest.Predictor{})
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var body io.Reader = bytes.NewReader(tc.body)
			if tc.chunked {
				body = iotest.OneByteReader(body) // of unknown length
			}
			var headers []string
			if tc.contentType != "" {
				headers = []string{"Content-Type", tc.contentType}
			}
			if tc.encoding != "" {
				headers = append(headers, "Content-Encoding", tc.encoding)
			}
			a := r.ask(t, http.MethodPost, predictPath, body, headers...)
			if a.status != tc.want {
				t.Fatalf("status = %d, want %d: %s", a.status, tc.want, a.body)
			}
			if tc.want == http.StatusOK {
				return
			}
			var p Problem
			a.decode(t, &p)
			if p.Code != tc.code || p.Status != tc.want || !strings.Contains(p.Detail, tc.says) || p.Detail == "" || a.header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("problem = %+v of type %s, want code %q", p, a.header.Get("Content-Type"), tc.code)
			}
		})
	}
}

// The picture is found in the body whatever type that is said to be of, unless it clearly is something else.
func TestPredictTypes(t *testing.T) {
	red := servingtest.PNG(t, servingtest.Red)
	checkPredict(t, map[string]predictRequest{
		"bare":                 {contentType: "image/png", body: red, want: 200},
		"bare of a wrong type": {contentType: "image/jpeg", body: red, want: 200},
		"bare without a type":  {body: red, want: 200},
		"nothing":              {contentType: "image/png", want: 400, code: "empty_body", says: "the body is empty: send a picture to /predict"},
		"curl --data-binary":   {contentType: "application/x-www-form-urlencoded", body: red, want: 200},
		"text":                 {contentType: "text/plain", body: red, want: 415, code: "unsupported_media_type", says: "Content-Type is text/plain: send the picture itself"},
		"type that is none":    {contentType: "image/", body: red, want: 415, code: "unsupported_media_type"},
	})
}

func TestPredictForms(t *testing.T) {
	red := servingtest.PNG(t, servingtest.Red)
	inForm, formType := form(t, "file", red)
	elsewhere, elsewhereType := form(t, "whatever", red)
	boundary := "multipart/form-data; boundary=b"
	part := func(head, body string) []byte {
		return []byte("--b\r\nContent-Disposition: form-data; " + head + "\r\n\r\n" + body + "\r\n--b--\r\n")
	}
	checkPredict(t, map[string]predictRequest{
		"form":                    {contentType: formType, body: inForm, want: 200},
		"file of any field":       {contentType: elsewhereType, body: elsewhere, want: 200},
		"field without a file":    {contentType: boundary, body: part(`name="comment"`, "a cat"), want: 400, code: "missing_file"},
		"picture without a name":  {contentType: boundary, body: part(`name="images[]"`, string(red)), want: 200},
		"URL":                     {contentType: boundary, body: part(`name="image_url"`, "https://example.org/cat.png"), want: 400, code: "url_refused"},
		"URL in a file":           {contentType: boundary, body: part(`name="file"; filename="x"`, " HTTP://169.254.169.254/"), want: 400, code: "url_refused"},
		"form cut":                {contentType: formType, body: inForm[:len(inForm)-80], want: 400, code: "invalid_form"},
		"form without a boundary": {contentType: "multipart/form-data", body: inForm, want: 400, code: "invalid_form"},
	})
}

func TestPredictSizes(t *testing.T) {
	red := servingtest.PNG(t, servingtest.Red)
	limit := int(testConfig().Limits.MaxBodyBytes)
	checkPredict(t, map[string]predictRequest{
		"chunked":                 {contentType: "image/png", body: red, chunked: true, want: 200},
		"exactly the limit":       {contentType: "image/png", body: append(red, make([]byte, limit-len(red))...), want: 200},
		"nothing":                 {contentType: "image/png", body: []byte{}, want: 400, code: "empty_body"},
		"too many bytes":          {contentType: "image/png", body: make([]byte, limit+1), want: 413, code: "body_too_large"},
		"too many bytes, chunked": {contentType: "image/png", body: make([]byte, limit+1), chunked: true, want: 413, code: "body_too_large"},
	})
}

func TestPredictEncodings(t *testing.T) {
	red := servingtest.PNG(t, servingtest.Red)
	damaged := compressed(t, red)
	damaged[len(damaged)-5] ^= 1 // of the checksum
	checkPredict(t, map[string]predictRequest{
		"compressed, and says so": {contentType: "image/png", encoding: "gzip", body: compressed(t, red), want: 200},
		"by its old name":         {contentType: "image/png", encoding: "X-GZIP", body: compressed(t, red), want: 200},
		"in chunks":               {contentType: "image/png", encoding: "gzip", body: compressed(t, red), chunked: true, want: 200},
		"not compressed":          {contentType: "image/png", encoding: "gzip", body: red, want: 400, code: "invalid_encoding"},
		"damaged":                 {contentType: "image/png", encoding: "gzip", body: damaged, want: 400, code: "invalid_encoding"},
		"cut":                     {contentType: "image/png", encoding: "gzip", body: damaged[:len(damaged)-9], want: 400, code: "invalid_body"},
		"nothing":                 {contentType: "image/png", encoding: "gzip", body: []byte{}, want: 400, code: "empty_body"},
		"nothing, compressed":     {contentType: "image/png", encoding: "gzip", body: compressed(t, nil), want: 400, code: "empty_body"},
		"a bomb":                  {contentType: "image/png", encoding: "gzip", body: compressed(t, make([]byte, 8<<20)), want: 413, code: "body_too_large"},
		"otherwise":               {contentType: "image/png", encoding: "br", body: red, want: 415, code: "unsupported_encoding", says: "Content-Encoding: br"},
		"compressed twice":        {contentType: "image/png", encoding: "gzip, br", body: red, want: 415, code: "unsupported_encoding", says: "gzip, br"},
		"identity":                {contentType: "image/png", encoding: "identity", body: red, want: 200},
	})
}

// What can't be decoded is refused by what it is.
func TestPredictRefusesPictures(t *testing.T) {
	red := servingtest.PNG(t, servingtest.Red)
	checkPredict(t, map[string]predictRequest{
		"image cut":       {contentType: "image/png", body: red[:len(red)/2], want: 400, code: "invalid_image"},
		"image damaged":   {contentType: "image/png", body: bytes.Replace(red, []byte("IDAT"), []byte("IDAQ"), 1), want: 400, code: "invalid_image"},
		"too many pixels": {contentType: "image/png", body: blankPNG(t, 101, 10), want: 413, code: "image_too_large"},
		"tiff":            {contentType: "image/tiff", body: []byte("II*\x00\x08\x00\x00\x00"), want: 415, code: "unsupported_image", says: "a TIFF: send one of jpeg, png, webp, bmp, gif, or convert it"},
		"heic":            {contentType: "image/heic", body: []byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"), want: 415, code: "unsupported_image", says: "an HEIC: send one of jpeg, png, webp, bmp, gif, or convert it"},
		"animated WebP":   {contentType: "image/webp", body: animatedWebP, want: 415, code: "unsupported_image", says: "animated WebP"},
		"compressed":      {contentType: "image/png", body: compressed(t, red), want: 415, code: "unsupported_image", says: "gzip-compressed"},
		"base64":          {body: []byte(base64.StdEncoding.EncodeToString(red)), want: 415, code: "unsupported_image", says: "base64"},
	})
}

// A picture that would take more memory than there is for decoding is refused, and the answer says what to do.
func TestPredictWithoutMemory(t *testing.T) {
	config := testConfig()
	config.DecodeBytes = 1 << 10
	r := start(t, config, &servingtest.Predictor{})
	a := r.ask(t, http.MethodPost, predictPath, bytes.NewReader(servingtest.PNG(t, servingtest.Red)))
	var p Problem
	a.decode(t, &p)
	if a.status != http.StatusRequestEntityTooLarge || p.Code != "image_too_large" || !strings.Contains(p.Detail, "raise the memory limit") {
		t.Errorf("status %d, problem %+v", a.status, p)
	}
}

// A smoke test asks for what was made of pictures when the model was published; nobody else can.
func TestPredictDecodings(t *testing.T) {
	r := start(t, testConfig(), &servingtest.Predictor{})
	cases := map[string]struct {
		decoding string
		others   bool // it isn't a smoke test that asks
		want     int
		says     string
	}{
		"first":               {decoding: "1", want: 200},
		"in use":              {decoding: "2", want: 200},
		"of a newer version":  {decoding: "3", want: 400, says: "decoding 3 is not known: this version knows 1 and 2"},
		"no number":           {decoding: "x", want: 400, says: `X-Trainyard-Decoding is "x"`},
		"none at all":         {decoding: "0", want: 400, says: `X-Trainyard-Decoding is "0"`},
		"asked for by others": {decoding: "x", others: true, want: 200},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			headers := []string{contract.DecodingHeader, tc.decoding}
			if !tc.others {
				headers = append(headers, contract.SmokeHeader, "1")
			}
			a := r.predict(t, servingtest.PNG(t, servingtest.Red), headers...)
			if a.status != tc.want {
				t.Fatalf("status %d, want %d: %s", a.status, tc.want, a.body)
			}
			if tc.want == http.StatusOK {
				return
			}
			var p Problem
			a.decode(t, &p)
			if p.Code != "unknown_decoding" || !strings.Contains(p.Detail, tc.says) {
				t.Errorf("problem = %+v, want one that says %q", p, tc.says)
			}
		})
	}
}
