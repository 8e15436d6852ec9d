// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package steer

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

const suspendField = "spec.suspend"

// endedAs is how a run has ended, or empty.
func endedAs(run *v1alpha1.TrainingRun) string {
	for _, name := range []string{v1alpha1.CompleteCondition, v1alpha1.FailedCondition} {
		if meta.IsStatusConditionTrue(run.Status.Conditions, name) {
			return name
		}
	}
	return ""
}

func suspendRun(run *v1alpha1.TrainingRun) (Change, error) {
	switch ended := endedAs(run); {
	case ended != "":
		return Change{}, fmt.Errorf("the run has ended (%s): there is nothing to suspend", ended)
	case ptr.Deref(run.Spec.Suspend, false):
		return Change{}, errors.New("it is suspended already")
	}
	return Change{Field: suspendField, Value: true, Done: "suspends: its Job is deleted, its checkpoint stays"}, nil
}

func resumeRun(run *v1alpha1.TrainingRun) (Change, error) {
	if !ptr.Deref(run.Spec.Suspend, false) {
		return Change{}, errors.New("it isn't suspended")
	}
	return Change{Field: suspendField, Value: false, Done: "resumes, from its checkpoint if there is one"}, nil
}

// retryRun is another run that does the same: a run's spec can't be changed, and one that has ended stays as it is.
func retryRun(run *v1alpha1.TrainingRun, name string) (*v1alpha1.TrainingRun, error) {
	if endedAs(run) != v1alpha1.FailedCondition {
		return nil, errors.New("it hasn't failed: only a failed run is retried, by another one that does the same")
	}
	again := &v1alpha1.TrainingRun{
		ObjectMeta: metav1.ObjectMeta{Namespace: run.Namespace, Name: name, Labels: ownLabels(run.Labels)},
		Spec:       *run.Spec.DeepCopy(),
	}
	again.Spec.Suspend = nil
	return again, nil
}

// trackingLabels are those by which GitOps tools know what they have applied, and delete what Git doesn't have.
var trackingLabels = []string{"app.kubernetes.io/instance", "argocd.argoproj.io/", "kustomize.toolkit.fluxcd.io/", "helm.toolkit.fluxcd.io/"}

// ownLabels are a run's labels except those of GitOps tools.
func ownLabels(labels map[string]string) map[string]string {
	own := map[string]string{}
	for key, value := range labels {
		tracked := false
		for _, prefix := range trackingLabels {
			tracked = tracked || strings.HasPrefix(key, prefix)
		}
		if !tracked {
			own[key] = value
		}
	}
	return own
}

var numbered = regexp.MustCompile(`^(.+)-retry-(\d{1,6})$`)

// nextName names the run after one that has failed: pets-retry-1, then pets-retry-2.
func nextName(name string) string {
	if parts := numbered.FindStringSubmatch(name); parts != nil {
		if n, err := strconv.Atoi(parts[2]); err == nil {
			return fmt.Sprintf("%s-retry-%d", parts[1], n+1)
		}
	}
	return name + "-retry-1"
}
