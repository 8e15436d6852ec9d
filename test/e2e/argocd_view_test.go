// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// argoPolling is how often Argo CD is asked: each question has it compare everything.
const argoPolling = time.Second

// argoHealth is what Argo CD says of the health of an Application or of a resource.
type argoHealth struct{ Status, Message string }

// argoResource is what Argo CD says of an object in Git.
type argoResource struct {
	Kind, Name string
	Status     string // Synced, or OutOfSync
	Health     argoHealth
}

// argoApplication is what Argo CD says of an Application, by the names of its API.
type argoApplication struct {
	Status struct {
		Sync       struct{ Status string }
		Health     argoHealth
		Resources  []argoResource
		Conditions []struct{ Type, Message string }
		// OperationState is the newest sync.
		OperationState struct {
			Phase, Message string
			RetryCount     int
		}
	}
}

// resource returns what it says of one of its objects.
func (a argoApplication) resource(kind, name string) argoResource {
	for _, r := range a.Status.Resources {
		if r.Kind == kind && r.Name == name {
			return r
		}
	}
	return argoResource{}
}

// application asks Argo CD about an Application, as the button Refresh of its page does: Git and the cluster are read anew.
func (cd *argoCD) application(ctx context.Context, name string) (argoApplication, error) {
	var a argoApplication
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+cd.server+"/api/v1/applications/"+name+"?refresh=normal", http.NoBody)
	if err != nil {
		return a, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return a, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return a, err
	}
	if response.StatusCode != http.StatusOK {
		return a, fmt.Errorf("ask about Application %s: %s: %s", name, response.Status, body)
	}
	return a, json.Unmarshal(body, &a)
}

// eventuallyShows waits until Argo CD shows an object of an Application with a health, for a reason of Ready.
func (cd *argoCD) eventuallyShows(ctx context.Context, application, kind, name, health, reason string) {
	GinkgoHelper()
	var shown argoHealth
	Eventually(func(g Gomega) {
		a, err := cd.application(ctx, application)
		g.Expect(err).NotTo(HaveOccurred())
		shown = a.resource(kind, name).Health
		g.Expect(shown.Status).To(Equal(health), "%+v", a.Status)
		g.Expect(shown.Message).To(HavePrefix(reason + ":"))
	}).WithContext(ctx).WithTimeout(trainingLimit).WithPolling(argoPolling).Should(Succeed())
	AddReportEntry("Argo CD shows", fmt.Sprintf("%s %s: %s, %s", kind, name, shown.Status, shown.Message))
}

// eventuallyIs waits until Argo CD shows an Application with a health, and with all that is in Git applied.
func (cd *argoCD) eventuallyIs(ctx context.Context, application, health string) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		a, err := cd.application(ctx, application)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(a.Status.Health.Status).To(Equal(health), "%+v", a.Status)
		g.Expect(a.Status.Sync.Status).To(Equal("Synced"), "%+v", a.Status)
	}).WithContext(ctx).WithTimeout(trainingLimit).WithPolling(argoPolling).Should(Succeed())
}

// staysSynced asserts that Argo CD finds no difference between Git and the cluster, however often it looks.
func (cd *argoCD) staysSynced(ctx context.Context, application string) {
	GinkgoHelper()
	Consistently(func(g Gomega) {
		a, err := cd.application(ctx, application)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(a.Status.Sync.Status).To(Equal("Synced"), "%+v", a.Status)
		g.Expect(a.Status.Resources).NotTo(BeEmpty())
		for _, r := range a.Status.Resources {
			g.Expect(r.Status).To(Equal("Synced"), "%s %s", r.Kind, r.Name)
		}
	}).WithContext(ctx).WithTimeout(4 * time.Second).WithPolling(argoPolling).Should(Succeed())
}

// act runs an action on an object, as a person does by Argo CD's command line.
func (cd *argoCD) act(ctx context.Context, application, kind, name, action string) {
	GinkgoHelper()
	output, err := cd.tryAct(ctx, application, kind, name, action)
	Expect(err).NotTo(HaveOccurred(), "%s %s: %s", action, name, output)
}

// tryAct is act, and returns what Argo CD answers.
func (cd *argoCD) tryAct(ctx context.Context, application, kind, name, action string) (string, error) {
	command := exec.CommandContext(ctx, argoProgram, "app", "actions", "run", application, action, "--kind", kind, "--resource-name", name,
		"--server", cd.server, "--plaintext")
	command.Env = cd.environment("ARGOCD_BINARY_NAME=argocd")
	output, err := command.CombinedOutput()
	return string(output), err
}
