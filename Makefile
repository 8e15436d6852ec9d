SHELL := /usr/bin/env bash -euo pipefail
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
# One set of flags for everything, so that a package compiles once for the images,
# the tools, the tests and the linter together.
export CGO_ENABLED ?= 0
export GOFLAGS ?= -trimpath -buildvcs=false
# Where nothing can be written at home, what is compiled stays in this checkout.
ifneq (0,$(shell d=$$(go env GOCACHE 2>/dev/null) && mkdir -p "$$d" 2>/dev/null && [ -w "$$d" ] && echo 0))
export GOCACHE := $(CURDIR)/out/go-build
export TRAINYARD_CACHE ?= $(CURDIR)/out/cache
endif

BIN := $(CURDIR)/bin
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
# Where images go: REGISTRY=registry.example/team make docker-push
REGISTRY ?=
TAG ?= dev
IMAGE_PREFIX = $(if $(REGISTRY),$(REGISTRY)/)
IMAGE = $(IMAGE_PREFIX)trainyard-$*:$(TAG)
# The greatest sizes of images, compressed, in MB: what a node fetches before it serves.
export IMAGE_MAX_MB := trainyard-runner=45,trainyard-server=12
# local: a Kubernetes made by hack/cluster. current: kubectl's current context. none, for the demo: no cluster at all.
# Empty: local, and for the demo none where this machine can't have one.
CLUSTER ?=
# How many nodes cluster-up makes; empty: one, or those that the cluster was started with.
NODES ?=
# A folder of class folders to train on; empty: drawn pictures. MINUTES is how long that may take.
DATA ?=
export MINUTES ?= 2
# The model file that evaluate, serve and smoke take; empty: the newest in models/. More flags of the runner, for train.
MODEL ?=
export TRAIN_ARGS ?=

CONTROLLER_GEN = $(BIN)/controller-gen
CRD_REF_DOCS = $(BIN)/crd-ref-docs
GOTESTSUM = $(BIN)/gotestsum
ACTIONLINT = $(BIN)/actionlint
MISSPELL = $(BIN)/misspell
GOVULNCHECK = $(BIN)/govulncheck
GOLANGCI_LINT = $(BIN)/golangci-lint
S3_SERVER = $(BIN)/versitygw
AZURITE = $(BIN)/azurite/node_modules/.bin/azurite-blob
GCS_SERVER = $(BIN)/fake-gcs-server
GRPCURL = $(BIN)/grpcurl
PROMTOOL = $(BIN)/promtool
PROMETHEUS = $(BIN)/prometheus
HELM = $(BIN)/helm
ARGOCD = $(BIN)/argocd
REPORT_PEERS = $(BIN)/report-peers/node_modules/axe-core/axe.min.js
CLUSTER_TOOL = $(BIN)/cluster
IMAGES_TOOL = $(BIN)/images

##@ Start here

.PHONY: help
help: ## Show this help.
	@awk 'BEGIN {FS = ":.*##"} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-zA-Z0-9_ -]+:.*##/ {sub(/: [a-z-]+%$$/, "", $$1); printf "  %-22s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## Train, serve, and reject a bad model under load: on a real cluster, or without where there can't be one (DATA=<folder> CLUSTER=none).
	CLUSTER=$(CLUSTER) DATA="$(DATA)" hack/demo.sh

.PHONY: demo-down
demo-down: cluster-down ## Remove the demo's cluster and all it left.

##@ On this machine, without a cluster

.PHONY: setup
setup: build ## Fetch what the programs are made of, and build them.
	@printf '\nNext: make data, or make demo, which shows everything at once\n'

.PHONY: data
data: build-runner ## Sort Kaggle's Dogs vs. Cats into folders, or draw cats and dogs where it isn't there.
	@DATA="$(DATA)" hack/laptop.sh data

.PHONY: train
train: build-runner ## Train on DATA=<folder>, or on what make data made, in about MINUTES=2 (TRAIN_ARGS for more flags).
	@DATA="$(DATA)" hack/laptop.sh train

