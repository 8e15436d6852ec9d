// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package deploy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// cluster is a Release and a Check that notes what is asked of it, and fails where it is told to.
type cluster struct {
	revision int
	failing  map[string]bool
	asked    []string
	cancel   context.CancelFunc
}

func (c *cluster) do(ctx context.Context, what string) error {
	c.asked = append(c.asked, what)
	if err := ctx.Err(); err != nil {
		return err
	}
	if c.failing[what] {
		return errors.New(what + " failed")
	}
	return nil
}

func (c *cluster) Current(ctx context.Context) (int, error) { return c.revision, c.do(ctx, "current") }
func (c *cluster) Back(ctx context.Context, to int) error {
	return c.do(ctx, fmt.Sprint("back to ", to))
}
func (c *cluster) Name() string                     { return "it works" }
func (c *cluster) Before(ctx context.Context) error { return c.do(ctx, "before") }
func (c *cluster) After(ctx context.Context) error  { return c.do(ctx, "after") }

func (c *cluster) Install(ctx context.Context) error {
	if c.cancel != nil {
		c.cancel()
	}
	return c.do(ctx, "install")
}

func TestRun(t *testing.T) {
	tests := map[string]struct {
		revision   int
		failing    string
		interrupt  bool
		want       []string
		rolledBack bool
		says       string
	}{
		"all goes well":                {revision: 3, want: []string{"current", "before", "install", "after"}},
		"the cluster isn't reached":    {failing: "current", want: []string{"current"}, says: "nothing was changed"},
		"a check can't be made":        {failing: "before", want: []string{"current", "before"}, says: "nothing was changed"},
		"it doesn't get ready":         {revision: 3, failing: "install", want: []string{"current", "before", "install", "back to 3"}, rolledBack: true, says: "install failed"},
		"it is ready and doesn't work": {revision: 3, failing: "after", want: []string{"current", "before", "install", "after", "back to 3"}, rolledBack: true, says: "after failed"},
		"there was nothing before":     {failing: "install", want: []string{"current", "before", "install", "back to 0"}, rolledBack: true, says: "to nothing"},
		"it is interrupted":            {revision: 3, interrupt: true, want: []string{"current", "before", "install", "back to 3"}, rolledBack: true, says: "to revision 3: it was interrupted"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			c := &cluster{revision: tc.revision, failing: map[string]bool{tc.failing: true}}
			if tc.interrupt {
				c.cancel = cancel
			}
			var log bytes.Buffer
			err := Run(ctx, c, []Check{c}, &log)
			if diff := cmp.Diff(tc.want, c.asked); diff != "" {
				t.Errorf("what was done (-want +got):\n%s", diff)
			}
			if (err != nil) != (tc.says != "") || errors.Is(err, ErrRolledBack) != tc.rolledBack {
				t.Fatalf("error %v; rolled back: want %v", err, tc.rolledBack)
			}
			if err != nil && !strings.Contains(err.Error(), tc.says) {
				t.Errorf("error %v, want it to say %q", err, tc.says)
			}
			if tc.rolledBack != strings.Contains(log.String(), "rolling back") {
				t.Errorf("printed %q", log.String())
			}
		})
	}
}

func TestTheWayBackFails(t *testing.T) {
	c := &cluster{revision: 3, failing: map[string]bool{"after": true, "back to 3": true}}
	err := Run(t.Context(), c, []Check{c}, &bytes.Buffer{})
	if err == nil || errors.Is(err, ErrRolledBack) || !strings.Contains(err.Error(), "after failed") || !strings.Contains(err.Error(), "back to 3 failed") {
		t.Errorf("error %v, want both reasons, and not that it was rolled back", err)
	}
}
