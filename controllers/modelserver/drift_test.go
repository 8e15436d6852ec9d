// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"strings"
	"testing"
)

func TestIsPlausible(t *testing.T) {
	server := makeServer().Obj()
	for name, tc := range map[string]struct {
		edit func(*revisionTemplate)
		want bool
	}{
		"as tested":     {edit: func(*revisionTemplate) {}, want: true},
		"another image": {edit: func(r *revisionTemplate) { r.Pod.Spec.Containers[0].Image = "x" }},
		"another model": {edit: func(r *revisionTemplate) { r.Info.Model.SHA256 = strings.Repeat("9", 64) }},
		"no container":  {edit: func(r *revisionTemplate) { r.Pod.Spec.Containers = nil }},
		"unknown model": {edit: func(r *revisionTemplate) { r.Info = revisionInfo{} }},
	} {
		t.Run(name, func(t *testing.T) {
			template, err := newTemplate(templateInput{server: server, revision: "pets-1", info: infoOf("run-1", "models"), limits: parsed(t, server).limits})
			if err != nil {
				t.Fatal(err)
			}
			tc.edit(&template)
			if got := isPlausible("pets-1", template); got != tc.want {
				t.Errorf("isPlausible = %v, want %v", got, tc.want)
			}
		})
	}
}
