// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package gitops

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// ofHealth is what kstatus makes of an object of each health.
var ofHealth = map[string]status.Status{
	Healthy: status.CurrentStatus, Progressing: status.InProgressStatus, Suspended: status.InProgressStatus, Degraded: status.FailedStatus,
}

// judged is the part of both kinds that a verdict needs.
type judged struct {
	Metadata metav1.ObjectMeta `json:"metadata"`
	Status   struct {
		ObservedGeneration int64              `json:"observedGeneration"`
		Conditions         []metav1.Condition `json:"conditions"`
	} `json:"status"`
}

func readJudged(object *unstructured.Unstructured) (judged, error) {
	var o judged
	text, err := object.MarshalJSON()
	if err != nil {
		return o, err
	}
	return o, json.Unmarshal(text, &o)
}

// Judge compares what Argo CD and kstatus make of an object with what they should.
func (s Scripts) Judge(object *unstructured.Unstructured) error {
	o, err := readJudged(object)
	if err != nil {
		return err
	}
	health, err := s.Health(object)
	if err != nil {
		return err
	}
	want, prefix, ready := Progressing, "", meta.FindStatusCondition(o.Status.Conditions, v1alpha1.ReadyCondition)
	if ready != nil && o.Status.ObservedGeneration == o.Metadata.Generation {
		prefix = ready.Reason + ": "
		if want = ofReady[object.GetKind()][ready.Reason]; want == "" {
			return fmt.Errorf("the reason %s of Ready is new: say in ofReady of test/gitops/reasons.go how Argo CD should show it, "+
				"see that health.lua of config/argocd does, and have a spec of test/integration reach it", ready.Reason)
		}
	}
	if health.Status == Progressing && ready != nil && slices.Contains(healing[object.GetKind()], ready.Reason) {
		want = Progressing
	}
	if health.Status != want {
		return fmt.Errorf("shown by Argo CD as %s (%s), want %s", health.Status, health.Message, want)
	}
	if health.Message == "" || !strings.HasPrefix(health.Message, prefix) {
		return fmt.Errorf("message %q in Argo CD, want it to begin with %q", health.Message, prefix)
	}
	if ready == nil || o.Metadata.DeletionTimestamp != nil {
		return nil // kstatus takes an object without conditions for one that has none
	}
	result, err := status.Compute(object)
	if err != nil {
		return fmt.Errorf("kstatus: %w", err)
	}
	if result.Status != ofHealth[want] {
		return fmt.Errorf("kstatus shows it as %s (%s), want %s", result.Status, result.Message, ofHealth[want])
	}
	return nil
}
