// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/server/internal/serving/servingtest"
	"github.com/trainyard-dev/trainyard/server/internal/traffic"
)

// files encodes a form of several files, all of one field.
func files(t *testing.T, all ...[]byte) (body []byte, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, data := range all {
		part, err := w.CreateFormFile("files[]", "x.png")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), w.FormDataContentType()
}

func TestPredictJSON(t *testing.T) {
	red := base64.StdEncoding.EncodeToString(servingtest.PNG(t, servingtest.Red))
	many := `{"images":[` + strings.TrimSuffix(strings.Repeat(`"",`, 65), ",") + `]}`
	cases := map[string]predictRequest{
		"one":              {body: []byte(`{"image":"` + red + `"}`), want: 200},
		"data URI":         {body: []byte(`{"image":"data:image/png;base64,` + red + `"}`), want: 200},
		"several":          {body: []byte(`{"images":["` + red + `"]}`), want: 200},
		"not JSON":         {body: []byte(`{"image"`), want: 400, code: "invalid_json", says: "at byte 8"},
		"none":             {body: []byte(`{}`), want: 400, code: "invalid_json", says: `send {"image": BASE64}`},
		"none of several":  {body: []byte(`{"images":[]}`), want: 400, code: "invalid_json"},
		"one and several":  {body: []byte(`{"image":"` + red + `","images":[]}`), want: 400, code: "invalid_json"},
		"null":             {body: []byte(`{"images":[null]}`), want: 400, code: "invalid_json", says: "null"},
		"numbers":          {body: []byte(`{"images":[1]}`), want: 400, code: "invalid_json"},
		"empty":            {body: []byte(`{"image":""}`), want: 400, code: "invalid_input", says: "is empty"},
		"no base64":        {body: []byte(`{"image":"?"}`), want: 400, code: "invalid_input", says: "not base64"},
		"too many":         {body: []byte(many), want: 400, code: "too_many_images", says: "more than 64"},
		"URL":              {body: []byte(`{"image":"http://example.org/"}`), want: 400, code: "url_refused", says: `"image" is a URL`},
		"URL among others": {body: []byte(`{"images":["` + red + `","file:///etc/passwd"]}`), want: 400, code: "url_refused"},
	}
	for name, tc := range cases {
		tc.contentType = "application/json; charset=utf-8"
		cases[name] = tc
	}
	checkPredict(t, cases)
}

func TestPredictRefusesURLs(t *testing.T) {
	cases := map[string]predictRequest{}
	for _, body := range []string{"http://example.org/cat.png", "  HTTPS://example.org", "url=https%3A%2F%2Fexample.org", "s3://bucket/cat.png", "file:///etc/passwd"} {
		cases[body] = predictRequest{contentType: "application/x-www-form-urlencoded", body: []byte(body), want: 400, code: "url_refused", says: "the server fetches nothing"}
	}
	checkPredict(t, cases)
}

// Several pictures are answered in their order, each with a prediction or what is wrong with it.
func TestPredictSeveral(t *testing.T) {
	r := start(t, testConfig(), &servingtest.Predictor{})
	red, blue := servingtest.PNG(t, servingtest.Red), servingtest.PNG(t, servingtest.Blue)
	inForm, formType := files(t, blue, []byte("no picture"), red, red[:20], blue)
	inJSON, err := json.Marshal(map[string]any{"images": [][]byte{blue, []byte("no picture"), red, red[:20], blue}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"blue", "unsupported_image 415", "red", "invalid_image 400", "blue"}
	for contentType, body := range map[string][]byte{formType: inForm, "application/json": inJSON} {
		a := r.ask(t, http.MethodPost, "/predict?topK=1", bytes.NewReader(body), "Content-Type", contentType)
		if a.status != http.StatusOK {
			t.Fatalf("%s: status %d: %s", contentType, a.status, a.body)
		}
		var got Batch
		a.decode(t, &got)
		var classes []string
		for i, p := range got.Predictions {
			switch {
			case p.Index != i || (p.Error == nil) == (p.Prediction == nil):
				t.Errorf("%s: entry %d is %+v", contentType, i, p)
			case p.Error != nil:
				classes = append(classes, fmt.Sprintf("%s %d", p.Error.Code, p.Error.Status))
			default:
				classes = append(classes, p.Prediction.Class)
			}
		}
		if diff := cmp.Diff(want, classes); diff != "" || got.Model.SHA256 != "5eed" || got.LatencyMillis <= 0 {
			t.Errorf("%s: answer %+v, classes (-want +got):\n%s", contentType, got, diff)
		}
	}
	if got := r.traffic.Last(traffic.Filter{Limit: 1})[0]; got.Images != 3 || got.Status != http.StatusOK {
		t.Errorf("the request is recorded as %+v, want three images", got)
	}
}

func TestPredictTopK(t *testing.T) {
	r := start(t, testConfig(), &servingtest.Predictor{})
	picture := servingtest.PNG(t, servingtest.Blue)
	for query, want := range map[string][]string{"?topK=1": {"blue"}, "?topK=2": {"blue", "red"}, "?topK=1000": {"blue", "red"}, "": nil} {
		var got Prediction
		r.ask(t, http.MethodPost, predictPath+query, bytes.NewReader(picture)).decode(t, &got)
		var classes []string
		for _, c := range got.Top {
			classes = append(classes, c.Class)
		}
		if diff := cmp.Diff(want, classes); diff != "" || (got.Probabilities == nil) != (want != nil) || got.Class != "blue" {
			t.Errorf("%q: %+v, classes (-want +got):\n%s", query, got, diff)
		}
	}
	for _, query := range []string{"?topK=0", "?topK=-1", "?topK=x"} {
		if a := r.ask(t, http.MethodPost, predictPath+query, bytes.NewReader(picture)); a.status != http.StatusUnprocessableEntity {
			t.Errorf("%q: status %d, want 422: %s", query, a.status, a.body)
		}
	}
}
