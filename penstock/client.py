"""A small client of our own API, for the command line and the tests: signed, synchronous, without retries."""

import hashlib
import time
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from penstock import signing

_HASH = "X-Sdk-Content-Sha256"
_LONG_S = 1800
"""For calls that read or write thousands of jobs."""


class ApiError(Exception):
    """The service refused a call, or answered with something else than its API."""

    def __init__(self, status: int, error_code: str, error_msg: str, request_id: str = "") -> None:
        super().__init__(f"{error_msg} ({error_code})")
        self.status = status
        self.error_code = error_code
        self.error_msg = error_msg
        self.request_id = request_id


class Unreachable(Exception):
    """No answer came: the service is not running there, or the way to it is broken."""


class Signature(httpx.Auth):
    """Signs each request with an access key."""

    requires_request_body = True

    def __init__(self, access_key: str, secret: str) -> None:
        self._access_key = access_key
        self._secret = secret

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        signed = [
            (name, request.headers[name].encode()) for name in ("host", "content-type") if name in request.headers
        ]
        headers = [(name.encode(), value) for name, value in signed]
        message = signing.Message(request.method, request.url.raw_path, headers, **self._body(request))
        now_ms = time.time_ns() // 1_000_000
        request.headers.update(signing.sign(message, self._access_key, self._secret, now_ms))
        yield request

    def _body(self, request: httpx.Request) -> dict[str, Any]:
        return {"body": request.content}


class StreamSignature(Signature):
    """Signs a request whose body is read only as it is sent, by the hash that its head declares."""

    requires_request_body = False

    def _body(self, request: httpx.Request) -> dict[str, Any]:
        return {"body_sha256": request.headers[_HASH]}


