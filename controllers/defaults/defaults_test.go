// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package defaults

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/loop"
	"github.com/trainyard-dev/trainyard/test/crd"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

const runDefaults = `
image: registry.example/team/runner:v2
gates:
- {metric: accuracy, min: "0.9"}
- {metric: accuracyLoss, max: "0.02"}
podTemplate:
  resources: {requests: {cpu: "2"}, limits: {memory: 4Gi}}
  nodeSelector: {pool: train, disk: ssd}
  tolerations: [{key: train, operator: Exists}]
  imagePullSecrets: [{name: registry}]
`

func configMap(data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: ConfigMapName, Namespace: "zoo"}, Data: data}
}

func read(t *testing.T, key string, objects ...client.Object) (Defaults, error) {
	t.Helper()
	return Read(t.Context(), fake.NewClientBuilder().WithObjects(objects...).Build(), "zoo", key)
}

func mustRead(t *testing.T, key string, objects ...client.Object) Defaults {
	t.Helper()
	given, err := read(t, key, objects...)
	if err != nil {
		t.Fatal(err)
	}
	return given
}

func TestWhatTheSpecLeavesOut(t *testing.T) {
	given := mustRead(t, RunKey, configMap(map[string]string{RunKey: runDefaults}))
	left := wrappers.MakeTrainingRun("pets", "zoo").Obj()
	set := left.DeepCopy()
	set.Spec.Image = "mine:v1"
	set.Spec.Gates = []v1alpha1.Gate{}
	set.Spec.PodTemplate = v1alpha1.PodTemplate{
		NodeSelector: map[string]string{"disk": "hdd"}, Tolerations: []v1alpha1.Toleration{{Key: "mine"}}, ImagePullSecrets: []v1alpha1.SecretReference{{Name: "mine"}},
	}
	untouched := set.DeepCopy()

	got := given.ForRun(left)
	want := left.DeepCopy()
	want.Spec.Image = "registry.example/team/runner:v2"
	want.Spec.Gates = []v1alpha1.Gate{{Metric: "accuracy", Min: "0.9"}} // nothing is lost without quantization
	want.Spec.PodTemplate = v1alpha1.PodTemplate{
		NodeSelector: map[string]string{"pool": "train", "disk": "ssd"}, Tolerations: []v1alpha1.Toleration{{Key: "train", Operator: "Exists"}},
		ImagePullSecrets: []v1alpha1.SecretReference{{Name: "registry"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a run that leaves all out (-want +got):\n%s", diff)
	}
	want = set.DeepCopy()
	want.Spec.PodTemplate.NodeSelector = map[string]string{"pool": "train", "disk": "hdd"}
	if diff := cmp.Diff(want, given.ForRun(set)); diff != "" {
		t.Errorf("a run that sets all (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(untouched, set); diff != "" {
		t.Errorf("the run was changed (-before +after):\n%s", diff)
	}
	quantized := left.DeepCopy()
	quantized.Spec.Output.Quantization = v1alpha1.Int8Quantization
	if gates := given.ForRun(quantized).Spec.Gates; len(gates) != 2 {
		t.Errorf("gates of a quantized run = %v, want both", gates)
	}
	server := wrappers.MakeModelServer("pets", "zoo", "run-1").Obj()
	filled := given.ForServer(server)
	if filled.Spec.Image != "registry.example/team/runner:v2" || len(filled.Spec.Promotion.Gates) != 2 || filled.Spec.PodTemplate.NodeSelector["pool"] != "train" {
		t.Errorf("a server that leaves all out: %+v", filled.Spec)
	}
	if server.Spec.Image != "" {
		t.Error("the server was changed")
	}
}

// The user's resources aren't given way to: a default that doesn't fit beside them does.
func TestResourcesGiveWay(t *testing.T) {
	given := mustRead(t, RunKey, configMap(map[string]string{RunKey: runDefaults}))
	own := corev1.ResourceRequirements{Requests: children.ResourceList("500m", "1Gi")}
	got, err := children.ContainerResources("f", v1alpha1.ResourceRequirements{Limits: v1alpha1.ResourceList{"cpu": "1", "memory": "512Mi"}}, given.Resources(own), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := corev1.ResourceRequirements{Requests: children.ResourceList("1", "512Mi"), Limits: children.ResourceList("1", "512Mi")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("resources (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(corev1.ResourceRequirements{Requests: children.ResourceList("500m", "1Gi")}, own); diff != "" {
		t.Errorf("what the runner has of its own was changed (-before +after):\n%s", diff)
	}
}

func TestNoDefaults(t *testing.T) {
	for name, objects := range map[string][]client.Object{
		"no ConfigMap":      nil,
		"another name":      {&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "other", Namespace: "zoo"}, Data: map[string]string{RunKey: "no: such"}}},
		"another namespace": {&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: ConfigMapName, Namespace: "farm"}, Data: map[string]string{RunKey: "no: such"}}},
		"no key":            {configMap(nil)},
		"the other kind's":  {configMap(map[string]string{ServerKey: "no: such"})},
		"empty":             {configMap(map[string]string{RunKey: "\n"})},
	} {
		given := mustRead(t, RunKey, objects...)
		if !given.isZero() {
			t.Errorf("%s: %+v, want nothing", name, given)
		}
		if got := given.Blame(errors.New("x")).Error(); got != "x" {
			t.Errorf("%s: defaults are blamed that there are not: %s", name, got)
		}
	}
}

func TestDefaultsThatCantBeUsed(t *testing.T) {
	const about = "ConfigMap trainyard-defaults, which holds this namespace's defaults, can't be used: key trainingrun.yaml: "
	many := "gates:\n" + strings.Repeat("- {metric: accuracy, min: \"0.9\"}\n", 9)
	cases := map[string]struct {
		data map[string]string
		text string
		want string
	}{
		"a misspelled key": {
			data: map[string]string{"trainingrun": ""},
			want: `ConfigMap trainyard-defaults, which holds this namespace's defaults, has key "trainingrun", which nothing reads: remove it, or name it trainingrun.yaml or modelserver.yaml`,
		},
		"too long":           {text: "#" + strings.Repeat("x", maxBytes), want: "has more than 16384 bytes in key trainingrun.yaml: shorten it"},
		"no YAML":            {text: "image: [", want: about},
		"an unknown field":   {text: "podTemplate: {env: []}", want: about + `unknown field "podTemplate.env": set image, gates, or podTemplate with resources, nodeSelector, tolerations, imagePullSecrets, as in a spec`},
		"a key twice":        {text: "image: a\nimage: b", want: about},
		"a number as a gate": {text: "gates: [{metric: accuracy, min: 0.9}]", want: about},
		"an image":           {text: "image: a b", want: about + "image must be an image reference"},
		"a quantity":         {text: "podTemplate: {resources: {limits: {memory: much}}}", want: about + "podTemplate.resources.limits[memory]: "},
		"a selector's key":   {text: "podTemplate: {nodeSelector: {a b: c}}", want: about + `podTemplate.nodeSelector["a b"] is no label of a node: `},
		"a selector's value": {text: "podTemplate: {nodeSelector: {a: b c}}", want: about + `podTemplate.nodeSelector["a"] is no label of a node: `},
		"a Secret's name":    {text: "podTemplate: {imagePullSecrets: [{name: A B}]}", want: about + "podTemplate.imagePullSecrets[0].name is no name of a Secret: "},
		"a metric":           {text: `gates: [{metric: speed, min: "0.9"}]`, want: about + `gates[0].metric is "speed": use one of accuracy, `},
		"two of a metric":    {text: `gates: [{metric: f1, min: "0.9"}, {metric: f1, min: "0.8"}]`, want: about + "gates[1] is another gate on f1: keep one"},
		"min of a loss":      {text: `gates: [{metric: loss, min: "0.9"}]`, want: about + "gates[0] on loss: set max, and no min, for "},
		"no bound":           {text: `gates: [{metric: f1}]`, want: about + "gates[0] on f1: set max, and no min, for "},
		"a share":            {text: `gates: [{metric: f1, min: "1.5"}]`, want: about + `gates[0].min is "1.5": `},
		"too many":           {text: many, want: about + "gates has 9 entries: keep at most 8"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if tc.data == nil {
				tc.data = map[string]string{RunKey: tc.text}
			}
			for _, trimmed := range []bool{false, true} { // as the API server has it, and as the cache has it
				found := configMap(tc.data)
				if trimmed {
					found = found.DeepCopy()
					Trim(found)
				}
				_, err := read(t, RunKey, found)
				var stalled *loop.StalledError
				if !errors.As(err, &stalled) || stalled.Reason != v1alpha1.DefaultsInvalidReason || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("trimmed %t: error = %v, want Stalled with %s", trimmed, err, tc.want)
				}
			}
		})
	}
}

func TestTrim(t *testing.T) {
	found := configMap(map[string]string{RunKey: strings.Repeat("x", 1<<19), "a": strings.Repeat("x", 1<<18), "b": "x"})
	found.BinaryData = map[string][]byte{"c": make([]byte, 1<<18)}
	Trim(found)
	size := len(found.BinaryData)
	for key, text := range found.Data {
		size += len(key) + len(text)
	}
	if size > maxBytes+100 {
		t.Errorf("the cache keeps %d bytes", size)
	}
}

// The schema of a gate's metric isn't asked, so its list is the schema's.
func TestMetricsAreTheAPIs(t *testing.T) {
	want, err := crd.Enum("trainingruns", "gates[].metric")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, metrics); diff != "" {
		t.Errorf("metrics (-schema +ours):\n%s", diff)
	}
}
