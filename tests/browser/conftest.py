"""A real Chromium on a live server. Whatever the page complains of fails the test."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser import scenes

AXE = (Path(__file__).parent / "axe.min.js").read_text(encoding="utf-8")
GRAVE = {"serious", "critical"}
# `hidden` is the page's own word on whether somebody looks: tests set it.
WATCH = """
window.reports = [];
document.addEventListener("securitypolicyviolation", (e) => window.reports.push(
  `${e.violatedDirective}: ${e.blockedURI} ${e.sourceFile}:${e.lineNumber}`));
window.tabHidden = false;
Object.defineProperty(document, "hidden", { get: () => window.tabHidden });
"""


def pytest_collection_modifyitems(items):
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        said = "Chromium is not installed: apt-get install chromium, or make test INSTALL=1"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(said)
    # Playwright's loop runs in this thread; the ORM is used between its steps, never in them.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


class Visitor:
    """Somebody at a browser: knows the server, and what the page complained of."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context, self.url = context, url
        context.add_init_script(WATCH)
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def _console(self, message) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def login(self, name: str, password: str = scenes.PASSWORD) -> None:
        self.page.goto(f"{self.url}/login/")
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Log in").click()

    def open(self, path: str) -> Page:
        self.page.goto(self.url + path)
        return self.page

    def change(self, scene) -> Page:
        return self.open(f"/changes/{getattr(scene, 'change', scene).pk}/")

    def polls(self) -> int:
        return sum(url.endswith("/live/") for url in self.asked)

    def grave_findings(self) -> list[str]:
        """What axe calls serious or critical: rule and place."""
        self.page.evaluate(AXE)
        found = self.page.evaluate("axe.run()")["violations"]
        return [
            f"{v['id']}: {node['target']} {node['failureSummary']}"
            for v in found
            if v["impact"] in GRAVE
            for node in v["nodes"]
        ]

    def reports(self) -> list[str]:
        return self.page.evaluate("window.reports")

    def wider_than_the_screen(self) -> int:
        return self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )


@pytest.fixture
def production(transactional_db):
    return scenes.everything()


@pytest.fixture
def visit(chromium, live_server):
    opened: list[Visitor] = []

    def make(width: int = 1280, scheme: str = "light") -> Visitor:
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme
        )
        opened.append(Visitor(context, live_server.url))
        return opened[-1]

    yield make
    for visitor in opened:
        visitor.context.close()
