// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/trainyard-dev/trainyard/internal/plugin/command"
)

func TestThePageIsUpToDate(t *testing.T) {
	written, err := os.ReadFile("../../docs/reference/kubectl-trainyard.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(written), page()); diff != "" {
		t.Errorf("docs/reference/kubectl-trainyard.md is out of date: make generate\n%s", diff)
	}
}

// The guide has a section, or at least a line, for each verb.
func TestTheGuideNamesEachVerb(t *testing.T) {
	guide, err := os.ReadFile("../../docs/kubectl-trainyard.md")
	if err != nil {
		t.Fatal(err)
	}
	_, verbs := command.New(genericiooptions.IOStreams{In: &bytes.Buffer{}, Out: io.Discard, ErrOut: io.Discard})
	for _, v := range verbs {
		if !strings.Contains(string(guide), "kubectl trainyard "+v.Command.Name()) {
			t.Errorf("docs/kubectl-trainyard.md doesn't show kubectl trainyard %s", v.Command.Name())
		}
	}
}

// withoutSpec are verbs that no spec of test/integration calls, and why.
var withoutSpec = map[string]string{"predict": "it asks a server, which test/e2e has"}

// A right that a verb needs and doesn't name would be missing from its page, and nobody would find out who has every right.
func TestEachVerbIsCalledWithItsRightsAlone(t *testing.T) {
	paths, err := filepath.Glob("../../test/integration/plugin*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var specs strings.Builder
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		specs.Write(data)
	}
	_, verbs := command.New(genericiooptions.IOStreams{In: &bytes.Buffer{}, Out: io.Discard, ErrOut: io.Discard})
	for _, v := range verbs {
		name := v.Command.Name()
		called := regexp.MustCompile(`allowedOnly\([^()]+, "` + name + `"[,)]`).MatchString(specs.String())
		if called == (withoutSpec[name] != "") {
			t.Errorf("a spec of test/integration/plugin_test.go calls %s by allowedOnly: %v, want %v", name, called, !called)
		}
	}
}

func TestFlagsAreDescribedInSentences(t *testing.T) {
	_, verbs := command.New(genericiooptions.IOStreams{In: &bytes.Buffer{}, Out: io.Discard, ErrOut: io.Discard})
	for _, v := range verbs {
		if v.Command.Long == "" || v.Command.Example == "" {
			t.Errorf("%s has no description or no example", v.Command.Name())
		}
		v.Command.LocalNonPersistentFlags().VisitAll(func(flag *pflag.Flag) {
			if !unicode.IsUpper([]rune(flag.Usage)[0]) || !strings.HasSuffix(flag.Usage, ".") {
				t.Errorf("%s --%s: %q is no sentence", v.Command.Name(), flag.Name, flag.Usage)
			}
		})
	}
}
