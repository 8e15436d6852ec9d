// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// setting is how a server uses the machine. Zero leaves a number to the server.
type setting struct {
	// Workers are processes, or threads of the Rust server.
	Workers int `json:"workers,omitempty"`
	// Threads are those of one inference.
	Threads int `json:"threads,omitempty"`
	// Pool is how many pictures a process works on at a time.
	Pool int `json:"pool,omitempty"`
	// Batch is how many pictures are computed together at most.
	Batch int `json:"batch,omitempty"`
}

func (s setting) String() string {
	var words []string
	for _, part := range []struct {
		name  string
		value int
	}{{"workers", s.Workers}, {"threads", s.Threads}, {"pool", s.Pool}, {"batch", s.Batch}} {
		if part.value > 0 {
			words = append(words, fmt.Sprintf("%s %d", part.name, part.value))
		}
	}
	if words == nil {
		return "defaults"
	}
	return strings.Join(words, ", ")
}

// variables are the environment's for a server's program.
func (s setting) variables() []string {
	var all []string
	for name, value := range map[string]int{"WORKERS": s.Workers, "THREADS": s.Threads, "POOL": s.Pool, "BATCH": s.Batch} {
		if value > 0 {
			all = append(all, fmt.Sprintf("%s=%d", name, value))
		}
	}
	return all
}

// contestant is a server that is measured.
type contestant struct {
	key, title string
	int8       bool
	// suffix is what follows the network's name in the file that it serves.
	suffix string
	// form says that pictures are sent in a form, as it takes no others.
	form bool
	// engine is the Python peers': onnxruntime or torch.
	engine string
	// command returns the program and its arguments.
	command func(b *bench, model, port string, s setting) []string
	// settings are tried, and the fastest is measured.
	settings []setting
	// disk returns the bytes that have to be installed, beside the model and Python itself.
	disk func(b *bench) (int64, error)
}

// ours says whether it is the server of this project.
func (c *contestant) ours() bool { return strings.HasPrefix(c.key, "trainyard") }

// Settings for two cores; with more of them, processes and threads grow in proportion.
var (
	batching = []setting{{Workers: 2, Threads: 1, Batch: 1}, {Workers: 1, Threads: 2, Batch: 1}, {Workers: 2, Threads: 1, Batch: 8}, {Workers: 1, Threads: 2, Batch: 8}}
	pooling  = []setting{{Workers: 2, Threads: 1, Pool: 1}, {Workers: 1, Threads: 2, Pool: 1}, {Workers: 1, Threads: 1, Pool: 2}, {Workers: 1, Threads: 2, Pool: 2}}
)

func contestants() []*contestant {
	return []*contestant{
		trainyard("trainyard", "trainyard", ".onnx", false),
		trainyard("trainyard-int8", "trainyard, int8", "-int8.onnx", true),
		fastAPI("fastapi-torch", "FastAPI + PyTorch", ".pt", "torch", false),
		fastAPI("fastapi-ort", "FastAPI + ONNX Runtime", ".onnx", "onnxruntime", false),
		fastAPI("fastapi-ort-int8", "FastAPI + ONNX Runtime, int8", "-int8-ort.onnx", "onnxruntime", true),
		{
			key: "litserve", title: "LitServe", suffix: ".onnx", engine: "onnxruntime", form: true, settings: batching,
			command: func(b *bench, _, _ string, _ setting) []string {
				return []string{b.python("serving"), b.peer("litserve_app.py")}
			},
			disk: installed("serving", "litserve", "onnxruntime", "pillow", "python-multipart"),
		},
		{
			key: "bentoml", title: "BentoML", suffix: ".onnx", engine: "onnxruntime", settings: pooling,
			command: func(b *bench, _, port string, _ setting) []string {
				return []string{b.python("bentoml"), "-m", "bentoml", "serve", "bentoml_app:Classifier", "--host", "127.0.0.1", "--port", port, "--working-dir", b.peer("")}
			},
			disk: installed("bentoml", "bentoml", "onnxruntime", "pillow"),
		},
		{
			key: "mlserver", title: "MLServer", suffix: ".onnx", engine: "onnxruntime", settings: []setting{{Threads: 2, Pool: 1}, {Threads: 1, Pool: 2}, {Threads: 2, Pool: 2}},
			command: func(b *bench, _, _ string, _ setting) []string {
				return []string{b.python("mlserver"), b.peer("mlserver_start.py")}
			},
			disk: installed("mlserver", "mlserver", "onnxruntime", "pillow"),
		},
		{
			key: "mosec", title: "mosec", suffix: ".onnx", engine: "onnxruntime", settings: batching,
			command: func(b *bench, _, port string, _ setting) []string {
				return []string{b.python("serving"), b.peer("mosec_app.py"), "--address", "127.0.0.1", "--port", port, "--path", filepath.Join(b.out, "mosec-"+port)}
			},
			disk: installed("serving", "mosec", "onnxruntime", "pillow"),
		},
		rust("rust", "Rust + ONNX Runtime", ".onnx", false),
		rust("rust-int8", "Rust + ONNX Runtime, int8", "-int8-ort.onnx", true),
	}
}

