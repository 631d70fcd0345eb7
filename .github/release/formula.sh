#!/usr/bin/env bash
# Writes the Homebrew formula of a release, for a tap to take as it is:
#
#     .github/release/formula.sh VERSION ADDRESS SHA256SUMS > logit-lens.rb
#
# ADDRESS is where the tarballs are; SHA256SUMS says what they hash to, as sha256sum writes it.
set -euo pipefail

version=$1 address=$2 sums=$3

# The two lines that say where the tarball for a target is, and what it hashes to.
tarball() {
    local name=logit-lens-$version-$1.tar.gz sum
    sum=$(awk -v name="$name" '$2 == name || $2 == "*" name { print $1 }' "$sums")
    [ -n "$sum" ] || { echo "$sums has no $name." >&2; exit 1; }
    printf 'url "%s/%s"\n      sha256 "%s"' "$address" "$name" "$sum"
}
# Each on a line of its own, so that a missing one ends the script.
mac_arm=$(tarball aarch64-apple-darwin)
mac_intel=$(tarball x86_64-apple-darwin)
linux_arm=$(tarball aarch64-unknown-linux-gnu)
linux_intel=$(tarball x86_64-unknown-linux-gnu)

cat << FORMULA
class LogitLens < Formula
  desc "Logit lens: what a language model would say at every layer"
  homepage "${address%%/releases/*}"
  version "$version"
  license "MIT"

  on_macos do
    on_arm do
      $mac_arm
    end
    on_intel do
      $mac_intel
    end
  end

  on_linux do
    on_arm do
      $linux_arm
    end
    on_intel do
      $linux_intel
    end
  end

  def install
    bin.install "lens"
    man1.install "man/lens.1"
    bash_completion.install "completions/lens.bash" => "lens"
    zsh_completion.install "completions/_lens"
    fish_completion.install "completions/lens.fish"
  end

  test do
    assert_match "Paris", shell_output("#{bin}/lens 'The Eiffel Tower is in the city of' -k 1")
  end
end
FORMULA
