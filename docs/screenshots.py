"""Make ``docs/annotate.png``, the annotation page with a page that ships, half done, and ``docs/report.png``.

    python docs/screenshots.py [dark]

Needs ``pip install '.[annotate,train]' selenium``, Chromium and its driver.
"""

import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from classifier import Sieve
from classifier.cli import main as command
from training.annotate.serve import listen, make_server
from training.annotate.session import Session

ROOT = Path(__file__).parents[1]
SHOWN = ("leaky-wordpress-weekly", "forum-thread", "open-news-jsonld", "product-headlamp", "qa-question")
OPTIONS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync --hide-scrollbars --window-size=1240,780"
).split()


def browser(profile: Path, dark: bool) -> webdriver.Chrome:
    """A Chromium that speaks to nobody."""
    options = webdriver.ChromeOptions()
    for option in (*OPTIONS, f"--user-data-dir={profile}", *(["--blink-settings=preferredColorScheme=0"] * dark)):
        options.add_argument(option)
    return webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))


def settle(driver: webdriver.Chrome) -> None:
    """Wait until nothing is being saved or loaded."""
    WebDriverWait(driver, 20).until(
        lambda d: d.execute_script(
            "return document.querySelectorAll('#frames iframe').length === 1 && !document.querySelector('.coming')"
            " && document.getElementById('saved').dataset.state !== 'busy'"
        )
    )


def work(driver: webdriver.Chrome, address: str) -> None:
    """Open a page and label a part of it."""
    driver.get(address)
    settle(driver)
    next(one for one in driver.find_elements(By.CSS_SELECTOR, "#pages button") if SHOWN[0] in one.text).click()
    WebDriverWait(driver, 20).until(lambda d: d.find_element(By.ID, "page-name").text == SHOWN[0])
    settle(driver)
    keys = driver.find_element(By.ID, "list")
    rows = [row.text for row in driver.find_elements(By.CSS_SELECTOR, ".block .text")]
    first = next(at for at, text in enumerate(rows) if "used up your free" in text)
    keys.send_keys("\ue011", "\ue007" * 14)  # Home, Enter
    driver.find_element(By.ID, f"block-{first}").click()
    keys.send_keys("JJJ", "4", "k")
    keys.send_keys("k")
    settle(driver)
    time.sleep(0.5)


def report(driver: webdriver.Chrome, folder: Path) -> None:
    """Evaluate on the pages that ship, and show the head of the report."""
    made = folder / "report.html"
    if command(["evaluate", str(ROOT / "datasets" / "pages"), "--report", str(made)]):
        raise SystemExit("the evaluation failed")
    driver.get(made.as_uri())
    target = ROOT / "docs" / "report.png"
    driver.save_screenshot(str(target))
    print(f"{target}: {target.stat().st_size} bytes")


def main() -> None:
    """Serve some pages, drive the browser, save the picture."""
    dark = "dark" in sys.argv[1:]
    with tempfile.TemporaryDirectory() as name, listen(0) as listening:
        folder = Path(name)
        pages = folder / "pages"
        pages.mkdir()
        for page in SHOWN:
            shutil.copy(ROOT / "datasets" / "pages" / f"{page}.html", pages)
        port = listening.getsockname()[1]
        server = make_server(Session(pages, folder / "labels", Sieve()), "screenshot", port)
        serving = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        serving.start()
        driver = browser(folder / "profile", dark)
        try:
            work(driver, f"http://127.0.0.1:{port}/#token=screenshot")
            target = ROOT / "docs" / ("annotate-dark.png" if dark else "annotate.png")
            driver.save_screenshot(str(target))
            print(f"{target}: {target.stat().st_size} bytes")
            for entry in driver.get_log("browser"):
                print(entry["level"], entry["message"])
            report(driver, folder)
        finally:
            driver.quit()
            server.should_exit = True
            serving.join()


if __name__ == "__main__":
    main()
