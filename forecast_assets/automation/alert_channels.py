"""Messengers: a webhook and an e-mail server, both out of our hands.

Belongs here: handing over one message within a time limit, and saying why that did not work.
Does not belong here: what is told, and how often (``automation.alerts``).

A messenger never raises and never repeats an address or an answer: both may hold a secret.
"""

import json
import smtplib
import ssl
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import make_msgid
from http import HTTPStatus
from threading import Thread
from typing import IO, Protocol
from urllib.error import HTTPError
from urllib.parse import unquote, urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from forecast_assets.settings import Settings

_SUBMISSION_PORT, _TLS_PORT = 587, 465
# Slack reads these three; nothing else can turn text into a link or call everybody.
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


class Messenger(Protocol):
    """Something that takes messages away."""

    def send(self, subject: str, body: str) -> str | None:
        """Hand over one message; return why that failed, or ``None``."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """An https address that takes ``{"text": ...}``, as Slack, Mattermost and others do."""

    url: str
    limit: float

    def send(self, subject: str, body: str) -> str | None:
        text = f"*{_escaped(subject)}*\n{_escaped(body)}"
        content = json.dumps({"text": text}).encode()
        request = Request(self.url, content, {"Content-Type": "application/json"})  # noqa: S310 - https, see settings
        opener = build_opener(_NoRedirects, HTTPSHandler(context=ssl.create_default_context()))

        def post() -> None:
            # What it answers is of no interest and may be endless: the status is enough.
            opener.open(request, timeout=self.limit).close()

        return _within(self.limit, post)


class _NoRedirects(HTTPRedirectHandler):
    """A redirect could lead into our own network, and would repeat the message there."""

    def redirect_request(  # noqa: PLR0917 - urllib's signature
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: object, newurl: str
    ) -> None:
        del req, fp, code, msg, headers, newurl


@dataclass(frozen=True, slots=True)
class Mail:
    """An e-mail server: ``smtps://user:password@host:465`` or ``smtp://host:587``."""

    url: str
    sender: str
    recipients: tuple[str, ...]
    limit: float

    def send(self, subject: str, body: str) -> str | None:
        message = EmailMessage()
        message["Subject"] = " ".join(subject.split())
        message["From"] = self.sender
        message["To"] = ", ".join(self.recipients)
        message["Message-ID"] = make_msgid(domain="forecast-assets.invalid")
        message.set_content(body)
        return _within(self.limit, lambda: self._hand_over(message))

    def _hand_over(self, message: EmailMessage) -> None:
        where = urlsplit(self.url)
        host, context = where.hostname or "", ssl.create_default_context()
        if where.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                host, where.port or _TLS_PORT, timeout=self.limit, context=context
            )
        else:
            server = smtplib.SMTP(host, where.port or _SUBMISSION_PORT, timeout=self.limit)
        with server:
            if where.scheme == "smtp" and (server.ehlo() and server.has_extn("starttls")):
                server.starttls(context=context)
            elif where.scheme == "smtp" and where.username:
                raise _NoEncryption
            if where.username:
                server.login(unquote(where.username), unquote(where.password or ""))
            server.send_message(message)


class _NoEncryption(Exception):
    """A password was about to travel in the clear."""


def messengers(configuration: Settings) -> dict[str, Messenger]:
    """The messengers that the settings name, by channel."""
    by_channel: dict[str, Messenger] = {}
    if configuration.alert_webhook is not None:
        by_channel["webhook"] = Webhook(
            configuration.alert_webhook.get_secret_value(), configuration.alert_seconds
        )
    if configuration.alert_smtp_url is not None and configuration.alert_email_to:
        by_channel["email"] = Mail(
            url=configuration.alert_smtp_url.get_secret_value(),
            sender=configuration.alert_email_from,
            recipients=tuple(address.strip() for address in configuration.alert_email_to.split(",")),
            limit=configuration.alert_seconds,
        )
    return by_channel


def _within(seconds: float, call: Callable[[], object]) -> str | None:
    """Run ``call`` for so long at most: a server that sends a byte a second defeats a socket's timeout."""
    done: Future[None] = Future()

    def run() -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - told below
            done.set_exception(error)
        else:
            done.set_result(None)

    # A daemon: a hanging messenger must not keep the process alive either.
    Thread(target=run, name="messenger", daemon=True).start()
    try:
        done.result(timeout=seconds)
    except Exception as error:  # noqa: BLE001 - a dead messenger never fails what it reports
        # A mail server that is silent is reported by its library as one that hung up.
        is_late = isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)
        return f"no answer within {seconds:g} seconds" if is_late else _error_text(error)
    return None


def _error_text(error: Exception) -> str:
    if isinstance(error, HTTPError):
        error.close()
        if HTTPStatus.MULTIPLE_CHOICES <= error.code < HTTPStatus.BAD_REQUEST:
            return f"it answered {error.code}, a redirect, which is not followed"
        return f"it answered {error.code}"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{type(error).__name__} {error.smtp_code}"
    if isinstance(error, _NoEncryption):
        return "it offers no encryption, so the password was not sent"
    reason = getattr(error, "reason", None)
    return type(reason if isinstance(reason, Exception) else error).__name__


def _escaped(text: str) -> str:
    return "".join(_ESCAPES.get(letter, letter) for letter in text)
