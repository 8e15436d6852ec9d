// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package trial checks what a deployed operator does: what served before serves, and a small model is trained, served and asked.
package trial

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/internal/plugin/cluster"
)

// objects are a volume for a model, a training of seconds and a server of it.
//
//go:embed objects.yaml
var objects []byte

const (
	serverName   = "trial"
	pollInterval = time.Second
)

// Model is a check that a small model gets trained and served, and that its answers are those that it was trained to give. It has a namespace of its own,
// which goes with it.
type Model struct {
	Cluster *cluster.Cluster
	// Server is the path of the program whose smoke test asks the server.
	Server  string
	Timeout time.Duration
	Log     io.Writer
}

// Name says what is checked.
func (m Model) Name() string { return "a small model is trained, served and answers" }

// Before has nothing to see.
func (m Model) Before(context.Context) error { return nil }

// After trains, serves and asks a model.
func (m Model) After(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, m.Timeout)
	defer cancel()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		GenerateName: "trainyard-trial-", Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
	}}
	if err := m.Cluster.Client.Create(ctx, namespace); err != nil {
		return fmt.Errorf("create a namespace for the trial: %w", err)
	}
	defer func() {
		err = errors.Join(err, client.IgnoreNotFound(m.Cluster.Client.Delete(context.WithoutCancel(ctx), namespace)))
	}()
	made, err := m.create(ctx, namespace.Name)
	if err != nil {
		return err
	}
	if err := m.await(ctx, made); err != nil {
		return err
	}
	return m.ask(ctx, namespace.Name)
}

func (m Model) create(ctx context.Context, namespace string) ([]*unstructured.Unstructured, error) {
	var made []*unstructured.Unstructured
	for decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(objects), len(objects)); ; {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(&object.Object); errors.Is(err, io.EOF) {
			return made, nil
		} else if err != nil {
			return nil, err
		}
		object.SetNamespace(namespace)
		if err := m.Cluster.Client.Create(ctx, object); err != nil {
			return nil, fmt.Errorf("create the trial's %s: %w", object.GetKind(), err)
		}
		made = append(made, object)
	}
}

// await waits until all objects are as they are wanted, and says what they wait for.
func (m Model) await(ctx context.Context, made []*unstructured.Unstructured) error {
	said := map[string]string{}
	for {
		waiting, err := m.look(ctx, made, said)
		if err != nil || waiting == "" {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("after %s the trial isn't ready: %s", m.Timeout, waiting)
		case <-time.After(pollInterval):
		}
	}
}

// look returns what the first object that waits does wait for, empty if none does. One that won't get ready is an error.
func (m Model) look(ctx context.Context, made []*unstructured.Unstructured, said map[string]string) (waiting string, err error) {
	for _, object := range made {
		if err := m.Cluster.Client.Get(ctx, client.ObjectKeyFromObject(object), object); err != nil && ctx.Err() == nil {
			return "", err
		}
		result, err := status.Compute(object)
		if err != nil {
			return "", err
		}
		text := object.GetKind() + ": " + result.Message
		if said[object.GetKind()] != text && result.Message != "" {
			said[object.GetKind()] = text
			fmt.Fprintln(m.Log, "  "+text)
		}
		switch result.Status {
		case status.CurrentStatus:
		case status.FailedStatus:
			return "", errors.New(text)
		default:
			if waiting == "" { // the others may wait for this one
				waiting = text
			}
		}
	}
	return waiting, nil
}

// ask runs the smoke test through a port of this machine.
func (m Model) ask(ctx context.Context, namespace string) error {
	forwarded, err := forward(ctx, m.Cluster, namespace)
	if err != nil {
		return err
	}
	defer forwarded.stop()
	out, err := exec.CommandContext(ctx, m.Server, "smoke", "--url", forwarded.url).CombinedOutput()
	fmt.Fprintf(m.Log, "%s", out)
	if err != nil {
		return fmt.Errorf("the smoke test of the served model failed: %w", err)
	}
	return nil
}
