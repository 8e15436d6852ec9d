// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package scaffold

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/trainyard-dev/trainyard/internal/plugin/console"
	"github.com/trainyard-dev/trainyard/internal/plugin/verb"
)

// question asks a person for a flag that wasn't given.
type question struct{ flag, text string }

var questions = []question{
	{"data", "Where do the pictures lie? generated, pvc://CLAIM/PATH, s3://BUCKET/FOLDER, https://HOST/ARCHIVE"},
	{"output", "Where do models go? pvc://CLAIM, or a bucket: s3://BUCKET/FOLDER"},
	{"image-size", "How large are the network's pictures, in pixels?"},
	{"epochs", "How many epochs?"},
	{"min-accuracy", "Which accuracy must a model reach? Empty is any"},
}

// New returns the verb.
func New(env verb.Env) verb.Verb {
	var a answers
	var dir string
	command := &cobra.Command{
		Use:   "init NAME",
		Short: "Write a TrainingRun and a ModelServer of its model",
		Long: "Writes NAME-trainingrun.yaml and NAME-modelserver.yaml. On a terminal it asks for what no flag says, each with an answer that Enter\n" +
			"accepts. It asks the cluster for nothing; a file that is there is left alone.",
		Example: "  kubectl trainyard init pets\n" +
			"  kubectl trainyard init pets --data pvc://photos/raw --output pvc://models --min-accuracy 0.9",
		Args: cobra.ExactArgs(1),
	}
	flags := command.Flags()
	flags.SortFlags = false
	flags.StringVar(&a.Data, "data", generated, "Dataset: generated for drawn pictures, pvc://CLAIM/PATH, or the URI of a bucket's folder or an archive.")
	flags.StringVar(&a.DataSecret, "data-secret", "", "Secret with the credentials of --data. Empty needs none.")
	flags.StringVar(&a.Output, "output", "pvc://models", "Place for models: pvc://CLAIM, or the URI of a bucket's folder.")
	flags.StringVar(&a.OutputSecret, "output-secret", "", "Secret with the credentials of --output. Empty needs none.")
	flags.IntVar(&a.ImageSize, "image-size", 128, "Side of the network's pictures in pixels, a multiple of 16.")
	flags.IntVar(&a.Epochs, "epochs", 10, "Number of passes over the training pictures.")
	flags.StringVar(&a.MinAccuracy, "min-accuracy", "", "Accuracy that a model must reach to be published and served. Empty is any.")
	flags.BoolVar(&a.Manual, "manual", false, "Have a person approve each model before it gets traffic.")
	flags.StringVar(&dir, "dir", ".", "Folder to write to.")
	command.RunE = func(cmd *cobra.Command, args []string) error {
		a.Name = args[0]
		if namespace := cmd.Flag("namespace"); namespace != nil {
			a.Namespace = namespace.Value.String()
		}
		if console.IsTerminal(env.In) {
			if err := ask(cmd.Flags(), env.In, env.ErrOut); err != nil {
				return err
			}
		}
		if err := a.check(); err != nil {
			return err
		}
		return write(env.Out, a, dir)
	}
	return verb.Verb{Command: command}
}

// ask asks for the flags that weren't given.
func ask(flags *pflag.FlagSet, in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	for _, q := range questions {
		flag := flags.Lookup(q.flag)
		if flag.Changed {
			continue
		}
		fmt.Fprintf(out, "%s [%s]: ", q.text, flag.Value)
		if !lines.Scan() {
			fmt.Fprintln(out)
			return errors.Join(lines.Err(), errors.New("there was no answer: give flags instead"))
		}
		if answer := strings.TrimSpace(lines.Text()); answer != "" {
			if err := flags.Set(q.flag, answer); err != nil {
				return fmt.Errorf("--%s: %w", q.flag, err)
			}
		}
	}
	return nil
}

// write writes the manifests into files that aren't there yet: both or none.
func write(out io.Writer, a answers, dir string) error {
	files, err := render(a)
	if err != nil {
		return err
	}
	var names []string
	for _, f := range files {
		name := filepath.Join(dir, f.name)
		if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(err, fmt.Errorf("%s is there already: remove it or choose another name", name))
		}
		names = append(names, name)
	}
	for i, f := range files {
		if err := os.WriteFile(names[i], []byte(f.text), 0o644); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "%s\nApply them: kubectl apply -f %s\n", strings.Join(names, "\n"), strings.Join(names, " -f "))
	if name, _ := claim(a.Output); name != "" {
		fmt.Fprintf(out, "They need a PersistentVolumeClaim %s, such as config/samples/models_pvc.yaml\n", name)
	}
	fmt.Fprintf(out, "Then look: kubectl trainyard status %s --watch\n", a.Name)
	return nil
}
