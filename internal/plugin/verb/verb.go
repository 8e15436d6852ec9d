// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package verb is what the verbs of the plugin have in common: what they are given, the rights that they need, and the exit
// codes that they end with.
package verb

import (
	"time"

	"github.com/spf13/cobra"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/plugin/cluster"
)

// Env is what a verb is given.
type Env struct {
	genericiooptions.IOStreams
	Flags *cluster.Flags
	Now   func() time.Time
}

// Verb is a command and the rights that its user needs.
type Verb struct {
	Command *cobra.Command
	Rights  []Right
}

// Right is what a user must be allowed to do in the namespace.
type Right struct {
	rbacv1.PolicyRule
	// For is what the right is needed for. Empty is the verb as such; without another right the verb does without that.
	For string
}

// Need is a right that a verb can't do without.
func Need(group, resource string, verbs ...string) Right {
	return Right{PolicyRule: rule(group, resource, verbs)}
}

// Want is a right without which a verb shows or does less.
func Want(purpose, group, resource string, verbs ...string) Right {
	return Right{PolicyRule: rule(group, resource, verbs), For: purpose}
}

func rule(group, resource string, verbs []string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: []string{resource}, Verbs: verbs}
}

// Group is the API group of both kinds.
var Group = v1alpha1.GroupVersion.Group

// The resources of both kinds.
const (
	Servers = "modelservers"
	Runs    = "trainingruns"
)

// Exit codes, besides 0 and 1 for any other error.
const (
	// ExitStalled: a person has to act; of doctor, something was found that keeps Trainyard from working.
	ExitStalled = 2
	// ExitTimeout: what was waited for hasn't come.
	ExitTimeout = 3
)

// ExitError is an error with an exit code of its own.
type ExitError struct {
	Code int
	Err  error
}

// Error implements error.
func (e *ExitError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *ExitError) Unwrap() error { return e.Err }