func trainyard(key, title, suffix string, int8 bool) *contestant {
	return &contestant{
		key: key, title: title, suffix: suffix, int8: int8, settings: []setting{{}},
		command: func(b *bench, model, port string, _ setting) []string {
			return []string{b.server, "serve", "--model", model, "--address", "127.0.0.1", "--port", port}
		},
		disk: func(b *bench) (int64, error) { return sizeOf(b.server) },
	}
}

func fastAPI(key, title, suffix, engine string, int8 bool) *contestant {
	packages := []string{"fastapi", "uvicorn", "uvloop", "httptools", "pillow", engine}
	return &contestant{
		key: key, title: title, suffix: suffix, engine: engine, int8: int8, settings: pooling,
		command: func(b *bench, _, port string, s setting) []string {
			return []string{
				b.python("serving"), "-m", "uvicorn", "fastapi_app:app", "--app-dir", b.peer(""), "--host", "127.0.0.1", "--port", port,
				"--workers", strconv.Itoa(max(1, s.Workers)), "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning",
			}
		},
		disk: installed("serving", packages...),
	}
}

func rust(key, title, suffix string, int8 bool) *contestant {
	return &contestant{
		key: key, title: title, suffix: suffix, int8: int8,
		settings: []setting{{Workers: 2, Threads: 1, Batch: 1}, {Workers: 3, Threads: 1, Batch: 1}, {Workers: 2, Threads: 2, Batch: 8}, {Workers: 1, Threads: 2, Batch: 4}},
		command:  func(b *bench, _, _ string, _ setting) []string { return []string{b.rust} },
		disk: func(b *bench) (int64, error) {
			program, err := sizeOf(b.rust)
			if err != nil {
				return 0, err
			}
			library, err := sizeOf(b.library)
			return program + library, err
		},
	}
}

// launch returns the command that starts a contestant.
func (c *contestant) launch(b *bench, network, port string, s setting) *exec.Cmd {
	model := filepath.Join(b.models, network+c.suffix)
	words := c.command(b, model, port, s)
	command := exec.Command(words[0], words[1:]...) //nolint:gosec // the program to measure
	command.Dir = b.peer("")
	command.Env = append(os.Environ(), "PORT="+port, "MODEL="+model, "NETWORK="+network, "ENGINE="+c.engine, "LIBRARY="+b.library,
		"PYTHONPATH="+b.peer(""), "PYTHONDONTWRITEBYTECODE=1", "PYTHONWARNINGS=ignore", "CUDA_VISIBLE_DEVICES=", "BENTOML_DO_NOT_TRACK=true", "BENTOML_HOME="+filepath.Join(b.out, "bentoml"))
	command.Env = append(command.Env, s.variables()...)
	return command
}

// request returns a picture as this contestant takes it.
func (c *contestant) request(picture []byte) []byte {
	if !c.form {
		return requestOf("POST", "/predict", "image/jpeg", picture)
	}
	const boundary = "a-boundary-that-is-in-no-picture"
	form := "--" + boundary + "\r\nContent-Disposition: form-data; name=\"request\"; filename=\"picture.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n" +
		string(picture) + "\r\n--" + boundary + "--\r\n"
	return requestOf("POST", "/predict", "multipart/form-data; boundary="+boundary, []byte(form))
}

func sizeOf(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// installed asks a virtual environment for the size of packages and of all that they require.
func installed(venv string, packages ...string) func(*bench) (int64, error) {
	return func(b *bench) (int64, error) {
		output, err := exec.Command(b.python(venv), append([]string{b.peer("size.py")}, packages...)...).Output() //nolint:gosec // a script of this folder
		if err != nil {
			return 0, fmt.Errorf("size of %v: %w", packages, err)
		}
		return strconv.ParseInt(strings.TrimSpace(string(output)), 10, 64)
	}
}

// readSettings reads what choose has found, if it has.
func readSettings(path string) (map[string]setting, error) {
	chosen := map[string]setting{}
	data, err := os.ReadFile(path)
	if err != nil {
		if os.IsNotExist(err) {
			err = nil
		}
		return chosen, err
	}
	return chosen, json.Unmarshal(data, &chosen)
}

func writeSettings(path string, chosen map[string]setting) error {
	data, err := json.MarshalIndent(chosen, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), fs.FileMode(0o644))
}
