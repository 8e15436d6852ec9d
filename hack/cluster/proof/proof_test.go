// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux && proof

package proof

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/trainyard-dev/trainyard/hack/cluster/internal/config"
	"github.com/trainyard-dev/trainyard/hack/cluster/internal/volume"
)

// TestCluster proves what a cluster promises, and that its end leaves nothing.
func TestCluster(t *testing.T) {
	before := lookAround(t)
	data := t.TempDir()
	if err := os.WriteFile(filepath.Join(data, "there"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	call(t, "up", "--data", data)
	t.Cleanup(func() { _ = tool("down").Run() })
	call(t, "load", filepath.Join(programs, "probe.tar"))

	t.Run("pod writes its volume", testVolume)
	t.Run("data is read-only", testData)
	t.Run("names and Services", testService)
	t.Run("memory limit", testOOM)
	t.Run("registry", testRegistry)
	t.Run("restart of what has ended", testRestart)

	inside := marksOf(t, 0)
	call(t, "down")
	checkNothingLeft(t, before, inside)
	call(t, "down") // again, with nothing to do
}

// testVolume proves that a pod of a user who is not root can write to its claim's volume, and that the next
// claim finds it empty.
func testVolume(t *testing.T) {
	c := client(t)
	ns := namespace(t, c)
	for _, claimName := range []string{"first", "second"} {
		claim(t, c, ns, claimName, "", corev1.ReadWriteOnce)
		pod := mount(makePod("write-"+claimName, "write", "/"+claimName+"/file"), claimName)
		succeed(t, c, ns, pod)
	}
	if err := c.CoreV1().Namespaces().Delete(t.Context(), ns, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the volumes to be wiped", func(ctx context.Context) (bool, string) {
		pvs, err := c.CoreV1().PersistentVolumes().List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err.Error()
		}
		available := 0
		for _, pv := range pvs.Items {
			if pv.Spec.StorageClassName == volume.Class && pv.Status.Phase == corev1.VolumeAvailable {
				available++
			}
		}
		return available == config.Volumes, "not all available"
	})
	if left := glob(t, filepath.Join(configuration(t).VolumesDir(), "*", "*")); len(left) > 0 {
		t.Errorf("files left in the volumes: %v", left)
	}
}

func testData(t *testing.T) {
	c := client(t)
	ns := namespace(t, c)
	claim(t, c, ns, "data", volume.DataName, corev1.ReadOnlyMany)
	end := finish(t, c, ns, mount(makePod("write", "write", "/data/new"), "data"))
	if !strings.Contains(end.Message, "read-only file system") {
		t.Errorf("writing to the data ended with %q, want a read-only file system", end.Message)
	}
	// The file that is there is seen: it cannot be recreated.
	end = finish(t, c, ns, mount(makePod("see", "write", "/data/there"), "data"))
	if !strings.Contains(end.Message, "file exists") {
		t.Errorf("the file of the data folder is not seen: %q", end.Message)
	}
}

// testService proves that a Service is reached by its name from pods, from itself, and from this machine.
func testService(t *testing.T) {
	c := client(t)
	ns := namespace(t, c)
	create(t, c, ns, makePod("server", "serve"))
	service := createService(t, c, ns, "server")
	status(t, c, ns, "server", running)
	eventually(t, "the Service from this machine", func(ctx context.Context) (bool, string) {
		return get(ctx, "http://"+service.Spec.ClusterIP)
	})
	for i, host := range []string{"server", "server." + ns, "server." + ns + ".svc.cluster.local"} {
		succeed(t, c, ns, makePod("get-"+string(rune('a'+i)), "get", "http://"+host))
	}
	if end := finish(t, c, ns, makePod("unknown", "resolve", "trainyard.example.")); !strings.Contains(end.Message, "no such host") {
		t.Errorf("a name beyond the cluster: %q, want no such host", end.Message)
	}
	if got := call(t, "exec", "--", "curl", "-sS", "--max-time", "5", "http://server."+ns+".svc.cluster.local"); got != "served\n" {
		t.Errorf("curl inside the node printed %q", got)
	}
	if err := tool("exec", "--", "sh", "-c", "exit 3").Run(); exitCode(err) != 3 {
		t.Errorf("exec ended with %v, want the command's exit status 3", err)
	}
}

func get(ctx context.Context, url string) (bool, string) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false, err.Error()
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false, err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return err == nil && string(body) == "served\n", string(body)
}

func exitCode(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return -1
}

