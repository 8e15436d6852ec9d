// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

func serverForHash() *v1alpha1.ModelServer {
	return &v1alpha1.ModelServer{ObjectMeta: metav1.ObjectMeta{Name: "pets", UID: "0f7c2b1e-0000-4000-8000-000000000000"}}
}

func TestRevisionName(t *testing.T) {
	digest := strings.Repeat("ab", 32)
	threads := int32(0)
	const plain = "pets-9000bd3e"
	cases := map[string]struct {
		change  func(*v1alpha1.ModelServer)
		digest  string
		classes string
		want    string // empty: any but plain
	}{
		// These are golden: a change of one restarts every rollout at the next upgrade.
		"nothing set": {change: func(*v1alpha1.ModelServer) {}, want: plain},
		"settings": {
			change: func(m *v1alpha1.ModelServer) {
				m.Spec.Server.MaxBatch = 4
				m.Spec.Image = "registry.example/server:v2"
				m.Spec.PodTemplate.Resources.Requests = v1alpha1.ResourceList{"cpu": "0.5", "memory": "1Gi"}
				m.Spec.PodTemplate.NodeSelector = map[string]string{"b": "2", "a": "1"}
			},
			want: "pets-1cceb0ec",
		},
		"environment, limits and tolerations": {change: setPodTemplate, want: "pets-5e78d79f"},
		"the schema's defaults": {
			change: func(m *v1alpha1.ModelServer) {
				m.Spec.Server = v1alpha1.Server{MaxBatch: 16, MaxBatchDelay: "2ms", MaxBodyBytes: "10Mi", MaxPixels: "50M", Threads: &threads, LogRequests: "Enabled", Calibration: "None"}
			},
			want: plain,
		},
		"what a replica doesn't answer with": {
			change: func(m *v1alpha1.ModelServer) {
				replicas := int32(5)
				m.Spec.Replicas = &replicas
				m.Spec.Model.TrainingRunRef.Name = "another"
				m.Spec.Smoke.Attempts = 9
				m.Spec.Service.Port = 8080
			},
			want: plain,
		},
		"another digest": {change: func(*v1alpha1.ModelServer) {}, digest: strings.Repeat("cd", 32)},
		"another uid":    {change: func(m *v1alpha1.ModelServer) { m.UID = "1f7c2b1e-0000-4000-8000-000000000000" }},
		"another limit":  {change: func(m *v1alpha1.ModelServer) { m.Spec.Server.MaxPixels = "40M" }},
		"another image":  {change: func(m *v1alpha1.ModelServer) { m.Spec.Image = "x" }},
		"another env":    {change: func(m *v1alpha1.ModelServer) { m.Spec.PodTemplate.Env = []v1alpha1.EnvVar{{Name: "A", Value: "b"}} }},
		"a source": {
			change: func(m *v1alpha1.ModelServer) {
				m.Spec.Model = v1alpha1.ServedModel{Source: &v1alpha1.ModelSource{URI: "s3://models/pets.onnx", Classes: []string{"cat", "dog"}}}
			},
			want: plain,
		},
		"classes": {change: func(*v1alpha1.ModelServer) {}, classes: "1f"},
		"input": {change: func(m *v1alpha1.ModelServer) {
			m.Spec.Model.Source = &v1alpha1.ModelSource{Input: v1alpha1.ModelInput{Size: 96}}
		}},
		"output": {change: func(m *v1alpha1.ModelServer) {
			m.Spec.Model.Source = &v1alpha1.ModelSource{Output: v1alpha1.ModelOutput{Name: "y"}}
		}},
		"calibrated":      {change: func(m *v1alpha1.ModelServer) { m.Spec.Server.Calibration = v1alpha1.TemperatureCalibration }},
		"logs turned off": {change: func(m *v1alpha1.ModelServer) { m.Spec.Server.LogRequests = v1alpha1.Disabled }},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			server := serverForHash()
			tc.change(server)
			if tc.digest == "" {
				tc.digest = digest
			}
			got, err := RevisionName(server, tc.digest, tc.classes)
			if err != nil {
				t.Fatal(err)
			}
			if tc.want != "" && got != tc.want || tc.want == "" && got == plain {
				t.Errorf("RevisionName = %s, want %q (empty: not %s)", got, tc.want, plain)
			}
		})
	}
}

