// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package scaffold

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"sigs.k8s.io/yaml"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/plugin/golden"
)

func plain() answers {
	return answers{Name: "pets", Data: generated, Output: "pvc://models", ImageSize: 128, Epochs: 10}
}

func TestRender(t *testing.T) {
	full := answers{
		Name: "pets", Namespace: "zoo", Data: "s3://photos/raw?region=eu-central-1", DataSecret: "keys", Output: "s3://models/pets", OutputSecret: "keys",
		ImageSize: 224, Epochs: 20, MinAccuracy: "0.9", Manual: true,
	}
	claims := plain()
	claims.Data = "pvc://photos/raw/2026"
	for name, a := range map[string]answers{"plain": plain(), "full": full, "claims": claims} {
		t.Run(name, func(t *testing.T) {
			if err := a.check(); err != nil {
				t.Fatal(err)
			}
			files, err := render(a)
			if err != nil {
				t.Fatal(err)
			}
			var all strings.Builder
			for _, f := range files {
				all.WriteString("---\n# " + f.name + "\n" + f.text)
			}
			golden.Compare(t, name+".yaml", all.String())

			var run v1alpha1.TrainingRun
			var server v1alpha1.ModelServer
			if err := yaml.UnmarshalStrict([]byte(files[0].text), &run); err != nil {
				t.Error(err)
			}
			if err := yaml.UnmarshalStrict([]byte(files[1].text), &server); err != nil {
				t.Error(err)
			}
			if server.Spec.Model.TrainingRunRef.Name != run.Name {
				t.Errorf("the server asks for %q, the run is %q", server.Spec.Model.TrainingRunRef.Name, run.Name)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	for name, change := range map[string]func(*answers){
		"no name":           func(a *answers) { a.Name = "" },
		"a bad name":        func(a *answers) { a.Name = "Pets" },
		"no such place":     func(a *answers) { a.Data = "photos" },
		"no claim":          func(a *answers) { a.Data = "pvc://" },
		"models on the web": func(a *answers) { a.Output = "https://host/models" },
		"models in a path":  func(a *answers) { a.Output = "pvc://models/pets" },
		"an odd size":       func(a *answers) { a.ImageSize = 100 },
		"no epoch":          func(a *answers) { a.Epochs = 0 },
		"a secret in a URI": func(a *answers) { a.Data = "https://me:word@host/pets.zip" },
	} {
		t.Run(name, func(t *testing.T) {
			a := plain()
			change(&a)
			if err := a.check(); err == nil {
				t.Error("accepted")
			}
		})
	}
}

func TestAsk(t *testing.T) {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	var data, output, accuracy string
	var size, epochs int
	flags.StringVar(&data, "data", generated, "")
	flags.StringVar(&output, "output", "pvc://models", "")
	flags.IntVar(&size, "image-size", 128, "")
	flags.IntVar(&epochs, "epochs", 10, "")
	flags.StringVar(&accuracy, "min-accuracy", "", "")
	if err := flags.Parse([]string{"--epochs", "3"}); err != nil {
		t.Fatal(err)
	}
	var asked bytes.Buffer
	if err := ask(flags, strings.NewReader("pvc://photos\n\n64\n0.9\n"), &asked); err != nil {
		t.Fatal(err)
	}
	if data != "pvc://photos" || output != "pvc://models" || size != 64 || epochs != 3 || accuracy != "0.9" {
		t.Errorf("got %q, %q, %d, %d, %q", data, output, size, epochs, accuracy)
	}
	if strings.Contains(asked.String(), "epochs") || !strings.Contains(asked.String(), "[pvc://models]: ") {
		t.Errorf("asked %q", asked.String())
	}
	again := pflag.NewFlagSet("", pflag.ContinueOnError)
	again.AddFlagSet(flags)
	again.Lookup("data").Changed = false
	if err := ask(again, strings.NewReader(""), io.Discard); err == nil {
		t.Error("no answer is accepted")
	}
	again.Lookup("image-size").Changed = false
	if err := ask(again, strings.NewReader("x\nlarge\n"), io.Discard); err == nil {
		t.Error("a size that is no number is accepted")
	}
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	var out bytes.Buffer
	if err := write(&out, plain(), dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"pets-trainingrun.yaml", "pets-modelserver.yaml"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil || !strings.Contains(out.String(), name) {
			t.Errorf("%s: %v\n%s", name, err, out.String())
		}
	}
	if err := os.Remove(filepath.Join(dir, "pets-trainingrun.yaml")); err != nil {
		t.Fatal(err)
	}
	if err := write(&out, plain(), dir); err == nil {
		t.Error("a file that is there is written over")
	}
	if _, err := os.Stat(filepath.Join(dir, "pets-trainingrun.yaml")); err == nil {
		t.Error("one of two files was written")
	}
}
