"""Chromium without a window, over its DevTools protocol (https://chromedevtools.github.io/devtools-protocol/)."""

import asyncio
import base64
import shutil
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

__all__ = ["Browser", "Page", "find_chromium", "open_browser"]

_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
    "--hide-scrollbars", "--remote-debugging-port=0",
)  # fmt: skip
_PATIENCE = 30.0


def find_chromium() -> str | None:
    """The program, None where none is installed."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for name in names if (path := shutil.which(name))), None)


@asynccontextmanager
async def open_browser(program: str, profile: Path) -> AsyncIterator["Browser"]:
    """A browser on a new, empty profile folder."""
    process = await asyncio.create_subprocess_exec(
        program, *_FLAGS, f"--user-data-dir={profile}", "about:blank",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with aiohttp.ClientSession() as session:
            port, path = await _endpoint(process, profile / "DevToolsActivePort")
            async with session.ws_connect(f"ws://127.0.0.1:{port}{path}", max_msg_size=0) as socket:
                browser = Browser(socket)
                reading = asyncio.create_task(browser.read())
                try:
                    yield browser
                finally:
                    reading.cancel()
                    with suppress(asyncio.CancelledError):
                        await reading
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _endpoint(process: Process, file: Path) -> tuple[str, str]:
    """Where the browser listens, which it writes into its profile once it does."""
    async with asyncio.timeout(_PATIENCE):
        while (place := _read_endpoint(file)) is None:
            assert process.returncode is None, "chromium ended at once"
            await asyncio.sleep(0.02)
    return place


def _read_endpoint(file: Path) -> tuple[str, str] | None:
    lines = file.read_text().splitlines() if file.exists() else []
    return (lines[0], lines[1]) if len(lines) == 2 else None


class Browser:
    """One connection to the browser; its pages share it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._pages: dict[str, Page] = {}

    async def read(self) -> None:
        """Hand every message to whoever waits for it, for as long as the browser lives."""
        async for message in self._socket:
            data = message.json()
            if "id" in data:
                self._waiting.pop(data["id"]).set_result(data)
            elif data.get("sessionId") in self._pages:
                self._pages[data["sessionId"]].on_event(data["method"], data["params"])

    async def call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        request = {"id": number, "method": method, "params": params}
        await self._socket.send_json(request | ({"sessionId": session} if session else {}))
        async with asyncio.timeout(_PATIENCE):
            data = await answer
        assert "error" not in data, f"{method}: {data.get('error')}"
        return data["result"]  # type: ignore[no-any-return]

    async def page(self, width: int = 1400, height: int = 900, *, dark: bool = False, scripts: bool = True) -> "Page":
        """A new page in a context (cookies, cache) of its own."""
        context = (await self.call("Target.createBrowserContext"))["browserContextId"]
        target = await self.call("Target.createTarget", url="about:blank", browserContextId=context)
        attached = await self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        page = self._pages[attached["sessionId"]] = Page(self, attached["sessionId"])
        for domain in ("Page", "Runtime", "Log", "Network"):
            await page.call(f"{domain}.enable")
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        await page.call("Emulation.setEmulatedMedia", features=scheme)
        await page.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        await page.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        return page


class Page:
    """A page. `problems` collects what its console, its security policy and its scripts complained about."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session
        self._loaded = asyncio.Event()
        self._moved = asyncio.Event()
        self._url = ""
        self.problems: list[str] = []
        self.dialogs: list[str] = []
        self.requests: list[str] = []

    def on_event(self, method: str, params: dict[str, Any]) -> None:
        if method == "Page.loadEventFired":
            self._loaded.set()
        elif method == "Page.frameNavigated" and "parentId" not in params["frame"]:
            self._url = params["frame"]["url"]
            self._loaded.clear()
            self._moved.set()
        elif method == "Page.javascriptDialogOpening":
            self.dialogs.append(params["message"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.problems.append(params["entry"]["text"])
        elif method == "Runtime.exceptionThrown":
            self.problems.append(str(params["exceptionDetails"]))

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        return await self._browser.call(method, self._session, **params)

    async def goto(self, url: str) -> None:
        """Open an address and wait until everything of it is loaded."""
        self._loaded.clear()
        await self.call("Page.navigate", url=url)
        await self._load()

    async def arrive(self, address: str) -> None:
        """Wait until the page went on by itself to an address that ends so, and is loaded."""
        async with asyncio.timeout(_PATIENCE):
            while not self._url.endswith(address):
                self._moved.clear()
                await self._moved.wait()
            await self._loaded.wait()

    async def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression; promises are awaited."""
        answer = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def until(self, expression: str) -> None:
        """Wait until a JavaScript expression is true."""
        waiting = f"new Promise(r => {{ const look = () => {expression} ? r(true) : setTimeout(look, 20); look(); }})"
        await self.evaluate(waiting)

    async def text(self, selector: str = "body") -> str:
        return str(await self.evaluate(f"document.querySelector({selector!r}).innerText"))

    async def click(self, selector: str, *, leaves: bool = False) -> None:
        """Click the middle of an element with the mouse; `leaves` waits for the page it leads to."""
        script = f"document.querySelector({selector!r}).scrollIntoView({{block: 'center'}})"
        await self.evaluate(script)
        box = await self.evaluate(f"document.querySelector({selector!r}).getBoundingClientRect().toJSON()")
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self._loaded.clear()
        for kind in ("mousePressed", "mouseReleased"):
            await self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
        if leaves:
            await self._load()

    async def type(self, selector: str, text: str) -> None:
        await self.evaluate(f"document.querySelector({selector!r}).focus()")
        await self.call("Input.insertText", text=text)

    async def press(self, key: str, *, leaves: bool = False) -> None:
        """Press a key; `leaves` waits for the page that it leads to."""
        if leaves:
            self._loaded.clear()
        for kind in ("keyDown", "keyUp"):
            await self.call("Input.dispatchKeyEvent", type=kind, key=key, text=key if len(key) == 1 else "")
        if leaves:
            await self._load()

    async def screenshot(self) -> bytes:
        """What the page looks like now, as a PNG."""
        return base64.b64decode((await self.call("Page.captureScreenshot", format="png"))["data"])

    async def _load(self) -> None:
        async with asyncio.timeout(_PATIENCE):
            await self._loaded.wait()
