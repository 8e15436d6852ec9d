// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/loop"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// Where a model lies is not part of its revision: the same bytes elsewhere are what was
// tested, and each server checks their digest before it is ready. So a revision follows
// its model by a new template, which its pods follow one by one.

// observeMoves finds the revisions whose template is to be another: their model lies
// elsewhere than it says, or its pods' resources aren't allowed any more.
func (r *reconciler) observeMoves(ctx context.Context, s *scope, o *rollout.Observed) error {
	s.moves = map[string]revisionTemplate{}
	for name, template := range s.kept {
		location, err := r.locate(ctx, s, o, name, template.Info)
		if err != nil {
			return err
		}
		if location != nil && !isAt(template.Info, *location) {
			moved, err := moveTemplate(template, *location, r.pullImage)
			if err != nil {
				s.errs = append(s.errs, loop.Stalled(v1alpha1.InvalidSpecReason, fmt.Errorf("move %s to %s: %w", name, location.Model.URI, err)))
				continue
			}
			s.moves[name], template = moved, moved
		}
		renewed, err := r.renewResources(ctx, s, name, template)
		if err != nil {
			return err
		}
		if renewed != nil {
			s.moves[name] = *renewed
		}
	}
	for name, template := range s.kept {
		if moved, ok := s.moves[name]; ok {
			template = moved
		}
		revision := o.Revisions[name]
		if revision == nil || revision.Edited {
			continue
		}
		revision.Model = template.Info.Model
		for _, pod := range s.pods[name] {
			if pod.DeletionTimestamp == nil && !podstate.IsTerminated(pod) && placeOf(&pod.Spec) != placeOf(&template.Pod.Spec) {
				revision.Elsewhere++
			}
		}
	}
	return nil
}

// locate returns where a revision's model lies now: as the run says that the spec names,
// if that is the revision, else as the run says that it was resolved from; nil if neither
// has a model of this digest.
func (r *reconciler) locate(ctx context.Context, s *scope, o *rollout.Observed, name string, known revisionInfo) (*revisionInfo, error) {
	if s.info != nil && o.Target.Name == name {
		return s.info, nil
	}
	run := &v1alpha1.TrainingRun{}
	err := r.client.Get(ctx, types.NamespacedName{Namespace: s.server.Namespace, Name: known.Model.TrainingRun}, run)
	if apierrors.IsNotFound(err) || known.Model.TrainingRun == "" {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get TrainingRun %s: %w", known.Model.TrainingRun, err)
	}
	info, _ := resolveRun(run.Name, run)
	if info == nil || info.Model.SHA256 != known.Model.SHA256 {
		return nil, nil
	}
	return info, nil
}

// isAt tells whether both name the same files, and the same way to fetch them.
func isAt(a, b revisionInfo) bool {
	return a.Model.URI == b.Model.URI && a.Access == b.Access && equality.Semantic.DeepEqual(a.Samples, b.Samples)
}

// moveTemplate returns a copy of a template whose model lies where location says. Nothing
// else of it changes, the images least of all.
func moveTemplate(template revisionTemplate, location revisionInfo, pullImage string) (revisionTemplate, error) {
	moved := revisionTemplate{Info: template.Info, Pod: *template.Pod.DeepCopy()}
	moved.Info.Model, moved.Info.Samples, moved.Info.Access = location.Model, location.Samples.DeepCopy(), location.Access
	variable := configVariable(&moved.Pod.Spec)
	if variable == nil || moved.Pod.Spec.Containers[0].Name != contract.ServerContainer {
		return revisionTemplate{}, fmt.Errorf("container %s isn't the first or has no %s", contract.ServerContainer, contract.ConfigEnv)
	}
	server := &moved.Pod.Spec.Containers[0]
	fetch := puller{image: pullImage, mounts: children.FileMounts(&moved.Pod.Spec), resources: server.Resources}
	for _, env := range server.Env {
		if env.Name != contract.ConfigEnv {
			fetch.env = append(fetch.env, env)
		}
	}
	if before := withoutFile(&moved.Pod.Spec, modelFile(moved.Info)); before != nil {
		fetch.image = before.Image
	}
	file, err := fetch.supply(&moved.Pod.Spec, modelFile(moved.Info))
	if err != nil {
		return revisionTemplate{}, err
	}
	variable.Value, err = moveConfig(variable.Value, file, location.Model.TrainingRun)
	return moved, err
}

// moveConfig sets the model's path and run in a server's configuration, of which another
// version may have written more than this one knows.
func moveConfig(config, modelPath, run string) (string, error) {
	var document, model map[string]json.RawMessage
	if err := json.Unmarshal([]byte(config), &document); err != nil {
		return "", fmt.Errorf("decode the server's configuration: %w", err)
	}
	if err := json.Unmarshal(document["model"], &model); err != nil {
		return "", fmt.Errorf("decode the server's configuration: model: %w", err)
	}
	for key, value := range map[string]string{"path": modelPath, "trainingRun": run} {
		encoded, err := json.Marshal(value)
		if err != nil {
			return "", err
		}
		model[key] = encoded
	}
	var err error
	if document["model"], err = json.Marshal(model); err != nil {
		return "", err
	}
	data, err := json.Marshal(document)
	return string(data), err
}

// configVariable returns the variable with the server's configuration, or nil.
func configVariable(pod *corev1.PodSpec) *corev1.EnvVar {
	for i := range pod.Containers {
		for j := range pod.Containers[i].Env {
			if v := &pod.Containers[i].Env[j]; pod.Containers[i].Name == contract.ServerContainer && v.Name == contract.ConfigEnv {
				return v
			}
		}
	}
	return nil
}

// placeOf tells apart from where pods load their model.
func placeOf(pod *corev1.PodSpec) string {
	var place []string
	if variable := configVariable(pod); variable != nil {
		place = append(place, variable.Value)
	}
	for i := range pod.Volumes {
		switch v := &pod.Volumes[i]; {
		case v.PersistentVolumeClaim != nil:
			place = append(place, v.PersistentVolumeClaim.ClaimName)
		case v.Secret != nil:
			place = append(place, v.Name, v.Secret.SecretName)
		case v.ConfigMap != nil:
			place = append(place, v.Name, v.ConfigMap.Name)
		}
	}
	for i := range pod.InitContainers {
		for _, env := range pod.InitContainers[i].Env {
			place = append(place, env.Value)
		}
	}
	return strings.Join(place, "\x00")
}

// moveRevision keeps the new template of a revision, in the place of the one before, whose data can't be changed. If the manager dies between the two, the
// Deployment still has what was before, and the next pass begins anew.
func (r *reconciler) moveRevision(ctx context.Context, s *scope, name string, moved revisionTemplate) error {
	if err := r.deleteTemplate(ctx, s, name); err != nil {
		return err
	}
	kept, err := r.keepTemplate(ctx, s, name, moved)
	if err != nil {
		return err
	}
	s.templates[name], s.kept[name] = kept, moved
	logf.FromContext(ctx).Info("Renewed the template of a revision", "revision", klog.KRef(s.server.Namespace, name), "uri", moved.Info.Model.URI)
	if deployment := s.deployments[name]; deployment == nil || deployment.DeletionTimestamp != nil {
		return nil
	}
	return r.resetRevision(ctx, s, name, "")
}
