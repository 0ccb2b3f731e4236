"""The proxy as it is shipped, before a real board and behind a real OpenID provider, and a browser that signs in: what each of them did.

`unshare --net --mount python -m tests.deploy.openid.trying HOW SITE PLACE`, as root: in a network of its own, where the names and
addresses of the shipped files are this machine, and with folders of its own in the places that they name. Nothing outside is touched.
HOW is `container` (deploy/container/proxy, docs/deploying.md) or `beside` (the text of docs/board.md). Prints what was seen, as JSON.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

ROOT = Path(__file__).parents[3]
PROXY = ROOT / "deploy" / "container" / "proxy"
PROVIDER = ROOT / ".venv" / "openid"
SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
BOARD, LOGIN = "https://cmvmon.example.org", "https://login.example.org:8443"
PEOPLE = {"a.bos": ["cmv-consult", "unknown-to-us"], "a.dewit": ["icu-north"], "c.none": ["cooks"], "d.none": []}
GROUP = '\n[groups."icu-north"]\nrole = "viewer"\nwards = ["ICU-NORTH"]\n'
FORGED = {
    "X-Forwarded-User": "a.bos", "X-Remote-User": "a.bos", "X-Forwarded-Groups": "cmv-consult", "X-Cmvmon-Secret": "guessed",
    "X_Forwarded_User": "a.bos", "OIDC_CLAIM_groups": "cmv-consult",
}  # fmt: skip
_WITHIN_S, _PATIENCE_MS = 120.0, 60_000


def run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)


def a_network_of_its_own() -> None:
    """Loopback, and the addresses that compose.yaml gives: from the proxy's to the board's."""
    run("ip", "link", "set", "lo", "up")
    for address in ("172.30.7.2", "172.30.7.3"):
        run("ip", "address", "add", f"{address}/32", "dev", "lo")
    run("ip", "route", "replace", "local", "172.30.7.2", "dev", "lo", "table", "local", "src", "172.30.7.3")


def folders_of_its_own(place: Path) -> None:
    """Copies of the folders that are written to, in their places."""
    hosts = place / "hosts"
    hosts.write_text("127.0.0.1 localhost cmvmon.example.org login.example.org\n", encoding="utf-8")
    run("mount", "--bind", str(hosts), "/etc/hosts")
    for name in ("/etc/apache2", "/etc/ssl", "/var/log/apache2"):
        copied = place / name.strip("/").replace("/", "-")
        shutil.copytree(name, copied, symlinks=True)
        run("mount", "--bind", str(copied), name)
    for name in ("/run", "/srv"):
        run("mount", "-t", "tmpfs", "tmpfs", name)
    for name in ("/run/secrets", "/run/lock", "/run/apache2"):
        Path(name).mkdir(parents=True)


def certificate(place: Path) -> tuple[Path, Path]:
    """A key, and a certificate of both names that everybody here trusts, as of a hospital's own authority."""
    key, found = place / "key.pem", place / "certificate.pem"
    run(
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(found), "-days", "2",
        "-subj", "/CN=cmvmon.example.org", "-addext", "subjectAltName=DNS:cmvmon.example.org,DNS:login.example.org",
    )  # fmt: skip
    with Path("/etc/ssl/certs/ca-certificates.crt").open("a", encoding="utf-8") as trusted:
        trusted.write(found.read_text("utf-8"))
    return key, found


@contextmanager
def started(*words: str, until: Callable[[], object], **more: Any) -> Iterator[subprocess.Popen[str]]:
    """A program that runs until the block ends; ended by its own process id."""
    process = subprocess.Popen(words, text=True, start_new_session=True, **more)
    try:
        deadline = time.monotonic() + _WITHIN_S
        while not until():
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{words[0]} did not start: {process.poll()}")
            time.sleep(0.2)
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=10)


def answers(url: str) -> Callable[[], bool]:
    def asked() -> bool:
        with suppress(httpx2.TransportError):
            return httpx2.get(url, verify=False, timeout=10).status_code > 0
        return False

    return asked


