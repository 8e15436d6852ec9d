// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/trainyard-dev/trainyard/server/internal/openinference"
	"github.com/trainyard-dev/trainyard/server/internal/serving/servingtest"
)

// binaryRequest is an inference request with binary data.
type binaryRequest struct {
	body       []byte
	jsonLength int
	images     int
}

// withBinary appends binary data to a request in JSON, which has a place for their size.
func withBinary(document string, data []byte, images int) binaryRequest {
	document = fmt.Sprintf(document, len(data))
	return binaryRequest{body: append([]byte(document), data...), jsonLength: len(document), images: images}
}

func binaryRequests(t testing.TB) map[string]binaryRequest {
	values := make([]float32, 2*3*servingtest.Size*servingtest.Size)
	for i := range values {
		values[i] = 0.5
	}
	var files []byte
	for _, file := range [][]byte{servingtest.PNG(t, servingtest.Red), servingtest.PNG(t, servingtest.Blue)} {
		files = binary.LittleEndian.AppendUint32(files, uint32(len(file)))
		files = append(files, file...)
	}
	return map[string]binaryRequest{
		"tensor": withBinary(`{"id":"7","parameters":{"binary_data_output":true},"inputs":[{"name":"input","datatype":"FP32","shape":[2,3,8,8],"parameters":{"binary_data_size":%d}}]}`,
			openinference.AppendRaw(nil, values), 2),
		"images": withBinary(`{"inputs":[{"name":"images","datatype":"BYTES","shape":[2],"parameters":{"binary_data_size":%d}}],"outputs":[{"name":"logits","parameters":{"binary_data":true}}]}`,
			files, 2),
	}
}

func (r *running) inferBinary(t *testing.T, request binaryRequest) answer {
	t.Helper()
	return r.ask(t, http.MethodPost, inferPath, bytes.NewReader(request.body),
		"Content-Type", octetsType, jsonLengthHeader, strconv.Itoa(request.jsonLength))
}

// Binary data are answered as the same data in JSON, and the logits come as binary data where that is asked for.
func TestV2InferBinary(t *testing.T) {
	r := start(t, testConfig(), &servingtest.Predictor{})
	want := map[string][]float32{
		"tensor": {0.5, 0.5, 0.5, 0.5},
		"images": {(220.0/255 - 0.485) / 0.229, (40.0/255 - 0.406) / 0.225, (30.0/255 - 0.485) / 0.229, (210.0/255 - 0.406) / 0.225},
	}
	for name, request := range binaryRequests(t) {
		a := r.inferBinary(t, request)
		length, err := strconv.Atoi(a.header.Get(jsonLengthHeader))
		if a.status != http.StatusOK || err != nil || length > len(a.body) || a.header.Get("Content-Type") != octetsType {
			t.Fatalf("%s: status %d, header %v: %q", name, a.status, a.header, a.body)
		}
		var document V2Response
		if err := json.Unmarshal(a.body[:length], &document); err != nil {
			t.Fatal(err)
		}
		output := document.Outputs[0]
		if output.Data != nil || output.Parameters == nil || output.Parameters.BinaryDataSize != len(a.body)-length || !cmp.Equal(output.Shape, []int64{2, 2}) {
			t.Errorf("%s: output %+v", name, output)
		}
		got, err := openinference.Raw(a.body[length:]).Floats(4)
		if diff := cmp.Diff(want[name], got, cmpopts.EquateApprox(0, 1e-5)); diff != "" || err != nil {
			t.Errorf("%s: logits (-want +got):\n%s error %v", name, diff, err)
		}
	}
}

func TestV2InferRefusesBinary(t *testing.T) {
	r := start(t, testConfig(), &servingtest.Predictor{})
	good := binaryRequests(t)
	cases := map[string]struct {
		request binaryRequest
		says    string
	}{
		"more JSON than body":   {binaryRequest{body: good["tensor"].body, jsonLength: 1 << 20}, "say how many of its bytes are JSON"},
		"less JSON than it has": {binaryRequest{body: good["tensor"].body, jsonLength: 10}, "unexpected end of JSON"},
		"data cut":              {binaryRequest{body: good["tensor"].body[:400], jsonLength: good["tensor"].jsonLength}, "bytes of binary data, and there are"},
		"data of no input":      {withBinary(`{"inputs":[{"name":"input","datatype":"FP32","shape":[%d,3,8,8],"data":[]}]}`, []byte("x"), 0), "1 bytes of binary data belong to no input"},
		"both":                  {withBinary(`{"inputs":[{"name":"input","datatype":"FP32","shape":[1],"data":[1],"parameters":{"binary_data_size":%d}}]}`, []byte("x"), 0), "both in JSON and as binary data"},
		"negative":              {withBinary(`{"inputs":[{"name":"input","datatype":"FP32","shape":[1],"parameters":{"binary_data_size":-%d}}]}`, []byte("x"), 0), "says -1 bytes"},
		"too few values":        {withBinary(`{"inputs":[{"name":"input","datatype":"FP32","shape":[1,3,8,8],"parameters":{"binary_data_size":%d}}]}`, make([]byte, 12), 0), "there are 12 bytes of binary data: 192 values of FP32 need 768"},
		"element cut":           {withBinary(`{"inputs":[{"name":"images","datatype":"BYTES","shape":[1],"parameters":{"binary_data_size":%d}}]}`, []byte{9, 0, 0, 0, 1}, 0), "end in element 0, which is said to have 9 bytes"},
		"length cut":            {withBinary(`{"inputs":[{"name":"images","datatype":"BYTES","shape":[1],"parameters":{"binary_data_size":%d}}]}`, []byte{9, 0}, 0), "end in the length of element 0"},
		"another shape":         {withBinary(`{"inputs":[{"name":"images","datatype":"BYTES","shape":[3],"parameters":{"binary_data_size":%d}}]}`, make([]byte, 8), 0), "[3] with 2 elements"},
		"too many":              {withBinary(`{"inputs":[{"name":"images","datatype":"BYTES","shape":[65],"parameters":{"binary_data_size":%d}}]}`, make([]byte, 4*65), 0), "more than 64 images"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			a := r.inferBinary(t, tc.request)
			var p Problem
			a.decode(t, &p)
			if a.status != http.StatusBadRequest || !strings.Contains(p.V2Error, tc.says) {
				t.Errorf("status %d, problem %+v, want 400 and %q", a.status, p, tc.says)
			}
		})
	}
}
