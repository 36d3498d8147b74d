"""Messengers that are down, slow, rude or dishonest cost a bounded time and a sentence."""

import socket
import time

import pytest

from forecast_assets.automation.alert_channels import Mail, Webhook, messengers
from forecast_assets.errors import BadSetting
from forecast_assets.settings import settings
from forecast_assets_tests.automation.servers import LOOPBACK, certificate, hook, letters

CANARY = "canary-7f3a"
PATIENCE = 5


@pytest.fixture(scope="module")
def pem(tmp_path_factory):
    return certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def server(pem):
    with hook(pem) as running:
        yield running


@pytest.fixture(autouse=True)
def _believed(pem, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))


def post(server, path, limit=PATIENCE):
    return Webhook(server.url(f"{path}/{CANARY}"), limit).send("It broke", "look <here> & mend it")


def test_a_message_arrives_and_cannot_call_everybody(server):
    server.posts.clear()
    assert post(server, "200") is None
    assert server.posts[0].body == '{"text": "*It broke*\\nlook &lt;here&gt; &amp; mend it"}'


@pytest.mark.parametrize(
    ("manner", "message"),
    [
        ("429", "it answered 429"),
        ("500", "it answered 500"),
        ("redirect", "it answered 302, a redirect, which is not followed"),
    ],
)
def test_a_refusal_is_told_without_the_address(server, manner, message):
    server.posts.clear()
    assert post(server, manner) == message
    assert [one.path for one in server.posts] == [f"/{manner}/{CANARY}"]


@pytest.mark.parametrize("manner", ["never", "drip"])
def test_a_server_that_never_ends_is_left_after_the_time_limit(server, manner):
    began = time.monotonic()
    assert post(server, manner, limit=0.3) == "no answer within 0.3 seconds"
    assert time.monotonic() - began < PATIENCE


def test_ten_megabytes_of_answer_are_not_read(server):
    assert post(server, "flood") is None


def test_a_closed_port_and_a_stranger_with_a_false_certificate_are_told(server, monkeypatch):
    with socket.socket() as free:
        free.bind((LOOPBACK, 0))
        port = free.getsockname()[1]
        assert Webhook(f"https://{LOOPBACK}:{port}/", PATIENCE).send("a", "b") == "ConnectionRefusedError"
    monkeypatch.delenv("SSL_CERT_FILE")
    assert post(server, "200") == "SSLCertVerificationError"


def mail(port, word="right", limit=PATIENCE):
    return Mail(
        f"smtp://planner:{word}@{LOOPBACK}:{port}", "ops@shop.test", ("a@shop.test", "b@shop.test"), limit
    )


def test_a_letter_arrives_encrypted_with_a_header_that_nobody_can_extend(pem):
    with letters(pem) as box:
        assert mail(box.port).send("It broke\r\nBcc: thief@evil.test", "line\n.\nend") is None
    (letter,) = box.letters
    head, body = letter.split("\r\n\r\n", 1)
    assert "Subject: It broke Bcc: thief@evil.test" in head.split("\r\n")
    assert "To: a@shop.test, b@shop.test" in head
    assert body.split() == ["line", ".", "end"]


def test_a_wrong_password_and_a_refused_letter_are_told_without_the_password(pem):
    with letters(pem) as box:
        assert mail(box.port, word=CANARY).send("a", "b") == "SMTPAuthenticationError 535"
        box.refuse = f"554 never with {CANARY}"
        assert mail(box.port).send("a", "b") == "SMTPDataError 554"
    assert box.letters == []


def test_a_password_never_travels_in_the_clear():
    with letters(None) as box:
        problem = mail(box.port).send("a", "b")
        assert problem == "it offers no encryption, so the password was not sent"
        assert box.passwords == []
        open_door = Mail(f"smtp://{LOOPBACK}:{box.port}", "ops@shop.test", ("a@shop.test",), PATIENCE)
        assert open_door.send("a", "b") is None


def test_a_mail_server_that_says_nothing_is_left_after_the_time_limit():
    with socket.create_server((LOOPBACK, 0)) as silent:
        problem = mail(silent.getsockname()[1], limit=0.3).send("a", "b")
    assert problem == "no answer within 0.3 seconds"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALERT_WEBHOOK", f"http://hooks.shop.test/{CANARY}"),
        ("ALERT_WEBHOOK", f"file:///{CANARY}"),
        ("ALERT_WEBHOOK", f"https:///{CANARY}"),
        ("ALERT_SMTP_URL", f"https://user:{CANARY}@mail.shop.test"),
        ("ALERT_SMTP_URL", f"smtp://user:{CANARY}@mail.shop.test:many"),
        ("TIME_ZONE", "Mars/Olympus"),
        ("TIME_ZONE", "../../etc/passwd"),
    ],
)
def test_an_address_that_cannot_be_right_is_refused_without_being_shown(monkeypatch, name, value):
    monkeypatch.setenv(f"FORECAST_{name}", value)
    with pytest.raises(BadSetting) as refused:
        settings()
    assert f"FORECAST_{name}" in str(refused.value)
    assert CANARY not in str(refused.value)


def test_messengers_are_those_that_are_set_up(monkeypatch):
    assert messengers(settings()) == {}
    monkeypatch.setenv("FORECAST_ALERT_WEBHOOK", f"https://hooks.shop.test/{CANARY}")
    monkeypatch.setenv("FORECAST_ALERT_SMTP_URL", "smtps://mail.shop.test")
    assert list(messengers(settings())) == ["webhook"]
    monkeypatch.setenv("FORECAST_ALERT_EMAIL_TO", "a@shop.test, b@shop.test")
    assert list(messengers(settings())) == ["webhook", "email"]
    assert CANARY not in repr(settings())
