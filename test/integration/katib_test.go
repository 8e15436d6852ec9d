// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/tidwall/gjson"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// katibSample is the sample for Katib, in config/samples.
const katibSample = "katib_experiment.yaml"

// experiment is what matters of the sample.
type experiment struct {
	Spec struct {
		Parameters []struct {
			Name          string
			FeasibleSpace struct {
				Min  string
				List []string
			}
		}
		TrialTemplate struct {
			PrimaryContainerName               string
			PrimaryPodLabels                   map[string]string
			SuccessCondition, FailureCondition string
			TrialSpec                          map[string]any
		}
	}
}

func readExperiment() experiment {
	GinkgoHelper()
	data, err := os.ReadFile(filepath.Join("..", "..", "config", "samples", katibSample))
	Expect(err).NotTo(HaveOccurred())
	var e experiment
	Expect(yaml.Unmarshal(data, &e)).To(Succeed())
	return e
}

// trial makes a trial's TrainingRun with the first value of each parameter, as Katib does.
func (e experiment) trial(namespace string) *unstructured.Unstructured {
	GinkgoHelper()
	text, err := json.Marshal(e.Spec.TrialTemplate.TrialSpec)
	Expect(err).NotTo(HaveOccurred())
	spec := string(text)
	for _, p := range e.Spec.Parameters {
		value := p.FeasibleSpace.Min
		if len(p.FeasibleSpace.List) > 0 {
			value = p.FeasibleSpace.List[0]
		}
		Expect(spec).To(ContainSubstring("${trialParameters."+p.Name+"}"), "no trial uses the parameter %s", p.Name)
		spec = strings.ReplaceAll(spec, "${trialParameters."+p.Name+"}", value)
	}
	run := &unstructured.Unstructured{}
	Expect(json.Unmarshal([]byte(spec), &run.Object)).To(Succeed())
	run.SetName("pets-1a2b3c4d")
	run.SetNamespace(namespace)
	return run
}

// matches tells whether Katib takes a condition for met: where its expression finds an object, or a list of some.
func matches(ctx context.Context, run *v1alpha1.TrainingRun, expression string) bool {
	GinkgoHelper()
	live := &unstructured.Unstructured{}
	live.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("TrainingRun"))
	Expect(k8s.Get(ctx, client.ObjectKeyFromObject(run), live)).To(Succeed())
	text, err := live.MarshalJSON()
	Expect(err).NotTo(HaveOccurred())
	found := gjson.Get(string(text), expression)
	return found.IsObject() || found.IsArray() && len(found.Array()) > 0
}

var _ = Describe("Katib's sample", func() {
	var (
		ns    string
		e     experiment
		run   *v1alpha1.TrainingRun
		judge func(context.Context) (succeeded, failed bool)
	)
	BeforeEach(func(ctx SpecContext) {
		ns, e = makeNamespace(ctx), readExperiment()
		trial := e.trial(ns)
		Expect(k8s.Create(ctx, trial, client.FieldValidation(metav1.FieldValidationStrict))).To(Succeed())
		run = &v1alpha1.TrainingRun{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: trial.GetName()}}
		run = fetch(ctx, run)
		judge = func(ctx context.Context) (succeeded, failed bool) {
			GinkgoHelper()
			return matches(ctx, run, e.Spec.TrialTemplate.SuccessCondition), matches(ctx, run, e.Spec.TrialTemplate.FailureCondition)
		}
	})

	It("finds the pod and the container that train, and a trial that has succeeded", func(ctx SpecContext) {
		job := jobOf(ctx, run)
		template := job.Spec.Template
		Expect(template.Spec.Containers[0].Name).To(Equal(e.Spec.TrialTemplate.PrimaryContainerName))
		for key, value := range e.Spec.TrialTemplate.PrimaryPodLabels {
			Expect(template.Labels).To(HaveKeyWithValue(key, value))
		}
		pod := makeJobPod(ctx, job)
		runPod(ctx, pod, "10.1.3.1")
		expectState(ctx, run, v1alpha1.TrainingReason, onItsWay)
		succeeded, failed := judge(ctx)
		Expect([]bool{succeeded, failed}).To(Equal([]bool{false, false}))

		endPod(ctx, pod, 0, "Completed", successOf(run))
		completeJob(ctx, job)
		expectState(ctx, run, v1alpha1.ModelPublishedReason, success)
		succeeded, failed = judge(ctx)
		Expect([]bool{succeeded, failed}).To(Equal([]bool{true, false}))
	})

	It("finds a trial that has failed", func(ctx SpecContext) {
		job := jobOf(ctx, run)
		pod := makeJobPod(ctx, job)
		endPod(ctx, pod, contract.ExitConfig, "Error", failureOf(contract.ReasonConfigInvalid, "training.learningRate: is 0"))
		failJob(ctx, job, "PodFailurePolicy")
		expectState(ctx, run, v1alpha1.ConfigInvalidReason, stall)
		succeeded, failed := judge(ctx)
		Expect([]bool{succeeded, failed}).To(Equal([]bool{false, true}))
	})
})
