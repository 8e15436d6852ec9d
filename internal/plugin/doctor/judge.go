// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
	"github.com/trainyard-dev/trainyard/internal/plugin/verb"
)

// level is how bad a finding is.
type level string

const (
	// fine is as it should be.
	fine level = "ok"
	// note may be meant, or may be why something else is wrong.
	note level = "note"
	// fault keeps something from working.
	fault level = "fault"
)

// finding is what was found of a subject, and what to do about it.
type finding struct {
	Level   level  `json:"level"`
	Subject string `json:"subject"`
	Message string `json:"message"`
	Remedy  string `json:"remedy,omitempty"`
}

// judge makes findings of what was gathered. Each function is about one subject.
func judge(d *data) []finding {
	var all []finding
	for _, of := range []func(*data) []finding{
		judgeKinds, judgeManager, judgeStorage, judgeClaims, judgeQuotas, judgeMetrics, judgeNetwork, judgeObjects, judgePods, judgeRights,
	} {
		all = append(all, of(d)...)
	}
	return all
}

func judgeKinds(d *data) []finding {
	const subject = "CustomResourceDefinitions"
	for _, want := range []string{verb.Servers, verb.Runs} {
		if !slices.Contains(d.kinds, want) {
			return []finding{{
				fault, subject, fmt.Sprintf("the API server has no %s.%s in version %s", want, v1alpha1.GroupVersion.Group, v1alpha1.GroupVersion.Version),
				"install Trainyard of this plugin's version: make deploy",
			}}
		}
	}
	return []finding{{Level: fine, Subject: subject, Message: fmt.Sprintf("%s is served by Kubernetes %s", v1alpha1.GroupVersion, d.serverVersion)}}
}

func judgeManager(d *data) []finding {
	const subject = "Manager"
	if len(d.managers) == 0 {
		if unreadable(d, "Deployments") {
			return []finding{{
				note, subject, "you may not look into namespace " + d.managerNamespace, "ask who installed Trainyard, or name its namespace by --manager-namespace",
			}}
		}
		return []finding{{
			fault, subject, fmt.Sprintf("there is none in namespace %s, so nobody acts on TrainingRuns and ModelServers", d.managerNamespace),
			"install it, or name the namespace that it is in by --manager-namespace",
		}}
	}
	var all []finding
	for i := range d.managers {
		all = append(all, judgeDeployment(&d.managers[i], subject))
	}
	for i := range d.managerPods {
		if problem := podstate.FindProblem(&d.managerPods[i]); problem.Message != "" {
			all = append(all, finding{fault, "Pod " + d.managerPods[i].Name, problem.Message, "the manager works once its pod runs"})
		}
	}
	return all
}

func judgeDeployment(deployment *appsv1.Deployment, subject string) finding {
	what := ""
	if containers := deployment.Spec.Template.Spec.Containers; len(containers) > 0 {
		what = containers[0].Image
		if len(containers[0].Args) > 0 {
			what += " " + strings.Join(containers[0].Args, " ")
		}
	}
	if deployment.Status.AvailableReplicas == 0 {
		return finding{
			fault, subject, fmt.Sprintf("Deployment %s has no available pod: %s", deployment.Name, what),
			fmt.Sprintf("kubectl describe deployment %s -n %s", deployment.Name, deployment.Namespace),
		}
	}
	return finding{Level: fine, Subject: subject, Message: fmt.Sprintf("%d of %d available: %s", deployment.Status.AvailableReplicas, ptr.Deref(deployment.Spec.Replicas, 1), what)}
}

// unreadable tells whether something couldn't be listed.
func unreadable(d *data, what string) bool {
	return slices.ContainsFunc(d.unread, func(text string) bool { return strings.HasPrefix(text, what+":") })
}

const defaultClassAnnotation = "storageclass.kubernetes.io/is-default-class"

func judgeStorage(d *data) []finding {
	const subject = "StorageClasses"
	if unreadable(d, subject) {
		return nil
	}
	var names []string
	for _, class := range d.storageClasses {
		if class.Annotations[defaultClassAnnotation] == "true" {
			return []finding{{Level: fine, Subject: subject, Message: class.Name + " is the default"}}
		}
		names = append(names, class.Name)
	}
	if len(names) == 0 {
		return []finding{{note, subject, "there are none: a claim for models is bound only to a volume that somebody creates", "install a provisioner, or publish models to a bucket by spec.output.uri"}}
	}
	return []finding{{note, subject, "none is the default: a claim that names none isn't bound", "name one in the claim's storageClassName: " + strings.Join(names, ", ")}}
}

func judgeClaims(d *data) []finding {
	var all []finding
	for _, claim := range d.claims {
		subject := "PersistentVolumeClaim " + claim.Name
		used := usedBy(d, claim.Name)
		switch {
		case claim.Status.Phase == corev1.ClaimLost:
			all = append(all, finding{fault, subject, "its volume is lost", "bring the volume back, or create the claim anew and train again"})
		case claim.Status.Phase == corev1.ClaimPending && used:
			all = append(all, finding{note, subject, "it isn't bound: some are bound only when a pod wants them", "kubectl describe pvc " + claim.Name})
		case used && slices.Equal(claim.Status.AccessModes, []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOncePod}):
			all = append(all, finding{
				fault, subject, "it is ReadWriteOncePod, so no server can read a model while another pod has the volume", "use ReadWriteMany or ReadWriteOnce for models",
			})
		case used && slices.Equal(claim.Status.AccessModes, []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}):
			all = append(all, finding{
				note, subject, "it is ReadWriteOnce: all pods that use it run on one node", "for replicas on several nodes use ReadWriteMany, or a bucket",
			})
		}
	}
	return all
}

