# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

"""Print the bytes on disk of packages with all that they require, less what is for GPUs.

usage: size.py PACKAGE...
"""

import importlib.metadata
import os
import re
import sys


def main(wanted):
    sizes, waiting = {}, list(wanted)
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in sizes or name.startswith(("nvidia", "cuda", "triton")):
            continue
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # asked for by an extra that isn't installed
        paths = [distribution.locate_file(file) for file in distribution.files or [] if "cuda" not in file.name]
        sizes[name] = sum(os.path.getsize(path) for path in paths if os.path.exists(path))
        for requirement in distribution.requires or []:
            if "extra ==" not in requirement:
                waiting.append(re.match(r"[A-Za-z0-9._-]+", requirement).group())
    print(sum(sizes.values()))


main(sys.argv[1:])
