# A container of a few megabytes with the output of make dist and tools/serve.
#
#   docker build -t sae .
#   docker run --rm -p 127.0.0.1:8080:8080 sae

# Images are pinned to digests, because tags can be moved. No packages are installed:
# Go's image has make and a compiler, Node's has npm.
FROM node:22.23.2-trixie-slim@sha256:c5849ff9c9ebcd66615412f0b548ca5b8ecaef84003dc9ac2e077ebe46aaa3f6 AS node

FROM golang:1.26.5-trixie@sha256:4ee9ffa999b4583ce281939cdff828763083610292f252279a0cee77473bd9a7 AS build
COPY --from=node /usr/local/bin/node /usr/local/bin/
COPY --from=node /usr/local/lib/node_modules /usr/local/lib/node_modules
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
ENV CGO_ENABLED=0
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# The public address of the demo, for the preview card of a link to it.
ARG URL=
RUN make dist URL="$URL"

FROM scratch
COPY --from=build /src/build/bin/serve /serve
COPY --from=build /src/dist /dist
USER 65532:65532
EXPOSE 8080
HEALTHCHECK CMD ["/serve", "-check", "-addr", "127.0.0.1:8080"]
ENTRYPOINT ["/serve", "-addr", "0.0.0.0:8080", "-dir", "/dist"]
