// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package predict

import (
	"errors"
	"strings"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/plugin/golden"
)

const reply = `{"class":"cat","confidence":0.91,"probabilities":{"cat":0.91,"dog":0.05,"bird":0.03,"ant":0.01},
"model":{"name":"pets","revision":"pets-1a2b3c4d","sha256":"81f5"},"latencyMillis":8.24}`

func TestFormat(t *testing.T) {
	first, err := read("cat.jpg", []byte(reply), nil)
	if err != nil {
		t.Fatal(err)
	}
	second := answer{File: "a-long-name.png", Class: "ant", Confidence: 1, Probabilities: map[string]float64{"ant": 1}}
	golden.Compare(t, "answers.txt", format([]answer{first, second}).String())
}

func TestReadSaysWhyThereIsNoAnswer(t *testing.T) {
	for name, tc := range map[string]struct {
		body string
		err  error
		want string
	}{
		"a problem document": {
			body: `{"title":"Request Entity Too Large","status":413,"code":"image_too_large","detail":"send a smaller image"}`,
			err:  errors.New("the server responded with 413"), want: "(image_too_large): send a smaller image",
		},
		"the API server": {body: `no endpoints available for service "pets"`, err: errors.New("no endpoints available"), want: "no endpoints available"},
		"no JSON":        {body: "<html>", want: "read the server's reply"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := read("cat.jpg", []byte(tc.body), tc.err); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want an error that says %q", err, tc.want)
			}
		})
	}
}
