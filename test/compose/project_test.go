// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package compose tests docker-compose.yml: its rules as compose-go reads it, and its wiring with the real programs, without Docker.
package compose

import (
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v3"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

const root = "../.."

// load reads docker-compose.yml as `docker compose` does, without what the environment of the test says.
func load(t *testing.T) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "docker-compose.yml")}, cli.WithInterpolation(true))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(project.Services) < 4 {
		t.Fatalf("found %d services", len(project.Services))
	}
	return project
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func readYAML(t *testing.T, path string, into any) {
	t.Helper()
	if err := yaml.Unmarshal(read(t, path), into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// endsByItself tells whether a service is a task, which nobody has to watch.
func endsByItself(service types.ServiceConfig) bool { return service.Restart == types.RestartPolicyNo }

func TestServicesAreHardened(t *testing.T) {
	for name, service := range load(t).Services {
		limits := types.Resource{}
		if service.Deploy != nil && service.Deploy.Resources.Limits != nil {
			limits = *service.Deploy.Resources.Limits
		}
		uid, _, _ := strings.Cut(service.User, ":")
		for rule, kept := range map[string]bool{
			"user is a number that isn't root's":      regexp.MustCompile(`^[1-9][0-9]*$`).MatchString(uid),
			"read_only":                               service.ReadOnly,
			"cap_drop is ALL, and nothing is added":   slices.Equal(service.CapDrop, []string{"ALL"}) && len(service.CapAdd) == 0,
			"security_opt has no-new-privileges:true": slices.Contains(service.SecurityOpt, "no-new-privileges:true"),
			"neither privileged nor in a namespace of the host": !service.Privileged && service.NetworkMode != "host" &&
				service.Pid == "" && service.Ipc == "" && !service.UseAPISocket,
			"limits of cpus, memory and pids": limits.NanoCPUs > 0 && limits.MemoryBytes > 0 && limits.Pids > 0,
			"restart":                         service.Restart != "",
			"healthcheck with interval, start_interval, timeout and retries": endsByItself(service) || service.HealthCheck != nil && len(service.HealthCheck.Test) > 1 &&
				service.HealthCheck.Interval != nil && service.HealthCheck.StartInterval != nil && service.HealthCheck.Timeout != nil && service.HealthCheck.Retries != nil,
		} {
			if !kept {
				t.Errorf("service %s breaks a rule: %s", name, rule)
			}
		}
		for _, port := range service.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("service %s: port %d is published on %q, and nothing there asks for a password", name, port.Target, port.HostIP)
			}
		}
	}
}

// tag returns what stands after the name of an image.
func tag(image string) string {
	_, tag, _ := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":")
	return tag
}

func TestImagesArePinned(t *testing.T) {
	dockerfile := string(read(t, "Dockerfile"))
	for name, service := range load(t).Services {
		pinned := tag(service.Image)
		if pinned == "" || pinned == "latest" {
			t.Errorf("service %s has no pinned image: %s", name, service.Image)
		}
		switch build := service.Build; {
		case build != nil && !strings.Contains(dockerfile, " AS "+build.Target+"\n"):
			t.Errorf("service %s is built from target %s, which Dockerfile doesn't have", name, build.Target)
		case build == nil && !regexp.MustCompile(`^v?\d+\.\d+\.\d+`).MatchString(pinned):
			t.Errorf("service %s has an image without a version: %s", name, service.Image)
		}
	}
}

// What the wiring test runs is what docker-compose.yml names.
func TestVersionsAreTheTestedOnes(t *testing.T) {
	services := load(t).Services
	module := regexp.MustCompile(`github.com/prometheus/prometheus v0\.(\d)(\d\d)\.(\d+)`).FindStringSubmatch(string(read(t, "hack/tools/prometheus/go.mod")))
	if module == nil {
		t.Fatal("hack/tools/prometheus/go.mod names no version of Prometheus")
	}
	minor, err := strconv.Atoi(module[2])
	if err != nil {
		t.Fatal(err)
	}
	mlflow := regexp.MustCompile(`mlflow==(\S+)`).FindStringSubmatch(string(read(t, "test/peers/mlflow/requirements-mlflow3.txt")))
	if mlflow == nil {
		t.Fatal("test/peers/mlflow/requirements-mlflow3.txt names no version of MLflow")
	}
	for name, want := range map[string]string{
		"prometheus": "v" + module[1] + "." + strconv.Itoa(minor) + "." + module[3],
		"mlflow":     "v" + mlflow[1],
	} {
		if got := tag(services[name].Image); got != want {
			t.Errorf("service %s has tag %s, and the tests run %s", name, got, want)
		}
	}
}

