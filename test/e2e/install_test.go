// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// What hack/lib.sh has brought to the cluster: the images of a registry with two tags.
var (
	helm            = os.Getenv("HELM")
	installRegistry = os.Getenv("INSTALL_REGISTRY")
	installTag      = os.Getenv("INSTALL_TAG")
	nextTag         = os.Getenv("NEXT_TAG")
)

const (
	repository = "../.."
	chart      = repository + "/dist/chart"
	release    = "trainyard"
)

// way is one to install the operator, to upgrade it and to remove it.
type way struct {
	// namespace is that of the manager.
	namespace string
	// install brings an installation to a tag of the images.
	install func(ctx context.Context, tag string)
	// uninstall removes it, as docs/install.md says.
	uninstall func(ctx context.Context)
}

// byHelm installs the chart. From the second tag on, the manager has another flag too.
func byHelm() way {
	return way{
		namespace: managerNamespace,
		install: func(ctx context.Context, tag string) {
			GinkgoHelper()
			args := []string{
				"upgrade", "--install", release, chart, "--namespace", managerNamespace, "--create-namespace", "--wait", "--timeout=3m",
				"--set", "images.registry=" + installRegistry, "--set", "images.tag=" + tag,
			}
			if tag != installTag {
				args = append(args, "--set", "manager.args={--zap-log-level=debug}")
			}
			helmRun(ctx, args...)
		},
		uninstall: func(ctx context.Context) {
			GinkgoHelper()
			helmRun(ctx, "uninstall", release, "--namespace", managerNamespace, "--wait")
		},
	}
}

// byManifest applies what make build-installer writes.
func byManifest() way {
	manifest := func(ctx context.Context, tag string) string {
		GinkgoHelper()
		manifests, err := exec.CommandContext(ctx, "go", "-C", repository, "run", "./hack/installer", "--registry="+installRegistry, "--tag="+tag).Output()
		Expect(err).NotTo(HaveOccurred())
		path := filepath.Join(GinkgoT().TempDir(), "install.yaml")
		Expect(os.WriteFile(path, manifests, 0o600)).To(Succeed())
		return path
	}
	return way{
		namespace: managerNamespace,
		install: func(ctx context.Context, tag string) {
			GinkgoHelper()
			kubectlRun(ctx, "apply", "--server-side", "--force-conflicts", "-f", manifest(ctx, tag))
			kubectlRun(ctx, "rollout", "status", "deployment/"+managerName, "-n", managerNamespace, "--timeout=3m")
		},
		uninstall: func(ctx context.Context) {
			GinkgoHelper()
			kubectlRun(ctx, "delete", "-f", manifest(ctx, nextTag), "--selector=app.kubernetes.io/component!=crds")
		},
	}
}

// byNamespacedKustomize has a manager of one namespace work in another one, by Roles.
func byNamespacedKustomize(ctx context.Context, watched string) way {
	GinkgoHelper()
	own := makeBareNamespace(ctx, "operator")
	// Kustomize takes bases by relative paths only.
	folder, err := filepath.Abs(repository + "/out/" + own)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(os.RemoveAll, folder)
	write := func(name, text string) {
		path := filepath.Join(folder, name, "kustomization.yaml")
		Expect(os.MkdirAll(filepath.Dir(path), 0o750)).To(Succeed())
		Expect(os.WriteFile(path, []byte("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"+text), 0o600)).To(Succeed())
	}
	return way{
		namespace: own,
		install: func(ctx context.Context, tag string) {
			GinkgoHelper()
			write("", "resources: [manager, watched]\n")
			write("manager", fmt.Sprintf(`namespace: %[1]s
resources: [../../../config/namespaced]
images: [{name: trainyard-manager, newName: %[3]s/trainyard-manager, newTag: %[4]s}]
patches:
- patch: |
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: trainyard-manager, namespace: trainyard-system}
    spec:
      template:
        spec:
          containers:
          - name: manager
            env:
            - {name: RUNNER_IMAGE, value: %[3]s/trainyard-runner:%[4]s}
            - {name: SERVER_IMAGE, value: %[3]s/trainyard-server:%[4]s}
            - {name: WATCH_NAMESPACES, value: %[2]s, valueFrom: null}
`, own, watched, installRegistry, tag))
			write("watched", fmt.Sprintf(`namespace: %[2]s
resources: [../../../config/namespaced/roles]
patches:
- target: {kind: RoleBinding}
  patch: |
    - {op: replace, path: /subjects/0/namespace, value: %[1]s}
`, own, watched))
			kubectlRun(ctx, "apply", "--server-side", "--force-conflicts", "-k", repository+"/config/crd")
			kubectlRun(ctx, "apply", "--server-side", "-k", folder)
			kubectlRun(ctx, "rollout", "status", "deployment/"+managerName, "-n", own, "--timeout=3m")
		},
		uninstall: func(ctx context.Context) {
			GinkgoHelper()
			kubectlRun(ctx, "delete", "-k", folder)
		},
	}
}

