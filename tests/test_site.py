"""The documentation site: built in strict mode, every link of the built pages leads somewhere."""

import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from harness.local import ROOT

PAGES = {"index", "quickstart", "tuning", "reference", "security", "troubleshooting", "contributing", "examples"}


class PageReader(HTMLParser):
    """Collects a page's links and anchors."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.links.append(value)
            elif name == "id" and value:
                self.anchors.add(value)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout + run.stderr) == (0, "")
    return folder


def test_every_page_is_built(site: Path) -> None:
    built = {path.stem for path in site.glob("*.html")}
    assert built >= PAGES | {path.stem for path in (ROOT / "docs").glob("*.md")}


def test_links_and_anchors_of_the_built_pages_lead_somewhere(site: Path) -> None:
    pages = {path: PageReader(path) for path in site.glob("*.html") if path.stem != "404"}
    missing = []
    for path, page in pages.items():
        for link in map(urlsplit, page.links):
            if link.scheme or link.netloc:
                continue
            target = (path.parent / unquote(link.path)).resolve() if link.path else path
            anchors = pages[target].anchors if target in pages else {link.fragment}
            if not target.exists() or (link.fragment and unquote(link.fragment) not in anchors):
                missing.append(f"{path.name}: {link.geturl()}")
    assert missing == []


def test_pages_load_nothing_from_other_servers(site: Path) -> None:
    loaded = [link for path in site.glob("*.html") for link in PageReader(path).links if "://" in link]
    assert not [link for link in loaded if link.endswith((".js", ".css", ".png", ".jpg", ".woff2"))]


@pytest.mark.parametrize(
    ("page", "markdown", "expected"),
    [
        ("index.md", "[a](docs/api.md#access)", "[a](api.md#access)"),
        ("index.md", "![s](web_client/public/strip.webp)", "![s](images/strip.webp)"),
        ("tuning.md", "[e](../examples/README.md)", "[e](examples.md)"),
        ("tuning.md", "![t](images/tuning_tau.jpg)", "![t](images/tuning_tau.jpg)"),
        ("examples.md", "[a](../docs/api.md)", "[a](api.md)"),
        ("api.md", "[tests/x.py](../tests/x.py)", "tests/x.py"),  # not on the site
        ("api.md", "[w](https://example.org/a.md) [here](#there)", "[w](https://example.org/a.md) [here](#there)"),
    ],
)
def test_links_are_rewritten_for_the_site(
    page: str, markdown: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    from site_hooks import rewrite_links

    assert rewrite_links(markdown, page) == expected
