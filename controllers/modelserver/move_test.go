// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

func TestMoveTemplate(t *testing.T) {
	server := makeServer().Obj()
	template, err := newTemplate(templateInput{server: server, revision: "pets-1", info: infoOf("run-1", "models"), limits: parsed(t, server).limits})
	if err != nil {
		t.Fatal(err)
	}
	variable := configVariable(&template.Pod.Spec)
	variable.Value = strings.Replace(variable.Value, `{"version":1`, `{"version":1,"newer":{"b":1,"a":2}`, 1)
	before := revisionTemplate{Info: template.Info, Pod: *template.Pod.DeepCopy()}
	location := infoOf("run-2", "other")
	location.Image = "another"
	moved, err := moveTemplate(template, location, "runner:v1")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, template); diff != "" {
		t.Errorf("the template itself was changed:\n%s", diff)
	}
	if moved.Info.Image != template.Info.Image || moved.Info.Model != location.Model || !cmp.Equal(moved.Info.Samples, location.Samples) {
		t.Errorf("resolved %+v, want the place of %+v and the image of %+v", moved.Info, location, template.Info)
	}
	if !strings.Contains(configVariable(&moved.Pod.Spec).Value, `"newer":{"b":1,"a":2}`) {
		t.Errorf("configuration %s has lost what a newer version wrote", configVariable(&moved.Pod.Spec).Value)
	}
	fresh, err := newTemplate(templateInput{server: server, revision: "pets-1", info: infoOf("run-2", "other"), limits: parsed(t, server).limits})
	if err != nil {
		t.Fatal(err)
	}
	for _, pod := range []*corev1.PodTemplateSpec{&moved.Pod, &fresh.Pod} {
		configVariable(&pod.Spec).Value = strings.Replace(configVariable(&pod.Spec).Value, `"newer":{"b":1,"a":2},`, "", 1)
	}
	if !isPlausible("pets-1", moved) {
		t.Error("what was moved isn't what its revision was tested as")
	}
	configVariable(&moved.Pod.Spec).Value, configVariable(&fresh.Pod.Spec).Value = "", ""
	if diff := cmp.Diff(fresh.Pod, moved.Pod); diff != "" {
		t.Errorf("pod (-made there +moved there):\n%s", diff)
	}
}

func TestMoveTemplateRefuses(t *testing.T) {
	for name, config := range map[string]string{"no configuration": "", "no JSON": "{", "no model": `{"version":1}`} {
		t.Run(name, func(t *testing.T) {
			template := revisionTemplate{Pod: corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "server"}}}}}
			if config != "" {
				template.Pod.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "TRAINYARD_CONFIG", Value: config}}
			}
			if _, err := moveTemplate(template, infoOf("run-2", "other"), "runner:v1"); err == nil {
				t.Error("no error")
			}
		})
	}
}
