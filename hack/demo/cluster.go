// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"text/template"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/hack/demo/internal/effort"
	"github.com/trainyard-dev/trainyard/hack/prober/probe"
)

//go:embed manifests
var manifests embed.FS

// demo talks to one cluster.
type demo struct {
	settings settings
	client   client.Client
	clients  *kubernetes.Clientset

	effort      effort.Effort
	minAccuracy float64 // 0 if it isn't known
	picture     string  // to predict; drawn if empty
}

func newDemo(s settings) (*demo, error) {
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		clientcmd.NewDefaultClientConfigLoadingRules(), nil).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	if err := v1alpha1.AddToScheme(scheme.Scheme); err != nil {
		return nil, err
	}
	c, err := client.New(config, client.Options{Scheme: scheme.Scheme})
	if err != nil {
		return nil, fmt.Errorf("make client: %w", err)
	}
	clients, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make client: %w", err)
	}
	return &demo{
		settings: s, client: c, clients: clients,
		effort: effort.Effort{ImageSize: 224, Epochs: 6}, minAccuracy: 0.90,
	}, os.MkdirAll(s.OutDir, 0o755)
}

// apply renders a manifest into a file and applies it, showing the command.
func (d *demo) apply(ctx context.Context, name string, more map[string]any) error {
	t, err := template.ParseFS(manifests, "manifests/"+name)
	if err != nil {
		return fmt.Errorf("parse manifest %s: %w", name, err)
	}
	values := map[string]any{
		"Data": d.settings.Data, "ImageSize": d.effort.ImageSize, "Epochs": d.effort.Epochs,
		"ProberImage": d.settings.ProberImage, "ProbeInterval": d.settings.ProbeInterval,
	}
	for k, v := range more {
		values[k] = v
	}
	var buf bytes.Buffer
	if err := t.Execute(&buf, values); err != nil {
		return fmt.Errorf("render manifest %s: %w", name, err)
	}
	file := filepath.Join(d.settings.OutDir, name)
	if err := os.WriteFile(file, buf.Bytes(), 0o644); err != nil {
		return err
	}
	return d.kubectl(ctx, "apply", "-f", file)
}

// kubectl runs kubectl, showing the command and what it prints.
func (d *demo) kubectl(ctx context.Context, args ...string) error {
	fmt.Print("$ kubectl")
	for _, a := range args {
		fmt.Print(" ", a)
	}
	fmt.Println()
	cmd := exec.CommandContext(ctx, d.settings.Kubectl, args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("kubectl %s: %w", args[0], err)
	}
	return nil
}

// explain shows what the cluster looks like when a step has failed.
func (d *demo) explain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for _, args := range [][]string{
		{"get", "trainingruns,modelservers,jobs,deployments,pods,persistentvolumeclaims", "-n", namespace, "-o", "wide"},
		{"get", "events", "-n", namespace, "--sort-by=.lastTimestamp"},
		{"logs", "-n", "trainyard-system", "deployment/trainyard-manager", "--tail=30"},
	} {
		_ = d.kubectl(ctx, args...)
	}
}

// postToService sends a body to a path of the ModelServer's Service, by way of the API server.
func (d *demo) postToService(ctx context.Context, path, contentType string, body []byte) ([]byte, error) {
	return d.clients.CoreV1().RESTClient().Post().Namespace(namespace).Resource("services").
		Name(server+":http").SubResource("proxy").Suffix(path).
		SetHeader("Content-Type", contentType).Body(body).DoRaw(ctx)
}

// probed asks the prober what it has seen.
func (d *demo) probed(ctx context.Context) (probe.Report, error) {
	data, err := d.clients.CoreV1().RESTClient().Get().Namespace(namespace).Resource("pods").
		Name("prober:8080").SubResource("proxy").Suffix("stats").DoRaw(ctx)
	if err != nil {
		return probe.Report{}, fmt.Errorf("ask the prober: %w", err)
	}
	var report probe.Report
	if err := json.Unmarshal(data, &report); err != nil {
		return probe.Report{}, fmt.Errorf("decode the prober's answer: %w", err)
	}
	return report, nil
}

// waitForProber waits until the prober has had its first answers.
func (d *demo) waitForProber(ctx context.Context) error {
	return poll(ctx, time.Minute, func() (bool, error) {
		var pod corev1.Pod
		if err := d.client.Get(ctx, types.NamespacedName{Namespace: namespace, Name: "prober"}, &pod); err != nil {
			return false, err
		}
		if pod.Status.Phase != corev1.PodRunning {
			return false, nil
		}
		report, err := d.probed(ctx)
		if err != nil {
			return false, nil //nolint:nilerr // it isn't listening yet
		}
		return report.Fresh.Requests > 0 && report.Pooled.Requests > 0, nil
	})
}

// poll asks done twice a second until it is true, fails, or the time is over.
func poll(ctx context.Context, limit time.Duration, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		ok, err := done()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not done after %s: %w", limit, ctx.Err())
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// condition returns a condition that is True and about this generation, or nil.
func condition(conditions []metav1.Condition, name string, generation int64) *metav1.Condition {
	for i, c := range conditions {
		if c.Type == name && c.Status == metav1.ConditionTrue && c.ObservedGeneration == generation {
			return &conditions[i]
		}
	}
	return nil
}

func ready(conditions []metav1.Condition, generation int64) bool {
	return condition(conditions, v1alpha1.ReadyCondition, generation) != nil
}

func metric(metrics []v1alpha1.Metric, name string) float64 {
	for _, m := range metrics {
		if m.Name == name {
			v, _ := strconv.ParseFloat(m.Value, 64)
			return v
		}
	}
	return 0
}
