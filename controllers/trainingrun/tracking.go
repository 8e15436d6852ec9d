// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
	"github.com/trainyard-dev/trainyard/internal/conditions"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/text"
)

// trackingAccess is what the runner reaches the tracking server with.
func trackingAccess(run *v1alpha1.TrainingRun) children.Access {
	spec := &run.Spec.Tracking.MLflow
	return children.Access{SecretRef: spec.SecretRef, CABundle: v1alpha1.CABundle{ConfigMapRef: spec.CABundle.ConfigMapRef}}
}

// trackingConfig translates where the run is recorded.
func trackingConfig(run *v1alpha1.TrainingRun) contract.Tracking {
	spec := &run.Spec.Tracking.MLflow
	if spec.URI == "" {
		return contract.Tracking{}
	}
	var tags map[string]string
	for key, value := range spec.Tags {
		if tags == nil {
			tags = map[string]string{}
		}
		tags[key] = string(value)
	}
	return contract.Tracking{DeadlineSeconds: ptr.Deref(run.Spec.ActiveDeadlineSeconds, 0), MLflow: &contract.MLflow{
		URI: spec.URI, Experiment: spec.Experiment, RunName: spec.RunName, Tags: tags,
		RegisteredModel: spec.RegisteredModel,
		Access:          trackingAccess(run).Contract(contract.PurposeTracking),
	}}
}

// tagImage has the record name the image that the run is trained by, which the runner doesn't know.
func tagImage(config *contract.TrainConfig, image string) {
	m := config.Tracking.MLflow
	if m == nil {
		return
	}
	if m.Tags == nil {
		m.Tags = map[string]string{}
	}
	m.Tags[contract.MLflowImageTag] = image
}

// trackingVolumes are the volumes of the tracking server's access and where they are mounted. The pod starts without what isn't
// there: a record is not worth a training.
func trackingVolumes(run *v1alpha1.TrainingRun) ([]corev1.Volume, []corev1.VolumeMount) {
	volumes, mounts := trackingAccess(run).Volumes(contract.PurposeTracking)
	for _, v := range volumes {
		if v.Secret != nil {
			v.Secret.Optional = ptr.To(true)
		}
		if v.ConfigMap != nil {
			v.ConfigMap.Optional = ptr.To(true)
		}
	}
	return volumes, mounts
}

// mlflowRunID is what the id of a run may be.
var mlflowRunID = regexp.MustCompile(`^[-_A-Za-z0-9]{1,64}$`)

// setTracked says how far the run's record in MLflow has come, as its newest pod said last.
func setTracked(s *scope, w conditions.Writer) {
	uri := s.run.Spec.Tracking.MLflow.URI
	if uri == "" {
		return
	}
	said := newestRecord(s)
	if said == nil {
		return
	}
	if mlflowRunID.MatchString(said.RunID) {
		record := v1alpha1.MLflowLineage{RunID: said.RunID}
		if strings.HasPrefix(said.URL, strings.TrimSuffix(uri, "/")+"/") && len(said.URL) <= maxURI {
			record.URL = text.Clean(said.URL, maxURI)
		}
		lineage(&s.run.Status).MLflow = record
	}
	message := text.Clean(said.Message, maxMessage)
	switch {
	case said.Reason == "" && said.RunID == "": // it hasn't been asked yet
	case said.Reason == "":
		w.Set(v1alpha1.TrackedCondition, metav1.ConditionTrue, v1alpha1.RecordedReason, "the run is recorded in MLflow as run "+said.RunID)
	case said.Reason == contract.ReasonTrackerRejected:
		w.Set(v1alpha1.TrackedCondition, metav1.ConditionFalse, v1alpha1.TrackerRejectedReason, message)
	default:
		w.Set(v1alpha1.TrackedCondition, metav1.ConditionFalse, v1alpha1.TrackerUnavailableReason, message)
	}
}

// newestRecord is what the newest pod has said of the record: at its end or, before that, in its progress. It is nil if it has
// said nothing.
func newestRecord(s *scope) *contract.MLflowResult {
	if pod := s.newestPod(); pod != nil {
		if end := podstate.FindContainerEnd(pod, contract.RunnerContainer); end != nil {
			result := &contract.TrainResult{}
			if contract.DecodeResult([]byte(end.Output), result) == nil {
				return result.MLflow
			}
		}
	}
	if s.progress != nil {
		return s.progress.MLflow
	}
	return nil
}
