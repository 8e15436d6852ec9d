// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/test/monitoring"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

const monitoringConfig = "../../config/monitoring"

// onlyAfterAFault are the alerts that nothing in the spec below makes true, each with why. Their expressions are tested by
// promtool's unit tests alone.
var onlyAfterAFault = map[string]string{
	"TrainyardNoLeader":               "the manager of these tests elects no leader",
	"TrainyardReconcileErrors":        "no reconcile fails for long",
	"TrainyardAPIWritesFail":          "the API server refuses nothing",
	"TrainyardProgressUnreachable":    "depends on how often a run is asked that doesn't answer",
	"TrainyardModelServerUnavailable": "the live replicas stay available",
	"TrainyardRollbackBlocked":        "the fallback stays ready",
	"TrainyardCandidateStuck":         "takes an hour",
	"TrainyardTrainingStalled":        "takes an hour",
	"TrainyardServerErrors":           "the server answers no 5xx",
	"TrainyardServerSlow":             "the server is fast enough, unless this machine is slow",
	"TrainyardPredictionsDrift":       "depends on what a model of one epoch answered on its few test images",
}

// question is an expression of a rule or a panel.
type question struct{ about, expr string }

// questions are the expressions of all rules and panels, as Grafana would send them.
func questions() []question {
	GinkgoHelper()
	rules, err := monitoring.Rules(monitoringConfig)
	Expect(err).NotTo(HaveOccurred())
	var all []question
	for _, r := range rules {
		all = append(all, question{r.Alert + r.Record, r.Expr})
	}
	dashboards, err := monitoring.Dashboards(monitoringConfig)
	Expect(err).NotTo(HaveOccurred())
	variables := strings.NewReplacer("$namespace", ".*", "$modelserver", ".*", "$trainingrun", ".*", "$__rate_interval", "1m")
	for _, d := range dashboards {
		for _, panel := range d.Panels {
			for _, target := range panel.Targets {
				all = append(all, question{d.Title + ": " + panel.Title, variables.Replace(target.Expr)})
			}
		}
	}
	return all
}

// The real Prometheus scrapes the manager, a server and a runner that trains, while rollouts and runs go well and badly; a
// rule or panel that finds nothing all the while is wrong. How pods are found by the monitors isn't part of it.
var _ = Describe("Prometheus", func() {
	It("finds data for every rule and panel", func(ctx SpecContext) {
		program, runner, server := os.Getenv("PROMETHEUS"), os.Getenv("RUNNER"), os.Getenv("SERVER")
		if program == "" || runner == "" || server == "" {
			Skip("PROMETHEUS, RUNNER and SERVER don't name programs: make test-monitoring builds them")
		}
		folder := GinkgoT().TempDir()
		manager := httptest.NewServer(promhttp.HandlerFor(ctrlmetrics.Registry, promhttp.HandlerOpts{}))
		DeferCleanup(manager.Close)
		run(ctx, folder, runner, "generate-data", "--out", "pets", "--samples-per-class", "20", "--image-size", "64")
		run(ctx, folder, runner, "train", "--data", "pets", "--image-size", "64", "--epochs", "1", "--batch-size", "8", "--output", "models")
		models, err := filepath.Glob(folder + "/models/*/model.onnx")
		Expect(err).NotTo(HaveOccurred())
		Expect(models).To(HaveLen(1))
		serverAt, runnerAt, prometheusAt := freeAddress(), freeAddress(), freeAddress()
		host, port, err := net.SplitHostPort(serverAt)
		Expect(err).NotTo(HaveOccurred())
		stopServer := start(folder, server, "serve", "--model", models[0], "--address", host, "--port", port)
		start(folder, runner, "train", "--data", "pets", "--image-size", "64", "--epochs", "10000", "--batch-size", "8", "--output", "training", "--listen", runnerAt)
		go predict(ctx, "http://"+serverAt+"/predict", filepath.Join(folder, "pets/cat/cat.00000.jpg"))
		writeConfig(folder, map[string]string{"trainyard-manager": manager.Listener.Addr().String(), "trainyard-server": serverAt, "trainyard-runner": runnerAt})
		start(folder, program, "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--web.listen-address="+prometheusAt)

		open := questions()
		total := len(open)
		// answered leaves out the questions that Prometheus has an answer to by now, and says whether that about what is among them.
		answered := func(about ...string) func() []string {
			return func() []string {
				open = slices.DeleteFunc(open, func(q question) bool { return ask(ctx, "http://"+prometheusAt, q.expr) })
				var left []string
				for _, q := range open {
					if len(about) == 0 && onlyAfterAFault[q.about] == "" || slices.Contains(about, q.about) {
						left = append(left, q.about)
					}
				}
				return left
			}
		}
		const limit, interval = 3 * time.Minute, time.Second
		has := func(about ...string) {
			GinkgoHelper()
			Eventually(answered(about...)).WithTimeout(limit).WithPolling(interval).Should(BeEmpty(), "of %d expressions, these found nothing", total)
		}
		has("Trainyard / Operator: Memory of the manager") // so that what happens now is seen to grow

		cluster, pets := startServers(ctx)
		Expect(k8s.Create(ctx, wrappers.MakeModelServer("pets", pets.namespace, "run-1").Obj())).To(Succeed())
		pets.reaches(ctx, v1alpha1.ServingReason)
		cluster.model(digestOf("2"), failsSmoke)
		pets.serve(ctx, "run-2")
		pets.reaches(ctx, v1alpha1.SmokeFailedReason)
		has("TrainyardRolloutRejected", "TrainyardModelServerNotReady")
		cluster.model(digestOf("2"), failsBake)
		pets.update(ctx, func(server *v1alpha1.ModelServer) { server.Spec.Retry = "again" })
		pets.reaches(ctx, v1alpha1.BakeFailedReason)
		has("TrainyardRolloutRolledBack")
		cluster.model(digestOf("2"), behavesWell)
		pets.update(ctx, func(server *v1alpha1.ModelServer) {
			server.Spec.Retry, server.Spec.Promotion.Mode = "and again", v1alpha1.ManualPromotion
		})
		pets.reaches(ctx, v1alpha1.AwaitingPromotionReason)
		endRuns(ctx)
		down := []string{"TrainyardManagerDown", "TrainyardServerDown"}
		Eventually(func() []string {
			return slices.DeleteFunc(answered()(), func(about string) bool { return slices.Contains(down, about) })
		}).WithTimeout(limit).WithPolling(interval).Should(BeEmpty(), "of %d expressions, these found nothing", total)

		By("ending server and manager")
		stopServer()
		manager.Close()
		has(down...)
		AddReportEntry("monitoring", fmt.Sprintf("%d expressions, %d with data; only after a fault: %d", total, total-len(open), len(open)))
	})
})

