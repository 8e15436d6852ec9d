// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cluster is how the verbs of the plugin reach a cluster: with the flags and the kubeconfig of kubectl, as the
// person who calls it.
package cluster

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// FieldManager owns the fields that the plugin writes.
const FieldManager = "kubectl-trainyard"

// Flags choose a cluster, a namespace and a user, as those of kubectl do.
type Flags struct {
	config *genericclioptions.ConfigFlags
}

// NewFlags returns the flags with kubectl's defaults.
func NewFlags() *Flags { return &Flags{config: genericclioptions.NewConfigFlags(true)} }

// AddTo adds the flags to a command and all below it.
func (f *Flags) AddTo(command *cobra.Command) { f.config.AddFlags(command.PersistentFlags()) }

// Cluster is a cluster as one user sees it.
type Cluster struct {
	Client    client.WithWatch
	Clientset kubernetes.Interface
	Config    *rest.Config
	// Namespace is that of the flags or of the kubeconfig's context.
	Namespace string
}

// Connect returns the cluster that the flags choose. It asks the cluster nothing yet.
func (f *Flags) Connect() (*Cluster, error) {
	config, err := f.config.ToRESTConfig()
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	namespace, _, err := f.config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return nil, fmt.Errorf("read the namespace from the kubeconfig: %w", err)
	}
	return New(config, namespace)
}

// New returns the cluster of a configuration.
func New(config *rest.Config, namespace string) (*Cluster, error) {
	config = rest.CopyConfig(config)
	config.QPS = -1 // the API server's priority and fairness bounds a person's few requests
	scheme, err := newScheme()
	if err != nil {
		return nil, err
	}
	c, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	clientset, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	return &Cluster{Client: c, Clientset: clientset, Config: config, Namespace: namespace}, nil
}

func newScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return nil, err
	}
	return scheme, v1alpha1.AddToScheme(scheme)
}

// Patch writes a merge patch onto an object, which is then as the API server has it.
func (c *Cluster) Patch(ctx context.Context, object client.Object, patch []byte) error {
	err := c.Client.Patch(ctx, object, client.RawPatch("application/merge-patch+json", patch), client.FieldOwner(FieldManager))
	if err != nil {
		return fmt.Errorf("patch %s: %w", object.GetName(), err)
	}
	return nil
}
