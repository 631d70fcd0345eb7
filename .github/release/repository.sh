#!/usr/bin/env bash
# Writes into Cargo.toml where the project is, which a checkout does not know: cargo binstall looks there for tarballs,
# and the registries link to it.
#
#     .github/release/repository.sh https://github.com/OWNER/NAME
set -euo pipefail
cd "$(dirname "$0")/../.."

written=$(mktemp)
trap 'rm -f "$written"' EXIT
awk -v address="$1" '{ print } /^license = / { print "repository = \"" address "\"" }' Cargo.toml > "$written"
cp "$written" Cargo.toml
