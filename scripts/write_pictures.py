"""Takes the README's pictures of the pages, of what `make demo` left: `python scripts/write_pictures.py [ADDRESS]`
while `weft up` serves it."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

import weft

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "pictures"
WIDTH, HEIGHT = 1280, 800
COLOURS = 256  # of a picture's palette: pages are flat, and a clone stays small
DONE = '[data-testid="stApp"][data-test-script-state="notRunning"]'
QUIET_MS = 4000  # charts draw themselves after the page's script has ended


def main(address: str = "http://127.0.0.1:4300") -> None:
    """Write a picture of each page in PAGES into docs/pictures, light and dark."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for name, path in pages(weft.Api(url=address)).items():
            for theme in ("light", "dark"):
                take(browser, address + path, FOLDER / f"{name}-{theme}.png", theme)
        browser.close()


def pages(api: weft.Api) -> dict[str, str]:
    """The pages' names and addresses, from what the demo left."""
    trace = next(iter(api.traces(project="demo", where='name == "answer some questions"', limit=1)))
    evaluation = next(iter(api.evaluations(project="demo")))
    sweep = next(iter(api.sweeps("demo")))
    return {
        "trace": f"/trace?id={trace.trace_id}",
        "evaluation": f"/evaluation?id={evaluation.run_id}",
        "runs": "/runs?project=demo",
        "sweep": f"/sweep?id={sweep.id}&part=parameters",
    }


def take(browser: Browser, address: str, file: Path, theme: str) -> None:
    """Write what ``address`` shows in ``theme``, with a palette of ``COLOURS``."""
    scheme = "dark" if theme == "dark" else "light"
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=scheme, device_scale_factor=1)
    page.goto(address)
    page.locator(DONE).wait_for(state="attached")
    page.wait_for_timeout(QUIET_MS)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    file.parent.mkdir(parents=True, exist_ok=True)
    picture.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(file, optimize=True)
    print(f"{file.relative_to(FOLDER.parent.parent)}: {file.stat().st_size // 1024} KiB")
    page.close()


if __name__ == "__main__":
    main(*sys.argv[1:2])
