# PostgreSQL for evaluation. Built from the repository's root: docker build -f local/image/postgres.Dockerfile -t portcullis/postgres .
# What is in it and why: local/image/README.md. All these files share their build stage, so that it runs once.
FROM node:24.21.0-bookworm@sha256:64af3819f9275802414d7cdc38c27e9d82bd564dec4d4da87d008255d36c63b4 AS build
RUN apt-get update && apt-get install --yes --no-install-recommends python3-venv && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
COPY local/bootstrap.mjs local/toolchain.txt local/
COPY local/image/table.ts local/image/
# Installs what the lock files pin; the table itself does nothing.
RUN node local/bootstrap.mjs --servers local/image/table.ts
COPY . .
RUN npm run image-roots -- /roots postgres

FROM scratch
COPY --from=build /roots/postgres /
USER 65532:65532
WORKDIR /app
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/node", "local/image/postgres.ts"]