class Client:
    """One project of one service; every call raises `ApiError` or `Unreachable`."""

    def __init__(self, endpoint: str, access_key: str, secret: str, project_id: str) -> None:
        self.endpoint = endpoint
        self.project_id = project_id
        try:
            self._http = httpx.Client(
                base_url=endpoint,
                auth=Signature(access_key, secret),
                timeout=httpx.Timeout(60, connect=5),
                trust_env=False,
            )
        except httpx.InvalidURL as error:
            raise Unreachable(f"no answer from {endpoint}: {error}") from error
        self._for_streams = StreamSignature(access_key, secret)
        self._project = f"/v1.0/{project_id}/streaming"
        self._own = f"/penstock/v1/{project_id}"
        self._queues = f"/v1.0/{project_id}/queues"
        self._resources = f"/v2.0/{project_id}/resources"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def list_jobs(self, **query: str | int | bool) -> dict[str, Any]:
        """Give `job_list`: `total_count` and `jobs`; the query is that of the Listing Jobs page."""
        listed: dict[str, Any] = self._call("GET", "/jobs", query=query)["job_list"]
        return listed

    def show_job(self, job_id: int) -> dict[str, Any]:
        shown: dict[str, Any] = self._call("GET", f"/jobs/{job_id}")["job_detail"]
        return shown

    def create_sql_job(self, **fields: object) -> int:
        """Create a job and give its id."""
        return int(self._call("POST", "/sql-jobs", body=fields)["job"]["job_id"])

    def update_sql_job(self, job_id: int, **fields: object) -> None:
        self._call("PUT", f"/sql-jobs/{job_id}", body=fields)

    def create_jar_job(self, **fields: object) -> int:
        """Create a job and give its id."""
        return int(self._call("POST", "/flink-jobs", body=fields)["job"]["job_id"])

    def update_jar_job(self, job_id: int, **fields: object) -> None:
        self._call("PUT", f"/flink-jobs/{job_id}", body=fields)

    def run_jobs(self, job_ids: Sequence[int], *, resume_savepoint: bool = False) -> list[dict[str, Any]]:
        """Give one answer for each job; raises only when every one failed."""
        return self._batch("run", job_ids, resume_savepoint=resume_savepoint)

    def stop_jobs(self, job_ids: Sequence[int], *, trigger_savepoint: bool = False) -> list[dict[str, Any]]:
        """Give one answer for each job; raises only when every one failed."""
        return self._batch("stop", job_ids, trigger_savepoint=trigger_savepoint)

    def delete_jobs(self, job_ids: Sequence[int]) -> list[dict[str, Any]]:
        """Give one answer for each job; raises only when every one failed."""
        return self._batch("delete", job_ids)

    def trigger_savepoint(self, job_id: int, savepoint_path: str | None = None) -> None:
        body = {"action": "TRIGGER", "savepoint_path": savepoint_path}
        self._call("POST", f"/jobs/{job_id}/savepoint", body=body)

    def import_savepoint(self, job_id: int, savepoint_path: str) -> None:
        body = {"job_id": job_id, "savepoint_path": savepoint_path}
        self._call("POST", f"/jobs/{job_id}/import-savepoint", body=body)

    def delete_job(self, job_id: int) -> None:
        self._call("DELETE", f"/jobs/{job_id}")

    def export_jobs(self, obs_dir: str, job_ids: Sequence[int] = ()) -> str:
        """Write the settings of jobs, of all unless some are named, to a zip in a folder, and give its address."""
        body = {"obs_dir": obs_dir, "is_selected": bool(job_ids), "job_selected": list(job_ids)}
        answer = self._ask("POST", f"{self._project}/jobs/export", json=body, timeout=_LONG_S)
        return str(answer["zip_file"][0])

    def import_jobs(self, zip_file: str, *, is_cover: bool = False) -> list[dict[str, Any]]:
        """Create the jobs of a zip, or of all zips in a folder, and give what became of each."""
        body = {"zip_file": zip_file, "is_cover": is_cover}
        answer = self._ask("POST", f"{self._project}/jobs/import", json=body, timeout=_LONG_S)
        mapping: list[dict[str, Any]] = answer["job_mapping"]
        return mapping

    def list_events(self, **query: str | int) -> list[dict[str, Any]]:
        """Give what has happened in the project, newest last; the query is `kind`, `job_id`, `after`, `limit`."""
        events: list[dict[str, Any]] = self._call("GET", "/events", query=query, below=self._own)["events"]
        return events

    def list_job_events(self, job_id: int, **query: str | int) -> list[dict[str, Any]]:
        """Give what has happened to a job, deleted or not; the query is that of `list_events` without `job_id`."""
        return self.list_events(job_id=job_id, **query)

    def show_exit(self, job_id: int) -> dict[str, Any] | None:
        """Tell how the last run of a job that is over has ended."""
        told: dict[str, Any] | None = self._call("GET", f"/jobs/{job_id}/exit", below=self._own)["exit"]
        return told

    def list_logs(self, job_id: int) -> list[dict[str, Any]]:
        """Give the files of the newest runs of a job, those of the last run first."""
        logs: list[dict[str, Any]] = self._call("GET", f"/jobs/{job_id}/logs", below=self._own)["logs"]
        return logs

    def read_log(self, job_id: int, name: str, **query: str | int) -> dict[str, Any]:
        """Read on in a file; the query is `run_id`, `offset` (below 0: from the end) and `limit`."""
        path = f"/jobs/{job_id}/logs/{quote(name, safe='')}"
        piece: dict[str, Any] = self._call("GET", path, query=query, below=self._own)
        return piece

    def list_orphans(self) -> list[dict[str, Any]]:
        """Give the Flink jobs that no job explains."""
        orphans: list[dict[str, Any]] = self._call("GET", "/orphans", below=self._own)["orphans"]
        return orphans

    def stop_orphan(self, flink_job_id: str) -> None:
        self._call("POST", f"/orphans/{flink_job_id}/stop", below=self._own)

    def adopt_orphan(self, flink_job_id: str, *, job_id: int | None = None, name: str | None = None) -> int:
        """Make it the run of a job, of a new one unless one is named, and give the job's id."""
        body = {"job_id": job_id, "name": name}
        return int(self._call("POST", f"/orphans/{flink_job_id}/adopt", body=body, below=self._own)["job_id"])

    def list_queues(self) -> list[dict[str, Any]]:
        """Give the queues that the project can name."""
        answer = self._call("GET", "", query={"queue_type": "all"}, below=self._queues)
        queues: list[dict[str, Any]] = answer["queues"]
        return queues

    def show_queue(self, name: str) -> dict[str, Any]:
        shown: dict[str, Any] = self._call("GET", f"/{quote(name, safe='')}", below=self._queues)
        return shown

    def create_queue(self, name: str, cus: int, **fields: object) -> None:
        self._call("POST", "", body={"queue_name": name, "cu_count": cus, **fields}, below=self._queues)

    def resize_queue(self, name: str, more_cus: int) -> None:
        """Give a queue so many CUs more, or, below 0, fewer."""
        body = {"action": "scale_out" if more_cus > 0 else "scale_in", "cu_count": abs(more_cus)}
        self._call("PUT", f"/{quote(name, safe='')}/action", body=body, below=self._queues)

    def delete_queue(self, name: str) -> None:
        self._call("DELETE", f"/{quote(name, safe='')}", below=self._queues)

    def release_queue(self, name: str) -> None:
        """Let a queue be kept elsewhere, now that the host of its cluster is lost for ever."""
        self._call("POST", f"/queues/{quote(name, safe='')}/release", below=self._own)

    def forget_jobs(self, name: str) -> str:
        """Bring the jobs of an external queue to rest whose cluster is lost for ever; Flink is not asked."""
        answer = self._call("POST", f"/queues/{quote(name, safe='')}/forget", below=self._own)
        return str(answer["message"])

    def list_packages(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._call("GET", "", below=self._resources)["resources"]
        return found

    def put_package(self, file: Path, name: str, group: str = "") -> dict[str, Any]:
        """Store a file as a package, in place of one of the same name; raises `OSError` if it cannot be read."""
        path = "/".join(quote(word, safe="") for word in ("packages", group, name) if word)
        with file.open("rb") as content:
            head = {
                _HASH: hashlib.file_digest(content, "sha256").hexdigest(),
                "Content-Length": str(content.tell()),
            }
            content.seek(0)
            answer = self._ask("PUT", f"{self._own}/{path}", content=content, headers=head, auth=self._for_streams)
        stored: dict[str, Any] = answer["package"]
        return stored

    def delete_package(self, name: str, group: str = "") -> None:
        self._call("DELETE", f"/{quote(name, safe='')}", query={"group": group}, below=self._resources)

    def list_members(self) -> list[dict[str, Any]]:
        """Give who is a member of the project, and as what."""
        found: list[dict[str, Any]] = self._call("GET", "/members", below=self._own)["members"]
        return found

    def put_member(self, user: str, role: str) -> None:
        """Make a user a member, or give it another role."""
        self._call("PUT", f"/members/{quote(user, safe='')}", body={"role": role}, below=self._own)

    def remove_member(self, user: str) -> None:
        self._call("DELETE", f"/members/{quote(user, safe='')}", below=self._own)

    def list_keys(self) -> list[dict[str, Any]]:
        """Give the keys of the project that the caller may see."""
        found: list[dict[str, Any]] = self._call("GET", "/keys", below=self._own)["keys"]
        return found

    def create_key(self, user: str | None = None, description: str = "") -> dict[str, Any]:
        """Make a key for a member, or for the caller; its `secret` is told only here."""
        body = {"user_name": user, "description": description}
        made: dict[str, Any] = self._call("POST", "/keys", body=body, below=self._own)
        return made

    def update_key(self, access_key: str, *, is_disabled: bool) -> None:
        path = f"/keys/{quote(access_key, safe='')}"
        self._call("PUT", path, body={"is_disabled": is_disabled}, below=self._own)

    def rotate_key(self, access_key: str) -> dict[str, Any]:
        """Make a key in place of one; its `secret` is told only here."""
        made: dict[str, Any] = self._call("POST", f"/keys/{quote(access_key, safe='')}/rotate", below=self._own)
        return made

    def delete_key(self, access_key: str) -> None:
        self._call("DELETE", f"/keys/{quote(access_key, safe='')}", below=self._own)

    def _batch(self, verb: str, job_ids: Sequence[int], **options: bool) -> list[dict[str, Any]]:
        answers: list[dict[str, Any]] = self._call(
            "POST", f"/jobs/{verb}", body={"job_ids": list(job_ids), **options}
        )
        return answers

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int | bool] | None = None,
        body: Mapping[str, object] | None = None,
        below: str | None = None,
    ) -> Any:
        """Call a path below that of DLI's streaming jobs, or below another one."""
        return self._ask(method, (below or self._project) + path, params=query, json=body)

    def _ask(self, method: str, path: str, **request: Any) -> Any:
        try:
            response = self._http.request(method, path, **request)
        except (httpx.RequestError, UnicodeError) as error:  # the latter of a host that no resolver takes
            raise Unreachable(f"no answer from {self.endpoint}: {error}") from error
        return _content(response)


def _content(response: httpx.Response) -> Any:
    try:
        content = response.json()
    except ValueError:
        content = None
    if response.is_success and content is not None and "x-request-id" in response.headers:
        return content
    told = content[0] if isinstance(content, list) and content else content
    told = told if isinstance(told, dict) else {}
    raise ApiError(
        response.status_code,
        str(told.get("error_code", response.status_code)),
        str(told.get("error_msg", "the answer is not one of the API")),
        response.headers.get("x-request-id", ""),
    )
