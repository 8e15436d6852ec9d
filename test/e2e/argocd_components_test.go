// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"net"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// What make test-argocd has built: the program argocd, and the folder of the manifests of its version.
var (
	argoProgram   = os.Getenv("ARGOCD")
	argoManifests = os.Getenv("ARGOCD_MANIFESTS")
)

// argoNamespace is that of Argo CD's settings, and of Applications.
const argoNamespace = "argocd"

// argoCD is an Argo CD that works on the cluster, and the Git repository that it reads. Its settings and Applications are in the
// cluster; its components are processes of this machine, as Argo CD's own end-to-end tests run them.
type argoCD struct {
	folder string // of logs and temporary files
	server string // the address of its API server
	git    gitRepository
}

// startArgoCD installs its CustomResourceDefinitions and settings, has it know Trainyard as docs/gitops.md says, and starts it.
func startArgoCD(ctx context.Context) *argoCD {
	GinkgoHelper()
	kubectlRun(ctx, "create", "namespace", argoNamespace)
	kubectlRun(ctx, "apply", "--server-side", "--kustomize", filepath.Join(argoManifests, "crds"))
	for _, kind := range []string{"applications", "appprojects", "applicationsets"} {
		Eventually(func() ([]byte, error) { // kubectl wait fails where a definition has no conditions yet
			return exec.CommandContext(ctx, kubectl, "get", kind+".argoproj.io", "--all-namespaces").CombinedOutput()
		}).WithContext(ctx).WithTimeout(startLimit).WithPolling(pollInterval).ShouldNot(BeNil())
	}
	kubectlRun(ctx, "apply", "--namespace", argoNamespace, "--kustomize", filepath.Join(argoManifests, "base", "config"))
	kubectlRun(ctx, "patch", "configmap", "argocd-cm", "--namespace", argoNamespace, "--patch-file", repository+"/config/argocd/argocd-cm.yaml")

	cd := &argoCD{folder: GinkgoT().TempDir(), git: serveGit(ctx)}
	ports := freePorts(7)
	redis, repoServer := "127.0.0.1:"+ports[0], "127.0.0.1:"+ports[1]
	cd.server = "127.0.0.1:" + ports[2]
	cd.start("redis", "redis-server", "--bind", "127.0.0.1", "--port", ports[0], "--save", "", "--appendonly", "no", "--dir", cd.folder)
	cd.start("argocd-repo-server", argoProgram, "--address=127.0.0.1", "--port="+ports[1], "--metrics-address=127.0.0.1", "--metrics-port="+ports[3],
		"--redis="+redis, "--disable-tls")
	eventuallyListens(ctx, redis)
	eventuallyListens(ctx, repoServer)
	cd.start("argocd-server", argoProgram, "--namespace="+argoNamespace, "--address=127.0.0.1", "--port="+ports[2], "--metrics-address=127.0.0.1", "--metrics-port="+ports[4],
		"--redis="+redis, "--repo-server="+repoServer, "--repo-server-plaintext", "--insecure", "--disable-auth")
	eventuallyListens(ctx, cd.server)
	cd.start("argocd-application-controller", argoProgram, "--namespace="+argoNamespace, "--metrics-port="+ports[5],
		"--redis="+redis, "--repo-server="+repoServer, "--repo-server-plaintext")
	eventuallyListens(ctx, "127.0.0.1:"+ports[5])
	return cd
}

// start starts a component, whose name tells Argo CD's program what to be. It ends after the specs.
func (cd *argoCD) start(name, program string, args ...string) {
	GinkgoHelper()
	log, err := os.Create(filepath.Join(cd.folder, name+".log"))
	Expect(err).NotTo(HaveOccurred())
	command := exec.Command(program, args...)
	command.Env, command.Stdout, command.Stderr = cd.environment("ARGOCD_BINARY_NAME="+name), log, log
	Expect(command.Start()).To(Succeed())
	DeferCleanup(func() {
		if CurrentSpecReport().Failed() {
			GinkgoWriter.Printf("%s:\n%s\n", name, lastLines(log.Name(), 60))
		}
		_ = command.Process.Kill()
		_ = command.Wait() // it was killed
		Expect(log.Close()).To(Succeed())
	})
}

