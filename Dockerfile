# The service in an image that holds nothing else: no shell, no libraries, no
# user but a number. From the root of a checkout:
#
#   docker build -t otelcoder .
#
# The same commit makes the same binary. Its version is the one that git tells, so
# the checkout's .git is needed, and .dockerignore may leave out nothing that git
# tracks: the version would end in "+dirty".

FROM golang:1.26.8-bookworm AS build
ARG TARGETOS=linux
ARG TARGETARCH=amd64
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -buildvcs=true -ldflags='-s -w' -o /otelcoder ./cmd/otelcoder

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /otelcoder /otelcoder
USER 65532:65532
EXPOSE 2112 2113
ENTRYPOINT ["/otelcoder"]
CMD ["server"]
