# The program alone, for pipelines. The build context holds what a release has built:
#   docker buildx build --platform linux/amd64,linux/arm64 -f Dockerfile dist-context
# with linux/amd64/soctalk and linux/arm64/soctalk in it. What is inside is in docs/install.md.
FROM gcr.io/distroless/static-debian12:nonroot
ARG TARGETPLATFORM
LABEL org.opencontainers.image.title="soctalk" \
      org.opencontainers.image.source="https://github.com/soctalk/fleet" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY ${TARGETPLATFORM}/soctalk /usr/local/bin/soctalk
# 65532 is distroless' nonroot, by number, so that Kubernetes can see that it is not root.
USER 65532:65532
WORKDIR /fleet
ENV SOCTALK_IN_AUTOMATION=1
ENTRYPOINT ["/usr/local/bin/soctalk"]
