#!/usr/bin/env bash
# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

# venv.sh [NAME REQUIREMENTS] makes the virtual environment .venv-NAME of this checkout with the pinned packages of a file, unless it
# is up to date, and prints its folder. Without arguments it is .venv-peers, which make test compares with.
set -euo pipefail

name=${1:-peers}
requirements=$(realpath -e "${2:-"$(dirname "${BASH_SOURCE[0]}")/requirements.txt"}")
venv=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/.venv-$name

if ! cmp -s "$requirements" "$venv/requirements.txt"; then
  echo "installing what $name needs into $venv" >&2
  rm -rf "$venv"
  if ! python3 -m venv "$venv" >&2; then
    echo "venv.sh: python3 with its venv module is needed (Debian and Ubuntu: apt-get install python3-venv)" >&2
    exit 1
  fi
  "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements" >&2
  cp "$requirements" "$venv/requirements.txt"
fi
echo "$venv"
