// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"context"
	"errors"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/defaults"
	"github.com/trainyard-dev/trainyard/controllers/loop"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
)

// A revision is named by what its spec says, and its template is made once: another default makes no new revision, and
// whoever rolls back gets what was tested.

// readDefaults reads the defaults of the server's namespace. Those that can't be used hold up new revisions, and nothing else.
func (r *reconciler) readDefaults(ctx context.Context, s *scope) (err error) {
	s.given, err = defaults.Read(ctx, r.client, s.server.Namespace, defaults.ServerKey)
	if errors.As(err, &s.noDefaults) {
		return nil
	}
	if err != nil {
		return err
	}
	p := &children.Parser{}
	s.config.gates = parseGates(p, s.given.ForServer(s.server).Spec.Promotion.Gates)
	return p.Err
}

// imageOf is the image that serves a server's new revision.
func (r *reconciler) imageOf(s *scope) string {
	return children.ImageOr(s.server.Spec.Image, children.ImageOr(s.given.Image, r.image))
}

// withoutDefaults leaves a model unresolved while the defaults can't be used: nobody can say what its revision would be
// made of. What was made stays.
func withoutDefaults(s *scope) {
	if s.info == nil || s.noDefaults == nil {
		return
	}
	s.held, s.info = s.info, nil
	s.unresolved = &rollout.Unresolved{Reason: v1alpha1.DefaultsInvalidReason, Stalled: true, Message: s.noDefaults.Error()}
}

// usableDefaults is the error of defaults that can't be used, for what would be made of them.
func usableDefaults(s *scope) error {
	if s.noDefaults == nil {
		return nil
	}
	return loop.Stalled(s.noDefaults.Reason, s.noDefaults)
}
