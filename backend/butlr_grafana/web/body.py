"""A request's body as JSON."""

from __future__ import annotations

from typing import Any

import orjson
from flask import request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from butlr_grafana.base.errors import BadBody
from butlr_grafana.query.texts import type_name

Object = dict[str, Any]


def read_object() -> Object:
    """The body as a JSON object. Raises `BadBody` for anything else."""
    try:
        document = orjson.loads(_body())
    except orjson.JSONDecodeError as error:
        raise BadBody(f"the body is not JSON ({error})") from None
    except BadRequest:
        raise BadBody("the body is incomplete") from None
    if not isinstance(document, dict):
        raise BadBody(f"the body is {type_name(document)}; use a JSON object")
    return document


def _body() -> bytes:
    body = request.get_data()
    if request.content_length is None and len(body) == request.max_content_length:
        raise RequestEntityTooLarge  # one without a length is cut off there in silence
    return body