// Docker makes an empty folder of a file that isn't there, without a word.
func TestMountedFilesAreThere(t *testing.T) {
	project := load(t)
	for name, service := range project.Services {
		for _, volume := range service.Volumes {
			switch volume.Type {
			case types.VolumeTypeBind:
				if _, err := os.Stat(volume.Source); err != nil || !volume.ReadOnly {
					t.Errorf("service %s mounts %s, which isn't there or isn't read-only: %v", name, volume.Source, err)
				}
			case types.VolumeTypeVolume:
				if _, ok := project.Volumes[volume.Source]; !ok {
					t.Errorf("service %s mounts a volume without a name at %s", name, volume.Target)
				}
			default:
				t.Errorf("service %s has a mount of type %s at %s", name, volume.Type, volume.Target)
			}
		}
	}
}

// A service waits for another until that works, not until it is started.
func TestServicesWaitForHealth(t *testing.T) {
	project := load(t)
	for name, service := range project.Services {
		for on, dependency := range service.DependsOn {
			want := types.ServiceConditionHealthy
			if endsByItself(project.Services[on]) {
				want = types.ServiceConditionCompletedSuccessfully
			}
			if dependency.Condition != want {
				t.Errorf("service %s waits for %s by %s, want %s", name, on, dependency.Condition, want)
			}
		}
	}
}

// expectService fails unless address is that of a service and a port that it publishes.
func expectService(t *testing.T, services types.Services, where, address string) {
	t.Helper()
	name, port, _ := strings.Cut(address, ":")
	if !slices.ContainsFunc(services[name].Ports, func(p types.ServicePortConfig) bool { return strconv.Itoa(int(p.Target)) == port }) {
		t.Errorf("%s names %s, which is no service with that port", where, address)
	}
}

func TestConfigurationNamesServices(t *testing.T) {
	services := load(t).Services
	var prometheus struct {
		ScrapeConfigs []struct {
			StaticConfigs []struct{ Targets []string } `yaml:"static_configs"`
		} `yaml:"scrape_configs"`
	}
	readYAML(t, "config/compose/prometheus.yml", &prometheus)
	targets := 0
	for _, job := range prometheus.ScrapeConfigs {
		for _, config := range job.StaticConfigs {
			for _, target := range config.Targets {
				targets++
				expectService(t, services, "prometheus.yml", target)
			}
		}
	}
	if targets == 0 {
		t.Error("prometheus.yml has no targets")
	}
	var grafana struct{ Datasources []struct{ URL string } }
	readYAML(t, "config/compose/grafana/datasources/prometheus.yml", &grafana)
	if len(grafana.Datasources) != 1 {
		t.Fatalf("Grafana has %d data sources", len(grafana.Datasources))
	}
	expectService(t, services, "Grafana's data source", hostOf(t, grafana.Datasources[0].URL))
	expectService(t, services, "train.json", hostOf(t, trainConfig(t).Tracking.MLflow.URI))
}

func hostOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

func trainConfig(t *testing.T) contract.TrainConfig {
	t.Helper()
	var config contract.TrainConfig
	if err := contract.DecodeConfig(read(t, "config/compose/train.json"), &config); err != nil {
		t.Fatal(err)
	}
	if config.Tracking.MLflow == nil {
		t.Fatal("train.json names no MLflow")
	}
	return config
}

// The server serves what the run of train.json publishes.
func TestServerServesTheRun(t *testing.T) {
	config := trainConfig(t)
	model := config.Output.Path + "/" + contract.ArtifactName(config.Run) + "/model.onnx"
	if command := load(t).Services["server"].Command; !slices.Contains(command, model) {
		t.Errorf("the server's command is %q, and the run publishes %s", command, model)
	}
}

// Grafana shows the dashboard that is mounted where its provider looks.
func TestGrafanaFindsItsDashboard(t *testing.T) {
	var dashboards struct {
		Providers []struct{ Options struct{ Path string } }
	}
	readYAML(t, "config/compose/grafana/dashboards/trainyard.yml", &dashboards)
	if len(dashboards.Providers) != 1 {
		t.Fatalf("Grafana has %d providers of dashboards", len(dashboards.Providers))
	}
	grafana := load(t).Services["grafana"]
	home := grafana.Environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
	if home == nil || filepath.Dir(*home) != dashboards.Providers[0].Options.Path {
		t.Errorf("Grafana's first page is %v, and its dashboards are in %s", home, dashboards.Providers[0].Options.Path)
	}
	if !slices.ContainsFunc(grafana.Volumes, func(v types.ServiceVolumeConfig) bool { return home != nil && v.Target == *home }) {
		t.Error("Grafana's first page isn't mounted")
	}
}

// A check of health runs what its image has: the program that is the image's entry point.
func TestServersHealthCheckRunsItsProgram(t *testing.T) {
	server := load(t).Services["server"]
	_, stage, _ := strings.Cut(string(read(t, "Dockerfile")), " AS "+server.Build.Target+"\n")
	if want := `ENTRYPOINT ["/` + server.HealthCheck.Test[1] + `"]`; !strings.Contains(stage, want) {
		t.Errorf("Dockerfile's target %s lacks %s", server.Build.Target, want)
	}
}
