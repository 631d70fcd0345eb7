#!/usr/bin/env bash
# Packs a built lens as it is released, with what belongs beside it on a system:
#
#     .github/release/pack.sh target/dist/lens x86_64-unknown-linux-gnu OUT
#
# writes OUT/logit-lens-VERSION-TARGET.tar.gz. The binary is run, so it is one for this machine.
set -euo pipefail

lens=$1 target=$2 out=$3
here=$(cd "$(dirname "$0")/../.." && pwd)
version=$("$lens" --version | cut -d ' ' -f 2)
name=logit-lens-$version-$target

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
packed=$folder/$name
mkdir -p "$packed/completions" "$packed/man" "$out"

install -m 755 "$lens" "$packed/"
install -m 644 "$here/LICENSE" "$here/README.md" "$here/.github/CHANGELOG.md" "$packed/"
"$lens" --man > "$packed/man/lens.1"
"$lens" --completions bash > "$packed/completions/lens.bash"
"$lens" --completions zsh > "$packed/completions/_lens"
"$lens" --completions fish > "$packed/completions/lens.fish"
"$lens" --completions powershell > "$packed/completions/_lens.ps1"
"$lens" --completions elvish > "$packed/completions/lens.elv"

tar -czf "$out/$name.tar.gz" -C "$folder" "$name"
echo "$out/$name.tar.gz"
