// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package serving

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const mebibyte = 1 << 20

// uploading is an upload of a test, and what it was told.
type uploading struct {
	*Upload
	cut []string
}

// begin starts n uploads in room for them and for bytes more.
func begin(t *testing.T, n int, bytes int64) (*uploads, []*uploading) {
	t.Helper()
	us := newUploads(int64(n)*uploadCost+bytes, 0)
	var all []*uploading
	for range n {
		all = append(all, beginOne(t, us))
	}
	return us, all
}

func beginOne(t *testing.T, us *uploads) *uploading {
	t.Helper()
	u := &uploading{}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var err error
	u.Upload, err = us.begin(ctx, func(answering bool) {
		u.cut = append(u.cut, map[bool]string{false: "reading", true: "writing"}[answering])
	})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// receive lets n bytes arrive.
func (u *uploading) receive(t *testing.T, n int) {
	t.Helper()
	if err := u.grow(t.Context(), int64(n)); err != nil {
		t.Fatal(err)
	}
	u.transferred(n)
}

// A body that trickles gives way to one that comes, and nobody else does.
func TestSlowTransfersGiveWay(t *testing.T) {
	cases := map[string]struct {
		// slow is what the first of three uploads does after a mebibyte has come, as the others have.
		slow func(t *testing.T, u *uploading)
		want []string
	}{
		"stalled":      {slow: func(*testing.T, *uploading) { time.Sleep(5 * time.Second) }, want: []string{"reading"}},
		"trickling":    {slow: func(_ *testing.T, u *uploading) { u.trickle(50, 100*time.Millisecond) }, want: []string{"reading"}},
		"not answered": {slow: func(t *testing.T, u *uploading) { u.do(t, answering); time.Sleep(5 * time.Second) }, want: []string{"writing"}},
		"computing":    {slow: func(t *testing.T, u *uploading) { u.do(t, computing); time.Sleep(5 * time.Second) }},
		"just begun":   {slow: func(*testing.T, *uploading) { time.Sleep(time.Millisecond) }},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, all := begin(t, 4, 3*mebibyte)
				for _, u := range all[:3] {
					u.receive(t, mebibyte)
				}
				tc.slow(t, all[0])
				for _, u := range all[1:3] { // these two are fast
					u.previous, u.window = transfer{}, transfer{start: time.Now().Add(-time.Second), bytes: mebibyte}
				}
				ctx, cancel := context.WithTimeout(t.Context(), transferWindow/2)
				defer cancel()
				newcomer := make(chan error, 1)
				go func() { newcomer <- all[3].grow(ctx, 1000) }()
				synctest.Wait()
				if diff := cmp.Diff(tc.want, all[0].cut); diff != "" {
					t.Errorf("cut off (-want +got):\n%s", diff)
				}
				for i, u := range all[1:] {
					if len(u.cut) > 0 {
						t.Errorf("upload %d was cut off though it is not slow", i+1)
					}
				}
				if tc.want == nil {
					if err := <-newcomer; !errors.Is(err, ErrNoRoom) {
						t.Errorf("without room: error = %v, want ErrNoRoom", err)
					}
					return
				}
				if err := all[0].grow(t.Context(), 1); !errors.Is(err, ErrTooSlow) {
					t.Errorf("what gave way: error = %v, want ErrTooSlow", err)
				}
				all[0].End()
				if err := <-newcomer; err != nil {
					t.Errorf("what others gave way to: error = %v", err)
				}
			})
		})
	}
}

// trickle lets n bytes come, one at a time.
func (u *uploading) trickle(n int, pause time.Duration) {
	for range n {
		u.transferred(1)
		time.Sleep(pause)
	}
}

func (u *uploading) do(t *testing.T, p phase) {
	t.Helper()
	if err := u.enter(p); err != nil {
		t.Fatal(err)
	}
}

// Bodies that together need more room than there is all arrive, one after the other.
func TestUploadsDoNotWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		us, all := begin(t, 8, 4*mebibyte)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		done := make(chan error)
		for _, u := range all {
			go func() {
				defer u.End()
				for range 2 {
					if err := u.grow(ctx, mebibyte); err != nil {
						done <- err
						return
					}
					u.transferred(mebibyte)
					time.Sleep(100 * time.Millisecond)
				}
				done <- u.enter(computing)
			}()
		}
		for range all {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		synctest.Wait()
		if len(us.all) > 0 || us.free != 8*uploadCost+4*mebibyte {
			t.Errorf("%d uploads are left, %d bytes free", len(us.all), us.free)
		}
	})
}

// Requests that send nothing at all are too many at some time, too.
func TestUploadsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		us, all := begin(t, 10, 0)
		time.Sleep(2 * transferWindow)
		go func() { _, _ = us.begin(t.Context(), func(bool) {}) }()
		synctest.Wait()
		cut := 0
		for _, u := range all {
			if len(u.cut) > 0 {
				cut++
				u.End()
			}
		}
		if cut != 1 {
			t.Errorf("%d uploads gave way to one, want 1", cut)
		}
	})
}
