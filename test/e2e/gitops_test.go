// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/client-go/rest"

	"github.com/trainyard-dev/trainyard/test/gitops"
)

// judgeStatuses has Argo CD's scripts and kstatus, which Flux waits by, judge every status that the controllers write
// until the suite ends.
func judgeStatuses(cfg *rest.Config) {
	GinkgoHelper()
	ctx, cancel := context.WithCancel(context.Background())
	statuses, err := gitops.Record(ctx, cfg, gitops.Scripts{Folder: filepath.Join("..", "..", "config", "argocd", "resource_customizations")})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() {
		cancel()
		Expect(statuses.Judged()).To(BeNumerically(">", 0))
		Expect(statuses.Problems()).To(BeEmpty())
	})
}