// setPodTemplate sets fields of each of the types that stand for core/v1's: their JSON,
// which revisions are named by, is core/v1's.
func setPodTemplate(m *v1alpha1.ModelServer) {
	template := &m.Spec.PodTemplate
	template.Resources.Limits = v1alpha1.ResourceList{"cpu": "1500m", "memory": "1.5Gi"}
	template.Env = []v1alpha1.EnvVar{
		{Name: "A", Value: "b"},
		{Name: "B", ValueFrom: &v1alpha1.EnvVarSource{ResourceFieldRef: &v1alpha1.ResourceFieldSelector{Resource: "limits.cpu"}}},
		{Name: "C", ValueFrom: &v1alpha1.EnvVarSource{ResourceFieldRef: &v1alpha1.ResourceFieldSelector{ContainerName: "server", Resource: "limits.memory", Divisor: "1024Ki"}}},
		{Name: "D", ValueFrom: &v1alpha1.EnvVarSource{FieldRef: &v1alpha1.ObjectFieldSelector{APIVersion: "v1", FieldPath: "metadata.name"}}},
		{Name: "E", ValueFrom: &v1alpha1.EnvVarSource{ConfigMapKeyRef: &v1alpha1.KeySelector{Name: "c", Key: "k", Optional: ptr.To(true)}}},
		{Name: "F", ValueFrom: &v1alpha1.EnvVarSource{SecretKeyRef: &v1alpha1.KeySelector{Key: "k"}}},
		{Name: "G", ValueFrom: &v1alpha1.EnvVarSource{FileKeyRef: &v1alpha1.FileKeySelector{VolumeName: "v", Path: "p", Key: "k", Optional: ptr.To(false)}}},
	}
	template.Tolerations = []v1alpha1.Toleration{{Key: "k", Operator: "Exists", Effect: "NoExecute", TolerationSeconds: ptr.To[int64](5)}, {Value: "v"}}
}

func TestRevisionNameLeavesTheSpecAlone(t *testing.T) {
	server := serverForHash()
	threads := int32(0)
	server.Spec.Server = v1alpha1.Server{MaxBatch: 16, Threads: &threads}
	if _, err := RevisionName(server, "x", ""); err != nil {
		t.Fatal(err)
	}
	if server.Spec.Server.MaxBatch != 16 || server.Spec.Server.Threads == nil {
		t.Errorf("the spec was changed: %+v", server.Spec.Server)
	}
}

func TestPolicyHash(t *testing.T) {
	const plain = "a557ca1b"
	cases := map[string]struct {
		change func(*v1alpha1.ModelServerSpec)
		want   string // empty: any but plain
	}{
		"nothing set": {change: func(*v1alpha1.ModelServerSpec) {}, want: plain},
		"the schema's defaults": {
			change: func(s *v1alpha1.ModelServerSpec) {
				s.Smoke = v1alpha1.Smoke{Timeout: "2m", Attempts: 5}
				s.Promotion = v1alpha1.Promotion{Mode: v1alpha1.AutomaticPromotion, Chance: v1alpha1.RejectChance, BakeTime: "5m", MinRequests: new(int32)}
			},
			want: plain,
		},
		"who promotes":         {change: func(s *v1alpha1.ModelServerSpec) { s.Promotion.Mode = v1alpha1.ManualPromotion }, want: plain},
		"what isn't tested by": {change: func(s *v1alpha1.ModelServerSpec) { s.Image = "x" }, want: plain},
		"another threshold":    {change: func(s *v1alpha1.ModelServerSpec) { s.Smoke.MinAgreement = "0.9" }},
		"samples of one's own": {change: func(s *v1alpha1.ModelServerSpec) {
			s.Smoke.Samples = &v1alpha1.SmokeSamples{PVC: &v1alpha1.DatasetPVC{ClaimName: "pets"}}
		}},
		"guessing allowed":     {change: func(s *v1alpha1.ModelServerSpec) { s.Promotion.Chance = v1alpha1.AllowChance }},
		"another bake time":    {change: func(s *v1alpha1.ModelServerSpec) { s.Promotion.BakeTime = "10s" }},
		"requests to wait for": {change: func(s *v1alpha1.ModelServerSpec) { s.Promotion.MinRequests = ptr.To[int32](1) }},
		"a bound on latency":   {change: func(s *v1alpha1.ModelServerSpec) { s.Promotion.MaxP99IncreasePercent = 50 }},
		"a gate": {change: func(s *v1alpha1.ModelServerSpec) {
			s.Promotion.Gates = []v1alpha1.PromotionGate{{Metric: "accuracy", Min: "0.9"}}
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			spec := serverForHash().Spec
			tc.change(&spec)
			got, err := PolicyHash(&spec)
			if err != nil {
				t.Fatal(err)
			}
			if tc.want != "" && got != tc.want || tc.want == "" && got == plain {
				t.Errorf("PolicyHash = %s, want %q (empty: not %s)", got, tc.want, plain)
			}
		})
	}
}
