SHELL := /usr/bin/env bash -euo pipefail
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
# One set of flags for everything, so that a package compiles once for the images,
# the tools, the tests and the linter together.
export CGO_ENABLED ?= 0
export GOFLAGS ?= -trimpath -buildvcs=false

BIN := $(CURDIR)/bin
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
# Where images go: REGISTRY=registry.example/team make docker-push
REGISTRY ?=
TAG ?= dev
IMAGE_PREFIX = $(if $(REGISTRY),$(REGISTRY)/)
IMAGE = $(IMAGE_PREFIX)trainyard-$*:$(TAG)
# The greatest sizes of images, compressed, in MB: what a node fetches before it serves.
export IMAGE_MAX_MB := trainyard-runner=45,trainyard-server=12
# local: a single-node Kubernetes made by hack/cluster. current: kubectl's current context.
CLUSTER ?= local
# A folder of class folders to train the demo on; empty: generated pictures.
DATA ?=

CONTROLLER_GEN = $(BIN)/controller-gen
CRD_REF_DOCS = $(BIN)/crd-ref-docs
GOTESTSUM = $(BIN)/gotestsum
GOLANGCI_LINT = $(BIN)/golangci-lint
S3_SERVER = $(BIN)/versitygw
AZURITE = $(BIN)/azurite/node_modules/.bin/azurite-blob
CLUSTER_TOOL = $(BIN)/cluster
IMAGES_TOOL = $(BIN)/images

##@ Start here

.PHONY: help
help: ## Show this help.
	@awk 'BEGIN {FS = ":.*##"} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-zA-Z0-9_ -]+:.*##/ {sub(/: [a-z-]+%$$/, "", $$1); printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(CLUSTER_TOOL) $(IMAGES_TOOL) ## Train, serve, promote and reject a model on a real cluster (DATA=<folder> for your own pictures).
	CLUSTER=$(CLUSTER) DATA="$(DATA)" hack/demo.sh

.PHONY: demo-down
demo-down: cluster-down ## Remove the demo's cluster and all it left.

##@ Build

.PHONY: build
build: build-manager build-runner build-server ## Build the three programs into bin/.

build-manager: PKG = .
build-runner: PKG = ./runner
build-server: PKG = ./server
.PHONY: build-manager build-runner build-server
build-manager build-runner build-server: build-%: ## Build one of manager, runner, server.
	go build -ldflags "-s -w -X github.com/trainyard-dev/trainyard/internal/version.version=$(VERSION)" -o $(BIN)/$* $(PKG)

.PHONY: images
images: $(IMAGES_TOOL) ## Build the three images into out/images, without Docker (ARCH=arm64 for other CPUs).
	$(IMAGES_TOOL) build -o out/images --registry "$(or $(REGISTRY),trainyard.local)" --tag $(TAG) --version $(VERSION) --max-mb $(IMAGE_MAX_MB) $(if $(ARCH),--arch $(ARCH)) trainyard-manager=. trainyard-runner=./runner trainyard-server=./server

.PHONY: docker-build-manager docker-build-runner docker-build-server
docker-build-manager docker-build-runner docker-build-server: docker-build-%: ## Build one image with Docker.
	docker build --target $* --build-arg VERSION=$(VERSION) -t $(IMAGE) .

.PHONY: docker-push
docker-push: ## Push the three images that docker-build-* made to REGISTRY.
	@[ -n "$(REGISTRY)" ] || { echo "error: REGISTRY is needed: make docker-push REGISTRY=registry.example/team" >&2; exit 1; }
	for i in manager runner server; do docker push $(REGISTRY)/trainyard-$$i:$(TAG); done

##@ Cluster

.PHONY: cluster-up
cluster-up: $(CLUSTER_TOOL) ## Start a single-node Kubernetes on this machine (root, Linux).
	$(CLUSTER_TOOL) up $(if $(DATA),--data "$(DATA)")

.PHONY: cluster-down
cluster-down: $(CLUSTER_TOOL) ## Stop it and remove all it left.
	$(CLUSTER_TOOL) down

.PHONY: cluster-load
cluster-load: images $(CLUSTER_TOOL) ## Build the three images and load them into the cluster.
	$(CLUSTER_TOOL) load out/images/trainyard-{manager,runner,server}.tar

.PHONY: install uninstall deploy undeploy
install: ## Install the CRDs into the current kubectl context.
	kubectl apply --server-side -f config/crd/bases
uninstall: ## Remove the CRDs, and with them every TrainingRun and ModelServer.
	kubectl delete --ignore-not-found -f config/crd/bases
deploy: build-installer ## Install CRDs and manager into the current kubectl context.
	kubectl apply --server-side -f out/install.yaml
undeploy: build-installer ## Remove CRDs and manager, and with them every TrainingRun and ModelServer.
	kubectl delete --ignore-not-found -f out/install.yaml

.PHONY: build-installer
build-installer: ## Write out/install.yaml: CRDs, RBAC and manager with the images of REGISTRY and TAG.
	@mkdir -p out
	hack/installer.sh "$(REGISTRY)" "$(TAG)" > out/install.yaml

.PHONY: run
run: build-manager ## Run the manager here against the current kubectl context.
	$(BIN)/manager --leader-elect=false --metrics-bind-address=0 \
		--runner-image=$(IMAGE_PREFIX)trainyard-runner:$(TAG) --server-image=$(IMAGE_PREFIX)trainyard-server:$(TAG)

##@ Development