.PHONY: evaluate
evaluate: build-runner ## Measure the newest model, or MODEL=<model.onnx>, on DATA=<folder> or on new drawings.
	@DATA="$(DATA)" MODEL="$(MODEL)" hack/laptop.sh evaluate

.PHONY: smoke
smoke: build-server ## Test the newest model's server, or the one at URL (SAMPLES=<samples.tar>: what it should answer).
	@MODEL="$(MODEL)" URL="$(URL)" SAMPLES="$(SAMPLES)" hack/laptop.sh smoke

.PHONY: serve
serve: build-server ## Serve the newest model, or MODEL=<model.onnx>, with a page for pictures (PORT=8080).
	@MODEL="$(MODEL)" PORT="$(PORT)" hack/laptop.sh serve

##@ Build

.PHONY: build
build: build-manager build-runner build-server build-kubectl-trainyard ## Build the four programs into bin/.

build-manager: PKG = .
build-runner: PKG = ./runner
build-server: PKG = ./server
build-kubectl-trainyard: PKG = ./internal/plugin
.PHONY: build-manager build-runner build-server build-kubectl-trainyard
build-manager build-runner build-server build-kubectl-trainyard: build-%: ## Build one of manager, runner, server, kubectl-trainyard.
	go build -ldflags "-s -w -X github.com/trainyard-dev/trainyard/internal/version.version=$(VERSION)" -o $(BIN)/$* $(PKG)

.PHONY: install-kubectl-trainyard
install-kubectl-trainyard: build-kubectl-trainyard ## Install the kubectl plugin and its completion into PREFIX=/usr/local.
	install -D -t $(or $(PREFIX),/usr/local)/bin $(BIN)/kubectl-trainyard hack/plugin/kubectl_complete-trainyard

.PHONY: krew
krew: ## Build the kubectl plugin for each platform, and its krew manifest, into out/krew (VERSION=v0.2.0).
	go run ./hack/krew --version $(VERSION) --out out/krew

.PHONY: images
images: $(IMAGES_TOOL) ## Build the three images into out/images, without Docker (ARCH=arm64 for other CPUs).
	$(IMAGES_TOOL) build -o out/images --registry "$(or $(REGISTRY),trainyard.local)" --tag $(TAG) --version $(VERSION) --max-mb $(IMAGE_MAX_MB) $(if $(ARCH),--arch $(ARCH)) trainyard-manager=. trainyard-runner=./runner trainyard-server=./server

.PHONY: push-images
push-images: $(IMAGES_TOOL) ## Push the images in out/images to their registry, under TAGS="main v1.2.3" as well, and list their digests beside them.
	$(IMAGES_TOOL) push $(TAGS:%=--tag %) out/images/trainyard-{manager,runner,server}.tar | tee out/images/pushed.txt
	sed -E 's/(.*)@sha256:(.*)/\2  \1/' out/images/pushed.txt > out/images/digests.txt

.PHONY: release
release: $(HELM) ## Make all files of a release into out/release, from a clean checkout (VERSION=v1.2.3; REGISTRY of its images).
	go run ./hack/release --version "$(VERSION)" --registry "$(or $(REGISTRY),ghcr.io/trainyard-dev)" --out out/release --helm $(HELM)

.PHONY: push-release
push-release: $(IMAGES_TOOL) ## Check the files in out/release and push its images, under TAGS="v1.2 latest" as well.
	cd out/release && sha256sum --quiet --strict --check SHA256SUMS
	$(IMAGES_TOOL) push $(TAGS:%=--tag %) out/release/trainyard-{manager,runner,server}.oci.tar | tee out/pushed.txt
	cmp out/pushed.txt out/release/images.txt
	sed -E 's/(.*)@sha256:(.*)/\2  \1/' out/pushed.txt > out/digests.txt

