#!/usr/bin/env bash
# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

# repository.sh DVC FOLDER [S3-URI ENDPOINT] makes, by a real DVC, a small repository FOLDER/repo with tags v1.0 and v1.2, its
# remote, which is FOLDER/remote or what the URI names, and FOLDER/want, what `dvc pull` gives of v1.2.
set -euo pipefail

dvc=$(realpath --no-symlinks "$1")
remote=${3:-../remote} endpoint=${4:-}
mkdir -p "$2"
cd "$2"
export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@example.com GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@example.com
export HOME=$PWD DVC_NO_ANALYTICS=1 # no configuration of the user who runs this
mkdir -p repo remote
cd repo
git init --quiet -b main
"$dvc" init --quiet
"$dvc" remote add --quiet --default Storage "$remote"
[ -z "$endpoint" ] || "$dvc" remote modify --quiet Storage endpointurl "$endpoint"
mkdir -p data/raw/cat data/raw/dog/far/down pipe/work
printf 'a cat\r\non two lines\r\n' > data/raw/cat/1.txt
printf 'a dog\n' > data/raw/dog/1.txt
printf '\000\001\r\n\377' > data/raw/dog/far/down/2.bin
: > data/raw/cat/empty
printf 'path,label\r\n1,cat\r\n' > data/labels.csv
"$dvc" add --quiet data/raw data/labels.csv
printf 'stages:\n  make:\n    wdir: work\n    cmd: mkdir -p made && echo one > made/one && echo two > two\n    outs: [made, two]\n' > pipe/dvc.yaml
"$dvc" repro --quiet pipe/dvc.yaml
git add -A
git commit --quiet -m one
git tag v1.0
"$dvc" push --quiet
printf 'a second cat\n' > "data/raw/cat/zwölf ü.txt"
"$dvc" add --quiet data/raw
git commit --quiet -am two
git tag -a -m two v1.2
"$dvc" push --quiet
cd ..
git clone --quiet repo clone
(cd clone && git checkout --quiet v1.2 && "$dvc" pull --quiet)
rm -rf want
mkdir want
cp -rL clone/data/raw clone/data/labels.csv clone/pipe/work want/
rm -rf clone want/work/.gitignore want/.gitignore repo/.dvc/cache repo/.dvc/tmp repo/.git/hooks repo/.git/logs