.PHONY: generate
generate: $(CONTROLLER_GEN) $(CRD_REF_DOCS) ## Generate all generated code, manifests and API docs.
	$(CONTROLLER_GEN) object:headerFile=hack/boilerplate.go.txt paths=./api/...
	$(CONTROLLER_GEN) crd paths=./api/... output:crd:dir=config/crd/bases
	hack/bound-times.sh config/crd/bases/*.yaml
	hack/unfold.sh config/crd/bases/*.yaml
	$(CONTROLLER_GEN) rbac:roleName=trainyard-manager paths=./controllers/... output:rbac:dir=config/rbac
	go generate ./internal/engine/kernels ./internal/preprocess/kernels
	$(CRD_REF_DOCS) --source-path=api/v1alpha1 --config=hack/api-docs.yaml --renderer=markdown --output-path=docs/api.md
	go run ./hack/messages > docs/reference/messages.md

.PHONY: fmt lint lint-fix
fmt: $(GOLANGCI_LINT) ## Format the code.
	$(GOLANGCI_LINT) fmt
lint: $(GOLANGCI_LINT) ## Lint the code and the API.
	$(GOLANGCI_LINT) run
lint-fix: $(GOLANGCI_LINT) ## Lint and mend what can be mended.
	$(GOLANGCI_LINT) run --fix

.PHONY: verify
verify: ## Check that generated files are up to date, lint, and test for data races.
	hack/verify.sh

##@ Test

.PHONY: test
test: $(GOTESTSUM) $(CLUSTER_TOOL) $(S3_SERVER) ## Unit and integration (envtest) tests, with coverage.
	hack/test.sh

.PHONY: test-arm64
test-arm64: ## Test the engine and all beneath the runner for arm64, emulated (needs qemu-user-static).
	hack/test-arm64.sh

.PHONY: test-avx512
test-avx512: ## Test the AVX-512 kernels on an emulated CPU (Debian, packages of Bochs and ISOLINUX).
	hack/avx512/test.sh

.PHONY: test-peers
test-peers: test-dvc test-azure test-exports ## Compare with the tools of others, each by a target of its own.

.PHONY: test-dvc
test-dvc: $(S3_SERVER) ## Compare with DVC 2 and 3, which it installs (minutes).
	test/peers/dvc/run.sh

.PHONY: test-exports
test-exports: ## Serve exports of torchvision and Keras, and compare the answers with theirs (half an hour, and gigabytes).
	test/peers/exports/run.sh

.PHONY: test-azure
test-azure: $(AZURITE) ## Test the reading and writing of Azure's blob storage against Azurite (needs npm).
	go test -count=1 -run Azure -v ./internal/objectstore

.PHONY: test-e2e
test-e2e: $(CLUSTER_TOOL) $(IMAGES_TOOL) ## End-to-end tests on the local cluster (root, Linux).
	CLUSTER=$(CLUSTER) hack/test-e2e.sh

.PHONY: bench-data
bench-data: build-runner ## Measure a linear model and BaselineCNN on generated pictures (minutes).
	test/benchmark/data/bench.sh

.PHONY: bench-pictures
bench-pictures: build-runner ## Measure decoding beside Pillow, and an epoch beside torchvision, on DATA=<folder> or drawn pictures.
	test/benchmark/pictures/bench.sh "$(DATA)"

.PHONY: bench-data-sources
bench-data-sources: $(S3_SERVER) ## Measure 10,000 small files from an S3 server beside dvc pull, which it installs, and fetches that are killed.
	test/benchmark/datasources/bench.sh $(S3_SERVER)

.PHONY: compare
compare: build-runner ## Train the same network with the runner and with PyTorch on DATA=<folder> (half an hour, 5.5 GB).
	test/benchmark/compare/compare.sh "$(DATA)"

.PHONY: bench-engine
bench-engine: ## Measure the engine beside ONNX Runtime and PyTorch (minutes, and gigabytes for the peers).
	test/benchmark/engine/bench.sh

.PHONY: bench-server
bench-server: build-runner build-server ## Measure rate and peak memory of the inference server under 1 to 64 clients.
	test/benchmark/server/bench.sh

.PHONY: bench-manager
bench-manager: $(CLUSTER_TOOL) build-manager ## Measure takeovers of the leader, and what waiting and ended runs cost, with a real API server (minutes).
	KUBEBUILDER_ASSETS=$$($(CLUSTER_TOOL) build --envtest) go run ./test/benchmark/manager

.PHONY: compare-torchvision
compare-torchvision: ## Run torchvision's classifiers as both exporters write them, beside ONNX Runtime (an hour, gigabytes).
	test/benchmark/torchvision/compare.sh $(NETWORKS)

.PHONY: clean
clean: ## Remove what was built in this checkout.
	rm -rf bin out .venv-*

# The tools, built from their own modules.

$(CONTROLLER_GEN) $(CRD_REF_DOCS) $(GOTESTSUM) &: hack/tools/go.mod hack/tools/go.sum
	@echo "building the code generators and the test runner"
	cd hack/tools && go build -o $(BIN)/ tool

$(S3_SERVER): hack/tools/s3server/go.mod
	@echo "building the S3 server that tests use"
	cd hack/tools/s3server && go build -o $@ github.com/versity/versitygw/cmd/versitygw

$(AZURITE):
	npm install --no-audit --no-fund --prefix $(BIN)/azurite azurite@3.35.0

$(GOLANGCI_LINT): hack/tools/lint/go.mod hack/tools/lint/main.go
	@echo "building the linter"
	cd hack/tools/lint && go build -o $@ .

.PHONY: FORCE
$(CLUSTER_TOOL): FORCE
	@go build -o $@ ./hack/cluster
$(IMAGES_TOOL): FORCE
	@go build -o $@ ./hack/images
