"""How the API answers: JSON, nothing at all, or an error object."""

import json
from typing import Any

from flask import Response

JSON_TYPE = "application/json;charset=UTF-8"


class ApiError(Exception):
    """An error object as the whole answer."""

    def __init__(self, code: str, message: str, details: dict[str, Any] | None = None, *, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.details = details or {}
        self.status = status
        self.retry_after: int | None = None

    def as_json(self) -> dict[str, Any]:
        return {"code": self.code, "details": self.details, "message": self.message, "status": "error"}


def answer(body: Any, status: int = 200) -> Response:
    return Response(json.dumps(body, ensure_ascii=False, separators=(",", ":")), status, content_type=JSON_TYPE)


def empty(status: int = 204) -> Response:
    """No body and no Content-Type: the official SDK stumbles over a 204 that has one."""
    response = Response(status=status)
    del response.headers["Content-Type"]
    return response


def batch(key: str, items: list[dict[str, Any]], *, success: int = 200) -> Response:
    """One item for each record sent: `success` when all went well, 207 when some did, 400 when none did."""
    failed = sum(item["status"] == "error" for item in items)
    return answer({key: items}, success if not failed else 400 if failed == len(items) else 207)


def missing_param(name: str) -> ApiError:
    details = {"param_name": name, "param": name}
    return ApiError("REQUIRED_PARAM_MISSING", "One of the expected parameter is missing", details)


def invalid_param(name: str, message: str = "invalid data", **details: Any) -> ApiError:
    return ApiError("INVALID_DATA", message, {"param_name": name, **details})


def invalid_module(index: int | None = None) -> ApiError:
    """`index` is the module's place in the path; settings endpoints, where it is a parameter, tell none."""
    details = {} if index is None else {"resource_path_index": index}
    return ApiError("INVALID_MODULE", "the module name given seems to be invalid", details)
