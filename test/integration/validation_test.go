// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// Each file of testdata/invalid is an object that the API server refuses. Its
// leading "# want:" comments are what the message must say: the field, and the
// remedy wherever the rule is ours.
var _ = Describe("The API server", func() {
	var namespace string

	BeforeEach(func(ctx SpecContext) {
		namespace = makeNamespace(ctx)
	})

	files, err := filepath.Glob(filepath.Join("testdata", "invalid", "*.yaml"))
	if err != nil || len(files) < 20 {
		panic("testdata/invalid should hold at least 20 objects")
	}
	for _, file := range files {
		It("refuses "+filepath.Base(file), func(ctx SpecContext) {
			data, err := os.ReadFile(file)
			Expect(err).NotTo(HaveOccurred())
			wants := wantComments(string(data))
			Expect(wants).NotTo(BeEmpty())

			err = k8s.Create(ctx, decode(data, namespace))
			Expect(apierrors.IsInvalid(err)).To(BeTrue(), "%v", err)
			for _, want := range wants {
				Expect(err).To(MatchError(ContainSubstring(want)))
			}
		})
	}

	It("fills in every default", func(ctx SpecContext) {
		run := minimalRun(namespace)
		Expect(k8s.Create(ctx, run)).To(Succeed())
		Expect(run.Spec).To(Equal(v1alpha1.TrainingRunSpec{
			Dataset: v1alpha1.Dataset{
				Generated: &v1alpha1.GeneratedDataset{
					SamplesPerClass: 100, Classes: []string{"cat", "dog"}, Seed: ptr.To[int64](1), LabelNoisePercent: ptr.To[int32](0),
				},
				MaxInvalidPercent: ptr.To[int32](100),
				Split:             v1alpha1.Split{ValidationPercent: 10, TestPercent: 10, Seed: ptr.To[int64](42)},
				Augmentation: v1alpha1.Augmentation{
					RotationDegrees: ptr.To[int32](0), HorizontalFlip: v1alpha1.Enabled, Brightness: "0", Contrast: "0", Saturation: "0",
				},
			},
			Model: v1alpha1.Model{Architecture: v1alpha1.BaselineCNN, ImageSize: 224, Dropout: "0.5"},
			Training: v1alpha1.Training{
				Epochs: 20, BatchSize: 32, LearningRate: "0.001", Optimizer: v1alpha1.AdamW, WeightDecay: "0.0001",
				Seed: ptr.To[int64](42), Workers: ptr.To[int32](0), ClassWeights: v1alpha1.NoClassWeights,
			},
			Output:       v1alpha1.Output{PVC: v1alpha1.OutputPVC{ClaimName: "models"}, Quantization: v1alpha1.NoQuantization, Calibration: v1alpha1.NoCalibration},
			Suspend:      ptr.To(false),
			BackoffLimit: ptr.To[int32](2),
		}))

		s := minimalServer(namespace)
		Expect(k8s.Create(ctx, s)).To(Succeed())
		Expect(s.Spec).To(Equal(v1alpha1.ModelServerSpec{
			Model:     v1alpha1.ServedModel{TrainingRunRef: v1alpha1.TrainingRunReference{Name: "pets"}},
			Replicas:  ptr.To[int32](1),
			Smoke:     v1alpha1.Smoke{Timeout: "2m", Attempts: 5},
			Promotion: v1alpha1.Promotion{Mode: v1alpha1.AutomaticPromotion, Chance: v1alpha1.RejectChance, BakeTime: "5m", MinRequests: ptr.To[int32](0)},
			Rollout:   v1alpha1.Rollout{Paused: ptr.To(false), ProgressDeadline: "10m", RevisionHistoryLimit: ptr.To[int32](10)},
			Server: v1alpha1.Server{
				MaxBatch: 16, MaxBatchDelay: "2ms", MaxBodyBytes: "10Mi", MaxPixels: "50M", Threads: ptr.To[int32](0), LogRequests: v1alpha1.Enabled, Calibration: v1alpha1.NoCalibration,
			},
			Service:             v1alpha1.Service{Type: corev1.ServiceTypeClusterIP, Port: 80},
			PodDisruptionBudget: v1alpha1.PodDisruptionBudget{Mode: v1alpha1.AutomaticDisruptionBudget, MaxUnavailablePercent: 25},
		}))
	})

	It("keeps a TrainingRun's spec as it is, except what is about its end", func(ctx SpecContext) {
		run := minimalRun(namespace)
		Expect(k8s.Create(ctx, run)).To(Succeed())
		changes := map[string]func(*v1alpha1.TrainingRunSpec){
			"dataset":               func(s *v1alpha1.TrainingRunSpec) { s.Dataset.Generated.SamplesPerClass = 200 },
			"split":                 func(s *v1alpha1.TrainingRunSpec) { s.Dataset.Split.TestPercent = 20 },
			"model":                 func(s *v1alpha1.TrainingRunSpec) { s.Model.ImageSize = 64 },
			"training":              func(s *v1alpha1.TrainingRunSpec) { s.Training.Epochs = 3 },
			"output":                func(s *v1alpha1.TrainingRunSpec) { s.Output.PVC.ClaimName = "other" },
			"quantization":          func(s *v1alpha1.TrainingRunSpec) { s.Output.Quantization = v1alpha1.Int8Quantization },
			"calibration":           func(s *v1alpha1.TrainingRunSpec) { s.Output.Calibration = v1alpha1.TemperatureCalibration },
			"checkpoints":           func(s *v1alpha1.TrainingRunSpec) { s.Output.Checkpoints.PVC.ClaimName = "checkpoints" },
			"gates":                 func(s *v1alpha1.TrainingRunSpec) { s.Gates = []v1alpha1.Gate{{Metric: "accuracy", Min: "0.9"}} },
			"report":                func(s *v1alpha1.TrainingRunSpec) { s.Report.Samples = v1alpha1.Enabled },
			"tracking":              func(s *v1alpha1.TrainingRunSpec) { s.Tracking.MLflow.URI = "https://mlflow.example" },
			"backoffLimit":          func(s *v1alpha1.TrainingRunSpec) { s.BackoffLimit = ptr.To[int32](5) },
			"activeDeadlineSeconds": func(s *v1alpha1.TrainingRunSpec) { s.ActiveDeadlineSeconds = ptr.To[int64](60) },
			"image":                 func(s *v1alpha1.TrainingRunSpec) { s.Image = "registry.example/other:v1" },
			"podTemplate":           func(s *v1alpha1.TrainingRunSpec) { s.PodTemplate.NodeSelector = map[string]string{"disk": "ssd"} },
		}
		expectEveryField(v1alpha1.TrainingRunSpec{}, changes, "suspend", "ttlSecondsAfterFinished")
		for field, change := range changes {
			changed := run.DeepCopy()
			change(&changed.Spec)
			err := k8s.Patch(ctx, changed, client.MergeFrom(run))
			Expect(apierrors.IsInvalid(err)).To(BeTrue(), "%s: %v", field, err)
			Expect(err).To(MatchError(ContainSubstring("spec is immutable except suspend, ttlSecondsAfterFinished and output.retention: create another TrainingRun")), field)

			// Nor can what was set be taken back.
			set := minimalRun(namespace)
			set.Name = "with-" + strings.ToLower(field)
			change(&set.Spec)
			Expect(k8s.Create(ctx, set)).To(Succeed(), field)
			taken := set.DeepCopy()
			taken.Spec = *run.Spec.DeepCopy()
			Expect(apierrors.IsInvalid(k8s.Patch(ctx, taken, client.MergeFrom(set)))).To(BeTrue(), "%s taken back", field)
		}
		for field, change := range map[string]func(*v1alpha1.TrainingRunSpec){
			"suspend":                 func(s *v1alpha1.TrainingRunSpec) { s.Suspend = ptr.To(true) },
			"ttlSecondsAfterFinished": func(s *v1alpha1.TrainingRunSpec) { s.TTLSecondsAfterFinished = ptr.To[int32](60) },
			"retention":               func(s *v1alpha1.TrainingRunSpec) { s.Output.Retention = "720h" },
		} {
			changed := run.DeepCopy()
			change(&changed.Spec)
			Expect(k8s.Patch(ctx, changed, client.MergeFrom(run))).To(Succeed(), field)
			taken := changed.DeepCopy()
			taken.Spec = *run.Spec.DeepCopy()
			Expect(k8s.Patch(ctx, taken, client.MergeFrom(changed))).To(Succeed(), "%s taken back", field)
		}
	})

	It("keeps the bucket of a TrainingRun's output", func(ctx SpecContext) {
		run := minimalRun(namespace)
		run.Spec.Output = v1alpha1.Output{URI: "s3://models/pets"}
		Expect(k8s.Create(ctx, run)).To(Succeed())
		for field, change := range map[string]func(*v1alpha1.Output){
			"uri":       func(o *v1alpha1.Output) { o.URI = "s3://models/other" },
			"secretRef": func(o *v1alpha1.Output) { o.SecretRef.Name = "keys" },
			"caBundle": func(o *v1alpha1.Output) {
				o.CABundle.ConfigMapRef = v1alpha1.CABundleReference{Name: "ca", Key: "ca.crt"}
			},
			"pvc": func(o *v1alpha1.Output) { o.URI, o.PVC.ClaimName = "", "models" },
		} {
			changed := run.DeepCopy()
			change(&changed.Spec.Output)
			Expect(k8s.Patch(ctx, changed, client.MergeFrom(run))).To(MatchError(ContainSubstring("spec is immutable except")), field)
		}
	})

	It("lets all of a ModelServer's spec be changed", func(ctx SpecContext) {
		server := minimalServer(namespace)
		Expect(k8s.Create(ctx, server)).To(Succeed())
		changes := map[string]func(*v1alpha1.ModelServerSpec){
			"model":    func(s *v1alpha1.ModelServerSpec) { s.Model.TrainingRunRef.Name = "other" },
			"replicas": func(s *v1alpha1.ModelServerSpec) { s.Replicas = ptr.To[int32](2) },
			"autoscaling": func(s *v1alpha1.ModelServerSpec) {
				s.Autoscaling = &v1alpha1.Autoscaling{MinReplicas: 1, MaxReplicas: 3}
			},
			"smoke":               func(s *v1alpha1.ModelServerSpec) { s.Smoke.Attempts = 2 },
			"promotion":           func(s *v1alpha1.ModelServerSpec) { s.Promotion.BakeTime = "1m" },
			"rollout":             func(s *v1alpha1.ModelServerSpec) { s.Rollout.Paused = ptr.To(true) },
			"retry":               func(s *v1alpha1.ModelServerSpec) { s.Retry = "2026-05-04" },
			"server":              func(s *v1alpha1.ModelServerSpec) { s.Server.MaxBatch = 4 },
			"service":             func(s *v1alpha1.ModelServerSpec) { s.Service.Port = 8080 },
			"image":               func(s *v1alpha1.ModelServerSpec) { s.Image = "registry.example/other:v1" },
			"podDisruptionBudget": func(s *v1alpha1.ModelServerSpec) { s.PodDisruptionBudget.Mode = v1alpha1.NoDisruptionBudget },
			"podTemplate":         func(s *v1alpha1.ModelServerSpec) { s.PodTemplate.NodeSelector = map[string]string{"disk": "ssd"} },
		}
		expectEveryField(v1alpha1.ModelServerSpec{}, changes)
		for field, change := range changes {
			changed := server.DeepCopy()
			change(&changed.Spec)
			Expect(k8s.Patch(ctx, changed, client.MergeFrom(server), client.DryRunAll)).To(Succeed(), field)
		}
	})

	// One object that the manager can't decode would break the whole list, and with
	// it every other object's reconciliation.
	It("lets nothing in that the manager can't decode", func(ctx SpecContext) {
		run := minimalRun(namespace)
		run.Spec.PodTemplate = v1alpha1.PodTemplate{
			Resources: v1alpha1.ResourceRequirements{
				Requests: v1alpha1.ResourceList{corev1.ResourceCPU: "100m", corev1.ResourceMemory: "1.5Gi"},
			},
			Env:         []v1alpha1.EnvVar{{Name: "A", Value: "b"}},
			Tolerations: []v1alpha1.Toleration{{Operator: "Exists"}},
		}
		_ = k8s.Create(ctx, run) // whether it is let in is the API server's to say
		for _, quantity := range []string{"1", "+1.5Gi", "1e3", ".5", "5.", "1E", "1e1.5", "-1", "12345678901234567890123", "1e999999999", "1E-999999999"} {
			object := raw(minimalRun(namespace))
			object.SetName("q" + strings.Map(onlyLetters, quantity) + string(rune('a'+len(quantity))))
			Expect(unstructured.SetNestedField(object.Object, quantity, "spec", "podTemplate", "resources", "limits", "memory")).To(Succeed())
			_ = k8s.Create(ctx, object)
		}
		for _, duration := range []string{"5m", "1h30m", "1.5h", "999999h", "0.001h", "5d", "9999999999h", "-5m"} {
			object := raw(minimalServer(namespace))
			object.SetName("d" + strings.Map(onlyLetters, duration) + string(rune('a'+len(duration))))
			Expect(unstructured.SetNestedField(object.Object, duration, "spec", "promotion", "bakeTime")).To(Succeed())
			_ = k8s.Create(ctx, object)
		}
		var runs v1alpha1.TrainingRunList
		Expect(k8s.List(ctx, &runs, client.InNamespace(namespace))).To(Succeed())
		Expect(runs.Items).NotTo(BeEmpty())
		var servers v1alpha1.ModelServerList
		Expect(k8s.List(ctx, &servers, client.InNamespace(namespace))).To(Succeed())
		Expect(servers.Items).NotTo(BeEmpty())
	})
})

