// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package images

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
	"github.com/trainyard-dev/trainyard/runner/internal/failure"
)

// A dataset with too many broken files ends the run, and the log is the only place that names them: the message has room for
// a few.
func TestTheLogNamesWhatIsWrongWithADataset(t *testing.T) {
	dir := t.TempDir()
	for _, class := range []string{"cat", "dog"} {
		if err := os.Mkdir(filepath.Join(dir, class), 0o700); err != nil {
			t.Fatal(err)
		}
		for i := range 30 {
			var content bytes.Buffer
			if i < 4 {
				picture := image.NewGray(image.Rect(0, 0, 32, 32))
				picture.Pix[0] = uint8(i)
				if err := png.Encode(&content, picture); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile(filepath.Join(dir, class, fmt.Sprintf("%d.png", i)), content.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	most := 10
	var log bytes.Buffer
	_, err := Open(t.Context(), slog.New(slog.NewTextHandler(&log, nil)), Request{
		Dataset: contract.Dataset{Path: dir, MaxInvalidPercent: &most}, Preprocess: preprocess.DefaultSpec(32), MemoryBytes: 1 << 30,
	})
	if reason, _ := failure.Of(err); reason != contract.ReasonTooManyInvalid || !strings.Contains(err.Error(), "all of which the log names") {
		t.Fatalf("reason %s, error %v", reason, err)
	}
	for i := range 30 {
		for _, class := range []string{"cat", "dog"} {
			if named := strings.Contains(log.String(), fmt.Sprintf("file=%s/%d.png", class, i)); named != (i >= 4) {
				t.Errorf("%s/%d.png is named in the log: %v", class, i, named)
			}
		}
	}
}
