#!/usr/bin/env bash
# Bounds the times in generated CRDs: their format date-time accepts what Go can't
# decode, such as a lower-case z, and a fraction of a second of any length. Conditions
# have times too, and no marker reaches into metav1.Condition.
set -euo pipefail
time='^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$'
sed -i -E "s/^( *)format: date-time\$/&\n\1maxLength: 64\n\1pattern: ${time//\\/\\\\}/" "$@"
