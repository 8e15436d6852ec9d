// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
	"github.com/trainyard-dev/trainyard/internal/classnames"
)

const (
	// classesInterval is how often a ConfigMap with names of classes is looked at, which isn't watched: the manager would have
	// to read every ConfigMap of the cluster.
	classesInterval = 30 * time.Second
	// maxClassesBytes bounds the names in a server's configuration, which is an environment variable: Linux takes no longer
	// one than 128 KiB.
	maxClassesBytes = 100_000
)

// resolveClasses finds the names that a source gives the classes, or says why they can't be used. There are none if the
// model file is to say them.
func (r *reconciler) resolveClasses(ctx context.Context, s *scope, source *v1alpha1.ModelSource) ([]string, *rollout.Unresolved, error) {
	ref := source.ClassesFrom.ConfigMapKeyRef
	if ref.Name == "" {
		names, unresolved := givenClasses(source.Classes)
		return names, unresolved, nil
	}
	s.requeueWithin(classesInterval)
	found := &corev1.ConfigMap{}
	err := r.live.Get(ctx, types.NamespacedName{Namespace: s.server.Namespace, Name: ref.Name}, found)
	switch {
	case apierrors.IsNotFound(err):
		found = nil
	case err != nil:
		return nil, nil, fmt.Errorf("get ConfigMap %s: %w", ref.Name, err)
	}
	names, unresolved := readClasses(ref, found)
	return names, unresolved, nil
}

// givenClasses are names that stand in the spec.
func givenClasses(given []string) ([]string, *rollout.Unresolved) {
	if len(given) == 0 {
		return nil, nil
	}
	names, err := classnames.Distinct(given)
	if err == nil {
		err = checkSize(names)
	}
	if err != nil {
		return nil, invalidClasses("spec.model.source.classes", err)
	}
	return names, nil
}

func invalidClasses(what string, err error) *rollout.Unresolved {
	return &rollout.Unresolved{Reason: v1alpha1.ClassesInvalidReason, Stalled: true, Message: fmt.Sprintf("%s %v", what, err)}
}

// readClasses reads the names of classes from a ConfigMap, which is nil if there is none of that name.
func readClasses(ref v1alpha1.ClassesReference, found *corev1.ConfigMap) ([]string, *rollout.Unresolved) {
	const field = "spec.model.source.classesFrom.configMapKeyRef"
	if found == nil {
		return nil, &rollout.Unresolved{Reason: v1alpha1.ClassesNotFoundReason, Message: fmt.Sprintf(
			"ConfigMap %s doesn't exist in this namespace: create it with the names of the classes in key %s, or name another in %s", ref.Name, ref.Key, field)}
	}
	text, has := found.Data[ref.Key]
	if binary, ok := found.BinaryData[ref.Key]; ok {
		text, has = string(binary), true
	}
	if !has {
		return nil, &rollout.Unresolved{Reason: v1alpha1.ClassesNotFoundReason, Message: fmt.Sprintf(
			"ConfigMap %s has no key %s: add it, or name another in %s.key", ref.Name, ref.Key, field)}
	}
	names, err := classnames.Parse([]byte(text))
	if err == nil {
		err = checkSize(names)
	}
	if err != nil {
		return nil, invalidClasses(fmt.Sprintf("key %s of ConfigMap %s, which %s names,", ref.Key, ref.Name, field), err)
	}
	return names, nil
}

// checkSize checks that a server can be told names.
func checkSize(names []string) error {
	encoded, err := json.Marshal(names)
	if err != nil {
		return err
	}
	if len(encoded) > maxClassesBytes {
		return fmt.Errorf("has names of %d bytes, and a server can be told %d: write them into the model file, as property classes of its metadata", len(encoded), maxClassesBytes)
	}
	return nil
}

// digestOf tells lists of names apart; it is empty if there are none.
func digestOf(names []string) string {
	if len(names) == 0 {
		return ""
	}
	hash := sha256.New()
	for _, name := range names {
		fmt.Fprintf(hash, "%d:%s", len(name), name)
	}
	return hex.EncodeToString(hash.Sum(nil))
}
