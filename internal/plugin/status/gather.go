// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"context"
	"fmt"
	"slices"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/plugin/cluster"
)

// Gather reads all that belongs to what was found. What the user may not read is noted and left out.
func Gather(ctx context.Context, c *cluster.Cluster, found cluster.Found) (Data, error) {
	var data Data
	if found.Server != nil {
		server, err := gatherServer(ctx, c, found.Server)
		if err != nil {
			return Data{}, err
		}
		data.Servers = append(data.Servers, server)
	}
	if found.Run != nil {
		run, err := gatherRun(ctx, c, found.Run)
		if err != nil {
			return Data{}, err
		}
		data.Runs = append(data.Runs, run)
	}
	return data, nil
}

// GatherAll reads the objects of the namespace without what belongs to them.
func GatherAll(ctx context.Context, c *cluster.Cluster) (Data, error) {
	var servers v1alpha1.ModelServerList
	if err := c.Client.List(ctx, &servers, client.InNamespace(c.Namespace)); err != nil {
		return Data{}, cluster.Explain(fmt.Errorf("list ModelServers: %w", err))
	}
	var runs v1alpha1.TrainingRunList
	if err := c.Client.List(ctx, &runs, client.InNamespace(c.Namespace)); err != nil {
		return Data{}, cluster.Explain(fmt.Errorf("list TrainingRuns: %w", err))
	}
	var data Data
	for i := range servers.Items {
		data.Servers = append(data.Servers, Server{Object: trimmed(&servers.Items[i])})
	}
	for i := range runs.Items {
		data.Runs = append(data.Runs, Run{Object: trimmed(&runs.Items[i])})
	}
	return data, nil
}

// trimmed leaves out of an object what nobody reads.
func trimmed[T client.Object](object T) T {
	object.SetManagedFields(nil)
	return object
}

// reader reads what belongs to one object, and notes what it may not.
type reader struct {
	*cluster.Cluster
	unread []string
}

// list reads a list. It says whether it could.
func (r *reader) list(ctx context.Context, what string, list client.ObjectList, options ...client.ListOption) (bool, error) {
	err := r.Client.List(ctx, list, append(options, client.InNamespace(r.Namespace))...)
	switch {
	case apierrors.IsForbidden(err):
		r.unread = append(r.unread, fmt.Sprintf("%s: you may not list them in namespace %s", what, r.Namespace))
		return false, nil
	case err != nil:
		return false, fmt.Errorf("list %s: %w", what, err)
	}
	return true, nil
}

// pods reads the pods with a label, and the events of those that don't run.
func (r *reader) pods(ctx context.Context, label, value string) ([]Pod, []Event, error) {
	var list corev1.PodList
	if ok, err := r.list(ctx, "pods", &list, client.MatchingLabels{label: value}); !ok {
		return nil, nil, err
	}
	var pods []Pod
	var events []Event
	for i := range list.Items {
		pod := podOf(&list.Items[i])
		pods = append(pods, pod)
		if pod.Problem == "" {
			continue
		}
		of, err := r.events(ctx, &list.Items[i])
		if err != nil {
			return nil, nil, err
		}
		events = append(events, of...)
	}
	return pods, events, nil
}

// events reads the events about an object.
func (r *reader) events(ctx context.Context, object client.Object) ([]Event, error) {
	var list corev1.EventList
	about := client.MatchingFieldsSelector{Selector: fields.OneTermEqualSelector("involvedObject.uid", string(object.GetUID()))}
	if ok, err := r.list(ctx, "events", &list, about); !ok {
		return nil, err
	}
	var events []Event
	for i := range list.Items {
		events = append(events, eventOf(&list.Items[i]))
	}
	return events, nil
}

// unreadOnce is what couldn't be read, each once.
func (r *reader) unreadOnce() []string {
	slices.Sort(r.unread)
	return slices.Compact(r.unread)
}

func gatherServer(ctx context.Context, c *cluster.Cluster, object *v1alpha1.ModelServer) (server Server, err error) {
	r := &reader{Cluster: c}
	server.Object = trimmed(object)
	var ofPods []Event
	if server.Pods, ofPods, err = r.pods(ctx, v1alpha1.ModelServerLabel, object.Name); err != nil {
		return server, err
	}
	if server.Autoscaler, err = r.autoscaler(ctx, object); err != nil {
		return server, err
	}
	if server.Endpoints, err = r.endpoints(ctx, object.Name); err != nil {
		return server, err
	}
	if server.Events, err = r.events(ctx, object); err != nil {
		return server, err
	}
	server.Pods, server.Events = sorted(server.Pods, append(server.Events, ofPods...))
	server.Unread = r.unreadOnce()
	return server, nil
}

