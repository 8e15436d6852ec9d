# syntax=docker/dockerfile:1
# Targets: manager, runner, server. `make images` builds the same without Docker.
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
ARG TARGETOS TARGETARCH VERSION=dev
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ENV CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    flags="-s -w -X github.com/trainyard-dev/trainyard/internal/version.version=$VERSION" && \
    go build -trimpath -ldflags "$flags" -o /out/trainyard-manager . && \
    go build -trimpath -ldflags "$flags" -o /out/trainyard-runner ./runner && \
    go build -trimpath -ldflags "$flags" -o /out/trainyard-server ./server && \
    mkdir -p /rootfs/etc /rootfs/tmp /rootfs/output && chmod 1777 /rootfs/tmp /rootfs/output && \
    echo 'nonroot:x:65532:65532:nonroot:/tmp:/sbin/nologin' > /rootfs/etc/passwd && \
    echo 'nonroot:x:65532:' > /rootfs/etc/group

# Only what a static program needs: certificates, a user that isn't root, /tmp, and /output, whose mode a new volume there takes.
FROM scratch AS base
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /rootfs/ /
ENV PATH=/ HOME=/tmp SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
WORKDIR /tmp
USER 65532:65532

FROM base AS manager
COPY --from=build /out/trainyard-manager /trainyard-manager
ENTRYPOINT ["/trainyard-manager"]

FROM base AS runner
COPY --from=build /out/trainyard-runner /trainyard-runner
ENTRYPOINT ["/trainyard-runner"]

FROM base AS server
COPY --from=build /out/trainyard-server /trainyard-server
ENTRYPOINT ["/trainyard-server"]
