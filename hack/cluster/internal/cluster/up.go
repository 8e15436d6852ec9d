// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cluster

import (
	"bytes"
	"context"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"text/template"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/trainyard-dev/trainyard/hack/cluster/internal/config"
	"github.com/trainyard-dev/trainyard/hack/cluster/internal/node"
	"github.com/trainyard-dev/trainyard/hack/cluster/internal/volume"
	"github.com/trainyard-dev/trainyard/hack/internal/image"
)

//go:embed manifests
var manifestFiles embed.FS

var manifests = template.Must(template.ParseFS(manifestFiles, "manifests/*"))

const (
	pollEvery    = 100 * time.Millisecond
	startTimeout = 2 * time.Minute // for each node
)

// UpOptions are what a cluster may have beside what every cluster has.
type UpOptions struct {
	// Data is a folder of this machine that the cluster gets as a read-only volume.
	Data string
	// Metrics adds metrics-server.
	Metrics bool
}

// Up starts what of the cluster does not run and returns when pods can be started.
func (c *Cluster) Up(ctx context.Context, o UpOptions) error {
	unlock, err := c.lock()
	if err != nil {
		return err
	}
	defer unlock()
	ctx, cancel := context.WithTimeout(ctx, time.Duration(c.cfg.Nodes)*startTimeout)
	defer cancel()
	steps := []struct {
		name string
		run  func(context.Context) (string, error)
	}{
		{"Network, cgroups, certificates", c.prepare},
		{"API server", c.startControlPlane},
		{"Node", c.startFirstNode},
	}
	for _, n := range c.nodes[1:] {
		steps = append(steps, struct {
			name string
			run  func(context.Context) (string, error)
		}{"Node " + n.Name(), func(ctx context.Context) (string, error) { return "", c.startWorker(ctx, n) }})
	}
	for _, s := range steps {
		if err := c.step(ctx, s.name, s.run); err != nil {
			return err
		}
	}
	if o.Metrics {
		if err := c.step(ctx, "Resource metrics", c.startMetrics); err != nil {
			return err
		}
	}
	return c.showData(ctx, o.Data)
}

func (c *Cluster) step(ctx context.Context, name string, run func(context.Context) (string, error)) error {
	step := c.report.Step(name)
	detail, err := run(ctx)
	if err != nil {
		step.Fail()
		return fmt.Errorf("%s: %w", name, err)
	}
	step.Done("%s", detail)
	return nil
}

func (c *Cluster) prepare(context.Context) (string, error) {
	for _, n := range c.nodes {
		if err := n.EnsureNetwork(); err != nil {
			return "", err
		}
		if err := n.EnsureCgroups(); err != nil {
			return "", err
		}
	}
	if err := c.cfg.WriteIdentities(); err != nil {
		return "", err
	}
	return c.cfg.Subnet.String(), c.cfg.WriteFiles()
}

// start starts those of the components that do not run.
func (c *Cluster) start(components []config.Component) error {
	for _, component := range components {
		if _, ok := c.running(component); ok {
			continue
		}
		if err := c.nodes[component.Node.Index].Start(component); err != nil {
			return err
		}
	}
	return nil
}

// waitFor polls until the condition holds. It gives up at the context's end, or when one of the components
// has ended by itself, with that one's last words.
func (c *Cluster) waitFor(ctx context.Context, what string, components []config.Component, ok func(context.Context) (bool, error)) error {
	for tick := time.NewTicker(pollEvery); ; {
		done, err := ok(ctx)
		if done {
			tick.Stop()
			return nil
		}
		for _, component := range components {
			if _, running := c.running(component); !running {
				path := c.logPath(component)
				return fmt.Errorf("%s has ended; the end of %s:\n%s", component.Name, path, lastLines(path))
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s (logs in %s): %w", what, filepath.Dir(c.logPath(components[0])), errors.Join(ctx.Err(), err))
		case <-tick.C:
		}
	}
}

func (c *Cluster) startControlPlane(ctx context.Context) (string, error) {
	components := c.cfg.ControlPlane()
	if err := c.start(components); err != nil {
		return "", err
	}
	if err := c.importPause(ctx, c.first(), components); err != nil {
		return "", err
	}
	client, err := c.client()
	if err != nil {
		return "", err
	}
	err = c.waitFor(ctx, "the API server", components, func(ctx context.Context) (bool, error) {
		err := client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
		return err == nil, err
	})
	if err != nil {
		return "", err
	}
	text, err := render("base.yaml", nil)
	if err != nil {
		return "", err
	}
	return c.cfg.APIServerURL(), c.apply(ctx, text)
}

// importPause packs the pause program into an image and imports it once the node's containerd answers.
func (c *Cluster) importPause(ctx context.Context, n *node.Node, components []config.Component) error {
	program, err := os.ReadFile(c.cfg.Bin("pause"))
	if err != nil {
		return err
	}
	img, err := image.New(program, "pause", runtime.GOARCH)
	if err != nil {
		return err
	}
	path := c.cfg.Path("pause.tar")
	if err := image.Write(path, config.PauseImage, img); err != nil {
		return err
	}
	return c.waitFor(ctx, "containerd", components, func(context.Context) (bool, error) {
		err := importImages(n, path)
		return err == nil, err
	})
}

func (c *Cluster) startFirstNode(ctx context.Context) (string, error) {
	components := c.cfg.FirstNode()
	if err := c.start(components); err != nil {
		return "", err
	}
	client, err := c.client()
	if err != nil {
		return "", err
	}
	components = append(components, c.cfg.ControlPlane()...)
	if err := c.waitForNode(ctx, client, c.first().Name(), components); err != nil {
		return "", err
	}
	for _, condition := range []struct {
		what string
		ok   func(context.Context) (bool, error)
	}{
		{"the default service account", func(ctx context.Context) (bool, error) {
			_, err := client.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
			return err == nil, err
		}},
		{"the volumes", func(ctx context.Context) (bool, error) {
			pvs, err := client.CoreV1().PersistentVolumes().List(ctx, metav1.ListOptions{})
			return err == nil && len(pvs.Items) >= config.Volumes*c.cfg.Nodes, err
		}},
		{"DNS", func(ctx context.Context) (bool, error) { return answers(ctx, c.cfg.DNSReadyURL()) }},
	} {
		if err := c.waitFor(ctx, condition.what, components, condition.ok); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("DNS, volumes, registry %s", c.cfg.Registry()), nil
}

// startWorker starts what runs on a node that has no control plane.
func (c *Cluster) startWorker(ctx context.Context, n *node.Node) error {
	components := n.Worker()
	containerd := components[:1] // a kubelet ends whose runtime doesn't answer yet
	if err := c.start(containerd); err != nil {
		return err
	}
	if err := c.importPause(ctx, n, containerd); err != nil {
		return err
	}
	if err := c.start(components); err != nil {
		return err
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	return c.waitForNode(ctx, client, n.Name(), components)
}

// waitForNode waits until the node is ready, and states its disk.
func (c *Cluster) waitForNode(ctx context.Context, client kubernetes.Interface, name string, components []config.Component) error {
	err := c.waitFor(ctx, name+" to be ready", components, func(ctx context.Context) (bool, error) { return nodeReady(ctx, client, name) })
	if err != nil {
		return err
	}
	return c.waitFor(ctx, "the disk of "+name, components, func(ctx context.Context) (bool, error) {
		err := stateDisk(ctx, client, name, c.cfg.StateDir())
		return err == nil, err
	})
}

func nodeReady(ctx context.Context, client kubernetes.Interface, name string) (bool, error) {
	n, err := client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return false, err
	}
	for _, condition := range n.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status == corev1.ConditionTrue, nil
		}
	}
	return false, nil
}

