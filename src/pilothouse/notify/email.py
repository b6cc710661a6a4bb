"""Email over SMTP, in a thread: the standard library's client blocks. Knows nothing of retries."""

import asyncio
import smtplib
import ssl
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime

from pilothouse.errors import DeliveryError
from pilothouse.monitoring import Channel
from pilothouse.notify.message import Message

__all__ = ["Email", "mail"]

_LONGEST_SUBJECT = 200
_FINAL = 500  # a permanent refusal, RFC 5321, 4.2.1


class Email:
    """One mail to everybody in `to`. With `tls: none` nothing is encrypted, and no password is sent."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def send(self, message: Message, identifier: str) -> None:
        """Raises DeliveryError."""
        await asyncio.to_thread(self._send, mail(message, self._channel, identifier))

    def _send(self, made: EmailMessage) -> None:
        channel = self._channel
        host = channel.host or ""
        try:
            with self._open(host) as server:
                if channel.tls == "starttls":
                    server.starttls(context=ssl.create_default_context())
                if channel.username and channel.tls != "none":
                    server.login(channel.username, channel.password or "")
                server.send_message(made)
        except smtplib.SMTPResponseException as error:
            said = (
                error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
            )
            told = f"{host} answered {error.smtp_code}: {said}"
            raise DeliveryError(told, final=error.smtp_code >= _FINAL) from None
        except smtplib.SMTPRecipientsRefused as error:
            final = all(code >= _FINAL for code, _ in error.recipients.values())
            raise DeliveryError(f"{host} refused every recipient.", final=final) from None
        except smtplib.SMTPException as error:
            raise DeliveryError(f"{host}: {error}.") from None
        except OSError as error:
            raise DeliveryError(f"{host}:{channel.port} cannot be reached: {error.strerror or error}.") from None

    def _open(self, host: str) -> smtplib.SMTP:
        if self._channel.tls == "tls":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(host, self._channel.port, timeout=self._channel.timeout, context=context)
        return smtplib.SMTP(host, self._channel.port, timeout=self._channel.timeout)


def mail(message: Message, channel: Channel, identifier: str) -> EmailMessage:
    """The message as a plain mail. Mails about one thing refer to it, so that clients thread them.

    Raises DeliveryError for addresses that cannot stand in a header.
    """
    made = EmailMessage()
    made["Subject"] = " ".join(f"[Pilothouse] {message.title}".split())[:_LONGEST_SUBJECT]
    try:
        made["From"], made["To"] = channel.sender, ", ".join(channel.to)
    except ValueError as error:
        raise DeliveryError(f"The addresses of the channel cannot be written: {error}.", final=True) from None
    made["Date"] = format_datetime(datetime.fromtimestamp(message.at_us // 1_000_000, UTC))
    domain = (channel.sender or "").rpartition("@")[2].rstrip(">") or "localhost"
    made["Message-ID"] = f"<{identifier}@{domain}>"
    made["References"] = f"<{message.about}@{domain}>"
    made["Auto-Submitted"] = "auto-generated"
    lines = [message.text, "", f"Project: {message.project_id}", f"Severity: {message.severity}"]
    made.set_content("\n".join([*lines, *([f"Traces: {message.link}"] if message.link else [])]) + "\n")
    return made
