// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestCoreObject(t *testing.T) {
	long := `{"a":"` + strings.Repeat("x", MaxCoreObject) + `"}`
	for text, want := range map[string]string{`{"b":1,"a":{}}`: `{"b":1,"a":{}}`, `{}`: `{}`, long: `{}`} {
		var object CoreObject
		if err := json.Unmarshal([]byte(text), &object); err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(object)
		if err != nil || string(data) != want {
			t.Errorf("%.20s becomes %s (%v), want %s", text, data, err, want)
		}
		if _, err := object.Bytes(); (err != nil) != (text == long) {
			t.Errorf("%.20s: error = %v", text, err)
		}
	}
	data, err := json.Marshal(PodTemplate{})
	if err != nil || string(data) != "{}" {
		t.Errorf("an empty template is %s (%v)", data, err)
	}
}