func testOOM(t *testing.T) {
	c := client(t)
	ns := namespace(t, c)
	pod := makePod("eat", "eat")
	pod.Spec.Containers[0].Resources.Limits = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("40Mi")}
	if end := finish(t, c, ns, pod); end.Reason != "OOMKilled" {
		t.Errorf("the container ended with reason %q, want OOMKilled", end.Reason)
	}
}

// testRegistry proves that the node pulls from the local registry what is there, by digest, and that an
// image that is not there is an error of the pull.
func testRegistry(t *testing.T) {
	c := client(t)
	ns := namespace(t, c)
	dir, registry := t.TempDir(), configuration(t).Registry()
	images := filepath.Join(programs, "images")
	if out, err := exec.Command(images, "build", "-o", dir, "--registry", registry, "probe=./probe").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	digest, err := exec.Command(images, "push", filepath.Join(dir, "probe.tar")).Output()
	if err != nil {
		t.Fatalf("push: %v", err)
	}
	pod := makePod("pulled", "resolve", "kubernetes.default")
	pod.Spec.Containers[0].Image = strings.TrimSpace(string(digest))
	succeed(t, c, ns, pod)

	pod = makePod("missing", "serve")
	pod.Spec.Containers[0].Image = registry + "/missing:1"
	create(t, c, ns, pod)
	state := status(t, c, ns, "missing", func(s corev1.ContainerState) bool {
		return s.Waiting != nil && s.Waiting.Reason == "ErrImagePull"
	})
	if !strings.Contains(state.Waiting.Message, "not found") {
		t.Errorf("the message of the pull is %q, want not found", state.Waiting.Message)
	}
}

// testRestart proves that up starts again what has been killed, and that pods live through it.
func testRestart(t *testing.T) {
	c := client(t)
	ns := namespace(t, c)
	create(t, c, ns, makePod("survivor", "serve"))
	started := status(t, c, ns, "survivor", running).Running.StartedAt
	for _, line := range members(t, marksOf(t, 0)) {
		pid, cmdline, _ := strings.Cut(line, " ")
		for _, victim := range []string{"/kubelet", "/containerd\\x00", "/kube-apiserver", "/agent"} {
			if strings.Contains(cmdline, victim) {
				kill(t, pid)
			}
		}
	}
	if err := tool("status").Run(); err == nil {
		t.Error("status of a cluster that misses components succeeds")
	}
	call(t, "up")
	call(t, "status")
	if again := status(t, c, ns, "survivor", running).Running.StartedAt; !again.Equal(&started) {
		t.Errorf("the pod started again at %s, was running since %s", again, started)
	}
	succeed(t, c, ns, makePod("after", "resolve", "kubernetes.default"))
}

func kill(t *testing.T, pid string) {
	t.Helper()
	if out, err := exec.Command("kill", "-KILL", pid).CombinedOutput(); err != nil {
		t.Fatalf("kill %s: %v\n%s", pid, err, out)
	}
}

// TestNeighbor proves that the end of one cluster leaves another as it is: both have their own mounts on the
// same folders of the machine.
func TestNeighbor(t *testing.T) {
	t.Cleanup(func() { _ = neighbor("down").Run() })
	if out, err := neighbor("up").CombinedOutput(); err != nil {
		t.Fatalf("start the neighbor: %v\n%s", err, out)
	}
	call(t, "up")
	call(t, "down")
	for _, args := range [][]string{
		{"load", filepath.Join(programs, "probe.tar")}, // by containerd's socket, which is on such a folder
		{"exec", "--", "test", "-d", "/var/lib/kubelet/pods"},
		{"status"},
	} {
		if out, err := neighbor(args...).CombinedOutput(); err != nil {
			t.Errorf("neighbor %v: %v\n%s", args, err, out)
		}
	}
}

// TestKilled proves that a start that is cut off at any moment is continued by the next, and that down
// removes what it left.
func TestKilled(t *testing.T) {
	before := lookAround(t)
	t.Cleanup(func() { _ = tool("down").Run() })
	for _, after := range []time.Duration{
		50 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond, 600 * time.Millisecond, time.Second, 3 * time.Second, 7 * time.Second,
	} {
		for _, next := range []string{"down", "up"} {
			t.Run(after.String()+" then "+next, func(t *testing.T) {
				cut(t, after)
				inside := marksOf(t, 0)
				call(t, next)
				if next == "up" {
					call(t, "status")
					inside = marksOf(t, 0)
					call(t, "down")
				}
				checkNothingLeft(t, before, inside)
			})
		}
	}
}

// cut starts the cluster and kills the tool after a time.
func cut(t *testing.T, after time.Duration) {
	t.Helper()
	cmd := tool("up")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(after)
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
}