def block(page: str, language: str, holding: str) -> str:
    """The block of that language, on a page of the documentation, that holds those words."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    (found,) = [told for told in re.findall(rf"```{language}\n(.*?)```", text, re.S) if holding in told]
    return str(found)


def set_up(how: str, site: Path, key: Path, found: Path) -> tuple[Path, list[str], dict[str, str]]:
    """Puts the shipped files in their places. Returns the board's site, and the proxy's command with its environment."""
    enable = re.search(r"&& (a2enmod .*)", (PROXY / "Containerfile").read_text("utf-8"))
    assert enable is not None
    run("sh", "-c", enable[1])
    configuration = Path("/etc/apache2/sites-enabled/cmvmon.conf")
    if how == "container":
        shutil.copy(PROXY / "cmvmon.conf", configuration)
        secrets = {
            "board_secret": "0123456789abcdef" * 4, "oidc_client_secret": SECRET,
            "oidc_passphrase": "fedcba9876543210" * 2, "proxy_certificate": found.read_text("utf-8"), "proxy_key": key.read_text("utf-8"),
        }  # fmt: skip
        for name, text in secrets.items():
            Path("/run/secrets", name).write_text(text, encoding="utf-8")
        (site / "board.secret").write_text(secrets["board_secret"], encoding="utf-8")
        (site / "board.secret").chmod(0o600)
        (site / "board.toml").write_text(block("deploying.md", "toml", "172.30.7.3") + GROUP, encoding="utf-8")
        lines = (PROXY / "proxy.env.example").read_text("utf-8").splitlines()
        told = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
        told["OIDC_PROVIDER"] = f"{LOGIN}/.well-known/openid-configuration"
        return site, ["sh", str(PROXY / "start.sh")], told
    text = block("board.md", "text", "<VirtualHost")
    configuration.write_text(text.replace("https://login.example.org/", f"{LOGIN}/"), encoding="utf-8")
    Path("/etc/apache2/ports.conf").write_text("Listen 443\n", encoding="utf-8")
    shutil.copy(found, "/etc/ssl/cmvmon.pem")
    shutil.copy(key, "/etc/ssl/private/cmvmon.key")
    Path("/etc/apache2/cmvmon-client.conf").write_text(f"OIDCClientSecret {SECRET}\n", encoding="utf-8")
    Path("/etc/apache2/cmvmon-passphrase").write_text("fedcba9876543210" * 2, encoding="utf-8")
    moved = Path("/srv/icu")
    shutil.copytree(site, moved)
    run("sh", "-c", block("board.md", "text", "board.secret").replace("SITE", str(moved)))
    listen = block("board.md", "toml", 'socket = "board.sock"')
    # As it is shown, but for those two who are named, and with what stands there as a choice.
    listen = listen[: listen.index("[people.")] + listen[listen.index('[groups."cmv-consult"]') :]
    listen = re.sub(r"^# (?=socket|origin|groups_header|sign_out)", "", listen, flags=re.M)
    (moved / "board.toml").write_text(listen, encoding="utf-8")
    return moved, ["sh", "-c", ". /etc/apache2/envvars && exec apache2 -D FOREGROUND"], {}


def sign_in(browser: Browser, name: str, **more: Any) -> tuple[BrowserContext, Page]:
    """Somebody who opens the board, and signs in where he is sent."""
    context = browser.new_context(ignore_https_errors=True, locale="en-GB", **more)
    context.set_default_timeout(_PATIENCE_MS)
    page = context.new_page()
    page.goto(f"{BOARD}/")
    page.fill("input[name=login]", name)
    page.fill("input[name=password]", "any")
    page.click("button[type=submit]")
    if page.url.startswith(LOGIN):  # whether the board may know who he is
        page.click("button[type=submit]")
    page.wait_for_url(f"{BOARD}/**")
    return context, page


def reader_of(page: Page) -> str:
    """Who reads the page, as it says itself."""
    found = page.locator(".board form span")
    return found.inner_text() if found.count() else ""


def seen(browser: Browser, site: Path, how: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    bare = httpx2.Client(base_url=BOARD, verify=False, timeout=30)
    for name, headers in (("unknown", {}), ("unknown, forged", FORGED)):
        answer = bare.get("/ward.en.html", headers={**headers, "Accept": "text/html", "Sec-Fetch-Mode": "navigate"})
        found[name] = [answer.status_code, answer.headers.get("location", "").partition("?")[0]]
    answer = bare.get("/events?page=ward&lang=en", headers={"Accept": "text/event-stream", "Sec-Fetch-Mode": "cors"})
    found["a stream without a session"] = answer.status_code
    answer = bare.post(
        "/search.en.html", data={"q": "S"}, headers={"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
    )
    found["a form without a session"] = answer.status_code

    context, page = sign_in(browser, "a.bos")
    found["consultant"] = [page.url, page.locator("h1").inner_text(), reader_of(page)]
    found["his patients"] = sorted(set(re.findall(r"SYNTHETIC-\w+", page.content())))
    context.set_extra_http_headers(FORGED | {"X-Forwarded-User": "d.none", "X-Forwarded-Groups": "icu-north"})
    page.goto(f"{BOARD}/ward.en.html")
    found["consultant, forged"] = reader_of(page)
    context.set_extra_http_headers({})

    page.goto(f"{BOARD}/ward.en.html")
    other = context.new_page()
    other.goto(f"{BOARD}/ward.en.html")
    row = page.locator("table.list-alert tr").nth(1)
    row.locator("summary").click()
    row.locator("a.answer").first.click()
    page.select_option("#acknowledge select", "dealt_with")
    page.click("#acknowledge button")
    found["his answer"] = page.locator(".said").inner_text()
    other.locator("#changed").wait_for(state="visible")
    found["another page is told"] = other.locator("#changed").is_visible()

    viewers, hers = sign_in(browser, "a.dewit")
    found["viewer"] = [hers.locator("h1").inner_text(), reader_of(hers)]
    found["her patients"] = sorted(set(re.findall(r"SYNTHETIC-\w+", hers.content())))
    viewers.close()
    for name in ("c.none", "d.none"):
        nobody, refused = sign_in(browser, name)
        answer = nobody.request.get(f"{BOARD}/ward.en.html")
        found[name] = [answer.status, refused.locator("h1").inner_text(), "SYNTHETIC" in answer.text()]
        nobody.close()

    page.click("form[action^=sign-out] button")
    page.wait_for_load_state()
    page.wait_for_timeout(2000)
    found["signing out"] = [page.url.partition("?")[0], page.locator("h1").inner_text()]
    if page.url.startswith(LOGIN):
        page.locator("button[value=yes]").click()
        page.wait_for_load_state()
        page.wait_for_timeout(1000)
    found["signed out"] = [page.url.partition("?")[0], reader_of(page)]
    page.goto(f"{BOARD}/ward.en.html")
    found["after signing out"] = [page.url.partition("/interaction")[0], page.locator("input[name=login]").count()]
    context.close()
    return found


def main(how: str, site: Path, place: Path) -> None:
    a_network_of_its_own()
    folders_of_its_own(place)
    key, pem = certificate(place)
    site, proxy, told = set_up(how, site, key, pem)
    settings = place / "provider.json"
    out = f"{BOARD}/"
    settings.write_text(json.dumps({
        "issuer": LOGIN, "port": 8443, "key": str(key), "certificate": str(pem), "client_id": "cmvmon",
        "client_secret": SECRET, "redirect_uri": f"{BOARD}/oidc", "logged_out_uri": out, "people": PEOPLE,
    }), encoding="utf-8")  # fmt: skip
    provider = PROVIDER / "provider.mjs"  # beside what it imports
    shutil.copy(Path(__file__).with_name("provider.mjs"), provider)
    board = [str(ROOT / ".venv/bin/cmvmon"), "board", "--site", str(site)]
    is_up = (site / "board.sock").exists if how == "beside" else answers("http://172.30.7.2:8741/")
    with ExitStack() as at_work, (place / "log").open("w") as log:
        into: dict[str, Any] = {"stdout": log, "stderr": log}
        at_work.enter_context(started("node", str(provider), str(settings), until=answers(f"{LOGIN}/jwks"), **into))
        whose = {"group": "www-data"} if how == "beside" else {}
        at_work.enter_context(started(*board, until=is_up, **into, **whose))
        at_work.enter_context(started(*proxy, until=answers(BOARD), env={**os.environ, **told}, **into))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--headless", "--no-sandbox", "--disable-gpu"]
            )
            print(json.dumps(seen(browser, site, how)), flush=True)
            browser.close()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
