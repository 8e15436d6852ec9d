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
    go build -trimpath -ldflags "$flags" -o /out/server ./server

FROM gcr.io/distroless/static:nonroot AS manager
COPY --from=build /out/manager /manager
USER 65532:65532
ENTRYPOINT ["/manager"]

FROM gcr.io/distroless/static:nonroot AS runner
COPY --from=build /out/runner /runner
USER 65532:65532
ENTRYPOINT ["/runner"]

FROM gcr.io/distroless/static:nonroot AS server
COPY --from=build /out/server /server
USER 65532:65532
ENTRYPOINT ["/server"]
