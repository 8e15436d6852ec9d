// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestDecodeConfig(t *testing.T) {
	cases := map[string]struct {
		document string
		want     SmokeConfig
		wantErr  string
	}{
		"valid": {
			document: `{"version":1,"targets":["http://a"],"attempts":3}`,
			want:     SmokeConfig{Version: 1, Targets: []string{"http://a"}, Attempts: 3},
		},
		"unknown field": {document: `{"version":1,"target":["http://a"]}`, wantErr: `unknown field "target"`},
		"newer version": {document: `{"version":2}`, wantErr: "version 2, want 1"},
		"no version":    {document: `{}`, wantErr: "version 0, want 1"},
		"not JSON":      {document: `attempts: 3`, wantErr: "decode document"},
		"wrong type":    {document: `{"version":1,"attempts":"3"}`, wantErr: "decode configuration"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var got SmokeConfig
			err := DecodeConfig([]byte(tc.document), &got)
			if tc.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tc.wantErr) {
					t.Fatalf("error %v, want one with %q", err, tc.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("config (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeResultIgnoresUnknownFields(t *testing.T) {
	var got TrainResult
	if err := DecodeResult([]byte(`{"version":1,"outcome":"Succeeded","novelty":true}`), &got); err != nil {
		t.Fatal(err)
	}
	if got.Outcome != OutcomeSucceeded {
		t.Errorf("outcome %q, want %q", got.Outcome, OutcomeSucceeded)
	}
	if err := DecodeResult([]byte(`{"version":1,"outcome":3}`), &got); err == nil {
		t.Error("a number as outcome was accepted")
	}
}

// The longest fields that a runner may report still fit, and stay valid JSON and UTF-8.
func TestEncodeTrainResultFits(t *testing.T) {
	long := strings.Repeat("größer ", 2000)
	classes := make([]string, 20)
	for i := range classes {
		classes[i] = strings.Repeat("ß", 128)
	}
	result := TrainResult{
		Outcome: OutcomeFailed, Reason: ReasonGateNotMet, Message: long, LogTail: long, Warnings: []string{long, long},
		Metrics: []Metric{{Name: MetricAccuracy, Value: 0.9512}},
		Model:   &ModelResult{URI: "pvc://models/a/model.onnx", SHA256: strings.Repeat("a", 64), ClassCount: 20, Classes: classes},
	}
	data, err := EncodeTrainResult(result)
	if err != nil {
		t.Fatal(err)
	}
	if len(data) > MaxTerminationMessage || !utf8.Valid(data) {
		t.Fatalf("%d bytes, valid UTF-8 %v, want at most %d valid ones", len(data), utf8.Valid(data), MaxTerminationMessage)
	}
	var got TrainResult
	if err := DecodeResult(data, &got); err != nil {
		t.Fatal(err)
	}
	if got.Reason != ReasonGateNotMet || got.Model.SHA256 != result.Model.SHA256 || !strings.HasPrefix(long, got.Message) || got.Message == "" {
		t.Errorf("what matters was lost: %+v", got)
	}
	if len(got.Warnings) != 1 || !strings.HasPrefix(long, got.Warnings[0]) {
		t.Errorf("warnings are %q", got.Warnings)
	}
	if len(result.Model.Classes) != 20 || len(result.Warnings) != 2 {
		t.Error("the caller's result was changed")
	}
}

func TestEncodeSmokeReportFits(t *testing.T) {
	report := SmokeReport{Message: strings.Repeat("m", 1000)}
	for range 16 {
		report.Checks = append(report.Checks, SmokeCheck{Name: strings.Repeat("n", 63), Result: CheckFailed, Message: strings.Repeat("x", 900)})
	}
	data, err := EncodeSmokeReport(report)
	if err != nil {
		t.Fatal(err)
	}
	if len(data) > MaxTerminationMessage {
		t.Fatalf("%d bytes, want at most %d", len(data), MaxTerminationMessage)
	}
	var got SmokeReport
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Checks) != 16 || got.Checks[0].Result != CheckFailed || got.Version != Version {
		t.Errorf("checks were lost: %+v", got)
	}
	if len(report.Checks[0].Message) != 900 {
		t.Error("the caller's report was changed")
	}
}

func TestEncodeRefusesWhatCannotFit(t *testing.T) {
	result := TrainResult{Model: &ModelResult{URI: strings.Repeat("u", 5000)}}
	if _, err := EncodeTrainResult(result); err == nil {
		t.Error("a result of 5 kB was encoded")
	}
}

// A runner publishes the result of an earlier one again as it was, a newer one's too.
func TestResultKeepsWhatANewerVersionWrote(t *testing.T) {
	const written = `{"version":1,"run":{"name":"r"},"files":[],"result":{"version":1,"outcome":"Succeeded","energy":{"joules":5},` +
		`"metrics":[{"name":"accuracy","value":0.5,"split":"test"}],"model":{"uri":"u","sha256":"s","sizeBytes":1,"classCount":2,"classes":null,"opset":21}}}`
	var manifest Manifest
	if err := DecodeResult([]byte(written), &manifest); err != nil {
		t.Fatal(err)
	}
	got, err := EncodeTrainResult(manifest.Result)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"energy":{"joules":5},"metrics":[{"name":"accuracy","split":"test","value":0.5}],` +
		`"model":{"classCount":2,"classes":null,"opset":21,"sha256":"s","sizeBytes":1,"uri":"u"},"outcome":"Succeeded","version":1}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("published again (-want +got):\n%s", diff)
	}
	long := strings.Replace(written, `"joules":5`, `"joules":"`+strings.Repeat("9", MaxTerminationMessage)+`"`, 1)
	if err := DecodeResult([]byte(long), &manifest); err != nil {
		t.Fatal(err)
	}
	if got, err := EncodeTrainResult(manifest.Result); err != nil || len(got) > MaxTerminationMessage || !strings.Contains(string(got), `"Succeeded"`) {
		t.Errorf("a result with more than fits became %d bytes, %v; want what is known of it", len(got), err)
	}
}
