#!/usr/bin/env bash
# laptop.sh VERB: what make data, train, evaluate, serve and smoke do on one machine, without a cluster. DATA is a folder of
# class folders; empty means data/pets or data/drawn, whichever make data has made. MODEL is a model file; empty means the newest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

PETS=data/pets
DRAWN=data/drawn

next() { printf '\nNext: %s\n' "$1"; }

# pictures names the folder to work on; nothing if there is none.
pictures() {
  if [ -n "${DATA:-}" ]; then
    echo "$DATA"
  elif [ -d "$PETS" ]; then
    echo "$PETS"
  elif [ -d "$DRAWN" ]; then
    echo "$DRAWN"
  fi
}

# model names the model to work on.
model() {
  local newest=${MODEL:-}
  if [ -z "$newest" ]; then
    newest=$(find models -mindepth 2 -maxdepth 2 -name model.onnx -printf '%T@ %p\n' 2> /dev/null | sort -rn | sed -n '1 s/^[^ ]* //p')
  fi
  if [ -z "$newest" ]; then
    echo "error: there is no model in models/: make train, or name one with MODEL=<model.onnx>" >&2
    return 1
  fi
  echo "$newest"
}

data() {
  if [ -z "${DATA:-}" ] && [ ! -d "$PETS" ]; then
    go run ./hack/kaggle --from data --to "$PETS"
  fi
  if [ -z "$(pictures)" ]; then
    cat << 'TEXT'
The photographs of Kaggle's Dogs vs. Cats aren't here. To train on them, download one of
  https://www.kaggle.com/c/dogs-vs-cats/data        dogs-vs-cats.zip, or train.zip out of it (Kaggle wants an account)
into the folder data/ and run make data again, which sorts them into data/pets/cat and data/pets/dog.
Any other folder of class folders does as well: make train DATA=<folder>. Until then, drawn cats and dogs:
TEXT
    bin/runner generate-data --out "$DRAWN" --samples-per-class 500 --image-size 64
  fi
  go run ./hack/demo/effort --data "$(pictures)" --limit "${MINUTES:-2}m" > /dev/null
  next "make train${DATA:+ DATA=$DATA}"
}

train() {
  local folder picked
  folder=$(pictures)
  if [ -z "$folder" ]; then
    data
    folder=$(pictures)
  fi
  picked=$(go run ./hack/demo/effort --data "$folder" --limit "${MINUTES:-2}m")
  # Flags of one word each, and those of TRAIN_ARGS, which override them.
  # shellcheck disable=SC2086
  bin/runner train --name pets --data "$folder" $picked --output models ${TRAIN_ARGS:-}
  next "make evaluate, make smoke, or make serve; the report above opens in a browser"
}

evaluate() {
  local file folder
  file=$(model)
  folder=$(pictures)
  if [ -z "${DATA:-}" ] && [ "$folder" != "$PETS" ]; then
    folder=data/unseen
    [ -d "$folder" ] || bin/runner generate-data --out "$folder" --samples-per-class 100 --image-size 64 --seed 2026
  else
    echo "Pictures of $folder that the model was trained on make it look better than it is; its run's own report is of others."
  fi
  bin/runner evaluate --model "$file" --data "$folder"
  next "make serve MODEL=$file"
}

serve() {
  local file port=${PORT:-8080}
  file=$(model)
  next "open http://127.0.0.1:$port/ in a browser, or curl --data-binary @<picture> http://127.0.0.1:$port/predict; Ctrl-C ends it"
  exec bin/server serve --model "$file" --address 127.0.0.1 --port "$port"
}

# smoke tests the server at URL, or one of the newest model that is started for the test.
smoke() {
  local file port=${PORT:-18080} server
  if [ -n "${URL:-}" ]; then
    exec bin/server smoke --url "$URL" ${SAMPLES:+--samples "$SAMPLES"}
  fi
  file=$(model)
  bin/server serve --model "$file" --address 127.0.0.1 --port "$port" 2> models/smoke.log &
  server=$!
  # shellcheck disable=SC2064
  trap "kill $server 2> /dev/null; wait $server" EXIT
  bin/server smoke --url "http://127.0.0.1:$port" --samples "${SAMPLES:-$(dirname "$file")/samples.tar}" > /dev/null
  next "make serve MODEL=$file, or make demo, which rolls models out"
}

case "${1:-}" in
  data | train | evaluate | serve | smoke) "$1" ;;
  *)
    echo "error: laptop.sh ${1:-}: want data, train, evaluate, serve or smoke" >&2
    exit 1
    ;;
esac
