#!/usr/bin/env bash
# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

# venv.sh NAME makes the virtual environment .venv-bench-NAME with requirements-NAME.txt, unless it is up to date.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
venv=$(cd "$here/../../../.." && pwd)/.venv-bench-$1
requirements=$here/requirements-$1.txt

if ! cmp -s "$requirements" "$venv/requirements.txt"; then
  echo "installing peers into $venv"
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements"
  cp "$requirements" "$venv/requirements.txt"
fi