// environment is that of the components and of the command line: nobody's settings, and the cluster of KUBECONFIG in place of their own.
func (cd *argoCD) environment(more ...string) []string {
	return append(os.Environ(), append([]string{
		"ARGOCD_FAKE_IN_CLUSTER=true", "ARGOCD_GPG_ENABLED=false", "HOME=" + cd.folder, "TMPDIR=" + cd.folder, "ARGOCD_CONFIG_DIR=" + cd.folder,
		"ARGOCD_TLS_DATA_PATH=" + cd.folder, "ARGOCD_SSH_DATA_PATH=" + cd.folder,
	}, more...)...)
}

// lastLines returns the end of a log.
func lastLines(path string, count int) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(lines[max(0, len(lines)-count):], "\n")
}

func eventuallyListens(ctx context.Context, address string) {
	GinkgoHelper()
	var dialer net.Dialer
	Eventually(func(g Gomega) {
		connection, err := dialer.DialContext(ctx, "tcp", address)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(connection.Close()).To(Succeed())
	}).WithContext(ctx).WithTimeout(startLimit).WithPolling(pollInterval).Should(Succeed())
}

// freePorts returns ports of the loopback interface that nobody listens on.
func freePorts(count int) []string {
	GinkgoHelper()
	ports := make([]string, count)
	for i := range ports {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		Expect(err).NotTo(HaveOccurred())
		defer listener.Close() // all are taken before one is given back, so that they differ
		_, ports[i], err = net.SplitHostPort(listener.Addr().String())
		Expect(err).NotTo(HaveOccurred())
	}
	return ports
}

// gitRepository is a repository that Git's own server serves over HTTP.
type gitRepository struct {
	folder string // the working tree
	url    string
}

func serveGit(ctx context.Context) gitRepository {
	GinkgoHelper()
	root := GinkgoT().TempDir()
	program, err := exec.LookPath("git")
	Expect(err).NotTo(HaveOccurred())
	server := httptest.NewServer(&cgi.Handler{Path: program, Args: []string{"http-backend"}, Env: []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1"}})
	DeferCleanup(server.Close)
	r := gitRepository{folder: filepath.Join(root, "models"), url: server.URL + "/models.git"}
	call(ctx, program, "init", "--quiet", "--initial-branch=main", "--separate-git-dir="+filepath.Join(root, "models.git"), r.folder)
	r.run(ctx, "config", "user.name", "A person")
	r.run(ctx, "config", "user.email", "person@git.example")
	return r
}

// run runs Git in the working tree.
func (r gitRepository) run(ctx context.Context, args ...string) {
	GinkgoHelper()
	call(ctx, "git", append([]string{"-C", r.folder}, args...)...)
}

// write writes a file of the working tree.
func (r gitRepository) write(name, content string) {
	GinkgoHelper()
	path := filepath.Join(r.folder, name)
	Expect(os.MkdirAll(filepath.Dir(path), 0o755)).To(Succeed())
	Expect(os.WriteFile(path, []byte(content), 0o644)).To(Succeed())
}

// edit replaces what stands once in a file of the working tree.
func (r gitRepository) edit(name, old, replacement string) {
	GinkgoHelper()
	data, err := os.ReadFile(filepath.Join(r.folder, name))
	Expect(err).NotTo(HaveOccurred())
	Expect(strings.Count(string(data), old)).To(Equal(1), "%q in %s:\n%s", old, name, data)
	r.write(name, strings.Replace(string(data), old, replacement, 1))
}

// commit commits all of the working tree.
func (r gitRepository) commit(ctx context.Context, message string) {
	GinkgoHelper()
	r.run(ctx, "add", "--all")
	r.run(ctx, "commit", "--quiet", "--message="+message)
}

// revert takes the newest commit back.
func (r gitRepository) revert(ctx context.Context) {
	GinkgoHelper()
	r.run(ctx, "revert", "--no-edit", "HEAD")
}
