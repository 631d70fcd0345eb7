#!/usr/bin/env bash
# Writes into a checkout where the project is, which it does not know: in Cargo.toml, where cargo binstall looks for
# tarballs and the registries for a link, and in README.md's links, which PyPI shows as they are.
#
#     .github/release/repository.sh https://github.com/OWNER/NAME
set -euo pipefail
cd "$(dirname "$0")/../.."
address=$1

# Rewrites a file by a command that reads it.
rewrite() {
    local file=$1 written
    shift
    written=$(mktemp)
    "$@" "$file" > "$written"
    cat "$written" > "$file"
    rm "$written"
}

rewrite Cargo.toml awk -v address="$address" '{ print } /^license = / { print "repository = \"" address "\"" }'
rewrite README.md sed \
    -e "s#](\.github/pictures/#]($address/raw/HEAD/.github/pictures/#g" \
    -e "s#](\.github/#]($address/blob/HEAD/.github/#g" \
    -e "s#](\.\./\.\./#]($address/#g"
