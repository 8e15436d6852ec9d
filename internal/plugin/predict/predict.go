// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package predict is the verb that asks a ModelServer what is on pictures.
package predict

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/plugin/cluster"
	"github.com/trainyard-dev/trainyard/internal/plugin/console"
	"github.com/trainyard-dev/trainyard/internal/plugin/verb"
)

// answer is what a server says of a picture.
type answer struct {
	File          string             `json:"file"`
	Class         string             `json:"class"`
	Confidence    float64            `json:"confidence"`
	Probabilities map[string]float64 `json:"probabilities"`
	Model         struct {
		Name     string `json:"name"`
		Revision string `json:"revision"`
		SHA256   string `json:"sha256"`
	} `json:"model"`
	LatencyMillis float64 `json:"latencyMillis"`
}

// problem is why a server doesn't answer (RFC 9457).
type problem struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// New returns the verb.
func New(env verb.Env) verb.Verb {
	var output string
	command := &cobra.Command{
		Use:   "predict NAME FILE...",
		Short: "Ask a ModelServer what is on pictures",
		Long: "Sends each picture to the live revision, through the API server's proxy to the Service, and prints its class. Nothing needs to be\n" +
			"reachable from here but the API server; what many requests ask for belongs to the Service itself.",
		Example: "  kubectl trainyard predict pets cat.jpg dog.jpg\n" +
			"  kubectl trainyard predict pets cat.jpg -o json",
		Args: cobra.MinimumNArgs(2),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 0 {
				return env.Flags.Names(cluster.ModelServer)(cmd, args, toComplete)
			}
			return nil, cobra.ShellCompDirectiveDefault
		},
	}
	command.Flags().StringVarP(&output, "output", "o", "", "Format: json, an object a line. Empty is a table.")
	command.RunE = func(cmd *cobra.Command, args []string) error {
		if output != "" && output != "json" {
			return fmt.Errorf("--output is %q: use json", output)
		}
		c, err := env.Flags.Connect()
		if err != nil {
			return err
		}
		return run(cmd.Context(), env, c, args[0], args[1:], output)
	}
	return verb.Verb{Command: command, Rights: []verb.Right{
		verb.Need(verb.Group, verb.Servers, "get"), verb.Need("", "services/proxy", "create"),
	}}
}

func run(ctx context.Context, env verb.Env, c *cluster.Cluster, name string, files []string, output string) error {
	found, err := c.FindOne(ctx, name, cluster.ModelServer)
	if err != nil {
		return err
	}
	if found.Server.Status.Live == nil {
		return fmt.Errorf("ModelServer %s serves nothing yet: see kubectl trainyard status modelserver/%[1]s", found.Server.Name)
	}
	var answers []answer
	for _, file := range files {
		a, err := ask(ctx, c, found.Server.Name, file)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		answers = append(answers, a)
	}
	if output == "json" {
		encoder := json.NewEncoder(env.Out)
		for _, a := range answers {
			if err := encoder.Encode(a); err != nil {
				return err
			}
		}
		return nil
	}
	_, err = fmt.Fprint(env.Out, format(answers).Render(console.HasColor(env.Out)))
	return err
}

// ask sends a picture to the Service, by way of the API server.
func ask(ctx context.Context, c *cluster.Cluster, service, file string) (answer, error) {
	picture, err := os.ReadFile(file)
	if err != nil {
		return answer{}, err
	}
	client, ok := c.Clientset.CoreV1().RESTClient().(*rest.RESTClient)
	if !ok {
		return answer{}, errors.New("the client can't send requests to a proxy")
	}
	result := client.Post().Namespace(c.Namespace).Resource("services").Name(service+":"+contract.HTTPPortName).
		SubResource("proxy").Suffix("predict").
		SetHeader("Content-Type", http.DetectContentType(picture)).SetHeader("Accept", "application/json").
		Body(picture).Do(ctx)
	body, err := result.Raw()
	return read(file, body, err)
}

// read reads the reply of a server, or what it says of why it has none.
func read(file string, body []byte, err error) (answer, error) {
	if err != nil {
		var p problem
		if json.Unmarshal(body, &p) == nil && p.Detail != "" {
			return answer{}, fmt.Errorf("the server refuses it (%s): %s", p.Code, p.Detail)
		}
		return answer{}, fmt.Errorf("ask the server: %w", err)
	}
	var a answer
	if err := json.Unmarshal(body, &a); err != nil {
		return answer{}, fmt.Errorf("read the server's reply: %w", err)
	}
	a.File = file
	return a, nil
}

// others is how many further classes a table shows.
const others = 2

// format writes answers as a table.
func format(answers []answer) *console.Page {
	page := console.NewPage()
	table := console.NewTable("FILE", "CLASS", "CONFIDENCE", "OTHERS", "REVISION", "TOOK")
	for _, a := range answers {
		table.Row(console.Text(a.File), console.Cell{Text: a.Class, Style: console.Bold}, console.Textf("%.1f %%", 100*a.Confidence),
			console.Text(otherClasses(a)), console.Text(a.Model.Revision), console.Textf("%.1f ms", a.LatencyMillis))
	}
	page.Table(table)
	return page
}

// otherClasses are those that come next.
func otherClasses(a answer) string {
	classes := slices.SortedFunc(maps.Keys(a.Probabilities), func(x, y string) int {
		return cmp.Or(cmp.Compare(a.Probabilities[y], a.Probabilities[x]), cmp.Compare(x, y))
	})
	var texts []string
	for _, class := range classes {
		if class != a.Class && len(texts) < others {
			texts = append(texts, fmt.Sprintf("%s %.1f %%", class, 100*a.Probabilities[class]))
		}
	}
	return strings.Join(texts, ", ")
}
