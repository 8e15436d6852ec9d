// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package deploy brings a cluster to a version of the operator, checks that it works, and takes it back if it doesn't.
package deploy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// Release is an installation in a cluster, of which earlier revisions are kept.
type Release interface {
	// Current is the revision that is deployed, 0 if there is none.
	Current(ctx context.Context) (int, error)
	// Install deploys the new version, and returns when it is ready.
	Install(ctx context.Context) error
	// Back returns to a revision, 0 to none, and returns when that is ready.
	Back(ctx context.Context, revision int) error
}

// Check is something that has to be so after a deployment.
type Check interface {
	// Name says what is checked, as in "checking that NAME".
	Name() string
	// Before sees what there is before anything changes.
	Before(ctx context.Context) error
	// After says what is not as it has to be.
	After(ctx context.Context) error
}

// ErrRolledBack says that the version before is deployed again.
var ErrRolledBack = errors.New("rolled back")

// backLimit bounds the way back, which is taken when the time for the deployment may be over.
const backLimit = 5 * time.Minute

// Run deploys a release and checks it. If either fails, it goes back to what there was before, and the error is ErrRolledBack with the reason.
func Run(ctx context.Context, release Release, checks []Check, log io.Writer) error {
	before, err := release.Current(ctx)
	if err != nil {
		return fmt.Errorf("nothing was changed: %w", err)
	}
	for _, check := range checks {
		if err := check.Before(ctx); err != nil {
			return fmt.Errorf("nothing was changed: %w", err)
		}
	}
	reason := try(ctx, release, checks, log)
	if reason == nil {
		fmt.Fprintln(log, "deployed")
		return nil
	}
	if ctx.Err() != nil {
		reason = errors.New("it was interrupted") // what was cut off gives reasons of its own, such as a time that wasn't over
	}
	where := fmt.Sprintf("to revision %d", before)
	if before == 0 {
		where = "to nothing, for nothing was installed before"
	}
	fmt.Fprintf(log, "FAILED: %v\nrolling back %s\n", reason, where)
	back, cancel := context.WithTimeout(context.WithoutCancel(ctx), backLimit)
	defer cancel()
	if err := release.Back(back, before); err != nil {
		return fmt.Errorf("the deployment failed, and so did the way back %s, so look at the cluster: %w", where, errors.Join(reason, err))
	}
	return fmt.Errorf("%w %s: %w", ErrRolledBack, where, reason)
}

func try(ctx context.Context, release Release, checks []Check, log io.Writer) error {
	fmt.Fprintln(log, "deploying, and waiting until it is ready")
	if err := release.Install(ctx); err != nil {
		return err
	}
	for _, check := range checks {
		fmt.Fprintln(log, "checking that", check.Name())
		if err := check.After(ctx); err != nil {
			return err
		}
	}
	return nil
}
