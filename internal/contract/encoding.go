// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// versioned is what every document of this package starts with.
type versioned struct {
	Version int `json:"version"`
}

// DecodeConfig reads a configuration document into config. Unknown fields are an
// error: a misspelled one would otherwise be ignored in silence.
func DecodeConfig(data []byte, config any) error {
	if err := checkVersion(data); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(config); err != nil {
		return fmt.Errorf("decode configuration: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("decode configuration: something follows the JSON document")
	}
	return nil
}

// DecodeResult reads a result document into result. Unknown fields are ignored,
// so that an older operator understands a newer image.
func DecodeResult(data []byte, result any) error {
	if err := checkVersion(data); err != nil {
		return err
	}
	if err := json.Unmarshal(data, result); err != nil {
		return fmt.Errorf("decode result: %w", err)
	}
	return nil
}

func checkVersion(data []byte) error {
	var v versioned
	if err := json.Unmarshal(data, &v); err != nil {
		return fmt.Errorf("decode document: %w", err)
	}
	if v.Version != Version {
		return fmt.Errorf("document has version %d, want %d", v.Version, Version)
	}
	return nil
}

// EncodeTrainResult renders r within [MaxTerminationMessage] bytes: the log tail
// goes first, then warnings but the first, class names and sizes, then the end of the message, then what a newer version
// has written.
func EncodeTrainResult(r TrainResult) ([]byte, error) {
	r.Version = Version
	shorten := []func(){
		func() { r.LogTail = tail(r.LogTail, 1024) },
		func() { r.LogTail = tail(r.LogTail, 256) },
		func() { r.LogTail = "" },
		func() {
			if len(r.Warnings) > 0 {
				r.Warnings = []string{head(r.Warnings[0], 512)}
			}
		},
		func() { r.Message = head(r.Message, 1024) },
		func() {
			if r.Model != nil {
				m := *r.Model
				m.Classes = nil
				r.Model = &m
			}
			if r.Dataset != nil {
				d := *r.Dataset
				d.ClassSizes = nil
				r.Dataset = &d
			}
		},
		func() { r.Message = head(r.Message, 256) },
		func() {
			if r.MLflow != nil {
				m := *r.MLflow
				m.Message = head(m.Message, 256)
				r.MLflow = &m
			}
		},
		func() { r.Unknown = nil },
	}
	return encodeWithin(&r, shorten)
}

// EncodeSmokeReport renders r within [MaxTerminationMessage] bytes by cutting the
// checks' messages shorter and shorter.
func EncodeSmokeReport(r SmokeReport) ([]byte, error) {
	r.Version = Version
	r.Checks = append([]SmokeCheck(nil), r.Checks...)
	var shorten []func()
	for _, limit := range []int{256, 128, 64, 0} {
		shorten = append(shorten, func() {
			r.Message = head(r.Message, 256)
			for i := range r.Checks {
				r.Checks[i].Message = head(r.Checks[i].Message, limit)
			}
		})
	}
	return encodeWithin(&r, shorten)
}

func encodeWithin(document any, shorten []func()) ([]byte, error) {
	for i := 0; ; i++ {
		data, err := json.Marshal(document)
		if err != nil {
			return nil, fmt.Errorf("encode result: %w", err)
		}
		if len(data) <= MaxTerminationMessage {
			return data, nil
		}
		if i == len(shorten) {
			return nil, fmt.Errorf("result has %d bytes, more than %d", len(data), MaxTerminationMessage)
		}
		shorten[i]()
	}
}

func head(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return string(bytes.ToValidUTF8([]byte(s[:n]), nil))
}

func tail(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return string(bytes.ToValidUTF8([]byte(s[len(s)-n:]), nil))
}