// autoscaler reads the HorizontalPodAutoscaler of a server, which there may not be yet.
func (r *reader) autoscaler(ctx context.Context, server *v1alpha1.ModelServer) (*Autoscaler, error) {
	if server.Spec.Autoscaling == nil {
		return nil, nil
	}
	var found autoscalingv2.HorizontalPodAutoscaler
	err := r.Client.Get(ctx, client.ObjectKeyFromObject(server), &found)
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case apierrors.IsForbidden(err):
		r.unread = append(r.unread, fmt.Sprintf("HorizontalPodAutoscaler: you may not get it in namespace %s", r.Namespace))
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("get HorizontalPodAutoscaler %s: %w", server.Name, err)
	}
	return autoscalerOf(&found), nil
}

func autoscalerOf(found *autoscalingv2.HorizontalPodAutoscaler) *Autoscaler {
	a := &Autoscaler{
		Min: ptr.Deref(found.Spec.MinReplicas, 1), Max: found.Spec.MaxReplicas,
		Current: found.Status.CurrentReplicas, Desired: found.Status.DesiredReplicas,
	}
	current := map[string]string{}
	for _, metric := range found.Status.CurrentMetrics {
		if c := metric.ContainerResource; c != nil {
			current[string(c.Name)] = percent(c.Current.AverageUtilization)
		}
		if c := metric.Resource; c != nil {
			current[string(c.Name)] = percent(c.Current.AverageUtilization)
		}
	}
	for _, metric := range found.Spec.Metrics {
		a.Metrics = append(a.Metrics, metricText(metric, current))
	}
	return a
}

func percent(value *int32) string {
	if value == nil {
		return "unknown"
	}
	return fmt.Sprintf("%d %%", *value)
}

// metricText says what an autoscaler aims at and, of resources, what there is.
func metricText(metric autoscalingv2.MetricSpec, current map[string]string) string {
	of := func(name corev1.ResourceName, target autoscalingv2.MetricTarget) string {
		now, known := current[string(name)]
		if !known {
			now = "unknown"
		}
		return fmt.Sprintf("%s %s of %s", name, now, percent(target.AverageUtilization))
	}
	switch {
	case metric.ContainerResource != nil:
		return of(metric.ContainerResource.Name, metric.ContainerResource.Target)
	case metric.Resource != nil:
		return of(metric.Resource.Name, metric.Resource.Target)
	case metric.Pods != nil:
		return metric.Pods.Metric.Name
	case metric.Object != nil:
		return metric.Object.Metric.Name
	case metric.External != nil:
		return metric.External.Metric.Name
	}
	return string(metric.Type)
}

// endpoints reads what is behind the Service of a name.
func (r *reader) endpoints(ctx context.Context, service string) ([]Endpoint, error) {
	var list discoveryv1.EndpointSliceList
	if ok, err := r.list(ctx, "EndpointSlices", &list, client.MatchingLabels{discoveryv1.LabelServiceName: service}); !ok {
		return nil, err
	}
	var found []Endpoint
	for _, slice := range list.Items {
		for _, endpoint := range slice.Endpoints {
			e := Endpoint{Ready: ptr.Deref(endpoint.Conditions.Ready, true)}
			if endpoint.TargetRef != nil {
				e.Pod = endpoint.TargetRef.Name
			}
			for _, address := range endpoint.Addresses {
				e.Address = address
				found = append(found, e)
			}
		}
	}
	return found, nil
}

func gatherRun(ctx context.Context, c *cluster.Cluster, object *v1alpha1.TrainingRun) (run Run, err error) {
	r := &reader{Cluster: c}
	run.Object = trimmed(object)
	var ofPods []Event
	if run.Pods, ofPods, err = r.pods(ctx, v1alpha1.TrainingRunLabel, object.Name); err != nil {
		return run, err
	}
	var servers v1alpha1.ModelServerList
	if _, err := r.list(ctx, "ModelServers", &servers); err != nil {
		return run, err
	}
	run.ServedBy = servedBy(object, servers.Items)
	if run.Events, err = r.events(ctx, object); err != nil {
		return run, err
	}
	run.Pods, run.Events = sorted(run.Pods, append(run.Events, ofPods...))
	run.Unread = r.unreadOnce()
	return run, nil
}

// servedBy names the ModelServers that have a run's model, and what they have it as.
func servedBy(run *v1alpha1.TrainingRun, servers []v1alpha1.ModelServer) []string {
	if run.Status.Model == nil {
		return nil
	}
	var found []string
	for i := range servers {
		status := servers[i].Status
		for _, use := range []struct {
			as    string
			model *v1alpha1.RevisionModel
		}{{"live", modelOf(status.Live)}, {"fallback", modelOf(status.Fallback)}, {"candidate", candidateModel(status.Candidate)}} {
			if use.model != nil && use.model.SHA256 == run.Status.Model.SHA256 {
				found = append(found, fmt.Sprintf("%s (%s)", servers[i].Name, use.as))
			}
		}
	}
	return found
}

func modelOf(revision *v1alpha1.LiveRevision) *v1alpha1.RevisionModel {
	if revision == nil {
		return nil
	}
	return &revision.Model
}

func candidateModel(candidate *v1alpha1.CandidateRevision) *v1alpha1.RevisionModel {
	if candidate == nil {
		return nil
	}
	return &candidate.Model
}