func answers(ctx context.Context, url string) (bool, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false, err
	}
	direct := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // no proxy of the caller's
	response, err := direct.Do(request)
	if err != nil {
		return false, err
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK, nil
}

func (c *Cluster) startMetrics(ctx context.Context) (string, error) {
	ca, err := os.ReadFile(c.cfg.CAFile())
	if err != nil {
		return "", err
	}
	text, err := render("metrics.yaml", map[string]any{
		"NodeIP":      c.cfg.NodeIP(),
		"MetricsPort": config.MetricsPort,
		"CABundle":    base64.StdEncoding.EncodeToString(ca),
	})
	if err != nil {
		return "", err
	}
	if err := c.apply(ctx, text); err != nil {
		return "", err
	}
	components := []config.Component{c.cfg.Metrics()}
	if err := c.start(components); err != nil {
		return "", err
	}
	client, err := c.client()
	if err != nil {
		return "", err
	}
	return "metrics-server", c.waitFor(ctx, "metrics-server", components, func(ctx context.Context) (bool, error) {
		path := "/apis/metrics.k8s.io/v1beta1/nodes/" + c.first().Name()
		err := client.Discovery().RESTClient().Get().AbsPath(path).Do(ctx).Error()
		return err == nil, err
	})
}

// showData makes the read-only volume over the folder. Without one it makes the mount of an earlier call
// again, which ends with the node's processes while the volume stays.
func (c *Cluster) showData(ctx context.Context, folder string) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	if folder == "" {
		if folder, err = volume.DataSource(ctx, client); err != nil || folder == "" {
			return err
		}
	}
	return c.step(ctx, "Volume "+volume.DataName, func(ctx context.Context) (string, error) {
		folder, err := filepath.Abs(folder)
		if err != nil {
			return "", err
		}
		detail, err := checkData(folder)
		if err != nil {
			return "", err
		}
		for _, n := range c.nodes {
			if err := n.MountReadOnly(folder, c.cfg.DataDir()); err != nil {
				return "", err
			}
		}
		return detail, volume.ApplyData(ctx, client, c.cfg.DataDir(), folder)
	})
}

// checkData returns what to say about a folder that pods are to read.
func checkData(folder string) (string, error) {
	info, err := os.Stat(folder)
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		return "", fmt.Errorf("%s is not a folder", folder)
	}
	detail := folder + ", read-only"
	const othersReadAndEnter = 0o005
	if info.Mode().Perm()&othersReadAndEnter != othersReadAndEnter {
		detail += fmt.Sprintf("; pods that do not run as its owner cannot read it (mode %04o): chmod o+rx it", info.Mode().Perm())
	}
	return detail, nil
}

func render(name string, data any) ([]byte, error) {
	var out bytes.Buffer
	if err := manifests.ExecuteTemplate(&out, name, data); err != nil {
		return nil, fmt.Errorf("render %s: %w", name, err)
	}
	return out.Bytes(), nil
}

func (c *Cluster) kubectl(ctx context.Context, stdin []byte, args ...string) error {
	cmd := exec.CommandContext(ctx, c.cfg.Bin("kubectl"), append([]string{"--kubeconfig=" + c.cfg.Kubeconfig()}, args...)...)
	cmd.Stdin = bytes.NewReader(stdin)
	cmd.Env = []string{"HOME=" + c.cfg.StateDir(), "NO_PROXY=*"}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("kubectl %s: %w\n%s", args[0], err, out)
	}
	return nil
}
