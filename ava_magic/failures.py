"""What an endpoint's provider raised, as one line that says what to do, with no key in it."""

from __future__ import annotations

import os
import re
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import aiohttp
from aiohttp import ClientError

from .connection import Key, without_keys
from .conversation.tokens import is_about_length
from .errors import AvaError, Kind
from .providers.shape import in_words
from .retry import LONGEST_WAIT, retry_after

if TYPE_CHECKING:
    from .providers.endpoint import Endpoint

__all__ = ["as_ava_error", "certificate_words", "explain", "os_words", "without_keys_in_words"]


def explain(error: BaseException, endpoint: Endpoint) -> AvaError:
    """``error``, whatever it was that asking ``endpoint`` raised."""
    if isinstance(error, AvaError):
        words = str(error) if str(error).startswith(endpoint.where) else f"{endpoint.where}: {error}"
        failure = AvaError(words, error.kind)
    elif isinstance(error, ClientError | TimeoutError):
        failure = as_ava_error(error, endpoint.where, endpoint.key_name)
    else:
        words = without_keys(in_words(error), endpoint.key)
        failure = AvaError(f"the provider {endpoint.where} failed: {words}", "api")
        failure.__cause__ = without_keys_in_words(error, endpoint.key)  # a plug-in's author wants the traceback
    if endpoint.hint:
        failure.args = (f"{failure}{endpoint.hint}", *failure.args[1:])
    return failure


def without_keys_in_words(error: BaseException, key: Key | None) -> BaseException:
    """A plug-in's ``error`` itself, with no key left in what it and those before it say."""
    link: BaseException | None = error
    seen: set[int] = set()
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        link.args = tuple(without_keys(word, key) if isinstance(word, str) else word for word in link.args)
        link = link.__cause__ or link.__context__
    return error


def as_ava_error(error: ClientError | TimeoutError, where: str, key_name: str = "") -> AvaError:
    """``error``, as aiohttp raised it, as one line that says what to do.

    ``where`` names the endpoint, ``key_name`` the environment variable that its key comes from.
    """
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return AvaError(f"{where}: {_PROXY} refused ({error.status} {error.message}); {_PROXY_ADVICE}", "connection")
    if isinstance(error, aiohttp.ClientResponseError):
        wait = retry_after(error.headers or {}) or 0.0
        refusal = _status_as_ava_error(error, where, key_name, wait)
        refusal.wait = wait if wait > LONGEST_WAIT else 0.0
        return refusal
    if isinstance(error, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError):
        return AvaError(f"{where} is not the URL of an endpoint; it should look like https://host/v1", "config")
    if isinstance(error, aiohttp.ClientPayloadError):
        kind, says = _payload_words(error)
    elif isinstance(error, TimeoutError):
        kind, says = "timeout", _timeout_words(error)
    elif isinstance(error, aiohttp.ClientConnectionError):
        kind, says = "connection", _connection_words(error)
    else:
        kind, says = "protocol", f"the answer is not HTTP as it should be ({type(error).__name__}); is the URL right?"
    return AvaError(f"{where}: {says}", kind)


_PROXY = "the proxy that the environment names"
_PROXY_ADVICE = "mend https_proxy or http_proxy, or set AvaMagics.proxies to False"


def _payload_words(error: aiohttp.ClientPayloadError) -> tuple[Kind, str]:
    """aiohttp tells in its text alone what was wrong with the body."""
    text = str(error)
    if "Decompressed data exceeds" in text:
        return "too_large", "the answer unpacks to more than can be held, and was cut; ask for less"
    if "decode content-encoding" in text:
        return "protocol", "the answer is not compressed the way that it says; is something in between?"
    return "truncated", "the reply was cut off before its end; ask again"


def _timeout_words(error: TimeoutError) -> str:
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return "no connection was made in time; is the server up, and can it be reached from here?"
    return "nothing came for too long; ask again, or set a longer timeout"


def _connection_words(error: aiohttp.ClientConnectionError) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        assert isinstance(error.certificate_error, ssl.SSLCertVerificationError)
        return certificate_words(error.certificate_error)
    if isinstance(error, aiohttp.ClientSSLError):
        return "the TLS connection failed; does the server speak https, or is it http?"
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return f"{_PROXY} cannot be reached ({os_words(error.os_error)}); {_PROXY_ADVICE}"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"no host {error.host} is known ({os_words(error.os_error)}); is the name right, and is there a network?"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"no connection ({os_words(error.os_error)}); is the server running and the URL right?"
    return "the server hung up without an answer; ask again, or look into its log"


# The verify codes of OpenSSL (x509_vfy.h) that say what to do about them.
_CERTIFICATES = {
    9: "the server's certificate is not valid yet; is this machine's clock right?",
    10: "the server's certificate has expired; it must be renewed there (or is this machine's clock wrong?)",
    62: "the server's certificate is for another name; is the host in the URL right?",
    64: "the server's certificate is for another address; is the host in the URL right?",
}
_UNTRUSTED = "; if you trust it, name a file with its authority in SSL_CERT_FILE and start the kernel again"


def certificate_words(error: ssl.SSLCertVerificationError) -> str:
    """What is wrong with a server's certificate, and what to do about it."""
    words = f"the server's certificate is not trusted here ({error.verify_message}){_UNTRUSTED}"
    return _CERTIFICATES.get(error.verify_code, words)


def os_words(error: OSError) -> str:
    """The system's words for an error, without the addresses that asyncio puts in their place."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or type(error).__name__


def _status_as_ava_error(error: aiohttp.ClientResponseError, where: str, key_name: str, wait: float) -> AvaError:
    status = error.status
    if not status:
        return AvaError(f"{where}: the answer is not HTTP as it should be; is the URL right?", "protocol")
    said = f"{status} {error.message}".strip()
    if status in (401, 403) or (status == 400 and "API key not valid" in error.message):  # as Google says it
        advice = f"set {key_name or 'AVA_API_KEY'} to a valid key, or type one in after %ava --key"
        return AvaError(f"{where} refused the key ({said}); {advice}", "auth")
    if status == 429:
        advice = f"wait {wait:,.0f} seconds" if wait > LONGEST_WAIT else "wait"
        return AvaError(
            f"{where} wants fewer requests ({said}); {advice}, or look at the account's limits", "rate_limit"
        )
    if status == 408 or status >= 500:
        return AvaError(f"{where} failed ({said}); ask again in a while", "server")
    if status >= 400:
        advice = "is the base URL right, and the model's name?" if status == 404 else "mend the request and ask again"
        if is_about_length(said):
            advice = "it is too long"  # the turn adds what to do about it
        refusal = AvaError(f"{where} refused the request ({said})", "bad_request")
        refusal.advise(advice)
        return refusal
    location = error.headers.get("Location", "") if error.headers else ""
    base = _base_of(location, error) if location else ""
    elsewhere = f" It points to {base}; if you trust that, use it as the base URL." if base else ""
    return AvaError(f"{where} answered {said}, which is no reply.{elsewhere}", "protocol")


def _base_of(location: str, error: aiohttp.ClientResponseError) -> str:
    """The base URL of the endpoint that a request was redirected to: whole, and less what is asked for behind it."""
    asked = getattr(error.request_info, "real_url", "")  # a plug-in may raise one without
    return re.sub(r"/(chat/completions|models|api/chat)/?$", "", urljoin(str(asked), location))
