"""Hooks of mkdocs.yml: pages from files outside docs/, and links that work both in the repository and on the site."""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
PAGES = {  # file of the repository -> page of the site
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "examples/README.md": "examples.md",
}
PICTURES = {"web_client/public/strip.webp": "images/strip.webp"}
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages and pictures that are not below docs/."""
    for source, target in (PAGES | PICTURES).items():
        files.append(File.generated(config, target, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Rewrite the page's links for the site."""
    return rewrite_links(markdown, page.file.src_uri)


def rewrite_links(markdown: str, page: str) -> str:
    """`page`: its path on the site. A link to a file that is not on the site becomes plain text."""
    sources = {target: source for source, target in PAGES.items()}
    folder = posixpath.dirname(sources.get(page, f"docs/{page}"))

    def rewrite(match: re.Match[str]) -> str:
        mark, text, link = match.groups()
        path, hash_sign, anchor = link.partition("#")
        if "://" in link or not path:
            return match[0]
        target = site_path(posixpath.normpath(posixpath.join(folder, path)))
        if target is None:
            return text
        return f"{mark}[{text}]({posixpath.relpath(target, posixpath.dirname(page) or '.')}{hash_sign}{anchor})"

    return LINK.sub(rewrite, markdown)


def site_path(path: str) -> str | None:
    """Where a file of the repository is on the site; None if it is not part of it."""
    if path in PAGES | PICTURES:
        return (PAGES | PICTURES)[path]
    return path.removeprefix("docs/") if path.startswith("docs/") else None
