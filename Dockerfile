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
    go build -trimpath -ldflags "$flags" -o /out/manager . && \
    go build -trimpath -ldflags "$flags" -o /out/runner ./runner && \
    go build -trimpath -ldflags "$flags" -o /out/server ./server && \
    mkdir -p /rootfs/etc /rootfs/tmp && chmod 1777 /rootfs/tmp && \
    echo 'nonroot:x:65532:65532:nonroot:/:/sbin/nologin' > /rootfs/etc/passwd && \
    echo 'nonroot:x:65532:' > /rootfs/etc/group

# Only what a static program needs: certificates, a user that isn't root, and /tmp.
FROM scratch AS base
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /rootfs/ /
USER 65532:65532

FROM base AS manager
COPY --from=build /out/manager /manager
ENTRYPOINT ["/manager"]

FROM base AS runner
COPY --from=build /out/runner /runner
ENTRYPOINT ["/runner"]

FROM base AS server
COPY --from=build /out/server /server
ENTRYPOINT ["/server"]
