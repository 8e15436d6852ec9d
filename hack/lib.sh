# lib.sh: what demo.sh and test-e2e.sh share. CLUSTER=local (default) is the
# cluster of hack/cluster, with NODES nodes and, with METRICS=yes, metrics-server; CLUSTER=current is
# kubectl's current context, to which images get by REGISTRY=…, or by kind or minikube. Sets KUBECTL.

CLUSTER=${CLUSTER:-local}
# Nodes elsewhere keep an image by its name, so each build there has a name of its own.
if [ "$CLUSTER" = current ]; then
  TAG=${TAG:-$(date +%Y%m%d-%H%M%S)}
fi
TAG=${TAG:-dev}

start_cluster() {
  case "$CLUSTER" in
    local)
      REGISTRY=trainyard.local
      bin/cluster up ${NODES:+--nodes "$NODES"} ${DATA:+--data "$DATA"} ${METRICS:+--metrics}
      KUBECONFIG=$(bin/cluster kubeconfig)
      export KUBECONFIG
      KUBECTL=$(bin/cluster build)/kubectl
      ;;
    current)
      REGISTRY=${REGISTRY:-trainyard.local}
      KUBECTL=${KUBECTL:-kubectl}
      echo "Using the current kubectl context: $("$KUBECTL" config current-context)"
      ;;
    *)
      echo "error: CLUSTER=$CLUSTER: want local or current" >&2
      return 1
      ;;
  esac
  export KUBECTL
}

# build_images builds the three images and those of the demo and the tests.
build_images() {
  bin/images build -o out/images --registry "$REGISTRY" --tag "$TAG" --version "$(git describe --tags --always --dirty)" \
    ${IMAGE_MAX_MB:+--max-mb "$IMAGE_MAX_MB"} \
    trainyard-manager=. trainyard-runner=./runner trainyard-server=./server \
    trainyard-prober=./hack/prober trainyard-badserver=./test/e2e/badserver \
    trainyard-webserver=./test/e2e/webserver trainyard-copy=./test/e2e/copy
  PROBER_IMAGE=$REGISTRY/trainyard-prober:$TAG
  BADSERVER_IMAGE=$REGISTRY/trainyard-badserver:$TAG
  WEBSERVER_IMAGE=$REGISTRY/trainyard-webserver:$TAG
  COPY_IMAGE=$REGISTRY/trainyard-copy:$TAG
  # An image that a registry, which answers, doesn't have.
  MISSING_IMAGE=$REGISTRY/trainyard-runner:missing
  if [ "$CLUSTER" = local ]; then
    MISSING_IMAGE=$(bin/cluster registry)/trainyard-runner:missing
  fi
  export PROBER_IMAGE BADSERVER_IMAGE WEBSERVER_IMAGE COPY_IMAGE MISSING_IMAGE
}

# build_s3_image builds the image of the S3 server of the tests, which has a module of its own.
build_s3_image() {
  (cd hack/tools/s3server && ../../../bin/images build -o ../../../out/images --registry "$REGISTRY" --tag "$TAG" \
    trainyard-s3=github.com/versity/versitygw/cmd/versitygw)
  export S3_IMAGE=$REGISTRY/trainyard-s3:$TAG
}

# PREVIOUS is the commit of the version before, v0.1.0: by its hash, for a clone may have no tags.
PREVIOUS=${PREVIOUS:-90d42c39f812906efa472f39b6415e5610ae800c}

# has_previous tells whether this clone has the source of the version before.
has_previous() {
  git cat-file -e "$PREVIOUS^{commit}" 2> /dev/null
}

# build_previous builds the three images of the version before from its source.
build_previous() {
  rm -rf out/previous
  mkdir -p out/previous/source
  git archive "$PREVIOUS" | tar -x -C out/previous/source
  (
    cd out/previous/source
    ../../../bin/images build -o ../images --registry "$REGISTRY" --tag "$TAG-previous" --version "$PREVIOUS" \
      trainyard-manager=. trainyard-runner=./runner trainyard-server=./server
    hack/installer.sh "$REGISTRY" "$TAG-previous" > ../install.yaml
  )
  rm -rf out/previous/source # else tools that walk this folder take it for this version's
}

# prepare_upgrade brings the version before to the cluster, and writes what installs either version.
prepare_upgrade() {
  build_previous
  deliver_images out/previous/images
  go run ./hack/installer --registry="$REGISTRY" --tag="$TAG" > dist/install.yaml
  export PREVIOUS_INSTALL=$PWD/out/previous/install.yaml CURRENT_INSTALL=$PWD/dist/install.yaml
}

# prepare_install brings this version to the cluster under another tag too, with a server that is no good, and says where both are and what Helm is.
prepare_install() {
  bin/images build -o out/next/images --registry "$REGISTRY" --tag "$TAG-next" --version next \
    trainyard-manager=. trainyard-runner=./runner trainyard-server=./server trainyard-mute=./test/e2e/mute
  deliver_images out/next/images
  export HELM=$PWD/bin/helm INSTALL_REGISTRY=$REGISTRY INSTALL_TAG=$TAG NEXT_TAG=$TAG-next
}

# prepare_argocd writes what installs this version, and says where Argo CD and the manifests of its version are.
prepare_argocd() {
  go run ./hack/installer --registry="$REGISTRY" --tag="$TAG" > dist/install.yaml
  ARGOCD_MANIFESTS=$(cd hack/tools/argocd && go list -m -f '{{.Dir}}' github.com/argoproj/argo-cd/v3)/manifests
  export ARGOCD=$PWD/bin/argocd ARGOCD_MANIFESTS CURRENT_INSTALL=$PWD/dist/install.yaml
}

# deliver_images FOLDER brings what was built to the cluster.
deliver_images() {
  local images=("$1"/*.tar)
  if [ "$CLUSTER" = local ]; then
    bin/cluster load "${images[@]}"
  elif [ "$REGISTRY" = trainyard.local ]; then
    bin/images load "${images[@]}"
  else
    bin/images push "${images[@]}"
  fi
}

# install_operator installs CRDs and manager and waits until the manager runs the
# image that was built just now.
install_operator() {
  local there
  there=$("$KUBECTL" get deployment trainyard-manager -n trainyard-system --ignore-not-found -o name)
  go run ./hack/installer --registry="$REGISTRY" --tag="$TAG" > dist/install.yaml
  "$KUBECTL" apply --server-side --force-conflicts -f dist/install.yaml
  if [ -n "$there" ]; then
    "$KUBECTL" rollout restart deployment/trainyard-manager -n trainyard-system
  fi
  "$KUBECTL" rollout status deployment/trainyard-manager -n trainyard-system --timeout=3m
}
