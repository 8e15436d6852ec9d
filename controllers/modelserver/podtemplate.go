// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/defaults"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

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
	// reading is what the spec says of the model.
	reading contract.ServedModel
	// pullImage is the image that fetches a model that lies outside the cluster.
	pullImage string
	// ranges are the LimitRanges of the server's namespace.
	ranges []corev1.LimitRange
	// given are the defaults of the server's namespace, of which server has all but resources.
	given defaults.Defaults
}

// newTemplate builds the template of the revision that a spec asks for.
func newTemplate(in templateInput) (revisionTemplate, error) {
	pod, err := serverPod(in)
	if err != nil {
		return revisionTemplate{}, err
	}
	server := &pod.Containers[0]
	fetch := puller{image: in.pullImage, env: server.Env, mounts: children.FileMounts(&pod), resources: server.Resources}
	file, err := fetch.supply(&pod, modelFile(in.info))
	if err != nil {
		return revisionTemplate{}, err
	}
	model := in.reading
	model.Path, model.SHA256, model.TrainingRun = file, in.info.Model.SHA256, in.info.Model.TrainingRun
	config, err := json.Marshal(contract.ServeConfig{
		Version:           contract.Version,
		Name:              in.server.Name,
		Revision:          in.revision,
		Model:             model,
		Limits:            in.limits,
		DrainDelaySeconds: seconds(drainDelay),
		LogRequests:       in.server.Spec.Server.LogRequests != v1alpha1.Disabled,
	})
	if err != nil {
		return revisionTemplate{}, fmt.Errorf("encode the server's configuration: %w", err)
	}
	server.Env = append([]corev1.EnvVar{{Name: contract.ConfigEnv, Value: string(config)}}, server.Env...)
	return revisionTemplate{
		Info: in.info,
		Pod: corev1.PodTemplateSpec{
			ObjectMeta: children.PodMeta(in.server.Spec.PodTemplate, revisionLabels(in.server, in.revision)),
			Spec:       pod,
		},
	}, nil
}

// serverPod builds the pod of a server, without its model and its configuration.
func serverPod(in templateInput) (corev1.PodSpec, error) {
	tmp, tmpMount := children.TmpVolume()
	template := in.server.Spec.PodTemplate
	env, err := children.ContainerEnv(template.Env)
	if err != nil {
		return corev1.PodSpec{}, err
	}
	resources, err := children.ContainerResources(children.PodResourcesField, template.Resources, in.given.Resources(serverResources), in.ranges)
	if err != nil {
		return corev1.PodSpec{}, err
	}
	spec := corev1.PodSpec{
		AutomountServiceAccountToken:  ptr.To(false),
		EnableServiceLinks:            ptr.To(false),
		SecurityContext:               children.RestrictedPodSecurity(),
		TerminationGracePeriodSeconds: ptr.To(int64(seconds(drainDelay + requestTimeout + exitGrace))),
		Volumes:                       []corev1.Volume{tmp},
		Containers: []corev1.Container{{
			Name:                     contract.ServerContainer,
			Image:                    in.info.Image,
			Args:                     []string{serveCommand},
			Env:                      env,
			Ports:                    []corev1.ContainerPort{{Name: contract.HTTPPortName, ContainerPort: contract.HTTPPort, Protocol: corev1.ProtocolTCP}},
			Resources:                resources,
			VolumeMounts:             []corev1.VolumeMount{tmpMount},
			StartupProbe:             httpProbe(contract.LivePath, time.Second, 3*time.Second, startupSeconds),
			ReadinessProbe:           httpProbe(contract.ReadyPath, time.Second, 3*time.Second, 3),
			LivenessProbe:            httpProbe(contract.LivePath, 10*time.Second, 5*time.Second, 6),
			SecurityContext:          children.RestrictedContainerSecurity(),
			TerminationMessagePath:   contract.TerminationLog,
			TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
		}},
	}
	if err := children.ApplyPodTemplate(&spec, template); err != nil {
		return corev1.PodSpec{}, err
	}
	if len(spec.TopologySpreadConstraints) == 0 {
		spec.TopologySpreadConstraints = defaultSpread(in.revision)
	}
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

// serverResources are what a server gets where the user says nothing. It has no limits of
// its own: a CPU limit would only slow it down, and its memory is the user's to know.
var serverResources = corev1.ResourceRequirements{Requests: children.ResourceList("100m", "128Mi")}