// ask tells whether an expression yields a number.
func ask(ctx context.Context, prometheus, expr string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, prometheus+"/api/v1/query?query="+url.QueryEscape(expr), nil)
	Expect(err).NotTo(HaveOccurred())
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false // it is starting
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode == http.StatusServiceUnavailable {
		return false
	}
	var answer struct {
		Status, Error string
		Data          struct {
			Result []struct{ Value []any }
		}
	}
	Expect(json.NewDecoder(response.Body).Decode(&answer)).To(Succeed())
	Expect(answer.Status).To(Equal("success"), "%s: %s", expr, answer.Error)
	for _, series := range answer.Data.Result {
		if len(series.Value) == 2 && series.Value[1] != "NaN" {
			return true
		}
	}
	return false
}

// writeConfig has Prometheus scrape these addresses, by job, with the labels that the monitors add.
func writeConfig(folder string, addresses map[string]string) {
	GinkgoHelper()
	rules, err := monitoring.RuleFile(monitoringConfig)
	Expect(err).NotTo(HaveOccurred())
	Expect(os.WriteFile(filepath.Join(folder, "rules.yml"), rules, 0o600)).To(Succeed())
	labels := map[string]string{
		"trainyard-manager": `pod: manager`,
		"trainyard-server":  `namespace: zoo, modelserver: pets, revision: pets-1, pod: pets-1-x`,
		"trainyard-runner":  `namespace: zoo, trainingrun: pets, pod: pets-x`,
	}
	var b strings.Builder
	b.WriteString("global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [rules.yml]\nscrape_configs:\n")
	for job, address := range addresses {
		fmt.Fprintf(&b, "- {job_name: %s, honor_labels: true, static_configs: [{targets: ['%s'], labels: {%s}}]}\n", job, address, labels[job])
	}
	Expect(os.WriteFile(filepath.Join(folder, "prometheus.yml"), []byte(b.String()), 0o600)).To(Succeed())
}

// predict sends a picture to a server until ctx ends.
func predict(ctx context.Context, url, picture string) {
	image, err := os.ReadFile(picture)
	if err != nil {
		return // the spec finds no request
	}
	for ctx.Err() == nil {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(image))
		if err != nil {
			return
		}
		request.Header.Set("Content-Type", "image/jpeg")
		if response, err := http.DefaultClient.Do(request); err == nil {
			_ = response.Body.Close()
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// freeAddress is an address on which nothing listens.
func freeAddress() string {
	GinkgoHelper()
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// run runs a program to its end.
func run(ctx context.Context, folder, program string, arguments ...string) {
	GinkgoHelper()
	command := exec.CommandContext(ctx, program, arguments...) //nolint:gosec // the programs to be watched
	command.Dir = folder
	out, err := command.CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), "%s: %s", program, out)
}

// start starts a program that runs until the spec ends, or until what is returned is called.
func start(folder, program string, arguments ...string) (stop func()) {
	GinkgoHelper()
	command := exec.Command(program, arguments...) //nolint:gosec // the programs to be watched
	command.Dir, command.Stdout, command.Stderr = folder, GinkgoWriter, GinkgoWriter
	Expect(command.Start()).To(Succeed())
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			_ = command.Process.Kill()
			_ = command.Wait()
		}
	}
	DeferCleanup(stop)
	return stop
}
