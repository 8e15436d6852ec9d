// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/version"
)

// redacted takes the place of what may be secret.
const redacted = "REDACTED"

// writeBundle packs what was gathered, and what was found in it. Secrets and ConfigMaps were never read; what else may be secret is
// replaced.
func writeBundle(out io.Writer, d *data, report string) error {
	archive := zip.NewWriter(out)
	add := func(name string, content []byte) error {
		file, err := archive.Create("trainyard/" + name)
		if err == nil {
			_, err = file.Write(withoutSecrets(content))
		}
		return err
	}
	err := errors.Join(
		add("findings.txt", []byte(report)),
		add("versions.txt", fmt.Appendf(nil, "plugin %s\nKubernetes %s\n", version.String(), d.serverVersion)),
		add("not-read.txt", []byte(strings.Join(d.unread, "\n")+"\n")),
		add("manager.log", d.managerLog),
	)
	for name, objects := range map[string]any{
		"managers": d.managers, "manager-pods": d.managerPods, "storageclasses": d.storageClasses, "modelservers": d.servers, "trainingruns": d.runs,
		"pods": d.pods, "jobs": d.jobs, "persistentvolumeclaims": d.claims, "resourcequotas": d.quotas, "networkpolicies": d.policies, "events": d.events,
	} {
		document, encodeErr := encode(objects)
		err = errors.Join(err, encodeErr, add(name+".yaml", document))
	}
	return errors.Join(err, archive.Close())
}

// encode writes objects as YAML without what may be secret.
func encode(objects any) ([]byte, error) {
	document, err := json.Marshal(objects)
	if err != nil {
		return nil, err
	}
	var tree any
	if err := json.Unmarshal(document, &tree); err != nil {
		return nil, err
	}
	redact(tree)
	return yaml.Marshal(tree)
}

// redact replaces the values of environment variables, and removes what repeats an object: managed fields, and what kubectl
// applied last.
func redact(tree any) {
	switch node := tree.(type) {
	case []any:
		for _, item := range node {
			redact(item)
		}
	case map[string]any:
		delete(node, "managedFields")
		if annotations, ok := node["annotations"].(map[string]any); ok {
			delete(annotations, "kubectl.kubernetes.io/last-applied-configuration")
		}
		if env, ok := node["env"].([]any); ok {
			redactEnv(env)
		}
		for _, value := range node {
			redact(value)
		}
	}
}

func redactEnv(env []any) {
	for _, item := range env {
		variable, ok := item.(map[string]any)
		if !ok || variable["value"] == nil || variable["name"] == contract.ConfigEnv { // which the operator writes, without secrets
			continue
		}
		variable["value"] = redacted
	}
}

// Places of secrets in text.
var (
	userInURL   = regexp.MustCompile(`(\b[a-zA-Z][a-zA-Z0-9+.-]*://)[^\s/@"']+@`)
	signedQuery = regexp.MustCompile(`(?i)([?&](?:[\w-]*(?:token|signature|credential|secret|password|key)[\w-]*|sig)=)[^&\s"'\\]+`)
	bearer      = regexp.MustCompile(`(?i)(bearer\s+)[\w.~+/=-]{8,}`)
	assigned    = regexp.MustCompile(`(?i)(\b[\w-]*(?:password|passwd|secret_?(?:access_?)?key|api_?key|access_?token)\b["']?\s*[:=]\s*["']?)[^\s"',}]+`)
)

// withoutSecrets replaces what looks like a secret in text.
func withoutSecrets(text []byte) []byte {
	for _, pattern := range []*regexp.Regexp{userInURL, signedQuery, bearer, assigned} {
		after := "${1}" + redacted
		if pattern == userInURL {
			after += "@"
		}
		text = pattern.ReplaceAll(text, []byte(after))
	}
	return bytes.ToValidUTF8(text, []byte("?"))
}
