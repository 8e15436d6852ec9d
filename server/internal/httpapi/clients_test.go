// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"encoding/base64"
	"encoding/json"
	"image/color"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/trainyard-dev/trainyard/server/internal/serving/servingtest"
	"github.com/trainyard-dev/trainyard/test/peers"
)

// startForClients runs a server, and returns its address and the files of a red and a blue picture.
func startForClients(t *testing.T) (args []string) {
	t.Helper()
	config := testConfig()
	config.Limits.MaxBodyBytes = 10 << 20
	r := start(t, config, &servingtest.Predictor{})
	args = []string{strings.TrimPrefix(r.url, "http://")}
	folder := t.TempDir()
	for name, color := range map[string]color.Color{"red.png": servingtest.Red, "blue.png": servingtest.Blue} {
		if err := os.WriteFile(filepath.Join(folder, name), servingtest.PNG(t, color), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return append(args, filepath.Join(folder, "red.png"), filepath.Join(folder, "blue.png"))
}

// told prints a client's last line, which `make test-protocols` gathers.
func told(t *testing.T, said string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(said), "\n")
	t.Logf("peer: %s", lines[len(lines)-1])
}

func TestWithTriton(t *testing.T) {
	told(t, peers.Client(t, "clients", "triton.py", startForClients(t)...))
}

func TestWithKServe(t *testing.T) {
	told(t, peers.Client(t, "clients", "kserve_clients.py", startForClients(t)...))
}

// grpcurl finds out by reflection what to ask.
func TestWithGrpcurl(t *testing.T) {
	args := startForClients(t)
	checks := 0
	ask := func(want string, more ...string) {
		t.Helper()
		if said := peers.Client(t, "", "grpcurl", append([]string{"-plaintext"}, more...)...); !strings.Contains(said, want) {
			t.Errorf("grpcurl %v said %s, want %q", more, said, want)
		}
		checks++
	}
	const service = "inference.GRPCInferenceService"
	ask(service, args[0], "list")
	ask(service+".ModelInfer", args[0], "list", service)
	ask("raw_input_contents", args[0], "describe", "inference.ModelInferRequest")
	ask("SERVING", args[0], "grpc.health.v1.Health/Check")
	ask(`"live": true`, args[0], service+"/ServerLive")
	ask(`"ready": true`, args[0], service+"/ServerReady")
	ask(`"ready": true`, "-d", `{"name":"pets"}`, args[0], service+"/ModelReady")
	ask("onnx_onnxv1", "-d", `{"name":"pets"}`, args[0], service+"/ModelMetadata")
	picture := base64.StdEncoding.EncodeToString(servingtest.PNG(t, servingtest.Red))
	request, err := json.Marshal(map[string]any{"model_name": "pets", "inputs": []any{
		map[string]any{"name": "images", "datatype": "BYTES", "shape": []int{1}, "contents": map[string]any{"bytes_contents": []string{picture}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	ask("fp32Contents", "-d", string(request), args[0], service+"/ModelInfer")
	t.Logf("peer: grpcurl_checks=%d", checks)
}

// schemathesis makes requests of the API's description, good ones and bad ones, and holds the answers to it. Whether good ones
// are accepted isn't checked: the description can't say which bytes are a picture.
func TestWithSchemathesis(t *testing.T) {
	args := startForClients(t)
	said := peers.Client(t, "schemathesis", "schemathesis", "--config-file", peers.ProtocolFile("schemathesis.toml"), "run", "http://"+args[0]+"/openapi.json",
		"--checks", "all", "--exclude-checks", "positive_data_acceptance", "--max-examples", "100", "--seed", "1", "--no-color", "--warnings", "off")
	cases := regexp.MustCompile(`Tested: (\d+)[^$]*?(\d+) generated`).FindStringSubmatch(said)
	if cases == nil {
		t.Fatalf("schemathesis doesn't say how many requests it made:\n%s", said)
	}
	t.Logf("peer: schemathesis_operations=%s schemathesis_cases=%s schemathesis_failed=0", cases[1], cases[2])
}
