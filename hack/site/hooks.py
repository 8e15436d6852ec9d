# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the site has beside the pages of docs/: the README as its first page, the decisions, and a way to files that it doesn't hold."""

import posixpath
import re
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[2]
# [text](target) and ![text](target), where the target is no address.
LINK = re.compile(r"(\]\()(?!https?://|#|mailto:)([^)\s#]+)")

# Commands and what they print are wider than the theme's column.
WIDE = ".md-grid { max-width: 90rem }\n"


def on_config(config):
    decisions = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("*.md"))
    config.nav.append({"Decisions": [f"decisions/{name}" for name in decisions]})
    return config


def on_files(files, config):
    files.append(File.generated(config, "index.md", content=(ROOT / "README.md").read_text()))
    files.append(File.generated(config, "site.css", content=WIDE))
    return files


def on_page_markdown(markdown, page, config, files):
    """Leads links to files outside docs/ to the forge; the README's are relative to the repository's root."""
    place = "" if page.file.src_uri == "index.md" else posixpath.dirname("docs/" + page.file.src_uri)

    def lead(match):
        target = posixpath.normpath(posixpath.join(place, match[2]))
        if target.startswith("docs/") and (ROOT / target).is_file():
            here = posixpath.dirname("docs/" + page.file.src_uri)
            return match[1] + posixpath.relpath(target, here)
        if not (ROOT / target).exists():
            return match[0]  # strict mode names it
        return f"{match[1]}{config.repo_url}/blob/main/{target}"

    return LINK.sub(lead, markdown)
