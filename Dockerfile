# The demo as a container of a few megabytes: what make dist writes, served by
# tools/serve, and nothing else.
#
#   docker build -t sae .
#   docker run --rm -p 127.0.0.1:8080:8080 sae

# Debian 13 has Node 20.
FROM golang:1.26-trixie AS build
ENV CGO_ENABLED=0
WORKDIR /src
COPY tools/need tools/
RUN tools/need make node
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# Where the demo will be found, for the card of a link to it.
ARG URL=
RUN make dist URL="$URL"

FROM scratch
COPY --from=build /src/build/bin/serve /serve
COPY --from=build /src/dist /dist
USER 65532:65532
EXPOSE 8080
HEALTHCHECK CMD ["/serve", "-check", "-addr", "127.0.0.1:8080"]
ENTRYPOINT ["/serve", "-addr", "0.0.0.0:8080", "-dir", "/dist"]
