#!/usr/bin/env bash
# Generators first, read-only checks second, then a comparison of the whole tree:
# a generated file that is out of date, or that nobody added, is an error.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tree() { git status --porcelain --untracked-files=all; git diff HEAD | git hash-object --stdin; }

before=$(tree)
echo "--- generate"
make generate
echo "--- go mod tidy"
go mod tidy
for module in hack/tools hack/tools/lint hack/tools/s3server hack/tools/gcsserver hack/tools/prometheus hack/tools/helm hack/tools/argocd hack/tools/proto hack/tools/grpcurl hack/tools/gatewayapi internal/engine/kernels/gen; do (cd "$module" && go mod tidy); done
if [ "$before" != "$(tree)" ]; then
  git --no-pager diff --stat
  git status --short
  echo "error: generated files or go.mod were out of date; they are up to date now: review and commit them" >&2
  exit 1
fi

echo "--- lint"
make lint
echo "--- workflows"
bin/actionlint -shellcheck= -pyflakes= # a step is one make target, so there is no script to check
echo "--- spelling"
bin/misspell -error -locale US -i cancelled,alse ./*.md docs # gRPC's name of a status, and a part of a pattern
echo "--- go vet"
go vet ./...
for arch in arm64 riscv64; do GOARCH=$arch go vet ./internal/engine/...; done # the second has the portable set only
echo "--- the generators of kernels"
(cd internal/engine/kernels/gen && go vet ./... && go test ./...)
echo "--- race detector"
# It needs cgo. What it watches is what runs in the images; envtest and the cluster
# have targets of their own. Training takes minutes there, and longer beside other work.
CGO_ENABLED=1 go test -race -short -timeout=30m ./controllers/... ./internal/... ./runner/... ./server/... ./hack/prober/...