.PHONY: docker-build-manager docker-build-runner docker-build-server
docker-build-manager docker-build-runner docker-build-server: docker-build-%: ## Build one image with Docker.
	docker build --target $* --build-arg VERSION=$(VERSION) -t $(IMAGE) .

.PHONY: docker-push
docker-push: ## Push the three images that docker-build-* made to REGISTRY.
	@[ -n "$(REGISTRY)" ] || { echo "error: REGISTRY is needed: make docker-push REGISTRY=registry.example/team" >&2; exit 1; }
	for i in manager runner server; do docker push $(REGISTRY)/trainyard-$$i:$(TAG); done

##@ Cluster

.PHONY: cluster-up
cluster-up: $(CLUSTER_TOOL) ## Start a Kubernetes on this machine (root, Linux; NODES=2 for two nodes).
	$(CLUSTER_TOOL) up $(if $(NODES),--nodes "$(NODES)") $(if $(DATA),--data "$(DATA)")

.PHONY: cluster-down
cluster-down: $(CLUSTER_TOOL) ## Stop it and remove all it left.
	$(CLUSTER_TOOL) down

.PHONY: cluster-load
cluster-load: images $(CLUSTER_TOOL) ## Build the three images and load them into the cluster.
	$(CLUSTER_TOOL) load out/images/trainyard-{manager,runner,server}.tar

.PHONY: install uninstall deploy undeploy
# Without a context kubectl asks a server on this machine, and says no more than that there is none.
.PHONY: need-context
need-context:
	@kubectl config current-context > /dev/null 2>&1 || { echo "error: kubectl has no cluster here. make cluster-up starts one (root), and export KUBECONFIG=\$$(bin/cluster kubeconfig) names it; make demo needs none" >&2; exit 1; }
install: need-context ## Install the CRDs into the current kubectl context.
	kubectl apply --server-side -f config/crd/bases
uninstall: ## Remove the CRDs, and with them every TrainingRun and ModelServer.
	kubectl delete --ignore-not-found -f config/crd/bases
deploy: need-context build-installer ## Install CRDs and manager into the current kubectl context.
	kubectl apply --server-side -f dist/install.yaml
	@printf '\nNext: kubectl apply -k config/samples\n'
undeploy: build-installer ## Remove the manager and its rights. CRDs, TrainingRuns and ModelServers stay, and servers serve.
	kubectl delete --ignore-not-found -f dist/install.yaml --selector='app.kubernetes.io/component!=crds'

.PHONY: build-installer
build-installer: ## Write dist/install.yaml: CRDs, RBAC and manager with the images of REGISTRY and TAG.
	go run ./hack/installer --registry="$(REGISTRY)" --tag="$(TAG)" > dist/install.yaml

.PHONY: chart
chart: $(HELM) ## Package the Helm chart into out/chart, for the images of TAG (VERSION=v1.2.3).
	@[[ "$(VERSION)" =~ ^v?[0-9]+\.[0-9]+\.[0-9]+ ]] || { echo "error: VERSION is $(VERSION): give that of the chart, make chart VERSION=v1.2.3 TAG=v1.2.3" >&2; exit 1; }
	$(HELM) package dist/chart --destination out/chart --version "$(patsubst v%,%,$(VERSION))" --app-version "$(TAG)"

.PHONY: run
run: build-manager ## Run the manager here against the current kubectl context.
	$(BIN)/manager --leader-elect=false --metrics-bind-address=0 \
		--runner-image=$(IMAGE_PREFIX)trainyard-runner:$(TAG) --server-image=$(IMAGE_PREFIX)trainyard-server:$(TAG)

.PHONY: deploy-checked
deploy-checked: $(HELM) build-server ## Deploy TAG of REGISTRY by Helm with VALUES=<file>, wait, train and serve a small model, and roll back if any of it fails.
	go run ./hack/deploy --helm $(HELM) --server $(BIN)/server --registry "$(REGISTRY)" --tag "$(TAG)" $(VALUES:%=--values %) $(TIMEOUT:%=--timeout %)