// usedBy tells whether a run or a server names a claim.
func usedBy(d *data, claim string) bool {
	return slices.ContainsFunc(d.runs, func(run v1alpha1.TrainingRun) bool {
		return run.Spec.Output.PVC.ClaimName == claim || run.Spec.Dataset.PVC != nil && run.Spec.Dataset.PVC.ClaimName == claim
	}) || slices.ContainsFunc(d.servers, func(server v1alpha1.ModelServer) bool {
		return server.Spec.Model.Source != nil && server.Spec.Model.Source.PVC.ClaimName == claim
	})
}

func judgeQuotas(d *data) []finding {
	var all []finding
	for _, quota := range d.quotas {
		var full []string
		for name, hard := range quota.Status.Hard {
			if used, known := quota.Status.Used[name]; known && used.Cmp(hard) >= 0 && !hard.IsZero() {
				full = append(full, fmt.Sprintf("%s (%s of %s)", name, used.String(), hard.String()))
			}
		}
		slices.Sort(full)
		if len(full) > 0 {
			all = append(all, finding{
				fault, "ResourceQuota " + quota.Name, "it is used up: " + strings.Join(full, ", "),
				"raise it, or free some: a rollout needs room for a second revision beside the live one",
			})
		}
	}
	return all
}

func judgeMetrics(d *data) []finding {
	if d.metrics {
		return []finding{{Level: fine, Subject: "metrics-server", Message: "the API server serves the metrics of pods"}}
	}
	for _, server := range d.servers {
		if server.Spec.Autoscaling != nil {
			return []finding{{
				fault, "metrics-server", fmt.Sprintf("there is none, and ModelServer %s is to be scaled by CPU or memory", server.Name),
				"install metrics-server, or leave spec.autoscaling out",
			}}
		}
	}
	return []finding{{note, "metrics-server", "there is none: spec.autoscaling would read no CPU and memory", "install metrics-server before you scale by them"}}
}

// judgeNetwork finds policies that keep the manager, or tests, from pods of Trainyard.
func judgeNetwork(d *data) []finding {
	var all []finding
	for _, policy := range d.policies {
		if !slices.Contains(policy.Spec.PolicyTypes, networkingv1.PolicyTypeIngress) {
			continue
		}
		selector, err := metav1.LabelSelectorAsSelector(&policy.Spec.PodSelector)
		if err != nil {
			continue
		}
		selects := slices.ContainsFunc(d.pods, func(pod corev1.Pod) bool { return selector.Matches(labels.Set(pod.Labels)) })
		if selects || selector.Empty() {
			all = append(all, finding{
				note, "NetworkPolicy " + policy.Name, "it restricts who reaches pods of Trainyard",
				fmt.Sprintf("let port 8080 be reached from namespace %s, for progress, and within namespace %s, for smoke tests", d.managerNamespace, d.namespace),
			})
		}
	}
	return all
}

func judgeObjects(d *data) []finding {
	var all []finding
	add := func(subject string, conditions []metav1.Condition) {
		if stalled := meta.FindStatusCondition(conditions, v1alpha1.StalledCondition); stalled != nil && stalled.Status == metav1.ConditionTrue {
			all = append(all, finding{fault, subject, stalled.Reason + ": " + stalled.Message, "docs/trainingrun.md and docs/modelserver.md say what to do about " + stalled.Reason})
			return
		}
		ready := meta.FindStatusCondition(conditions, v1alpha1.ReadyCondition)
		switch {
		case ready == nil:
			all = append(all, finding{fault, subject, "nobody has acted on it: its status is empty", "see what is found of the manager"})
		case ready.Status == metav1.ConditionTrue:
			all = append(all, finding{Level: fine, Subject: subject, Message: ready.Reason})
		default:
			all = append(all, finding{note, subject, ready.Reason + ": " + ready.Message, "it is on its way; kubectl trainyard status --watch shows it"})
		}
	}
	for i := range d.servers {
		add("ModelServer "+d.servers[i].Name, d.servers[i].Status.Conditions)
	}
	for i := range d.runs {
		add("TrainingRun "+d.runs[i].Name, d.runs[i].Status.Conditions)
	}
	return all
}

func judgePods(d *data) []finding {
	var all []finding
	for i := range d.pods {
		problem := podstate.FindProblem(&d.pods[i])
		if problem.Message == "" {
			continue
		}
		remedy := "kubectl describe pod " + d.pods[i].Name
		if problem.Reason == v1alpha1.ImagePullBackOffReason {
			remedy = "push the image, correct its name, or give the nodes access to its registry"
		}
		all = append(all, finding{fault, "Pod " + d.pods[i].Name, problem.Message, remedy})
	}
	return all
}

func judgeRights(d *data) []finding {
	if len(d.denied) == 0 {
		return []finding{{Level: fine, Subject: "Your rights", Message: "you may use each verb in namespace " + d.namespace}}
	}
	missing := map[string][]string{}
	var verbs []string
	for _, denied := range d.denied {
		if len(missing[denied.verb]) == 0 {
			verbs = append(verbs, denied.verb)
		}
		missing[denied.verb] = append(missing[denied.verb], denied.right)
	}
	var all []finding
	for _, name := range verbs {
		all = append(all, finding{
			note, "Your rights", fmt.Sprintf("kubectl trainyard %s needs: %s", name, strings.Join(missing[name], ", ")),
			"have the ClusterRole trainyard-edit, or edit, bound to you in namespace " + d.namespace,
		})
	}
	return all
}
