// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
)

// +kubebuilder:rbac:groups=trainyard.dev,resources=modelservers,verbs=get;list;watch
// +kubebuilder:rbac:groups=apps,resources=controllerrevisions,verbs=get;list;watch

// userOf names what uses the model of a run, or may go back to it; empty if nothing does. A claim is reached from its namespace
// only, a bucket from all of the cluster.
func (r *reconciler) userOf(ctx context.Context, reader client.Reader, run *v1alpha1.TrainingRun) (string, error) {
	var where []client.ListOption
	if run.Spec.Output.URI == "" {
		where = append(where, client.InNamespace(run.Namespace))
	}
	servers := &v1alpha1.ModelServerList{}
	if err := reader.List(ctx, servers, where...); err != nil {
		return "", fmt.Errorf("list ModelServers: %w", err)
	}
	kept := &appsv1.ControllerRevisionList{}
	if err := reader.List(ctx, kept, append(where, client.MatchingLabels{children.ManagedByLabel: children.ManagedByValue})...); err != nil {
		return "", fmt.Errorf("list ControllerRevisions: %w", err)
	}
	return findUser(run, servers.Items, kept.Items)
}

// findUser is userOf of what was read. Whatever names the artifact, or has the digest of one of its files, uses it: a spec that
// asks for it, what is live, fallback, candidate or in the history, and what is kept to make their pods from. What was rejected
// doesn't count.
func findUser(run *v1alpha1.TrainingRun, servers []v1alpha1.ModelServer, kept []appsv1.ControllerRevision) (string, error) {
	names := namesOfArtifact(run)
	for i := range servers {
		server := servers[i].DeepCopy()
		server.Status.Rejected = nil
		document, err := json.Marshal(struct {
			Spec   v1alpha1.ModelServerSpec
			Status v1alpha1.ModelServerStatus
		}{server.Spec, server.Status})
		if err != nil {
			return "", fmt.Errorf("encode ModelServer %s: %w", client.ObjectKeyFromObject(server), err)
		}
		isNamed := server.Namespace == run.Namespace && server.Spec.Model.TrainingRunRef.Name == run.Name
		if isNamed || containsAny(document, names) {
			return "ModelServer " + client.ObjectKeyFromObject(server).String(), nil
		}
	}
	for i := range kept {
		if containsAny(kept[i].Data.Raw, names) {
			return "revision " + client.ObjectKeyFromObject(&kept[i]).String(), nil
		}
	}
	return "", nil
}

// namesOfArtifact are what an artifact is known by: its folder and the digests of what servers and their tests read.
func namesOfArtifact(run *v1alpha1.TrainingRun) []string {
	names := []string{jobName(run) + "/"}
	if model := run.Status.Model; model != nil {
		names = append(names, model.SHA256)
		if model.Samples != nil {
			names = append(names, model.Samples.SHA256)
		}
	}
	return names
}

func containsAny(document []byte, names []string) bool {
	for _, name := range names {
		if name != "" && bytes.Contains(document, []byte(name)) {
			return true
		}
	}
	return false
}