.PHONY: compose-up compose-down
compose-up: ## Build and start what docker-compose.yml describes: train, serve, record and watch without Kubernetes (needs Docker).
	TAG=$(TAG) docker compose up --build --detach
compose-down: ## Stop it; its volumes stay.
	docker compose down

##@ Development

.PHONY: generate
generate: $(CONTROLLER_GEN) $(CRD_REF_DOCS) ## Generate all generated code, manifests and API docs.
	$(CONTROLLER_GEN) object:headerFile=hack/boilerplate.go.txt paths=./api/...
	$(CONTROLLER_GEN) crd paths=./api/... output:crd:dir=config/crd/bases
	hack/bound-times.sh config/crd/bases/*.yaml
	hack/compact.sh config/crd/bases/*.yaml
	$(CONTROLLER_GEN) rbac:roleName=trainyard-manager paths=./controllers/... output:rbac:dir=config/rbac
	go generate ./internal/engine/kernels ./internal/preprocess/kernels
	cd hack/tools/proto && go run . $(CURDIR)/server/internal/grpcapi/inferencepb/inference.proto
	$(CRD_REF_DOCS) --source-path=api/v1alpha1 --config=hack/api-docs.yaml --renderer=markdown --output-path=docs/api.md
	go run ./hack/messages > docs/reference/messages.md
	go run ./hack/chart
	go run ./hack/argocd > config/argocd/argocd-cm.yaml
	go run ./hack/metrics > docs/reference/metrics.md
	go run ./hack/plugin > docs/reference/kubectl-trainyard.md
	go run ./hack/recordings > config/compose/recordings.yml

.PHONY: fmt lint lint-fix
fmt: $(GOLANGCI_LINT) ## Format the code.
	$(GOLANGCI_LINT) fmt
lint: $(GOLANGCI_LINT) ## Lint the code and the API.
	$(GOLANGCI_LINT) run
lint-fix: $(GOLANGCI_LINT) ## Lint and mend what can be mended.
	$(GOLANGCI_LINT) run --fix

.PHONY: verify
verify: $(ACTIONLINT) $(MISSPELL) ## Check that generated files are up to date, lint, and test for data races.
	hack/verify.sh

##@ Test

.PHONY: test
test: $(GOTESTSUM) $(CLUSTER_TOOL) $(S3_SERVER) $(HELM) ## Unit and integration (envtest) tests, with coverage.
	hack/test.sh

.PHONY: test-story
test-story: ## Run docs/quickstart.md word for word: the demo without a cluster, and what follows (with one, too: CLUSTER=local, root).
	CLUSTER=$(CLUSTER) go test -count=1 -timeout=60m -v ./test/story

.PHONY: docs
docs: ## Write the pages of docs/ as a site to out/site; fails on a dead link. Search needs a server: python3 -m http.server -d out/site.
	NO_MKDOCS_2_WARNING=1 "$$(test/peers/venv.sh site hack/site/requirements.txt)"/bin/mkdocs build --strict --quiet --config-file hack/site/mkdocs.yml

.PHONY: coverage
coverage: ## Show the coverage that make test has measured, line by line: out/cover.html.
	go tool cover -html=out/cover.out -o out/cover.html

.PHONY: vulnerabilities
vulnerabilities: $(GOVULNCHECK) ## Fail if code that is called has a known vulnerability, of whatever severity (VULNDB=https://vuln.go.dev).
	$(GOVULNCHECK) -db $(or $(VULNDB),https://vuln.go.dev) ./...

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME=1m.
	hack/fuzz.sh $(or $(FUZZTIME),1m)

.PHONY: proofs
proofs: ## Prove the local cluster on one of its own: what it does and what it leaves (minutes; root, Linux).
	go test -tags proof -count=1 -v ./hack/cluster/proof

.PHONY: emulators-arm64 emulators-avx512
emulators-arm64: PACKAGES = qemu-user-static
emulators-avx512: PACKAGES = bochs bochsbios vgabios isolinux syslinux-common genisoimage cpio
emulators-arm64 emulators-avx512: ## Install the Debian packages that test-arm64 or test-avx512 needs (root).
	apt-get update -qq
	apt-get install --yes --no-install-recommends $(PACKAGES)

.PHONY: redis-server
redis-server: # Argo CD's cache, from Debian.
	command -v redis-server > /dev/null || { apt-get update -qq && apt-get install --yes --no-install-recommends redis-server; }

# The caches stay those of who asks.
sudo-%: ## Make a target as root: sudo-test-e2e.
	$(if $(filter 0,$(shell id -u)),,sudo --preserve-env env "PATH=$$PATH" "HOME=$$HOME") $(MAKE) $*

.PHONY: test-arm64
test-arm64: ## Test the engine and all beneath the runner for arm64, emulated (needs qemu-user-static).
	hack/test-arm64.sh

.PHONY: test-avx512
test-avx512: ## Test the AVX-512 kernels on an emulated CPU (Debian, packages of Bochs and ISOLINUX).
	hack/avx512/test.sh

##@ Compare with the tools of others

.PHONY: test-peers
test-peers: test-dvc test-mlflow test-compose test-azure test-gs test-report test-webpage test-dashboard test-protocols test-exports test-trainer ## Compare with the tools of others, each by a target of its own.

.PHONY: test-dvc
test-dvc: $(S3_SERVER) ## Compare with DVC 2 and 3, which it installs (minutes).
	test/peers/dvc/run.sh

.PHONY: test-mlflow
test-mlflow: ## Record runs in MLflow 2 and 3, which it installs (minutes, and gigabytes).
	test/peers/mlflow/run.sh

.PHONY: test-exports
test-exports: ## Serve exports of torchvision and Keras, and compare the answers with theirs (half an hour, and gigabytes).
	test/peers/exports/run.sh

.PHONY: test-trainer
test-trainer: build-runner build-server ## Hold the example of a trainer of one's own to the contract, with PyTorch, which it installs (minutes, and gigabytes).
	TRAINER_PYTHON=$$(test/peers/venv.sh trainer docs/examples/pytorch-trainer/requirements.txt)/bin/python RUNNER=$(BIN)/runner SERVER=$(BIN)/server \
		go test -count=1 -v ./test/peers/trainer

.PHONY: test-azure
test-azure: $(AZURITE) ## Test the reading and writing of Azure's blob storage against Azurite (needs npm).
	go test -count=1 -run Azure -v ./internal/objectstore

.PHONY: test-gs
test-gs: $(GCS_SERVER) ## Test the reading and writing of Google's storage against fake-gcs-server.
	go test -count=1 -run Google -v ./internal/objectstore

.PHONY: test-protocols
test-protocols: $(GRPCURL) ## Ask the server with the clients of Triton and KServe, grpcurl and schemathesis, and restart it under load (minutes).
	test/peers/protocols/run.sh

.PHONY: test-monitoring
test-monitoring: $(PROMETHEUS) $(CLUSTER_TOOL) build-runner build-server ## Unit-test alerts with promtool, and have Prometheus evaluate rules and dashboards on live data.
	PROMTOOL=$(PROMTOOL) go test -count=1 -v ./test/monitoring
	PROMETHEUS=$(PROMETHEUS) RUNNER=$(BIN)/runner SERVER=$(BIN)/server KUBEBUILDER_ASSETS=$$($(CLUSTER_TOOL) build --envtest) \
		go test -count=1 -v ./test/integration -ginkgo.focus Prometheus

.PHONY: test-report
test-report: $(REPORT_PEERS) ## Open a run's report in a browser and check it (needs npm; Debian's chromium).
	test/peers/report/run.sh

.PHONY: test-webpage
test-webpage: $(REPORT_PEERS) ## Use the server's page in a browser and check it (needs npm; Debian's chromium).
	test/peers/webpage/run.sh

.PHONY: test-dashboard
test-dashboard: $(REPORT_PEERS) $(CLUSTER_TOOL) ## Use the plugin's dashboard in a browser and check it (needs npm; Debian's chromium).
	CHROMIUM=$${CHROMIUM:-$$(command -v chromium)} PEERS=$(BIN)/report-peers KUBEBUILDER_ASSETS=$$($(CLUSTER_TOOL) build --envtest) \
		go test -count=1 -v ./test/integration -ginkgo.v -ginkgo.focus 'dashboard is usable in a browser'

.PHONY: test-compose
test-compose: $(PROMETHEUS) build-runner build-server ## Run what docker-compose.yml describes, without Docker and Grafana, with MLflow, which it installs (minutes, and gigabytes).
	test/peers/venv.sh mlflow3 test/peers/mlflow/requirements-mlflow3.txt
	PROMETHEUS=$(PROMETHEUS) PROMTOOL=$(PROMTOOL) RUNNER=$(BIN)/runner SERVER=$(BIN)/server go test -count=1 -v -timeout 30m -run TestWiring ./test/compose

##@ Test on clusters

.PHONY: test-e2e
test-e2e: $(CLUSTER_TOOL) $(IMAGES_TOOL) ## End-to-end tests on the local cluster (root, Linux).
	CLUSTER=$(CLUSTER) hack/test-e2e.sh

.PHONY: test-nodes
test-nodes: $(CLUSTER_TOOL) $(IMAGES_TOOL) ## End-to-end tests of draining and losing a node, on a local cluster of two (root, Linux).
	CLUSTER=local SPECS=nodes hack/test-e2e.sh

.PHONY: test-autoscaling
test-autoscaling: $(CLUSTER_TOOL) $(IMAGES_TOOL) ## End-to-end tests of the autoscaler under load, with metrics-server (four minutes; root, Linux).
	CLUSTER=$(CLUSTER) SPECS=autoscaling hack/test-e2e.sh

.PHONY: test-upgrade
test-upgrade: $(CLUSTER_TOOL) $(IMAGES_TOOL) ## Upgrade the operator from the version before and take it back, under load (root, Linux).
	CLUSTER=$(CLUSTER) SPECS=upgrade hack/test-e2e.sh

.PHONY: test-install
test-install: $(CLUSTER_TOOL) $(IMAGES_TOOL) $(HELM) ## Install, upgrade and remove the operator by Helm, install.yaml and kustomize, under load (root, Linux).
	CLUSTER=$(CLUSTER) SPECS=install hack/test-e2e.sh

.PHONY: test-argocd
test-argocd: $(CLUSTER_TOOL) $(IMAGES_TOOL) $(ARGOCD) redis-server ## Train, serve and steer models from Git by Argo CD, on the local cluster (a quarter of an hour; root, Linux).
	CLUSTER=local SPECS=argocd hack/test-e2e.sh

.PHONY: test-workflows
test-workflows: $(CLUSTER_TOOL) $(IMAGES_TOOL) $(HELM) ## Run what ci.yml and cd.yml run, step by step, on this machine (an hour; root, Linux; SKIP="verify test" for what has passed).
	go test -tags steps -count=1 -v -timeout 3h -run Steps ./test/workflows

##@ Measure

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

.PHONY: bench-serving
bench-serving: build-runner build-server ## Measure the inference server beside those of Python and one in Rust, which it installs and builds (half an hour, gigabytes; QUICK=yes a minute; SERVING_ARGS).
	test/benchmark/serving/bench.sh $(if $(QUICK),--quick) $(SERVING_ARGS)

.PHONY: bench-serving-limits
bench-serving-limits: build-runner build-server ## Measure the same with 0.5, 1 and 2 CPUs, beside ONNX Runtime with its defaults (root, Linux; minutes).
	test/benchmark/serving/bench.sh --mode limits --only trainyard,trainyard-int8,fastapi-ort,fastapi-ort-int8 --pictures 500x375

.PHONY: soak-serving
soak-serving: build-runner build-server ## Send two million requests, wrong ones among them, and see whether the server grows (a quarter of an hour).
	test/benchmark/serving/bench.sh --mode soak

.PHONY: bench-manager
bench-manager: $(CLUSTER_TOOL) build-manager ## Measure takeovers of the leader, and what waiting and ended runs cost, with a real API server (minutes).
	KUBEBUILDER_ASSETS=$$($(CLUSTER_TOOL) build --envtest) go run ./test/benchmark/manager

.PHONY: bench-rollout
bench-rollout: $(CLUSTER_TOOL) $(IMAGES_TOOL) ## Measure on the local cluster how soon users see a rollout, and its rollback (a quarter of an hour; root, Linux).
	CLUSTER=$(CLUSTER) test/benchmark/rollout/bench.sh $(ROLLOUT_ARGS)

.PHONY: compare-torchvision
compare-torchvision: ## Run torchvision's classifiers as both exporters write them, beside ONNX Runtime (an hour, gigabytes).
	test/benchmark/torchvision/compare.sh $(NETWORKS)

##@ Clean up

.PHONY: clean
clean: ## Remove what was built in this checkout.
	rm -rf bin out .venv-*

# The tools, built from their own modules.

$(CONTROLLER_GEN) $(CRD_REF_DOCS) $(GOTESTSUM) $(ACTIONLINT) $(MISSPELL) $(GOVULNCHECK) &: hack/tools/go.mod hack/tools/go.sum
	@echo "building the code generators, the test runner and checkers"
	cd hack/tools && go build -o $(BIN)/ tool

$(S3_SERVER): hack/tools/s3server/go.mod
	@echo "building the S3 server that tests use"
	cd hack/tools/s3server && go build -o $@ github.com/versity/versitygw/cmd/versitygw

$(GCS_SERVER): hack/tools/gcsserver/go.mod
	@echo "building the server of Google's storage that tests use"
	cd hack/tools/gcsserver && go build -o $@ github.com/fsouza/fake-gcs-server

$(GRPCURL): hack/tools/grpcurl/go.mod
	@echo "building grpcurl"
	cd hack/tools/grpcurl && go build -o $@ github.com/fullstorydev/grpcurl/cmd/grpcurl

# Of all that Prometheus discovers targets in, only Kubernetes is needed.
$(PROMETHEUS) $(PROMTOOL) &: hack/tools/prometheus/go.mod
	@echo "building Prometheus and promtool"
	cd hack/tools/prometheus && go build -tags remove_all_sd,enable_kubernetes_sd -o $(BIN)/ tool

$(HELM): hack/tools/helm/go.mod
	@echo "building Helm"
	cd hack/tools/helm && go build -o $@ helm.sh/helm/v4/cmd/helm

$(ARGOCD): hack/tools/argocd/go.mod
	@echo "building Argo CD (minutes)"
	cd hack/tools/argocd && go build -ldflags "-s -w" -o $@ github.com/argoproj/argo-cd/v3/cmd

$(AZURITE):
	npm install --no-audit --no-fund --prefix $(BIN)/azurite azurite@3.35.0

$(REPORT_PEERS):
	npm install --no-audit --no-fund --prefix $(BIN)/report-peers puppeteer-core@24.43.1 axe-core@4.14.1

$(GOLANGCI_LINT): hack/tools/lint/go.mod hack/tools/lint/main.go
	@echo "building the linter"
	cd hack/tools/lint && go build -o $@ .

.PHONY: FORCE
$(CLUSTER_TOOL): FORCE
	@go build -o $@ ./hack/cluster
$(IMAGES_TOOL): FORCE
	@go build -o $@ ./hack/images