// wantComments returns what the "# want:" lines of a file say.
func wantComments(text string) []string {
	var wants []string
	for line := range strings.Lines(text) {
		if want, ok := strings.CutPrefix(line, "# want: "); ok {
			wants = append(wants, strings.TrimSpace(want))
		}
	}
	return wants
}

func decode(data []byte, namespace string) client.Object {
	GinkgoHelper()
	object := &unstructured.Unstructured{}
	Expect(yaml.Unmarshal(data, &object.Object)).To(Succeed())
	object.SetNamespace(namespace)
	return object
}

// raw is an object as JSON has it, to set what its Go type can't hold.
func raw(object client.Object) *unstructured.Unstructured {
	GinkgoHelper()
	data, err := yaml.Marshal(object)
	Expect(err).NotTo(HaveOccurred())
	out := &unstructured.Unstructured{}
	Expect(yaml.Unmarshal(data, &out.Object)).To(Succeed())
	gvk, err := k8s.GroupVersionKindFor(object)
	Expect(err).NotTo(HaveOccurred())
	out.SetGroupVersionKind(gvk)
	unstructured.RemoveNestedField(out.Object, "status")
	return out
}

func onlyLetters(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
		return r
	}
	return -1
}

func minimalRun(namespace string) *v1alpha1.TrainingRun {
	return &v1alpha1.TrainingRun{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "minimal"},
		Spec: v1alpha1.TrainingRunSpec{
			Dataset: v1alpha1.Dataset{Generated: &v1alpha1.GeneratedDataset{SamplesPerClass: 100}},
			Output:  v1alpha1.Output{PVC: v1alpha1.OutputPVC{ClaimName: "models"}},
			Suspend: ptr.To(false),
		},
	}
}

func minimalServer(namespace string) *v1alpha1.ModelServer {
	return &v1alpha1.ModelServer{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "minimal"},
		Spec:       v1alpha1.ModelServerSpec{Model: v1alpha1.ServedModel{TrainingRunRef: v1alpha1.TrainingRunReference{Name: "pets"}}},
	}
}

// expectEveryField asserts that each field of a spec is among those changed or, by its
// name in JSON, those said: whoever adds one has to say whether it can be changed.
func expectEveryField[T any](spec any, changed map[string]T, others ...string) {
	GinkgoHelper()
	for _, field := range reflect.VisibleFields(reflect.TypeOf(spec)) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		Expect(append(slices.Collect(maps.Keys(changed)), others...)).To(ContainElement(name), "%T: nothing says whether %s can be changed", spec, name)
	}
}
