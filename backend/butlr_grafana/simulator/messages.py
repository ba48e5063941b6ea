"""Requests and responses, as the endpoints see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

import orjson

_PHRASES = {status.value: status.phrase for status in HTTPStatus}


@dataclass(frozen=True)
class Request:
    """One HTTP request. `path` has no query string. Header names are lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body as a JSON object. Raises `Refusal` with status 400 for anything else."""
        try:
            value = orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise Refusal(400, "the body is not JSON") from error
        if not isinstance(value, dict):
            raise Refusal(400, "the body is not a JSON object")
        return value


@dataclass(frozen=True)
class Result:
    """One HTTP response, not yet compressed."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, value: Any, status: int = 200, **headers: str) -> Result:
        """A response with a JSON value. In header names, underscores become hyphens."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return cls(status, orjson.dumps(value), headers=named)

    def with_headers(self, headers: Mapping[str, str]) -> Result:
        """The same response with more headers."""
        return replace(self, headers={**self.headers, **headers}) if headers else self

    @classmethod
    def refusal(cls, status: int, details: str, **headers: str) -> Result:
        """An error in the form of Butlr's REST APIs: `{"error": …, "code": …, "details": …}`."""
        error = _PHRASES.get(status, "Error")
        return cls.json({"error": error, "code": status, "details": details}, status, **headers)


class Refusal(Exception):
    """An error response of an endpoint: the status and the details."""

    def __init__(self, status: int, details: str) -> None:
        super().__init__(details)
        self.status = status
        self.details = details


class Failure(Exception):
    """An error of a GraphQL field. The response contains its message, and its code if there is one."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code