// The operator is installed, upgraded and removed in each way while a prober sends requests. These specs replace the operator
// of the whole cluster, so they run alone, by make test-install.
var _ = Describe("An installation", Ordered, Label("install"), func() {
	BeforeAll(func() {
		for name, value := range map[string]string{"HELM": helm, "INSTALL_REGISTRY": installRegistry, "INSTALL_TAG": installTag, "NEXT_TAG": nextTag} {
			Expect(value).NotTo(BeEmpty(), "%s is not set: run this by make test-install", name)
		}
	})

	DescribeTable("serves before, during and after its upgrade, and after it is removed", func(ctx SpecContext, start func(context.Context, string) way) {
		namespace := makeNamespace(ctx, "installed")
		w := start(ctx, namespace)
		w.install(ctx, installTag)
		eventuallyLeads(ctx, w.namespace, managerImage(installTag))
		judgeStatuses(restConfig)

		By("training and serving a model, which helm install --wait waits for")
		helmRun(ctx, "install", "pets", "testdata/pets", "--namespace", namespace, "--wait", "--timeout=5m")
		run, s := smallRun(namespace, "pets"), server(namespace, "pets", "pets")
		Expect(get(ctx, run)).To(Succeed())
		Expect(get(ctx, s)).To(Succeed())
		Expect(readyReason(s.Status.Conditions)).To(Equal(v1alpha1.ServingReason), "helm --wait returned before the server was Ready")
		startProber(ctx, namespace, s.Name)
		eventuallyAlone(ctx, s)
		before := look(ctx, namespace)

		By("upgrading to other images")
		w.install(ctx, nextTag)
		eventuallyLeads(ctx, w.namespace, managerImage(nextTag))
		haveWorkedThrough(ctx, run, s)
		Expect(cmp.Diff(before, look(ctx, namespace))).To(BeEmpty(), "what the upgrade changed (-before +after)")
		expectNoFailure(ctx, namespace)

		By("removing the operator")
		w.uninstall(ctx)
		err := k8sClient.Get(ctx, client.ObjectKey{Namespace: w.namespace, Name: managerName}, &corev1.ServiceAccount{})
		Expect(apierrors.IsNotFound(err)).To(BeTrue(), "the manager's ServiceAccount: %v", err)
		Expect(get(ctx, run)).To(Succeed())
		Expect(get(ctx, s)).To(Succeed())
		Expect(cmp.Diff(before, look(ctx, namespace))).To(BeEmpty(), "what the removal changed (-before +after)")
		seen := probesNow(ctx, namespace)
		Eventually(func(g Gomega) { g.Expect(probesNow(ctx, namespace)).To(BeNumerically(">", seen)) }).
			WithContext(ctx).WithTimeout(startLimit).WithPolling(pollInterval).Should(Succeed())
		report := expectNoFailure(ctx, namespace)
		AddReportEntry("installation", fmt.Sprintf("0 of %d pods and 0 of %d other objects changed; %d requests, %d failed",
			len(before.Pods), len(before.Specs)+len(before.Selectors),
			report.Fresh.Requests+report.Pooled.Requests, report.Fresh.Failed+report.Pooled.Failed))
	},
		Entry("by Helm", func(context.Context, string) way { return byHelm() }),
		Entry("by install.yaml", func(context.Context, string) way { return byManifest() }),
		Entry("by kustomize, for some namespaces", byNamespacedKustomize),
	)
})

func managerImage(tag string) string { return installRegistry + "/" + managerName + ":" + tag }

// probesNow is how many requests the prober has sent by now.
func probesNow(ctx context.Context, namespace string) int {
	GinkgoHelper()
	report, err := probed(ctx, namespace)
	Expect(err).NotTo(HaveOccurred())
	return report.Fresh.Requests + report.Pooled.Requests
}

// helmRun runs Helm, whose settings are nobody's.
func helmRun(ctx context.Context, args ...string) {
	GinkgoHelper()
	command := exec.CommandContext(ctx, helm, args...)
	home := GinkgoT().TempDir()
	command.Env = append(os.Environ(), "HELM_CONFIG_HOME="+home, "HELM_CACHE_HOME="+home, "HELM_DATA_HOME="+home)
	output, err := command.CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), "helm %s: %s", strings.Join(args, " "), output)
}
