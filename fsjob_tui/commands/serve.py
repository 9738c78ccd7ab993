"""The command that puts the console into a browser."""

from __future__ import annotations

import os
import signal
import socket
import sys
from urllib.parse import urlsplit

import click

from .common import print_json, reading, say, with_store
from .exits import INTERRUPTED, complain, sentence

LOOPBACK = {"127.0.0.1": "127.0.0.1", "localhost": "127.0.0.1", "::1": "::1"}
"""What only this machine reaches, as it may be written."""
EVERYWHERE = ("0.0.0.0", "::")


@click.command("serve")
@click.argument("store", required=False, metavar="[DIR]")
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Where to listen.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 picks a free one.")
@click.option("--read-only", is_flag=True, help="Look only: no act is offered, none is done.")
@click.option("--behind-proxy", is_flag=True, help="A proxy that asks who it is stands before any other ADDRESS.")
@click.option("--public-url", metavar="URL", help="What browsers ask for, where a proxy or a tunnel changes it.")
@with_store
def serve_command(
    directory: str, as_json: bool, host: str, port: int, read_only: bool, behind_proxy: bool, public_url: str | None
) -> None:  # fmt: skip
    """Open the console in a browser: prints an address that works once, in one browser.

    \b
    Examples:
      fsjob serve /srv/spool
      fsjob serve /srv/spool --host 10.0.0.5 --read-only
      fsjob serve /srv/spool --behind-proxy --public-url https://jobs.example.org
    """
    seen = _host_of(public_url) if public_url is not None else host
    others = [name for name in (host, seen) if name not in LOOPBACK]
    if others and not (read_only or behind_proxy):
        raise click.UsageError(
            f"{others[0]} is reached from elsewhere: add --read-only, or --behind-proxy where a proxy asks who it is"
        )
    label = reading(directory).views.label()
    try:
        from ..web import visit
        from ..web.server import serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("textual_serve", "aiohttp", "aiohttp_jinja2", "jinja2"):
            raise
        raise click.ClickException(
            f"`fsjob serve` needs textual-serve: where fsjob's source is, {sys.executable} -m pip install '.[web]'"
        ) from None
    listener = _listen(LOOPBACK.get(host, host), port)
    public_url = public_url or f"http://{_authority(host, listener)}"

    def tell(address: str) -> None:
        print_json({"url": address}) if as_json else say(address)
        if not as_json:
            complain("the address opens once, in one browser; ctrl+c ends this")

    title = f"fsjob · {label.name or os.path.basename(os.path.abspath(directory))}"
    number = serve(listener, public_url, visit.arguments(directory, read_only=read_only), title, tell)
    raise click.exceptions.Exit(INTERRUPTED if number == signal.SIGINT else 0)


def _host_of(public_url: str) -> str:
    """The host of an address that a browser can be given. Raises UsageError."""
    try:
        url = urlsplit(public_url)
        host, _ = url.hostname, url.port
    except ValueError:
        host, url = None, urlsplit("")
    if host is None or url.scheme not in ("http", "https") or url.path not in ("", "/") or "@" in url.netloc:
        raise click.UsageError("--public-url is such as https://jobs.example.org: no path, no name of anybody")
    return host


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises ClickException."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family)
    except OSError as error:
        raise click.ClickException(f"cannot listen on {host}, port {port}: {sentence(error)}") from None


def _authority(host: str, listener: socket.socket) -> str:
    """Host and port as browsers write them."""
    port = listener.getsockname()[1]
    name = socket.gethostname() if host in EVERYWHERE else LOOPBACK.get(host, host)
    return (f"[{name}]" if ":" in name else name) + ("" if port == 80 else f":{port}")
