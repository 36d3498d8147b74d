"""Messengers that misbehave: an https server and a mail server on this machine.

Belongs here: servers, and the certificate that makes https on 127.0.0.1 believable.
Does not belong here: tests.
"""

import datetime as dt
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LOOPBACK = "127.0.0.1"


def certificate(folder: Path) -> Path:
    """Make a certificate for 127.0.0.1 that vouches for itself; return the file with it and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, LOOPBACK)])
    now = dt.datetime.now(dt.UTC)
    signed_certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(LOOPBACK))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(secret + signed_certificate.public_bytes(pem))
    return file


@dataclass
class Post:
    """One message that arrived: where, and what it said."""

    path: str
    body: str


@dataclass
class Hook:
    """An https server that behaves as the path asks: /200, /429, /redirect, /never, /drip, /flood."""

    port: int = 0
    posts: list[Post] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str) -> str:
        return f"https://{LOOPBACK}:{self.port}/{path}"


@contextmanager
def hook(pem: Path) -> Iterator[Hook]:
    server_of = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            server_of.posts.append(Post(self.path, self.rfile.read(size).decode()))
            manner = self.path.split("/")[1]
            if manner == "never":
                server_of.closing.wait()
            elif manner == "drip":
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                while not server_of.closing.wait(0.05):
                    self.wfile.write(b"a")
            elif manner == "redirect":
                self.send_response(302)
                self.send_header("Location", server_of.url("200/secret-room"))
                self.end_headers()
            else:
                self.send_response(200 if manner == "flood" else int(manner))
                self.end_headers()
                for _ in range(10_000 if manner == "flood" else 0):
                    self.wfile.write(b"x" * 1024)

        do_GET = do_POST  # noqa: N815 - the server's names

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:  # whoever hangs up early is not worth a traceback
            pass

    server = Server((LOOPBACK, 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server_of.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server_of
    finally:
        server_of.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Letters:
    """A mail server and what it was given; ``refuse`` is what it answers to a letter."""

    port: int = 0
    letters: list[str] = field(default_factory=list)
    passwords: list[str] = field(default_factory=list)
    refuse: str = ""

    async def handle_DATA(self, _server: SMTP, _session: Any, envelope: Any) -> str:  # noqa: N802
        if self.refuse:
            return self.refuse
        self.letters.append(envelope.content.decode())
        return "250 taken"

    def authenticate(
        self, _server: SMTP, _session: Any, _envelope: Any, _how: str, credentials: Any
    ) -> AuthResult:
        self.passwords.append(credentials.password.decode())
        return AuthResult(success=credentials.password == b"right", handled=False)


@contextmanager
def letters(pem: Path | None) -> Iterator[Letters]:
    """A mail server; with ``pem`` it offers STARTTLS and asks for a password."""
    box = Letters()
    context = None
    if pem is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)

    class Here(Controller):
        def factory(self) -> SMTP:
            return SMTP(
                box,
                tls_context=context,
                authenticator=box.authenticate,
                auth_required=pem is not None,
                auth_require_tls=pem is not None,
            )

        def _trigger_server(self) -> None:
            # Port 0 lets the system choose; only now it is known where to knock.
            self.port = self.server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
            super()._trigger_server()

    controller = Here(box, hostname=LOOPBACK, port=0)
    controller.start()
    box.port = controller.port
    try:
        yield box
    finally:
        controller.stop()
