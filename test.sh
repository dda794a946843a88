#!/bin/bash
# test.sh [go test flags]: everything the tests need, then every test, then the
# counts. Needs Go; on Debian as root it installs the databases it tests against.
# PKGS (default ./...) and TIMEOUT (default 15m, per package) may be set.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

command -v go >/dev/null 2>&1 || PATH=$PATH:/usr/local/go/bin
if ! command -v go >/dev/null 2>&1; then
  echo "test.sh: go is not installed: see https://go.dev/doc/install" >&2
  exit 1
fi

bash .ci/setup

# Guests that are too large to keep are made once, and again when their sources
# change. Where they cannot be made, their tests are skipped, or fail if CI=true.
unmade() {
  [ "${CI:-}" != true ] || exit 1
  echo "test.sh: guests were not made, see above: their tests are skipped" >&2
}
bash test/guests/build.sh >&2 || unmade
made=$(bash .ci/wasip1-components) || unmade
[ -z "$made" ] || export LATTICEWORK_WASIP1_COMPONENTS=${LATTICEWORK_WASIP1_COMPONENTS:-$made}

report=$(mktemp -d)
trap 'rm -rf "$report"' EXIT
go build -o "$report/testreport" ./internal/testreport

# shellcheck disable=SC2086 # PKGS is a list
go test -json -timeout "${TIMEOUT:-15m}" "$@" ${PKGS:-./...} | "$report/testreport"
