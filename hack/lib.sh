# lib.sh: what demo.sh and test-e2e.sh share. CLUSTER=local (default) is the
# single-node cluster of hack/cluster; CLUSTER=current is kubectl's current context,
# to which images get by REGISTRY=…, or by kind or minikube. Sets KUBECTL.

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
      bin/cluster up ${DATA:+--data "$DATA"}
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
    trainyard-prober=./hack/prober trainyard-badserver=./test/e2e/badserver
  PROBER_IMAGE=$REGISTRY/trainyard-prober:$TAG
  BADSERVER_IMAGE=$REGISTRY/trainyard-badserver:$TAG
  # An image that a registry, which answers, doesn't have.
  MISSING_IMAGE=$REGISTRY/trainyard-runner:missing
  if [ "$CLUSTER" = local ]; then
    MISSING_IMAGE=$(bin/cluster registry)/trainyard-runner:missing
  fi
  export PROBER_IMAGE BADSERVER_IMAGE MISSING_IMAGE
}

# build_s3_image builds the image of the S3 server of the tests, which has a module of its own.
build_s3_image() {
  (cd hack/tools/s3server && ../../../bin/images build -o ../../../out/images --registry "$REGISTRY" --tag "$TAG" \
    trainyard-s3=github.com/versity/versitygw/cmd/versitygw)
  export S3_IMAGE=$REGISTRY/trainyard-s3:$TAG
}

# deliver_images brings what was built to the cluster.
deliver_images() {
  if [ "$CLUSTER" = local ]; then
    bin/cluster load out/images/*.tar
  elif [ "$REGISTRY" = trainyard.local ]; then
    bin/images load out/images/*.tar
  else
    bin/images push out/images/*.tar
  fi
}

# install_operator installs CRDs and manager and waits until the manager runs the
# image that was built just now.
install_operator() {
  local there
  there=$("$KUBECTL" get deployment trainyard-manager -n trainyard-system --ignore-not-found -o name)
  mkdir -p out
  hack/installer.sh "$REGISTRY" "$TAG" > out/install.yaml
  "$KUBECTL" apply --server-side --force-conflicts -f out/install.yaml
  if [ -n "$there" ]; then
    "$KUBECTL" rollout restart deployment/trainyard-manager -n trainyard-system
  fi
  "$KUBECTL" rollout status deployment/trainyard-manager -n trainyard-system --timeout=3m
}
