"""E-mail, one message for each phase of an alert."""

import logging
import mimetypes
import smtplib
import socket
from contextlib import closing, suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, FilePath, SecretStr

from maskwatch.alerts.limit import TimeLimit
from maskwatch.alerts.line import Line, secured, trusting
from maskwatch.alerts.options import ChannelOptions, Host, Port
from maskwatch.alerts.text import one_line, why
from maskwatch.errors import DeliveryError, DeliveryRefused
from maskwatch.events import Alert

_logger = logging.getLogger(__name__)
_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_FAREWELL_S = 1.0
_OF_LOGIN = (530, 534, 535, 538)
_TOO_LARGE = 552
_FACTS = ("camera", "rule", "phase", "time", "since")


def _mailbox(text: str) -> str:
    message = EmailMessage()
    message["To"] = text  # Refuses line breaks.
    header = message["To"]
    if header.defects or len(header.addresses) != 1 or not header.addresses[0].domain:
        raise ValueError("expected one address such as guard@example.org")
    return text


def _ascii(word: SecretStr) -> SecretStr:
    if not word.get_secret_value().isascii():
        raise ValueError("expected ASCII letters: the protocol has no others")
    return word


Mailbox = Annotated[str, AfterValidator(_mailbox)]


class EmailOptions(ChannelOptions):
    """E-mail."""

    type: Literal["email"] = Field(default="email", description="E-mail.")
    host: Host = Field(description="The server that takes mail (SMTP).")
    port: Port | None = Field(
        default=None, description="Its port; without it 587 for starttls, 465 for tls, 25 for none."
    )
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="How the connection is protected."
    )
    username: Annotated[str, Field(pattern=r"^[\x21-\x7e]+$")] | None = Field(
        default=None, description="The user to log in as; without it there is no login."
    )
    password: Annotated[SecretStr, AfterValidator(_ascii)] = Field(
        default=SecretStr(""), description="That user's password."
    )
    sender: Mailbox = Field(description="The address that mail comes from.")
    to: tuple[Mailbox, ...] = Field(min_length=1, description="The addresses that it goes to.")
    ca_file: FilePath | None = Field(
        default=None, description="Certificates in PEM format to trust instead of the system's."
    )


class EmailChannel:
    """Hands mail to a server; what becomes of it there is the server's business."""

    def __init__(self, options: EmailOptions) -> None:
        self._options = options
        self._port = options.port or _PORTS[options.security]
        self._server = f"the mail server {options.host}:{self._port}"
        self._line = Line()
        self._limit = TimeLimit(options.timeout_s, what=self._server, cut=self._line.cut)

    def send(self, alert: Alert) -> None:
        """Hand over one message, with the snapshot where there is one.

        Raises:
            DeliveryRefused: the server will not take this message at any time (5xx).
            DeliveryError: it cannot be reached, or takes nothing now.
        """
        message = _message(alert, self._options)
        self._limit.run(lambda: self._talk(message))

    def check(self) -> None:
        """Whether the server answers and lets us log in.

        Raises:
            DeliveryError: it does not.
        """
        self._limit.run(self._talk)

    def close(self) -> None:
        """Nothing is held."""

    def _talk(self, message: EmailMessage | None = None) -> None:
        options = self._options
        context = None if options.security == "none" else trusting(options.ca_file)
        try:
            with self._line.opened(options.host, self._port, options.timeout_s) as raw:
                sock = secured(raw, options.host, context if options.security == "tls" else None)
                with closing(_Smtp(sock, options.host, self._port)) as smtp:
                    if options.security == "starttls":
                        smtp.starttls(context=context)
                    if options.username is not None:
                        smtp.login(options.username, options.password.get_secret_value())
                    if message is not None:
                        self._hand_over(smtp, message)
                    _leave(smtp)
        except OSError as error:
            kind = DeliveryRefused if _is_for_good(error) else DeliveryError
            raise kind(f"{self._server} failed: {_reason(error)}") from error

    def _hand_over(self, smtp: smtplib.SMTP, message: EmailMessage) -> None:
        refused = smtp.send_message(message)
        if refused:
            # Not an error: another attempt would tell those who know already.
            _logger.warning("%s does not take mail for %s", self._server, ", ".join(refused))


class _Smtp(smtplib.SMTP):
    """A conversation over a connection that was made elsewhere."""

    def __init__(self, connection: socket.socket, host: str, port: int) -> None:
        self._connection = connection
        super().__init__(host, port)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return self._connection


def _leave(smtp: smtplib.SMTP) -> None:
    """Say good-bye; the server has the message by now, whatever it answers."""
    with suppress(OSError):
        if smtp.sock:
            smtp.sock.settimeout(_FAREWELL_S)
        smtp.quit()


def _is_for_good(error: OSError) -> bool:
    """Whether the server says of this message that another attempt will end likewise.

    What is about all messages alike (us, our login, the sender) waits for somebody to put it right.
    """
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
        return all(code >= 500 and code not in _OF_LOGIN for code in codes)
    if isinstance(error, smtplib.SMTPSenderRefused):
        return error.smtp_code == _TOO_LARGE
    return isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= 500


def _reason(error: OSError) -> str:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(error.recipients.values()))
        return f"it takes no mail for the recipients ({code} {_shown(text)})"
    if isinstance(error, smtplib.SMTPAuthenticationError):
        # Its words may repeat what was sent, password and all.
        return f"it refused the login ({error.smtp_code})"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"it answered {error.smtp_code} {_shown(error.smtp_error)}"
    return why(error)


def _shown(text: bytes | str) -> str:
    return one_line(text if isinstance(text, str) else text.decode("utf-8", "replace"))


def _message(alert: Alert, options: EmailOptions) -> EmailMessage:
    sentence = one_line(alert.sentence, longest=500)
    values = alert.as_json()
    facts = [f"{name}: {one_line(str(values[name]))}" for name in _FACTS]
    message = EmailMessage()
    message["Subject"] = sentence
    message["From"] = options.sender
    message["To"] = ", ".join(options.to)
    message["Date"] = format_datetime(datetime.fromtimestamp(alert.time, UTC))
    domain = message["From"].addresses[0].domain
    # The same at each attempt, and a thread for all phases.
    message["Message-ID"] = f"<{alert.id}-{alert.number}@{domain}>"
    if alert.number:
        message["References"] = f"<{alert.id}-0@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content("\n".join([sentence, "", *facts, ""]))
    _attach(message, alert.snapshot)
    return message


def _attach(message: EmailMessage, snapshot: str | None) -> None:
    """Add the picture, in which all faces are blurred already, if it is still there."""
    if snapshot is None or not Path(snapshot).is_file():
        return
    kind = mimetypes.guess_type(snapshot)[0] or "application/octet-stream"
    main, _, sub = kind.partition("/")
    with suppress(OSError):
        content = Path(snapshot).read_bytes()
        message.add_attachment(content, maintype=main, subtype=sub, filename=Path(snapshot).name)
