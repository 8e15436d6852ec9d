// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"encoding/json"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/contract/unknown"
)

const (
	serveCommand = "serve"
	modelVolume  = "model"
	// startupSeconds is how long a server may take to listen.
	startupSeconds = 600
)

// revisionInfo is what was resolved when a revision was made. It is kept on the
// revision's Deployment and with its template, because the TrainingRun may be gone when
// it is needed.
type revisionInfo struct {
	Image   string                     `json:"image"`
	Model   v1alpha1.RevisionModel     `json:"model"`
	Samples *v1alpha1.PublishedSamples `json:"samples,omitempty"`
	Metrics []v1alpha1.Metric          `json:"metrics,omitempty"`
	// Unknown is what a newer version has written.
	Unknown *unknown.Fields `json:"-"`
}

// plainInfo is a revisionInfo that encoding/json decodes field by field.
type plainInfo revisionInfo

// UnmarshalJSON keeps the fields that this version doesn't have.
func (i *revisionInfo) UnmarshalJSON(data []byte) error {
	plain := plainInfo(*i)
	err := json.Unmarshal(data, &plain)
	if err == nil {
		plain.Unknown, err = unknown.Of(data, plain)
	}
	*i = revisionInfo(plain)
	return err
}

// MarshalJSON is the inverse of UnmarshalJSON.
func (i revisionInfo) MarshalJSON() ([]byte, error) {
	return unknown.Encode(plainInfo(i), i.Unknown)
}

// readRevisionInfo returns what is known of a Deployment's revision; the zero value
// if somebody has changed the annotation.
func readRevisionInfo(deployment *appsv1.Deployment) revisionInfo {
	var info revisionInfo
	if err := json.Unmarshal([]byte(deployment.Annotations[v1alpha1.RevisionAnnotation]), &info); err != nil {
		return revisionInfo{}
	}
	return info
}

// revisionTemplate is what a revision's Deployment is made from, every time that it has
// to be made.
type revisionTemplate struct {
	Info revisionInfo           `json:"info"`
	Pod  corev1.PodTemplateSpec `json:"template"`
}

// templateInput is what the template of a revision is made from.
type templateInput struct {
	server   *v1alpha1.ModelServer
	revision string
	info     revisionInfo
	limits   contract.Limits
	// ranges are the LimitRanges of the server's namespace.
	ranges []corev1.LimitRange
}

// newTemplate builds the template of the revision that a spec asks for.
func newTemplate(in templateInput) (revisionTemplate, error) {
	claim, file, err := contract.ParsePVCURI(in.info.Model.URI)
	if err != nil {
		return revisionTemplate{}, err
	}
	config, err := json.Marshal(contract.ServeConfig{
		Version:  contract.Version,
		Name:     in.server.Name,
		Revision: in.revision,
		Model: contract.ServedModel{
			Path:        contract.ModelPath(file),
			SHA256:      in.info.Model.SHA256,
			TrainingRun: in.info.Model.TrainingRun,
		},
		Limits:            in.limits,
		DrainDelaySeconds: seconds(drainDelay),
		LogRequests:       in.server.Spec.Server.LogRequests != v1alpha1.Disabled,
	})
	if err != nil {
		return revisionTemplate{}, fmt.Errorf("encode the server's configuration: %w", err)
	}
	pod, err := serverPod(in, claim, string(config))
	if err != nil {
		return revisionTemplate{}, err
	}
	return revisionTemplate{
		Info: in.info,
		Pod: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: revisionLabels(in.server, in.revision)},
			Spec:       pod,
		},
	}, nil
}

// desiredDeployment builds the Deployment of a revision. It is created once; later
// only its replicas change, and what was edited is set back.
func desiredDeployment(server *v1alpha1.ModelServer, revision string, template revisionTemplate, replicas int32) (*appsv1.Deployment, error) {
	info, err := json.Marshal(template.Info)
	if err != nil {
		return nil, fmt.Errorf("encode what was resolved for revision %s: %w", revision, err)
	}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{
			Name:            revision,
			Namespace:       server.Namespace,
			Labels:          revisionLabels(server, revision),
			Annotations:     map[string]string{v1alpha1.RevisionAnnotation: string(info)},
			OwnerReferences: ownedBy(server),
		},
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To(replicas),
			Selector: &metav1.LabelSelector{MatchLabels: revisionSelector(revision)},
			Strategy: appsv1.DeploymentStrategy{
				Type: appsv1.RollingUpdateDeploymentStrategyType,
				RollingUpdate: &appsv1.RollingUpdateDeployment{
					MaxUnavailable: ptr.To(intstr.FromInt32(0)),
					MaxSurge:       ptr.To(intstr.FromInt32(1)),
				},
			},
			RevisionHistoryLimit:    ptr.To[int32](0),   // what was before is nothing to go back to
			ProgressDeadlineSeconds: ptr.To[int32](600), // the API's default
			Template:                *template.Pod.DeepCopy(),
		},
	}, nil
}

func serverPod(in templateInput, claim, config string) (corev1.PodSpec, error) {
	tmp, tmpMount := children.TmpVolume()
	template := in.server.Spec.PodTemplate
	env, err := children.ContainerEnv(corev1.EnvVar{Name: contract.ConfigEnv, Value: config}, template.Env)
	if err != nil {
		return corev1.PodSpec{}, err
	}
	resources, err := children.ContainerResources(children.PodResourcesField, template.Resources, serverResources, in.ranges)
	if err != nil {
		return corev1.PodSpec{}, err
	}
	spec := corev1.PodSpec{
		AutomountServiceAccountToken:  ptr.To(false),
		EnableServiceLinks:            ptr.To(false),
		SecurityContext:               children.RestrictedPodSecurity(),
		TerminationGracePeriodSeconds: ptr.To(int64(seconds(drainDelay + requestTimeout + exitGrace))),
		Volumes:                       []corev1.Volume{tmp, children.ClaimVolume(modelVolume, claim, true)},
		Containers: []corev1.Container{{
			Name:      contract.ServerContainer,
			Image:     in.info.Image,
			Args:      []string{serveCommand},
			Env:       env,
			Ports:     []corev1.ContainerPort{{Name: contract.HTTPPortName, ContainerPort: contract.HTTPPort, Protocol: corev1.ProtocolTCP}},
			Resources: resources,
			VolumeMounts: []corev1.VolumeMount{
				tmpMount,
				{Name: modelVolume, MountPath: contract.ModelMount, ReadOnly: true},
			},
			StartupProbe:             httpProbe(contract.LivePath, time.Second, 3*time.Second, startupSeconds),
			ReadinessProbe:           httpProbe(contract.ReadyPath, time.Second, 3*time.Second, 3),
			LivenessProbe:            httpProbe(contract.LivePath, 10*time.Second, 5*time.Second, 6),
			SecurityContext:          children.RestrictedContainerSecurity(),
			TerminationMessagePath:   contract.TerminationLog,
			TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
		}},
	}
	children.ApplyPodTemplate(&spec, template)
	return spec, nil
}

// httpProbe asks a path every period and fails after so many failures in a row.
func httpProbe(path string, period, timeout time.Duration, failures int32) *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{
			Path: path, Port: intstr.FromString(contract.HTTPPortName), Scheme: corev1.URISchemeHTTP,
		}},
		PeriodSeconds:    int32(seconds(period)),
		TimeoutSeconds:   int32(seconds(timeout)),
		FailureThreshold: failures,
	}
}
