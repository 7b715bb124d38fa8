"""The annotation page in a real browser: labelling by mouse and keys, two tabs, and a page that tries to act."""

import contextlib
import json
import shutil
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import attacks
import pytest
from annotate_pages import TOKEN, number_of

from classifier.labels import LABELS
from training.annotate import serve
from training.annotate.session import Session
from training.gold import read_page

webdriver = pytest.importorskip("selenium.webdriver")
from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs Chromium and its driver")

OPTIONS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync --disable-dev-shm-usage --window-size=1400,1000"
).split()
AD, PAYWALL, NAVIGATION, CONTENT = (LABELS.index(name) for name in ("ad", "paywall", "navigation", "content"))


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for option in (*OPTIONS, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(option)
    options.add_experimental_option("prefs", {"download.default_directory": str(folder)})
    found = webdriver.Chrome(options=options, service=Service(DRIVER))
    found.downloads = folder
    yield found
    found.quit()


@contextlib.contextmanager
def serving(session):
    with serve.listen(0) as listening:
        port = listening.getsockname()[1]
        server = serve.make_server(session, TOKEN, port)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            thread.join()


class Desk:
    """The open annotation page as a person sees it."""

    def __init__(self, driver, session, folder, address):
        self.driver, self.session, self.folder, self.address = driver, session, folder, address

    def open(self, name="tea"):
        self.driver.get("about:blank")
        self.driver.get(f"{self.address}/#token={TOKEN}")
        self.until(lambda d: d.find_elements(By.CSS_SELECTOR, ".block"))
        self.turn_to(name)
        return self

    def turn_to(self, name):
        buttons = self.all("#pages button")
        next(one for one in buttons if one.find_element(By.TAG_NAME, "b").text == name).click()
        script = "return document.activeElement.id === 'list' && page.id"
        self.until(lambda d: d.execute_script(script) == name)
        self.settle()

    def until(self, condition):
        return WebDriverWait(self.driver, 10, 0.05).until(condition)

    def settle(self):
        """Until all is saved and the page view shows it."""
        script = (
            "return document.querySelectorAll('#frames iframe').length === 1 && !document.querySelector('.coming')"
            " && !['busy'].includes(document.getElementById('saved').dataset.state) && !dirty && !saving"
        )
        time.sleep(0.05)
        self.until(lambda d: d.execute_script(script))

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def keys(self, *keys):
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def row(self, block):
        return self.one(f"#block-{block}")

    def labels(self):
        rows = sorted(self.all(".block"), key=lambda row: int(row.get_attribute("id").split("-")[1]))
        return [row.find_element(By.CLASS_NAME, "label").text for row in rows]

    def chosen(self):
        rows = self.all('.block[aria-selected="true"]')
        return sorted(int(row.get_attribute("id").split("-")[1]) for row in rows)

    def stored(self, name="tea"):
        self.settle()
        return read_page(self.folder / "labels" / f"{name}.json")

    @contextlib.contextmanager
    def in_frame(self):
        self.driver.switch_to.frame(self.one("#frames iframe"))
        try:
            yield
        finally:
            self.driver.switch_to.default_content()


@pytest.fixture
def desk(driver, session, folder):
    with serving(session) as address:
        yield Desk(driver, session, folder, address).open()
        driver.switch_to.default_content()
        with contextlib.suppress(Exception):
            driver.execute_script("dirty = false")
        driver.get("about:blank")


# -- labelling -----------------------------------------------------------------------------------------------


def test_it_opens_with_the_keyboard_in_the_list_on_the_least_certain_block(desk):
    assert desk.driver.switch_to.active_element.get_attribute("id") == "list"
    sure = desk.session.read(number_of(desk.session, "tea")).probabilities.max(axis=1)
    guessed = desk.driver.execute_script("return page.blocks.map((_, b) => guessed(b))")
    assert desk.chosen() == [guessed.index(min(guessed))]
    assert len(sure) == len(guessed)
    active = desk.one("#list").get_attribute("aria-activedescendant")
    assert active == f"block-{desk.chosen()[0]}"
    assert "token" not in desk.driver.current_url


def test_keys_relabel_undo_and_mark_a_range(desk):
    before = desk.labels()
    desk.keys(Keys.HOME, "3")
    assert desk.labels()[0] == "ad"
    assert desk.stored().segments[0] == ("Home", "ad")
    desk.keys("u")
    assert desk.labels() == before
    assert desk.stored().status[0] == "predicted"
    desk.keys("j", "J", "J", "4")
    assert desk.labels()[1:4] == ["paywall"] * 3
    page = desk.stored()
    assert [label for _, label in page.segments[1:4]] == ["paywall"] * 3
    assert set(page.status[1:4]) <= {"corrected", "confirmed"}
    desk.keys("k", "2")
    assert desk.labels()[2] == "navigation" and desk.labels()[1] == "paywall"


def test_the_mouse_relabels_in_the_list_and_marks_a_range_with_shift(desk):
    desk.row(2).click()
    ActionChains(desk.driver).key_down(Keys.SHIFT).click(desk.row(4)).key_up(Keys.SHIFT).perform()
    assert desk.chosen() == [2, 3, 4]
    desk.one("#labels .ad").click()
    assert [label for _, label in desk.stored().segments[2:5]] == ["ad"] * 3
    desk.one("#undo").click()
    assert desk.stored().status[2:5] == ("predicted",) * 3


def test_a_click_in_the_page_view_chooses_its_block(desk):
    with desk.in_frame():
        desk.one("#pagesieve-3").click()
    desk.until(lambda d: desk.chosen() == [3])
    assert desk.driver.switch_to.active_element.get_attribute("id") == "list"
    desk.keys("3")
    assert desk.stored().segments[3][1] == "ad"
    with desk.in_frame():  # the view took the colour, and shows where the keyboard stands
        assert "180, 83, 9" in desk.one(".pagesieve-3").value_of_css_property("box-shadow")
        desk.all(".pagesieve-3")[1].click()  # another piece of the same block, clicked once more
    desk.until(lambda d: desk.chosen() == [3])


def test_a_range_in_the_page_view_ends_at_the_next_click(desk):
    with desk.in_frame():
        desk.one("#pagesieve-1").click()
    desk.until(lambda d: desk.chosen() == [1])
    desk.keys("r")
    with desk.in_frame():
        desk.one("#pagesieve-4").click()
    desk.until(lambda d: desk.chosen() == [1, 2, 3, 4])
    assert desk.one("#range").get_attribute("aria-pressed") == "false"


def test_the_view_follows_the_keys_without_loading_anything(desk):
    loads = desk.driver.execute_script("return turns")
    desk.keys(Keys.HOME, "j", "j")
    with desk.in_frame():
        desk.until(lambda d: d.find_elements(By.CSS_SELECTOR, "#pagesieve-2:target"))
    assert desk.driver.execute_script("return turns") == loads


def test_a_container_is_relabelled_at_once(desk):
    desk.keys(Keys.HOME, "w")
    assert desk.chosen() == [0, 1]
    desk.keys("3")
    assert desk.labels()[:2] == ["ad", "ad"]
    desk.row(3).click()
    crumbs = [one.text for one in desk.all("#crumbs button")]
    assert crumbs[0].startswith("main")
    desk.all("#crumbs button")[0].click()
    assert desk.chosen() == [2, 3, 4]


def test_digits_with_shift_label_the_container(desk):
    desk.row(0).click()
    key = {"type": "rawKeyDown", "key": "#", "code": "Digit3", "modifiers": 8}  # Shift+3 on most keyboards
    desk.driver.execute_cdp_cmd("Input.dispatchKeyEvent", key)
    assert desk.chosen() == [0, 1]
    assert desk.labels()[:2] == ["ad", "ad"]


def test_confirming_and_the_page_as_a_whole(desk):
    desk.keys(Keys.HOME, Keys.ENTER)
    assert desk.chosen() == [1]
    assert desk.stored().status[0] == "confirmed"
    desk.keys("e")
    assert desk.driver.switch_to.active_element.get_attribute("id") == "notes"
    desk.keys("2 u <b>", Keys.ESCAPE)
    assert desk.driver.switch_to.active_element.get_attribute("id") == "list"
    desk.one("#access").send_keys("gated")
    desk.one("#complete").click()
    page = desk.stored()
    assert (page.notes, page.access) == ("2 u <b>", "gated")
    desk.one("#list").send_keys("C")
    page = desk.stored()
    assert all(page.settled) and page.main is not None
    assert "1 of 3 done" in desk.one("#pages-done").text


def test_main_text_can_be_set(desk):
    desk.row(3).click()
    desk.keys("1", "m")
    first = desk.stored().main
    desk.keys("m")
    assert set(first) ^ set(desk.stored().main) == {3}


def test_order_can_be_by_certainty_and_ranges_follow_it(desk):
    desk.keys("o")
    shown = [int(row.get_attribute("id").split("-")[1]) for row in desk.all(".block")]
    guessed = desk.driver.execute_script("return page.blocks.map((_, b) => guessed(b))")
    assert [guessed[block] for block in shown] == sorted(guessed)
    desk.one("#list").click()
    desk.one("#list").send_keys(Keys.HOME, "J")
    assert desk.chosen() == sorted(shown[:2])


def test_the_view_can_be_plain(desk):
    def colour():
        with desk.in_frame():
            return desk.one(".menu").value_of_css_property("color")

    assert colour() == "rgba(255, 0, 0, 1)"
    desk.keys("s")
    desk.settle()
    assert colour() != "rgba(255, 0, 0, 1)"
    with desk.in_frame():
        assert desk.one(".pagesieve-0").value_of_css_property("background-color") != "rgba(0, 0, 0, 0)"


def test_reload_and_turning_pages_keep_everything(desk):
    desk.keys(Keys.HOME, "3", "j", "4")
    desk.settle()
    labels = desk.labels()
    with desk.in_frame():
        desk.one("#pagesieve-2").click()
    desk.until(lambda d: desk.chosen() == [2])
    desk.driver.refresh()
    desk.until(lambda d: d.find_elements(By.CSS_SELECTOR, ".block"))
    desk.settle()
    desk.turn_to("tea")
    assert desk.labels() == labels
    desk.keys("3", "]")
    desk.settle()
    assert desk.one("#page-name").text != "tea"
    desk.turn_to("tea")
    assert len(desk.stored().segments) == 7


def test_the_keyboard_alone_reaches_everything(desk):
    seen = set()
    for _ in range(60):
        desk.keys(Keys.TAB)
        active = desk.driver.switch_to.active_element
        seen.add(active.get_attribute("id") or active.get_attribute("class") or active.tag_name)
        assert active.tag_name != "iframe"
    assert {"export", "import", "help", "list", "access", "complete", "notes", "confirm-page", "next-page", "sort"} <= seen
    desk.one("#list").send_keys("?")
    assert desk.one("#help-dialog").is_displayed()
    desk.keys(Keys.ESCAPE)
    assert not desk.one("#help-dialog").is_displayed()


# -- two tabs ------------------------------------------------------------------------------------------------


@pytest.fixture
def two(desk):
    """The same page in two tabs; the first has changed block 0, and the second has not noticed."""
    first = desk.driver.current_window_handle
    desk.driver.switch_to.new_window("tab")
    second = desk.driver.current_window_handle
    desk.open()
    desk.driver.switch_to.window(first)
    desk.keys(Keys.HOME, "3")
    desk.settle()
    desk.driver.switch_to.window(second)
    yield desk
    with contextlib.suppress(Exception):
        desk.driver.execute_script("dirty = false")
    desk.driver.close()
    desk.driver.switch_to.window(first)


def test_a_stale_tab_cannot_overwrite_and_may_take_theirs(two):
    two.one("#list").send_keys(Keys.HOME, "j", "4")
    two.until(lambda d: two.one("#conflict-dialog").is_displayed())
    assert two.one("#saved").text.startswith("Not saved")
    assert read_page(two.folder / "labels" / "tea.json").segments[0][1] == "ad"
    two.one("#take-theirs").click()
    two.settle()
    assert two.labels()[0] == "ad"
    assert two.stored().status[1] == "predicted"
    two.one("#list").send_keys("u")  # what was done here is not lost
    assert two.stored().segments[1][1] == "paywall"
    assert two.stored().status[0] == "predicted"


def test_a_stale_tab_may_save_its_own_after_all(two):
    two.one("#list").send_keys(Keys.HOME, "j", "4")
    two.until(lambda d: two.one("#conflict-dialog").is_displayed())
    two.one("#keep-mine").click()
    two.settle()
    assert two.stored().segments[1][1] == "paywall"
    assert two.stored().status[0] == "predicted"


def test_a_stopped_server_is_told_and_what_was_done_is_saved_when_it_is_back(driver, session, folder):
    with serving(session) as address:
        desk = Desk(driver, session, folder, address).open()
        port = int(address.rpartition(":")[2])
    desk.keys(Keys.HOME, "3")
    desk.until(lambda d: "trying again" in desk.one("#saved").text)
    with serve.listen(port) as listening:
        server = serve.make_server(session, TOKEN, port)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        desk.until(lambda d: desk.one("#saved").text == "All saved")
        assert desk.stored().segments[0][1] == "ad"
        driver.get("about:blank")
        server.should_exit = True
        thread.join()


# -- Label Studio --------------------------------------------------------------------------------------------


def test_export_and_import(desk, sieve):
    desk.keys(Keys.HOME, "3")
    desk.settle()
    desk.one("#export").click()
    target = desk.driver.downloads / "pagesieve-label-studio.json"
    desk.until(lambda d: target.exists() and target.stat().st_size)
    tasks = json.loads(target.read_text("utf-8"))
    assert len(tasks) == 3
    other = Session(desk.folder / "pages", desk.folder / "other", sieve)
    with serving(other) as address:
        second = Desk(desk.driver, other, desk.folder, address).open()
        second.one("#import-file").send_keys(str(target))
        second.until(lambda d: second.one("#report-dialog").is_displayed())
        assert second.one("#report-text").text == "1 labels on 1 pages were taken over."
        second.keys(Keys.ESCAPE)
        assert second.labels()[0] == "ad"
        assert read_page(desk.folder / "other" / "tea.json").status[0] in ("corrected", "confirmed")
        desk.driver.get("about:blank")
    target.unlink()


# -- hostile pages -------------------------------------------------------------------------------------------


@pytest.fixture
def canary():
    """A server that notes who calls."""
    calls = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            calls.append(self.path)
            self.send_response(200)
            self.send_header("access-control-allow-origin", "*")
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(self.server.page if self.path in ("/", "/evil") else b"")

        do_POST = do_GET

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.page = b""
    server.calls = calls
    server.address = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_the_attacks_work_where_nothing_stops_them(driver, canary):
    page = attacks.page(canary.address).replace("<meta http-equiv=refresh", "<meta name=x")
    canary.page = page.encode()
    driver.get(f"{canary.address}/")
    WebDriverWait(driver, 10).until(lambda d: len(set(canary.calls)) >= 6)
    assert driver.execute_script("return top.pwned") == 1
    driver.get("about:blank")


def test_a_page_under_annotation_runs_nothing_and_reaches_nobody(driver, folder, sieve, canary):
    name = '"><img src=x onerror=top.pwned=1>'
    pages = folder / "pages"
    (pages / f"{name}.html").write_text(attacks.page(canary.address), "utf-8")
    session = Session(pages, folder / "labels", sieve)
    with serving(session) as address:
        desk = Desk(driver, session, folder, address).open(name)
        count = len(session.read(number_of(session, name)).page)
        assert len(desk.labels()) == count
        desk.one("#list").send_keys(Keys.END, "3")
        desk.settle()
        shown = desk.one("#frames iframe")
        assert shown.get_attribute("sandbox") == "allow-top-navigation-by-user-activation"
        assert desk.driver.execute_script("return arguments[0].contentDocument", shown) is None
        with desk.in_frame():
            links = desk.all("a")
            assert {one.get_attribute("target") for one in links} == {"_parent"}
            assert all(one.get_attribute("href").startswith(f"{address}/#b=") for one in links)
            for block in (0, count // 2, count - 1):
                desk.driver.execute_script("arguments[0].scrollIntoView()", desk.one(f"#pagesieve-{block}"))
                desk.one(f"#pagesieve-{block}").click()
        time.sleep(0.5)
        assert desk.driver.execute_script("return window.pwned") is None
        assert desk.driver.current_url == f"{address}/"
        assert desk.one("#page-name").text == name
        assert canary.calls == []
        with desk.in_frame():  # the styles were kept: it was the policy that stopped what they ask for
            boxes = desk.driver.execute_script(
                "return [...document.querySelectorAll('div')].map(one => getComputedStyle(one).backgroundImage)"
            )
        assert f'url("{canary.address}/style-attribute")' in boxes
        driver.get("about:blank")


def test_another_site_cannot_read_save_or_embed(driver, session, folder, canary):
    with serving(session) as address:
        canary.page = f"""<!doctype html><title>evil</title><iframe id=f src='{address}/'></iframe><script>
            const tries = [
              fetch('{address}/api/session', {{headers: {{'X-Pagesieve-Token': '{TOKEN}'}}}}),
              fetch('{address}/api/session', {{mode: 'no-cors'}}),
              fetch('{address}/api/pages/0', {{method: 'PUT', body: '{{}}', headers: {{'Content-Type': 'application/json'}}}}),
              fetch('{address}/'), fetch('{address}/annotate.js', {{credentials: 'include'}}),
            ];
            Promise.all(tries.map(one => one.then(a => a.type === 'opaque' ? 'opaque' : 'read', () => 'refused')))
              .then(all => window.outcome = all);
            </script>""".encode()
        driver.get(f"{canary.address}/evil")
        outcome = WebDriverWait(driver, 10).until(lambda d: d.execute_script("return window.outcome"))
        assert "read" not in outcome
        assert outcome[0] == outcome[2] == "refused"
        driver.switch_to.frame("f")
        assert not driver.find_elements(By.ID, "list")
        driver.switch_to.default_content()
        driver.execute_script("location.href = arguments[0]", f"{address}/")
        WebDriverWait(driver, 10).until(lambda d: "pagesieve annotate printed" in d.page_source)
        driver.get("about:blank")
        assert list((folder / "labels").iterdir()) == []


# -- accessibility -------------------------------------------------------------------------------------------

CONTRASTS = """
const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
const over = (a, b) => a.length < 4 || a[3] === 1 ? a.slice(0, 3) : b.map((v, i) => v * (1 - a[3]) + a[i] * a[3]);
function ground(element) {
  if (!element) return [255, 255, 255];
  const own = rgb(getComputedStyle(element).backgroundColor);
  return own.length === 4 && own[3] === 0 ? ground(element.parentElement) : over(own, own[3] < 1 ? ground(element.parentElement) : own);
}
const light = (c) => { const [r, g, b] = c.map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const found = [];
for (const element of document.querySelectorAll("body *")) {
  if (![...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
  if (element.closest(":disabled, dialog:not([open]), .unseen, .skip, script, option") || !element.getClientRects().length) continue;
  const back = ground(element), text = over(rgb(getComputedStyle(element).color), back);
  const [a, b] = [light(text), light(back)].sort((x, y) => y - x), ratio = (a + 0.05) / (b + 0.05);
  found.push([ratio, `${element.tagName} ${element.id || element.className} "${element.textContent.trim().slice(0, 30)}"`]);
}
return found;
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_has_the_contrast_of_aa(desk, scheme):
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    desk.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    desk.driver.execute_script("document.documentElement.style.setProperty('transition', 'none')")
    desk.keys(Keys.HOME, "1", "j", "2", "j", "3", "j", "4", "K", "K")
    desk.settle()
    time.sleep(0.3)  # colours of buttons fade
    for opened in (None, "help-dialog"):
        if opened:
            desk.driver.execute_script(f"document.getElementById('{opened}').showModal()")
        found = desk.driver.execute_script(CONTRASTS)
        assert len(found) > 40
        assert [one for one in found if one[0] < 4.5] == []
    desk.driver.execute_script("document.querySelector('dialog[open]').close()")
    desk.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_roles_and_names_are_there_for_those_who_hear_the_page(desk):
    assert desk.one("#list").get_attribute("role") == "listbox"
    assert desk.one("#list").get_attribute("aria-multiselectable") == "true"
    rows = desk.all(".block")
    assert {row.get_attribute("role") for row in rows} == {"option"}
    said = desk.row(0).get_attribute("aria-label")
    assert "predicted" in said and said.endswith("Home")
    desk.keys(Keys.HOME, "3")
    assert desk.one("#said").get_attribute("textContent") == "ad: 1 block"
    nameless = desk.driver.execute_script(
        "return [...document.querySelectorAll('button, input, select, textarea, iframe, progress, nav, dialog')].filter(e =>"
        " !(e.textContent.trim() || e.title || e.ariaLabel || e.getAttribute('aria-labelledby') || e.labels?.length))"
        ".map(e => e.outerHTML)"
    )
    assert nameless == []
