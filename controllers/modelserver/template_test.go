// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// What is kept makes the very Deployment again, whatever has become of the spec.
func TestTemplateIsKept(t *testing.T) {
	server := makeServer().PodTemplate(v1alpha1.PodTemplate{
		Env:       []v1alpha1.EnvVar{{Name: "A", Value: "b"}},
		Resources: v1alpha1.ResourceRequirements{Limits: v1alpha1.ResourceList{"memory": "1Gi"}},
	}).Obj()
	template, err := newTemplate(templateInput{server: server, revision: "pets-1", info: infoOf("run-1", "models"), limits: parsed(t, server).limits})
	if err != nil {
		t.Fatal(err)
	}
	want, err := desiredDeployment(server, "pets-1", template, 2)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := desiredControllerRevision(server, "pets-1", template)
	if err != nil {
		t.Fatal(err)
	}
	if kept.Name != want.Name || !metav1.IsControlledBy(kept, server) {
		t.Errorf("kept as %+v, want it to be named as the Deployment and the server's", kept.ObjectMeta)
	}
	read, err := readTemplate(kept)
	if err != nil {
		t.Fatal(err)
	}
	got, err := desiredDeployment(makeServer().Image("another").Obj(), "pets-1", read, 2)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Deployment (-first +second):\n%s", diff)
	}
}

func TestReadTemplateRefuses(t *testing.T) {
	for name, data := range map[string]string{
		"nothing":      ``,
		"no JSON":      `{`,
		"another kind": `{"spec":{"template":{}}}`,
		"no container": `{"info":{},"template":{"spec":{"containers":[]}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			kept := &appsv1.ControllerRevision{ObjectMeta: metav1.ObjectMeta{Name: "pets-1"}, Data: runtime.RawExtension{Raw: []byte(data)}}
			_, err := readTemplate(kept)
			if err == nil || !strings.Contains(err.Error(), "ControllerRevision pets-1 holds no template of a revision (") {
				t.Errorf("error = %v, want one that names the object and the remedy", err)
			}
		})
	}
}

// What a newer version has resolved for a revision is on its Deployment whenever that
// is created.
func TestTemplateKeepsWhatANewerVersionWrote(t *testing.T) {
	const info = `{"image":"i","model":{"layer":"l","sha256":"s"},"signature":"x"}`
	kept := &appsv1.ControllerRevision{Data: runtime.RawExtension{Raw: []byte(`{"info":` + info + `,"template":{"spec":{"containers":[{"name":"server"}]}}}`)}}
	template, err := readTemplate(kept)
	if err != nil {
		t.Fatal(err)
	}
	deployment, err := desiredDeployment(makeServer().Obj(), "pets-1", template, 1)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(info, deployment.Annotations[v1alpha1.RevisionAnnotation]); diff != "" {
		t.Errorf("annotation (-want +got):\n%s", diff)
	}
	again, err := desiredControllerRevision(makeServer().Obj(), "pets-1", revisionTemplate{Info: readRevisionInfo(deployment), Pod: template.Pod})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(again.Data.Raw), info) {
		t.Errorf("kept %s, want %s in it", again.Data.Raw, info)
	}
}
